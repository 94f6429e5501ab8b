"""The numbers behind the score that is looked at: what it was compared with, and what was asked of it."""

from __future__ import annotations

from collections.abc import Callable

from ..detection import Reference, info, policies
from ..detection.tolerance import at_least
from ..scoring import PRORATED
from ..wording import LEVELS, day, number
from .case import Account
from .layout import row as line
from .words import COMPARED, apart, compared, firing, share, variation


def numbers(told: Account, width: int) -> str:
    """The section, or nothing where there is no score."""
    if told.step is None:
        return ""
    rows = [(label, text) for of in _PARTS for label, text in of(told)]
    return "The numbers\n" + "\n".join(line(label, text, width) for label, text in rows)


Rows = list[tuple[str, str]]


def _score(told: Account) -> Rows:
    instrument, step = told.case.instrument, told.step
    if step is None:
        return []
    change = instrument.change
    said = f"{number(instrument, step.value)} on {day(step.at)} ({change.minimum:g} to {change.maximum:g})"
    return [("instrument", f"{instrument.title}, {instrument.scale('total').title}"), ("this score", said)]


def _compared(told: Account) -> Rows:
    if told.episode and told.episode.onset.baseline is None:
        low = told.case.instrument.change.low
        told_low = "not set" if low is None else number(told.case.instrument, low)
        return [
            (COMPARED["low-early"], compared(told)),
            ("low", f"a mean below {told_low} (our assumption, not a norm)"),
        ]
    return [(COMPARED[told.reference.kind], compared(told))] if told.reference else []


def _asked(told: Account) -> Rows:
    """Drop, z, spread and limit: each with what the rule asks for."""
    reference, terms, step = told.reference, told.terms, told.step
    if reference is None or terms is None or step is None:
        return []
    instrument, value = told.case.instrument, step.value
    drop, z = reference.drop(value), reference.z(value)
    spread = [("usual variation" if i == 0 else "", text) for i, text in enumerate(variation(told))]
    if told.followed:
        shown = "none" if z is None else f"{z:.2f}"
        return [("drop", number(instrument, drop)), ("z", shown), *spread, *_limit(told, reference)]
    of = f" ({share(terms.of)})" if terms.of else ""
    fell, asked = apart(drop, terms.drop, instrument.scale("total").places)
    needs = f"needs {'more than ' if reference.strict else ''}{asked}{of}"
    reached = "" if reference.reaches(-drop, -terms.drop) else ": not reached"
    fell = fell if drop >= 0 else f"none, {number(instrument, -drop)} above"
    rows = [("drop", f"{fell}; {needs}{reached}"), ("z", _z(z, terms.z))]
    return [*rows, *spread, *_limit(told, reference)]


def _z(z: float | None, needs: float | None) -> str:
    if z is None:
        return "none: this rule knows no usual variation"
    if needs is None:
        return f"{z:.2f}; not asked for here"
    return f"{apart(z, needs, 2)[0]}; needs {needs:g}" + ("" if at_least(z, needs) else ": not reached")


def _limit(told: Account, reference: Reference) -> Rows:
    instrument = told.case.instrument
    at = "below it" if reference.strict else "at or below it"
    if told.followed:
        lasting = firing(instrument, reference.lasting, strict=reference.strict)
        return [("limit", f"{lasting}: a score {at} counts as still low")]
    limit, cooling = firing(instrument, reference.limit, strict=reference.strict), told.cooling
    soon = "a strain was closed just before, so a score"
    rows = [("limit", f"{limit}: {soon} {at} is only noticed" if cooling else f"{limit}: a score {at} fires")]
    if reference.severe is not None and (cooling is None or cooling.severe_in_cooldown):
        severe = firing(instrument, reference.severe, strict=reference.strict)
        what = "a check-in all the same" if cooling else "a priority check-in at once"
        rows.append(("", f"{severe}: {at} {what}"))
    return rows


def _ceiling(told: Account) -> Rows:
    change, row = told.case.instrument.change, told.row
    if not told.compared or row is None:
        return []
    top = sum(p.value is not None and at_least(p.value, change.maximum) for p in told.compared)
    most = f"the maximum, {change.maximum:g}"
    many = len(told.compared)
    if many == 1:
        return [("ceiling", f"that score is {'at' if top else 'below'} {most}")]
    return [("ceiling", f"{top or 'none'} of these {many} scores at {most}")]


def _items(told: Account) -> Rows:
    form = told.row.form if told.row else None
    if form is None or not form.items:
        return [("items left out", "not known: only the finished total was given")]
    left = form.items - form.answered
    prorated = ", taken as the mean of the others (prorated)" if PRORATED in form.flags else ""
    return [("items left out", f"{left or 'none'} of {form.items}{prorated}")]


def _level(told: Account) -> Rows:
    episode = told.episode
    if episode is None:
        return []
    level = LEVELS[episode.level]
    if episode.worsened:
        level += f" since {day(episode.worsened.at)}, when the score had not come back"
    elif episode.level == 3:
        level += ", because the fall is large"
    return [("level", level)]


def _policy(told: Account) -> Rows:
    by = told.case.by
    swept = f" ({info(by.id).swept}: {by.threshold:g})" if by.id in policies() else ""
    return [("policy", f"{by.id}, preset {by.preset}{swept}")]


_PARTS: tuple[Callable[[Account], Rows], ...] = (_score, _compared, _asked, _ceiling, _items, _level, _policy)
