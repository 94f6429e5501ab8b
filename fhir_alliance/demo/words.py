"""The demo's sentences about one strain: short, with the numbers. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from ..model import UNASSIGNED, EpisodeState
from ..wording import number
from .forms import Resource
from .run import Told

FORMS = {"wai-sr-c": "WAI-SR", "srs-v3": "SRS"}
NOTICES = {"slow-fall": "slow fall", "subscale-drop": "subscale fall"}


def name(reference: str) -> str:
    """ "client-02" of "Patient/client-02"."""
    return reference.rpartition("/")[2]


def why(told: Told) -> str:
    """What was seen and what became of it, in one line of about 30 columns."""
    return ", ".join(filter(None, (fall(told), later(told) or large(told))))


def fall(told: Told) -> str:
    """How low, against what."""
    episode, instrument = told.strain.episode, told.strain.instrument
    onset = episode.onset
    if onset.drop is None or onset.baseline is None:
        first = [p.value for p in episode.base if p.value is not None]
        return f"first {len(first)} average {number(instrument, sum(first) / len(first))}"
    return f"{number(instrument, onset.drop)} below {number(instrument, onset.baseline)}"


def unusual(told: Told) -> str:
    """How many times the client's usual variation that is, where there is one, and whether that was much."""
    episode = told.strain.episode
    times = "" if episode.sigma is None or episode.onset.z is None else f"{episode.onset.z:.1f}"
    return ", ".join(filter(None, (times, large(told))))


def large(told: Told) -> str:
    """Was it a priority at once?"""
    return "a large fall" if told.strain.episode.onset.level == 3 else ""


def later(told: Told) -> str:
    """What became of it since."""
    episode = told.strain.episode
    if told.state is EpisodeState.WITHDRAWN:
        return "entered in error"
    if told.state is EpisodeState.REPAIRED and episode.close:
        return f"back at {number(told.strain.instrument, episode.close.value)}"
    return "still low" if episode.worsened else ""


def form(told: Told) -> str:
    """Name of the instrument, short."""
    return FORMS.get(told.strain.key.instrument, told.strain.key.instrument)


def clinician(told: Told) -> str:
    """Whose client it is; "-" when no single practitioner could be told."""
    return "-" if told.strain.key.practitioner == UNASSIGNED else name(told.strain.key.practitioner)


def since(told: Told) -> str:
    """Day of the session that it began with."""
    at: datetime = told.strain.assessment.at
    return f"{at.day} {at:%b}"


def alert(told: Told, tasks: dict[str, Resource]) -> str:
    """What the clinician got."""
    if task := tasks.get(told.alert):
        if told.state is EpisodeState.OPEN:
            return "urgent Task" if task.get("priority") == "urgent" else "Task"
        return str(told.state)
    return "no recipient" if told.strain.key.practitioner == UNASSIGNED else "same Task"


def reason(text: str) -> str:
    """ "set aside: item 6: … (out-of-range)" without its first and last words, which are for machines."""
    return re.sub(r" \([a-z-]+\)$", "", text.removeprefix("set aside: "))


def counted(counts: Counter[str], words: dict[str, str]) -> str:
    """ "3 slow fall, 1 ceiling", most frequent first."""
    return ", ".join(f"{n} {words.get(kind, kind)}" for kind, n in counts.most_common())


def past(told: Iterable[Told]) -> str:
    """How the strains ended that nobody was called for."""
    ends = {
        EpisodeState.REPAIRED: "recovered",
        EpisodeState.UNREPAIRED: "did not recover",
        EpisodeState.EXPIRED: "ended without a verdict",
    }
    counts = Counter(ends.get(t.state, str(t.state)) for t in told)
    return ", ".join(f"{n} {how}" for how, n in counts.most_common())
