"""The words of alerts: plain, about scores, never about causes. Pure.

A score is a number that a client gave, not a finding about the therapy. Everything here may be
read by the client.
"""

from __future__ import annotations

from datetime import datetime

from .model import Episode, EpisodeState, Event, Instrument

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

COMPARED = {
    "early-step": "Before",
    "early-fall": "First scores",
    "step": "Before",
    "from-best": "Best",
    "low": "Cut-off",
}
"""What the score was compared with, by kind of onset; else what is usual for the client."""

_EVIDENCE_LIMIT = 600


def a(noun: str) -> str:
    """With its article: a Task, an Observation."""
    return f"an {noun}" if noun[:1] in "AEIOaeio" else f"a {noun}"


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


def evidence(instrument: Instrument, episode: Episode, *, policy: str = "alliance-policy/1") -> str:
    """The numbers behind an alert in at most 600 characters of plain text, for Task.note."""
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
    parts = [first, sentence(instrument, episode), *after]
    sessions = baseline_sessions(instrument, episode)
    full = " ".join([*parts[:2], sessions, *parts[2:]])
    return full if len(full) <= _EVIDENCE_LIMIT else " ".join(parts)[:_EVIDENCE_LIMIT]


def baseline_sessions(instrument: Instrument, episode: Episode) -> str:
    """Which sessions the score was compared with: their mean, dates and scores."""
    scores = [f"{day(p.at)} {number(instrument, p.value)}" for p in episode.base if p.value is not None]
    if episode.onset.baseline is None:
        return f"Scores: {', '.join(scores)}."
    compared = COMPARED.get(episode.kind, "Usual")
    of = f" ({', '.join(scores)})" if scores else ""
    return f"{compared}: {number(instrument, episode.onset.baseline)}{of}."


def describe(instrument: Instrument, event: Event) -> str:
    """One event in a few words with its numbers, for tables and lists."""
    places = instrument.scale(event.scale or "total").places
    drop = "" if event.drop is None else f"{event.drop:.{places}f}"
    usual = "" if event.baseline is None else f"{event.baseline:.{places}f}"
    return PHRASES[event.kind].format(drop=drop, usual=usual)
