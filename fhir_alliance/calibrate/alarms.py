"""What a policy says of all series, as arrays over series and sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detection import STRAINS, Policy
from ..detection.array import KINDS, run_rows
from ..detection.policy import RulePolicy
from ..model import Change, EpisodeState
from .trial import Trial
from .truth import Bools

ONSETS = ("drop", "early-step", "low-early", *sorted(STRAINS - {"drop", "early-step"}))
"""Kinds that open an alert: check-ins. What else is said at level 3 raises one that is open."""

RECOVERED, NOT_RECOVERED, UNDECIDED = 1, 2, 3
"""How an episode ended; undecided: still open, or expired."""

_ENDS = {"repaired": RECOVERED, "unrepaired": NOT_RECOVERED, "expired": UNDECIDED}


@dataclass(frozen=True, slots=True)
class Alarms:
    """All arrays [series, sessions], by the session that it was said at.

    onset     a check-in, a severe one included: 1 + its place in `ONSETS`; 0 for none
    priority  a priority check-in: a severe onset, or an open strain that stays low (level 3)
    notice    at least one notice (level 1)
    ended     how the episode that began here ended, 0 where none began
    """

    onset: NDArray[np.int8]
    priority: Bools
    notice: Bools
    ended: NDArray[np.int8]

    @property
    def check_in(self) -> Bools:
        """A check-in of any kind (level 2 and up)."""
        found: Bools = self.onset > 0
        return found

    def of_kind(self, kind: str) -> Bools:
        """Check-ins of one kind."""
        found: Bools = self.onset == 1 + ONSETS.index(kind)
        return found


def alarms(policy: Policy, trial: Trial, change: Change, cutoff: float | None = None) -> Alarms:
    """Everything that the policy says, with the site's own cut-off; in its array form where it has one."""
    shape = trial.values.shape
    found = Alarms(
        np.zeros(shape, np.int8), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_), np.zeros(shape, np.int8)
    )
    if isinstance(policy, RulePolicy):
        _by_columns(policy, trial, change, cutoff, found)
    else:
        _one_by_one(policy, trial, change, cutoff, found)
    return found


def _by_columns(policy: RulePolicy, trial: Trial, change: Change, cutoff: float | None, found: Alarms) -> None:
    series, sessions = trial.values.shape
    starts = np.arange(series + 1) * sessions
    said = run_rows(trial.values.ravel(), trial.at.ravel(), starts, change, policy, cutoff=cutoff)
    row, column = said.series, said.index - 1
    code = np.array([ONSETS.index(kind) + 1 if kind in ONSETS else 0 for kind in KINDS], np.int8)[said.kind]
    end = np.array([_ENDS.get(kind, 0) for kind in KINDS], np.int8)[said.kind]
    at = code > 0
    found.onset[row[at], column[at]] = code[at]
    for level, cells in ((3, found.priority), (1, found.notice)):
        here = said.level == level  # only these: several events can be at one score
        cells[row[here], column[here]] = True
    # Episodes follow each other: the next end in a series is that of the onset before it. The low-early
    # check-in is no episode.
    episode = at & (code != 1 + ONSETS.index("low-early"))
    marks = np.flatnonzero(episode | (end > 0))
    opens, closes = marks[episode[marks]], marks[end[marks] > 0]
    following = np.searchsorted(closes, opens)
    known = following < len(closes)
    close = closes[np.minimum(following, len(closes) - 1)] if len(closes) else opens
    known &= row[close] == row[opens] if len(closes) else False
    found.ended[row[opens], column[opens]] = np.where(known, end[close], UNDECIDED)


def _one_by_one(policy: Policy, trial: Trial, change: Change, cutoff: float | None, found: Alarms) -> None:
    states = {EpisodeState.REPAIRED: RECOVERED, EpisodeState.UNREPAIRED: NOT_RECOVERED}
    for row, points in enumerate(trial.points()):
        detection = policy.run(points, change, cutoff=cutoff)
        for event in detection.events:
            column = event.index - 1
            if event.kind in ONSETS:
                found.onset[row, column] = 1 + ONSETS.index(event.kind)
            found.priority[row, column] |= event.level == 3
            found.notice[row, column] |= event.level == 1
        for episode in detection.episodes:
            if episode.kind != "low-early":
                found.ended[row, episode.onset.index - 1] = states.get(episode.state, UNDECIDED)
