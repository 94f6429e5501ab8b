"""The words of alerts: plain, about scores, never about causes. Pure.

A score is a number that a client gave, not a finding about the therapy. Everything here may be
read by the client.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .detection import Terms
from .figures import figures
from .model import Episode, EpisodeState, Event, Instrument, Point, Score
from .scoring import PRORATED

LOWER = "Alliance score lower than usual for this client."
LOW_EARLY = "Alliance scores low in the first three sessions."

BELOW_CUT_OFF = "Alliance score below the cut-off."

HEADLINES = {
    "low-early": LOW_EARLY,
    "low": BELOW_CUT_OFF,
    "step": "Alliance score lower than the score before.",
    "from-best": "Alliance score lower than this client's best so far.",
}
"""By kind of strain, where the rule knows nothing of what is usual; the others have `LOWER`."""

DISREGARD = "Please disregard the earlier notice about this client."

SUBJECTS = {
    "worse": "Alliance score still low.",
    "recovered": "Alliance score recovered.",
    "unrepaired": "Alliance score not recovered.",
    "expired": "Follow-up of an alliance score has ended.",
    "reopened": "Alliance score not recovered after all.",
    "withdrawn": DISREGARD,
}
"""The one line of a further message about an alert; a first one has the alert's headline."""

LEVELS = {0: "closed", 1: "notice", 2: "check-in", 3: "priority check-in"}

PHRASES = {
    "drop": "{drop} below usual {usual}",
    "early-step": "{drop} below the score before, {usual}",
    "early-fall": "{drop} below the first scores, {usual}",
    "step": "{drop} below the score before, {usual}",
    "from-best": "{drop} below the best score, {usual}",
    "beyond-limits": "{drop} below usual {usual}, off limits",
    "drift": "{drop} below usual {usual}, a drift",
    "low": "{drop} below the cut-off {usual}",
    "low-early": "low in the first three sessions",
    "persisting": "still {drop} below usual {usual}",
    "repaired": "recovered",
    "unrepaired": "not fully recovered after 3 scores",
    "expired": "no score for more than 90 days",
    "cooldown": "{drop} below usual again, soon after",
    "ceiling": "first score below the maximum",
    "slow-fall": "four falling scores in a row",
    "cut-off": "below the site's own cut-off",
    "shift-down": "a lower level from here on",
    "shift-up": "a higher level from here on",
    "sudden-loss": "a sudden, lasting fall",
    "subscale-drop": "{drop} below its usual {usual}",
}
"""What happened, by kind of event, in a few words."""

SENTENCES = {
    "drop": "This score is {drop} points below this client's average of the last {count} sessions; "
    "that is {z:.1f} times their usual variation and more than measurement error.",
    "early-step": "This score is {drop} points below the score before; that is more than measurement error. "
    "There are too few sessions yet to know this client's usual variation.",
    "early-fall": "This score is {drop} points below the average of the first {count} scores; that is more than "
    "measurement error. There are too few sessions yet to know this client's usual variation.",
    "step": "This score is {drop} points below the score before, {usual}.",
    "from-best": "This score is {drop} points below this client's best score so far, {usual}.",
    "beyond-limits": "This score is {drop} points below this client's average, {usual}, and below the natural limit "
    "of their control chart.",
    "drift": "This client's scores have drifted below their usual {usual}: this one by {drop} points, and with those "
    "before it by more than chance.",
    "low": "This score is {drop} points below the cut-off of {usual}.",
}
"""Why an alert was raised, by kind of onset (clinical specification 2.6; the others are published rules)."""

NEAR_MAXIMUM = 0.05
"""A usual score in this upper share of the scale is near the maximum, where the benchmark does not say from where."""

COMPARED = {
    "early-step": "Before",
    "early-fall": "First scores",
    "step": "Before",
    "from-best": "Best",
    "low": "Cut-off",
}
"""What the score was compared with, by kind of onset; else what is usual for the client."""

_EVIDENCE_LIMIT = 800


def headline(kind: str) -> str:
    """The one line of an alert."""
    return HEADLINES.get(kind, LOWER)


def number(instrument: Instrument, value: float) -> str:
    """A score or difference with the decimals of the instrument's total."""
    return f"{value:.{instrument.scale('total').places}f}"


def day(at: datetime) -> str:
    """The date of a session, in the zone that its time was given in."""
    return at.date().isoformat()


def sentence(instrument: Instrument, episode: Episode) -> str:
    """Why the alert was raised, in one sentence (clinical specification 2.6)."""
    onset = episode.onset
    if onset.drop is None or onset.baseline is None:
        values = [p.value for p in episode.base if p.value is not None]
        low = instrument.change.low
        below = f", below {number(instrument, low)}" if low is not None else ""
        return f"The first {len(values)} scores have a mean of {number(instrument, sum(values) / len(values))}{below}."
    return SENTENCES[episode.kind].format(
        drop=number(instrument, onset.drop),
        usual=number(instrument, onset.baseline),
        count=len(episode.base),
        z=onset.z or 0.0,
    )


