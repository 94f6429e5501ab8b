"""The figures of one policy in one stratum, as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .ratio import Figure
from .setting import Planted

Json = dict[str, object]
Repair = Mapping[str, Mapping[str, Figure]]
"""In truth "repaired" or "lasting" → how the episode ended: shares that add up to 1."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Shares of strains with a check-in at the onset session, by one and by two sessions later.

    strains   those whose onset session was scored: what the shares are of
    unscored  the others: no policy can see them at the onset
    """

    at_onset: Figure
    by_1: Figure
    by_2: Figure
    strains: int
    unscored: int
    repair: Repair

    def to_json(self) -> Json:
        """Under the names of the result."""
        return {
            "seen_at_onset": self.at_onset.to_json(),
            "seen_by_1": self.by_1.to_json(),
            "seen_by_2": self.by_2.to_json(),
            "strains": self.strains,
            "unscored_onsets": self.unscored,
        }


@dataclass(frozen=True, slots=True)
class ByOnset:
    """Strains that begin between two sessions, both included; `last` None: to the end."""

    first: int
    last: int | None
    strains: int
    at_onset: Figure
    by_2: Figure

    def to_json(self) -> Json:
        """Under the names of the result."""
        return {
            "first": self.first,
            "last": self.last,
            "strains": self.strains,
            "seen_at_onset": self.at_onset.to_json(),
            "seen_by_2": self.by_2.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Who:
    """Which policy at which sensitivity, and on whom."""

    policy: str
    preset: str
    threshold: float
    stratum: str
    clients: int
    sessions: int

    def to_json(self) -> Json:
        """As it is."""
        names = ("policy", "preset", "threshold", "stratum", "clients", "sessions")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Result:
    """One policy in one stratum, where the truth is known.

    who         its `sessions` are scored ones outside strains: those that false alarms are counted in
    l2, l3      false check-ins and priority check-ins per 100 of them; `by_kind`: the former by kind of onset
    any         share of clients with a false check-in
    run_length  scored sessions from one false check-in to the next, on average: 1 / rate
    ppv         share of check-ins that are right, by per cent of sessions in which a strain begins
    by_strain   the planted strains one by one
    by_onset    strains at random, by the session at which they begin
    """

    who: Who
    l2: Figure
    l3: Figure
    by_kind: Mapping[str, Figure]
    any: Figure
    run_length: Figure
    seen: Seen
    ppv: Mapping[str, Figure]
    by_strain: tuple[tuple[Planted, Seen], ...] = ()
    by_onset: tuple[ByOnset, ...] = ()

    def to_json(self) -> Json:
        """As `calibrate --json` prints it."""
        told: Json = {
            **self.who.to_json(),
            "false_alarms_per_100": {"L2": self.l2.to_json(), "L3": self.l3.to_json()},
            "false_by_kind": _figures(self.by_kind),
            "clients_with_any": self.any.to_json(),
            "run_length": self.run_length.to_json(),
            **self.seen.to_json(),
            "ppv": _figures(self.ppv),
            "repair": _repair(self.seen.repair),
        }
        if self.by_strain:
            told["by_strain"] = [
                {**strain.to_json(), **seen.to_json(), "repair": _repair(seen.repair)}
                for strain, seen in self.by_strain
            ]
        if self.by_onset:
            told["by_onset"] = [group.to_json() for group in self.by_onset]
        return told


@dataclass(frozen=True, slots=True)
class AlertRates:
    """One policy in one stratum, where nobody knows which alerts were right.

    per_100       notices (L1), check-ins (L2), priority check-ins (L3) per 100 scored sessions
    with_any      share of series with a check-in
    """

    who: Who
    per_100: Mapping[str, Figure]
    with_any: Figure
    run_length: Figure

    def to_json(self) -> Json:
        """The keys of `Result.to_json`, with null where the truth would be needed."""
        unknown = ("clients_with_any", "run_length", "seen_at_onset", "seen_by_1", "seen_by_2", "ppv", "repair")
        return {
            **self.who.to_json(),
            "alerts_per_100": _figures(self.per_100),
            "series_with_any": self.with_any.to_json(),
            "sessions_per_alert": self.run_length.to_json(),
            "false_alarms_per_100": None,
            **dict.fromkeys(unknown),
        }


def _figures(figures: Mapping[str, Figure]) -> Json:
    return {name: figure.to_json() for name, figure in figures.items()}


def _repair(repair: Repair) -> Json:
    return {truth: _figures(ends) for truth, ends in repair.items()}
