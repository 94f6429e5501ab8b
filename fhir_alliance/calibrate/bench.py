"""Any policies on the same series: what each says, counted against what is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

import numpy as np

from ..detection import Policy
from ..model import Change
from .alarms import ONSETS as KINDS
from .alarms import Alarms, alarms
from .measure import ONSETS as GROUPS
from .measure import PREVALENCES, false_alarms, repair, seen, with_any
from .ratio import Ratio, predictive
from .result import AlertRates, ByOnset, Repair, Result, Seen, Who
from .sample import Sample
from .setting import Planted, Setting
from .strata import ALL, Strata, members, strata
from .trial import Trial
from .truth import Bools


class Ratios(NamedTuple):
    """False check-ins and priority check-ins per scored session; strains seen at their onset, by two sessions later."""

    false: Ratio
    priority: Ratio
    at_onset: Ratio
    by_2: Ratio


@dataclass(frozen=True, slots=True)
class Bench:
    """calm: series for false alarms. planted: the same clients with one strain each; empty where `calm` has its
    own. main: the planted strain whose figures stand for a policy. cutoff: the site's own, for every policy."""

    change: Change
    strata: Strata
    calm: Trial
    planted: Mapping[Planted, Trial]
    main: Planted | None = None
    cutoff: float | None = None

    def results(self, policy: Policy) -> Iterator[Result]:
        """The policy in every stratum."""
        calm = self._alarms(policy, self.calm)
        planted = {strain: (t.sample, self._alarms(policy, t)) for strain, t in self.planted.items()}
        for stratum, bounds in self.strata.items():
            rows = members(self.calm.sample, stratum, bounds)
            by_strain = {s: _seen(*found, members(found[0], stratum, bounds)) for s, found in planted.items()}
            yield self._result(policy, stratum, calm, rows, by_strain)

    def ratios(self, policy: Policy, strata: Sequence[str] = (ALL,)) -> Iterator[Ratios]:
        """The policy in each of these strata: for curves, and for comparing policies on the same clients."""
        calm = self._alarms(policy, self.calm)
        trial = self.planted[self.main] if self.main else self.calm
        found = self._alarms(policy, trial) if self.main else calm
        for stratum in strata:
            rows, them = (members(t.sample, stratum, self.strata[stratum]) for t in (self.calm, trial))
            false, priority = (false_alarms(self.calm.sample, said, rows) for said in (calm.check_in, calm.priority))
            yield Ratios(false, priority, *(seen(trial.sample, found.check_in, them, within) for within in (0, 2)))

    def false_checkins(self, policy: Policy) -> Ratio:
        """Of all series together, per scored session."""
        said = self._alarms(policy, self.calm).check_in
        return false_alarms(self.calm.sample, said, members(self.calm.sample, ALL, self.strata[ALL]))

    def alert_rates(self, policy: Policy) -> Iterator[AlertRates]:
        """Alerts of all kinds in every stratum of `calm`, whatever is true of them."""
        sample, found = self.calm.sample, self._alarms(policy, self.calm)
        for stratum, bounds in self.strata.items():
            rows = members(sample, stratum, bounds)
            said = {"L1": found.notice, "L2": found.check_in, "L3": found.priority}
            rates = {level: false_alarms(sample, cells, rows) for level, cells in said.items()}
            yield AlertRates(
                _who(policy, stratum, sample, rows),
                {level: rate.figure().times(100) for level, rate in rates.items()},
                with_any(sample, found.check_in, rows).figure(),
                rates["L2"].figure().reciprocal(),
            )

    def _alarms(self, policy: Policy, trial: Trial) -> Alarms:
        return alarms(policy, trial, self.change, self.cutoff)

    def _result(
        self, policy: Policy, stratum: str, calm: Alarms, rows: Bools, by_strain: Mapping[Planted, tuple[Seen, Ratio]]
    ) -> Result:
        sample = self.calm.sample
        rate = false_alarms(sample, calm.check_in, rows)
        seen_main, at_onset = by_strain[self.main] if self.main else _seen(sample, calm, rows)
        if self.main:
            twins = [s for strain, (s, _) in by_strain.items() if strain.depth == self.main.depth]
            seen_main = replace(seen_main, repair=_joined(twins))
        kinds = [kind for kind in KINDS if calm.of_kind(kind).any()]
        return Result(
            who=_who(policy, stratum, sample, rows),
            l2=rate.figure().times(100),
            l3=false_alarms(sample, calm.priority, rows).figure().times(100),
            by_kind={k: false_alarms(sample, calm.of_kind(k), rows).figure().times(100) for k in kinds},
            any=with_any(sample, calm.check_in, rows).figure(),
            run_length=rate.figure().reciprocal(),
            seen=seen_main,
            ppv={f"{100 * p:g}": predictive(at_onset, rate, p) for p in PREVALENCES},
            by_strain=tuple((strain, found) for strain, (found, _) in by_strain.items()),
            by_onset=() if self.main else tuple(_by_onset(sample, calm, rows)),
        )


def bench(setting: Setting) -> Bench:
    """The cohorts of a setting."""
    usual = setting.usual()
    planted = {strain: setting.planted(strain, usual) for strain in setting.strains()}
    return Bench(
        setting.instrument.change,
        strata(setting.ceiling, setting.bands),
        setting.calm(usual),
        planted,
        setting.main() if planted else None,
        setting.cutoff,
    )


def _who(policy: Policy, stratum: str, sample: Sample, rows: Bools) -> Who:
    clients, sessions = int(np.unique(sample.client[rows]).size), int(sample.calm(rows).sum())
    return Who(policy.id, policy.preset, policy.threshold, stratum, clients, sessions)


def _seen(sample: Sample, found: Alarms, rows: Bools) -> tuple[Seen, Ratio]:
    at_onset, by_1, by_2 = (seen(sample, found.check_in, rows, within) for within in (0, 1, 2))
    planted, scored = int(rows[sample.planted.series].sum()), int(at_onset.of)
    ends = repair(sample, found, rows)
    return Seen(at_onset.figure(), by_1.figure(), by_2.figure(), scored, planted - scored, ends), at_onset


def _by_onset(sample: Sample, found: Alarms, rows: Bools) -> Iterator[ByOnset]:
    for first, last in GROUPS:
        at_onset, by_2 = (seen(sample, found.check_in, rows, within, (first, last)) for within in (0, 2))
        end = int(last) if last < inf else None
        yield ByOnset(int(first), end, int(at_onset.of), at_onset.figure(), by_2.figure())


def _joined(each: Sequence[Seen]) -> Repair:
    """One matrix of the strains of one depth: each duration tells its own row."""
    found = dict(each[0].repair)
    for other in each[1:]:
        found |= {
            truth: ends for truth, ends in other.repair.items() if any(f.estimate is not None for f in ends.values())
        }
    return found