def regained(episode: Episode, value: float) -> float:
    """Share of the drop that `value` makes good: 0 at the onset's score, 1 at the baseline."""
    onset = episode.onset
    if not onset.drop:
        return 0.0
    return (value - onset.value) / onset.drop


def repair_words(episode: Episode, latest: float | None = None) -> str:
    """How an episode stands, in the words of the clinical specification 2.6.

    `latest` is the newest score of an episode that is still open.
    """
    if episode.kind == "low-early":
        return "Open" if episode.state is EpisodeState.OPEN else "Ended without a verdict"
    match episode.state:
        case EpisodeState.REPAIRED:
            return "Recovered"
        case EpisodeState.EXPIRED:
            return "Ended without a verdict: no score for more than 90 days"
        case EpisodeState.WITHDRAWN:
            return "Withdrawn"
        case EpisodeState.UNREPAIRED:
            share = regained(episode, episode.close.value) if episode.close else 0.0
            return f"{'Partly' if share >= 0.5 else 'Not'} recovered after 3 scored sessions"
    partly = latest is not None and regained(episode, latest) >= 0.5
    return "Open, partly recovered" if partly else "Open"


def evidence(
    instrument: Instrument,
    episode: Episode,
    *,
    policy: str = "alliance-policy/1",
    terms: Terms | None = None,
    form: Score | None = None,
) -> str:
    """The numbers behind an alert in at most 800 characters of plain text, for Task.note (clinical specification 4.1).

    terms  what the rule asked of the fall, where that is known
    form   the onset's total: how many of its items were answered
    """
    onset = episode.onset
    total = instrument.scale("total")
    low, high = (f"{v:g}" for v in (total.minimum, total.maximum))
    first = f"{instrument.title}, {day(onset.at)}: {number(instrument, onset.value)} ({low} to {high})."
    after = []
    if episode.level == 3:
        after.append("Priority: " + ("it stayed low." if episode.worsened else "the fall is large."))
    after.append(
        f"Rule: {policy}. Some check-ins come by chance, and most strains leave no trace in scores. "
        "A prompt to ask, not a finding; not an emergency signal."
    )
    first = f"{first} {sentence(instrument, episode)}"
    after = [*_measures(instrument, episode, terms), *_doubts(instrument, episode, form), *after]
    full = " ".join([first, baseline_sessions(instrument, episode), *after])
    return full if len(full) <= _EVIDENCE_LIMIT else " ".join([first, *after])[:_EVIDENCE_LIMIT]


def _measures(instrument: Instrument, episode: Episode, terms: Terms | None) -> list[str]:
    """What a fall is measured by: the client's own variation, and what is more than measurement error."""
    spread, places, told = episode.onset.spread, max(instrument.scale("total").places, 1), []
    if terms is not None and spread and episode.kind not in COMPARED:
        prior = "" if terms.prior is None else f" (assumed before any scores: {instrument.change.s0:.{places}f})"
        told.append(f"Usual variation: {spread:.{places}f}{prior}.")
    if terms is not None and terms.of:
        told.append(f"Least change beyond measurement error: {number(instrument, terms.drop)}.")
    return told


def _doubts(instrument: Instrument, episode: Episode, form: Score | None) -> list[str]:
    """What makes these numbers less sure than others."""
    told = []
    if form is not None and PRORATED in form.flags:
        told.append(f"{form.answered} of {form.items} items answered, prorated.")
    usual, change = episode.onset.baseline, instrument.change
    measured = figures(instrument.id)
    near = measured.ceiling if measured else change.maximum - NEAR_MAXIMUM * (change.maximum - change.minimum)
    if usual is not None and episode.kind not in COMPARED and usual >= near:
        told.append("This client usually scores near the maximum, where falls are harder to see.")
    return told


def baseline_sessions(instrument: Instrument, episode: Episode) -> str:
    """Which sessions the score was compared with: their mean, dates and scores."""
    points = [p for p in episode.base if p.value is not None]
    scores = [f"{date} {number(instrument, p.value or 0.0)}" for date, p in zip(_days(points), points, strict=True)]
    if episode.onset.baseline is None:
        return f"Scores: {', '.join(scores)}."
    compared = COMPARED.get(episode.kind, "Usual")
    of = f" ({', '.join(scores)})" if scores else ""
    return f"{compared}: {number(instrument, episode.onset.baseline)}{of}."


def _days(points: Sequence[Point]) -> list[str]:
    """The dates of sessions; the year once, until it changes."""
    days = [day(p.at) for p in points]
    return [d[5:] if i and d[:4] == days[i - 1][:4] else d for i, d in enumerate(days)]


def describe(instrument: Instrument, event: Event) -> str:
    """One event in a few words with its numbers, for tables and lists."""
    places = instrument.scale(event.scale or "total").places
    drop = "" if event.drop is None else f"{event.drop:.{places}f}"
    usual = "" if event.baseline is None else f"{event.baseline:.{places}f}"
    return PHRASES[event.kind].format(drop=drop, usual=usual)
