"""The first sentences: what was said of the score that is looked at, or why nothing was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..detection import STRAINS
from ..instruments.cautions import alerts
from ..model import Episode, EpisodeState, Event
from ..wording import day, describe, headline, number, repair_words, sentence
from .case import Account, account
from .words import COMPARED, EARLY, apart, firing

_FALLS = STRAINS | {"low-early", "persisting"}
_NOTICES = {
    "cooldown": "low again soon after a possible strain was closed: noticed, not pushed.",
    "ceiling": "the first score below the maximum, after three or more at it. By chance that happens in about a "
    "quarter of such sessions: noticed, never pushed.",
    "slow-fall": "four falling scores in a row: noticed, never pushed.",
    "cut-off": "below the site's own cut-off, and the score before was not: noticed, never pushed.",
}
_FOLLOWED = {
    "repaired": "this score closed it as recovered.",
    "persisting": "this score was still as low, so it became a priority.",
    "unrepaired": "this score closed it as not recovered.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` is the kind of the strain, or why there is no alert: the reference of `explain` lists them."""

    code: str
    headline: str
    text: tuple[str, ...]


def verdict(told: Account) -> Verdict:
    """Why there is an alert about the score that is looked at, or why there is none."""
    if told.episode is None:
        code, first, *text = next(found for reason in _REASONS if (found := reason(told)))
        new = "new " if code == "already-open" else ""
        return Verdict(code, f"No {new}alert: {first}", tuple(t for t in text if t))
    kind, case = told.episode.kind, told.case
    text = [sentence(case.instrument, told.episode), _standing(told, told.episode)]
    if told.episode.close and case.episode is None and told.episode.close.index < told.rows[-1].index:
        latest = account(replace(case, session=told.rows[-1].index))
        if latest.episode is None:
            text.append(f"Since then: {verdict(latest).headline[0].lower()}{verdict(latest).headline[1:]}")
    return Verdict(kind, headline(kind), tuple(text))


def _standing(told: Account, episode: Episode) -> str:
    """How the strain stands today."""
    if episode.onset.baseline is None:
        return f"{repair_words(episode)}. It is followed for a few scores, or until a strain opens."
    still = episode.state is EpisodeState.OPEN
    last = [s.value for s in told.case.detection.steps if s.in_episode and s.index > episode.onset.index]
    words = repair_words(episode, last[-1] if last and still else None)
    on = f" ({day(episode.close.at)})" if episode.close and episode.state is not EpisodeState.EXPIRED else ""
    proof = " A score that comes back is not proof of repair." if episode.state is EpisodeState.REPAIRED else ""
    return f"Possible strain since {day(episode.onset.at)}. {words}{on}.{proof}"


# -- why there is no alert: (code, sentences), or None where it is another reason -----------------

_Found = tuple[str, ...] | None


def _no_score(told: Account) -> _Found:
    if told.row is None:
        return "no-session", "there is no session yet."
    when, skipped = f"for {day(told.row.point.at)}", "It is skipped, never counted as low."
    if told.row.point.value is None:
        return "no-form", f"there is no score {when}. {skipped}"
    return None if told.step else ("not-usable", f"the score {when} is outside the scale. {skipped}")


def _not_looked_for(told: Account) -> _Found:
    case, detection = told.case, told.case.detection
    if any(s.limit is not None for s in detection.steps):
        return None
    if not case.instrument.highest_level(case.rater) and detection.insufficient:
        return "not-alliance", f"{detection.insufficient}."
    if not case.by.horizon:
        said = [_said(told, e) for e in (told.row.events if told.row else ())]
        return "looks-back", f"{case.by.id} looks back over a whole series, for reports.", *said, _lacks(told)
    return None


def _never_pushed(told: Account) -> _Found:
    """Falls of another rater, or of a group."""
    fell = [e for e in told.row.events if e.kind in _FALLS and e.level == 1] if told.row else []
    if not fell:
        return None
    client = told.case.instrument.highest_level("client") == 3
    rated = "answered by a related person: a fall is a notice, never pushed"
    return "notice-only", f"{rated if client else alerts(told.case.instrument)}.", *(_said(told, e) for e in fell)


def _already_open(told: Account) -> _Found:
    if told.around is None or told.row is None:
        return None
    counts = next((_FOLLOWED[e.kind] for e in reversed(told.row.events) if e.kind in _FOLLOWED), "it stayed open.")
    return "already-open", f"the possible strain of {day(told.around.onset.at)} was open; {counts}", _distance(told)


def _noticed(told: Account) -> _Found:
    found = [e.kind for e in told.row.events if e.kind in _NOTICES] if told.row else []
    return (found[0], _NOTICES[found[0]], _distance(told), _lacks(told)) if found else None


def _nothing_before(told: Account) -> _Found:
    if told.reference is not None or told.step is None:
        return None
    steps = told.case.detection.steps
    which = "the first score" if told.step.index == steps[0].index else "the first scores, or those after a long gap"
    if all(s.limit is None for s in steps) and not told.case.detection.insufficient:
        return "no-limit", "this rule has no limit for this series."
    return "nothing-to-compare", f"{which}: there is nothing yet to compare with.", _lacks(told)


def _above(told: Account) -> _Found:
    instrument, step, reference = told.case.instrument, told.step, told.reference
    if step is None or reference is None:
        return "no-score", "there is no score."
    above = "not below" if reference.strict else "above"
    places = instrument.scale("total").places
    for more in range(5):
        score = f"{step.value:.{places + more}f}"
        limit = firing(instrument, reference.limit, strict=reference.strict, more=more)
        # A score that is hardly above the limit gets the decimals that show it.
        if score != limit or reference.strict:
            break
    text = f"{score} on {day(step.at)} is {above} the limit of {limit}."
    return "above-limit", text, _distance(told), _lacks(told)


_REASONS: tuple[Callable[[Account], _Found], ...] = (
    _no_score,
    _not_looked_for,
    _never_pushed,
    _already_open,
    _noticed,
    _nothing_before,
    _above,
)
"""The first that applies is told."""


def _said(told: Account, event: Event) -> str:
    text = describe(told.case.instrument, event)
    return f"{number(told.case.instrument, event.value)} on {day(event.at)}: {text}."


def _distance(told: Account) -> str:
    """How far from the limit, by each thing that the rule asks for."""
    step, reference, terms, instrument = told.step, told.reference, told.terms, told.case.instrument
    if step is None or reference is None or terms is None:
        return ""
    drop, name = reference.drop(step.value), COMPARED[reference.kind]
    usual = number(instrument, reference.mean)
    # What rounds to nothing is said to be nothing.
    if float(number(instrument, drop)) <= 0:
        return f"It is not below the {name}, {usual}."
    fell, asked = apart(drop, terms.drop, instrument.scale("total").places)
    text = f"It is {fell} below the {name}, {usual}"
    if told.followed:
        return f"{text}."
    text += f"; {'more than' if reference.strict else 'a fall of'} {asked} is asked for"
    z = reference.z(step.value)
    if terms.z is not None and z is not None:
        text += f", and {terms.z:g} times the usual variation (this is {apart(z, terms.z, 2)[0]})"
    return f"{text}."


def _lacks(told: Account) -> str:
    """What a personal baseline still needs, when the newest score is looked at."""
    detection, step = told.case.detection, told.step
    if not detection.insufficient or (step and step.index < detection.steps[-1].index):
        return ""
    early = told.reference is not None and told.reference.kind in EARLY
    only = " Until then only a large fall from the first scores is looked for." if early else ""
    return f"So far {detection.insufficient}.{only}"
