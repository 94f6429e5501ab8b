"""What an alert, or its absence, cannot tell: how often the rule is wrong, and what no score can say."""

from __future__ import annotations

from collections.abc import Iterable

from ..detection.policy import RulePolicy
from ..figures import Figures, Measured, figures
from .case import Account
from .layout import bullet

_ALWAYS = (
    "A score is one number that the client chose to give. It does not say why it changed, and nothing here says "
    "that anybody did something wrong.",
    "Most strains leave no trace in scores: no alert is no reassurance. Nobody watches these forms for emergencies.",
)


def limits(told: Account, width: int) -> str:
    """The section, a point for each limit."""
    found = measured(told)
    points = [*_ALWAYS, *_rates(found), *_ceiling(told, found), *_missing(told)]
    return "What this cannot tell you\n" + "\n".join(bullet(point, width) for point in points)


def measured(told: Account) -> Figures | None:
    """The benchmark's figures for this instrument, policy and preset; for no other. It knows no site's cut-off."""
    by = told.case.by
    if told.case.cutoff is not None and isinstance(by, RulePolicy) and by.rule.uses_cutoff:
        return None
    return figures(told.case.instrument.id, by.preset, by.id)


def near_maximum(told: Account) -> bool:
    """Are the scores that it is compared with near the maximum, where falls are seen less well?"""
    found, reference = measured(told), told.reference
    return found is not None and reference is not None and reference.mean >= found.ceiling


def _rates(found: Figures | None) -> list[str]:
    if found is None:
        return ["How often this rule is wrong has not been measured for this instrument, policy and preset."]
    points = "1 point" if found.fall == 1 else f"{found.fall:g} points"
    return [
        f"In simulation, {found.false_checkins.estimate:.1f} of 100 scored sessions without any strain raise a "
        f"check-in by chance, and {found.false_priority.estimate:.1f} a priority check-in.",
        f"A fall of {points} is noticed at once in {_percent(found.found_at_once)} of cases; one that lasts, within "
        f"two further sessions in {_percent(found.found_lasting)}.",
        f"If a visible strain begins in {_or(f'{n}' for n in found.right)} of 100 sessions, "
        f"{_or(map(_percent, found.right.values()))} of the check-ins are right.",
    ]


def _ceiling(told: Account, found: Figures | None) -> list[str]:
    if found is None or (there := found.found_at_ceiling) is None or not near_maximum(told):
        return []
    below = found.found_below_ceiling
    elsewhere = f", {_percent(below)} elsewhere" if below else ""
    return [
        f"This client usually scores near the maximum. There, {_percent(there)} of simulated falls are found at "
        f"once{elsewhere}."
    ]


def _missing(told: Account) -> list[str]:
    missing, every = sum(row.step is None for row in told.rows), len(told.rows)
    if not missing:
        return []
    return [f"Forms missing or unusable: {missing} of {every}. They are skipped, never counted as low."]


def _percent(share: Measured) -> str:
    """Rounded to two decimals, as the tables of the benchmark are."""
    return f"{round(share.estimate, 2):.0%}"


def _or(texts: Iterable[str]) -> str:
    *head, last = texts
    return f"{', '.join(head)} or {last}"
