"""Worked examples inside a definition file: answers, and the scores that must come out."""

from __future__ import annotations

import math
from typing import Any

from ..model import Instrument, Item, Score
from ..scoring import score

_KEYS = {"name", "answers", "scores", "unscored"}
_EXPECTED = {"value", "raw", "answered", "flags"}
_NEAR = 1e-9


def run(instrument: Instrument, examples: object) -> list[str]:
    """What the worked examples find; they are `[[example]]` tables of a definition file."""
    if not isinstance(examples, list) or not examples:
        return ["example: give one worked example or more"]
    problems = []
    for n, example in enumerate(examples, 1):
        name = f"example {n}"
        shape = _shape(example, instrument)
        problems += [f"{name}: {p}" for p in (shape or _compare(instrument, example))]
    return problems


def _shape(example: Any, instrument: Instrument) -> list[str]:
    if not isinstance(example, dict):
        return ["give a table"]
    problems = [f"{key}: unknown key" for key in example if key not in _KEYS]
    answers, scores, unscored = example.get("answers"), example.get("scores", {}), example.get("unscored", [])
    if not isinstance(example.get("name"), str):
        problems.append("name: give text")
    if not isinstance(answers, dict) or not answers:
        problems.append("answers: give a table, item number = answer")
    else:
        problems += _answers(answers, {str(i.number): i for i in instrument.items})
    if not isinstance(scores, dict) or not all(isinstance(s, dict) for s in scores.values()):
        return [*problems, "scores: give a table of tables"]
    if not isinstance(unscored, list) or not all(isinstance(s, str) for s in unscored):
        return [*problems, "unscored: give a list of scales"]
    told = sorted([*scores, *unscored])
    if told != sorted(s.id for s in instrument.scales):
        problems.append("scores and unscored together must name every scale once")
    for scale, expected in scores.items():
        problems += [f"scores.{scale}.{key}: unknown key" for key in expected if key not in _EXPECTED]
    return problems


def _answers(answers: dict[str, Any], items: dict[str, Item]) -> list[str]:
    problems = []
    for key, value in answers.items():
        item = items.get(key)
        if item is None:
            problems.append(f"answers: there is no item {key}")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not _on_grid(item, value):
            problems.append(f"answers: item {key} is not on the grid of the instrument")
    return problems


def _on_grid(item: Item, value: float) -> bool:
    steps = (value - item.minimum) / item.step
    return item.minimum <= value <= item.maximum and abs(steps - round(steps)) < 1e-6


def _compare(instrument: Instrument, example: dict[str, Any]) -> list[str]:
    scored, unscored = score(instrument, {int(n): float(x) for n, x in example["answers"].items()})
    problems = []
    expected = example.get("scores", {})
    for got in scored:
        if got.scale not in expected:
            problems.append(f"{got.scale} was scored, but should not be")
            continue
        wrong = _differences(got, expected[got.scale])
        problems += [f"{got.scale}: {w}" for w in wrong]
    problems += [f"{u.scale} was not scored, but should be" for u in unscored if u.scale in expected]
    return problems


def _differences(got: Score, expected: dict[str, Any]) -> list[str]:
    wrong = []
    for name in ("value", "raw", "answered"):
        want, have = expected.get(name), getattr(got, name)
        if isinstance(want, bool) or not isinstance(want, int | float):
            wrong.append(f"{name}: give a number")
        elif not math.isclose(have, want, rel_tol=0, abs_tol=_NEAR):
            wrong.append(f"{name} is {have}, the example says {want}")
    if list(got.flags) != expected.get("flags", []):
        wrong.append(f"flags are {list(got.flags)}, the example says {expected.get('flags', [])}")
    return wrong
