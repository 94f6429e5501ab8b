"""A total that the form states itself: compared with ours, which wins (`decisions.md` 7.6)."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from ..instruments.snomed import SYSTEM as SNOMED
from ..model import Assessment, Instrument, Reading, Score
from .weights import is_number

DIFFERS = "stated_total_differs"
_ABSURD = 1e9


def agrees(stated: float, score: Score) -> bool:
    """Is it `value` or `raw`, to the decimals that it is stated with (4.2 says nothing of 4.19)?"""
    if not -_ABSURD < stated < _ABSURD:  # a whole number may be too large for a float
        return False
    exponent = Decimal(repr(stated)).as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    half = 0.5 * 10.0**-decimals + 1e-9
    return min(abs(stated - score.value), abs(stated - score.raw)) <= half


def compare(total: Score, stated: Iterable[float]) -> Score:
    """The total, flagged with the first stated number that does not agree, if there is one."""
    for number in stated:
        if not agrees(number, total):
            return replace(total, flags=tuple(sorted({*total.flags, DIFFERS})), stated=_kept(number))
    return total


def beside(reading: Reading, stated: Sequence[float]) -> Reading:
    """A reading beside the totals that Observations state for it; what the form itself states goes first."""
    total = next((s for s in reading.scores if s.scale == "total"), None)
    if not stated or total is None or DIFFERS in total.flags:
        return reading
    compared = compare(total, stated)
    scores = tuple(compared if s is total else s for s in reading.scores)
    return replace(reading, scores=scores, flags=tuple(sorted({f for s in scores for f in s.flags})))


def disagreement(assessment: Assessment) -> dict[str, Any] | None:
    """What a form, or somebody beside it, states otherwise than we do; None when nobody does."""
    total = assessment.score("total")
    if total is None or DIFFERS not in total.flags:
        return None
    return {
        "response": f"QuestionnaireResponse/{assessment.response}",
        "patient": assessment.patient,
        "instrument": assessment.instrument,
        "stated": total.stated,
        "value": total.value,
        "raw": total.raw,
        "answered": total.answered,
        "items": total.items,
    }


def _kept(number: float) -> float:
    """The number itself, or of one that no float can hold the nearest one: what is kept can be read again."""
    return max(-sys.float_info.max, min(number, sys.float_info.max))


def counted(instrument: Instrument, answers: Mapping[int, float]) -> dict[int, float]:
    """The answers behind our total as they were counted, reversed items turned: item number → value. They add up to
    `raw`, unless it is prorated."""
    items = {item.number: item for item in instrument.items}
    values = {n: answers[n] for n in instrument.scale("total").items if n in answers}
    return {n: items[n].minimum + items[n].maximum - x if items[n].reverse else x for n, x in values.items()}


def number_text(number: float) -> str:
    """A stated number in few digits; it may be any that JSON can hold."""
    return f"{number:g}" if -_ABSURD < number < _ABSURD else "a number beyond all scales"


@dataclass(frozen=True, slots=True)
class Stated:
    """A total that an Observation states: for which instrument, and of which response (as referred to)."""

    response: str
    instrument: str
    number: float


def snomed_totals(instruments: Iterable[Instrument]) -> dict[str, str]:
    """SNOMED CT code → the instrument whose total it is, codes of before included."""
    return {code: i.id for i in instruments for code in (i.snomed, *i.snomed_retired) if code is not None}


def stated_by(
    observation: dict[str, Any], namespaces: Collection[str], snomed: Mapping[str, str] | None = None
) -> Stated | None:
    """What an Observation with our code, or the SNOMED CT code of exactly that total, states of one response's
    total; None when it is no such thing.

    snomed  SNOMED CT code → instrument, codes of before included
    """
    if observation.get("status") not in ("final", "amended", "corrected", "preliminary"):
        return None
    code, quantity = observation.get("code"), observation.get("valueQuantity")
    systems = {f"{namespace}/CodeSystem/alliance-score" for namespace in namespaces}
    totals = set()
    for coding in _dicts(code.get("coding") if isinstance(code, dict) else None):
        system, text = coding.get("system"), coding.get("code")
        if not (isinstance(system, str) and isinstance(text, str)):
            continue
        if system in systems and text.endswith("-total"):
            totals.add(text.removesuffix("-total"))
        elif system == SNOMED and snomed and text in snomed:
            totals.add(snomed[text])
    number = quantity.get("value") if isinstance(quantity, dict) else observation.get("valueInteger")
    sources = [
        text
        for reference in _dicts(observation.get("derivedFrom"))
        if isinstance(text := reference.get("reference"), str)
        if "QuestionnaireResponse/" in text or text.startswith("urn:")
    ]
    if len(totals) != 1 or len(sources) != 1 or not is_number(number):
        return None
    return Stated(sources[0], totals.pop(), number)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
