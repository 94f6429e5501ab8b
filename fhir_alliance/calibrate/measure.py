"""How often a policy cries wolf and how often it sees: counts over a cohort whose truth is known.

Everything is clustered by client: each count is one number per client and each figure a ratio of sums
over clients (see `ratio`). Definitions:

check-in        what opens an alert (L2): an onset of any kind, severe or not, and `low-early`
priority        a severe onset, or `persisting` (L3)
window          the sessions of a strain, and at least the two after its onset
false alarm     one outside all windows; per 100 *scored* sessions outside all windows
seen, by +n     a check-in at the onset session or one of the next n *sessions*, returned forms or not;
                a share of the strains whose onset session was scored
repair          strains seen by +2: what the first episode that began there was closed as, by whether the strain
                was over within three sessions of its onset
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import numpy as np

from .alarms import NOT_RECOVERED, RECOVERED, UNDECIDED, Alarms
from .ratio import Figure, Floats, Ratio, shares
from .sample import Sample
from .truth import TAIL, Bools

PREVALENCES = (0.02, 0.05, 0.10)
"""Shares of sessions in which a visible strain begins, for the share of check-ins that are right."""

ONSETS = ((1, 3), (4, 5), (6, inf))
"""Sessions at which strains begin, in groups: before a personal baseline, at a young one, later."""

ENDS = {"repaired": RECOVERED, "unrepaired": NOT_RECOVERED, "undecided": UNDECIDED}


def false_alarms(sample: Sample, said: Bools, series: Bools) -> Ratio:
    """`said` outside any strain, per scored session there."""
    return Ratio(_false(sample, said, series), sample.calm(series))


def with_any(sample: Sample, said: Bools, series: Bools) -> Ratio:
    """Share of clients with at least one false alarm, among those with a scored session outside strains."""
    hits, sessions = _false(sample, said, series), sample.calm(series)
    return Ratio((hits > 0).astype(float), (sessions > 0).astype(float))


def seen(sample: Sample, said: Bools, series: Bools, within: int, onsets: tuple[float, float] = (1, inf)) -> Ratio:
    """Share of the strains with a scored onset that have a check-in within so many sessions.

    onsets  only strains that begin between these sessions, both included
    """
    session = sample.planted.onset + 1
    at = _scored_onsets(sample, series) & (session >= onsets[0]) & (session <= onsets[1])
    return Ratio(_count(sample, at & _hit(sample, said, within)), _count(sample, at))


def repair(sample: Sample, found: Alarms, series: Bools) -> Mapping[str, Mapping[str, Figure]]:
    """What became of the strains that were seen by +2, by what became of them in truth."""
    planted = sample.planted
    ended = np.zeros(len(planted), dtype=np.int8)
    for offset in range(TAIL, -1, -1):  # the first episode is noted last, so it stands
        column = np.minimum(planted.onset + offset, found.ended.shape[1] - 1)
        here = found.ended[planted.series, column]
        ended = np.where(here > 0, here, ended).astype(np.int8)
    at = _scored_onsets(sample, series) & (ended > 0)
    return {
        truth: shares(
            {name: _count(sample, at & kind & (ended == code)) for name, code in ENDS.items()},
            _count(sample, at & kind),
        )
        for truth, kind in (("repaired", planted.repaired), ("lasting", ~planted.repaired))
    }


# -- counting ------------------------------------------------------------------------------------


def _false(sample: Sample, said: Bools, series: Bools) -> Floats:
    return sample.by_client(sample.client, (said & sample.scored & sample.free).sum(axis=1) * series)


def _count(sample: Sample, chosen: Bools) -> Floats:
    """float64[clients]: how many of the chosen strains each client has."""
    return sample.by_client(sample.client[sample.planted.series[chosen]])


def _scored_onsets(sample: Sample, series: Bools) -> Bools:
    planted = sample.planted
    return sample.scored[planted.series, planted.onset] & series[planted.series]


def _hit(sample: Sample, said: Bools, within: int) -> Bools:
    planted, last = sample.planted, said.shape[1] - 1
    hit = np.zeros(len(planted), dtype=bool)
    for offset in range(within + 1):
        column = planted.onset + offset
        hit |= (column <= last) & said[planted.series, np.minimum(column, last)]
    return hit
