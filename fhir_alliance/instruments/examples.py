"""Worked examples inside a definition file: answers, and the scores that must come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..model import Instrument, Item, Score, Unscored
from ..scoring import finished, score
from .checks import on_grid
from .shape import EXAMPLE, EXPECTED, problems, wrong

_NEAR = 1e-9


def run(instrument: Instrument, examples: object) -> list[str]:
    """What the worked examples find; they are `[[example]]` tables of a definition file."""
    if not isinstance(examples, list) or not examples:
        return ["example: give one worked example or more"]
    found = []
    for n, example in enumerate(examples, 1):
        name = f"example {n}"
        shape = _shape(example, instrument)
        found += [f"{name}: {p}" for p in (shape or _compare(instrument, example))]
    return found


def _shape(example: Any, instrument: Instrument) -> list[str]:
    if found := problems(example, EXAMPLE, ""):
        return found
    given, needed = ("answers", "stated") if instrument.totals_only else ("stated", "answers")
    if given in example or needed not in example:
        return [f"{needed}: missing" if needed not in example else f"{given}: not for this instrument"]
    scores = example.get("scores", {})
    if not all(isinstance(s, dict) for s in scores.values()):
        return ["scores: give a table of tables"]
    found = _answers(example.get("answers", {}), {str(i.number): i for i in instrument.items})
    told = sorted([*scores, *example.get("unscored", [])])
    if told != sorted(s.id for s in instrument.scales):
        found.append("scores and unscored together must name every scale once")
    for scale, expected in scores.items():
        found += problems(expected, EXPECTED, f"scores.{scale}.")
    return found


def _answers(answers: dict[str, Any], items: dict[str, Item]) -> list[str]:
    found = []
    for key, value in answers.items():
        item = items.get(key)
        if item is None:
            found.append(f"answers: there is no item {key}")
        elif wrong(value, "number") or not on_grid(item, value):
            found.append(f"answers: item {key} is not on the grid of the instrument")
    return found


def _compare(instrument: Instrument, example: dict[str, Any]) -> list[str]:
    scored, unscored = _scored(instrument, example)
    found = []
    expected = example.get("scores", {})
    for got in scored:
        if got.scale not in expected:
            found.append(f"{got.scale} was scored, but should not be")
            continue
        found += [f"{got.scale}: {w}" for w in _differences(got, expected[got.scale])]
    return found + [f"{u.scale} was not scored, but should be" for u in unscored if u.scale in expected]


def _scored(instrument: Instrument, example: dict[str, Any]) -> tuple[Sequence[Score], Sequence[Unscored]]:
    if not instrument.totals_only:
        return score(instrument, {int(n): float(x) for n, x in example["answers"].items()})
    total = finished(instrument, float(example["stated"]))
    return ((total,), ()) if isinstance(total, Score) else ((), (total,))


def _differences(got: Score, expected: dict[str, Any]) -> list[str]:
    found = []
    for name in ("value", "raw", "answered"):
        want, have = expected[name], getattr(got, name)
        if not math.isclose(have, want, rel_tol=0, abs_tol=_NEAR):
            found.append(f"{name} is {have}, the example says {want}")
    if list(got.flags) != expected.get("flags", []):
        found.append(f"flags are {list(got.flags)}, the example says {expected.get('flags', [])}")
    return found
