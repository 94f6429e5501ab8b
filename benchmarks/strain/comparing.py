"""Two policies on the same clients: differences with intervals, in every stratum and in every clinic.

The same seed gives both the same clients and the same strains, so the interval of a difference is narrower than the
intervals of the two figures suggest. A policy dominates another when nowhere more false alarms, and somewhere more or
earlier detection, is more than chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_alliance.calibrate import Setting, bench
from fhir_alliance.calibrate.ratio import Figure, difference
from fhir_alliance.detection import Policy, info

from .protocol import Protocol, judged

_LABEL = 57
MEASURES = {
    "false_checkins": "false check-ins per 100",
    "false_priority": "false priority per 100",
    "seen_at_onset": "seen at onset",
    "seen_by_2": "seen by +2",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One policy minus another in a stratum of a clinic, by measure; the first two per 100 scored sessions."""

    clinic: str
    stratum: str
    by: Mapping[str, Figure]

    def to_json(self) -> dict[str, Any]:
        """As it is."""
        return {"clinic": self.clinic, "stratum": self.stratum, **{k: f.to_json() for k, f in self.by.items()}}


def differences(setting: Setting, clinic: str, first: Policy, second: Policy) -> Iterator[Compared]:
    """First minus second, in every stratum."""
    on = bench(setting)
    strata = tuple(on.strata)
    for stratum, a, b in zip(strata, on.ratios(first, strata), on.ratios(second, strata), strict=True):
        found = [difference(*pair) for pair in zip(a, b, strict=True)]
        found[:2] = (figure.times(100) for figure in found[:2])
        yield Compared(clinic, stratum, dict(zip(MEASURES, found, strict=True)))


def clinics(protocol: Protocol, instrument: str) -> Mapping[str, Setting]:
    """Every clinic of the protocol, the standard one first."""
    found = {"as in the protocol": protocol.setting(instrument), "strains at random": protocol.random(instrument)}
    return found | {v.name: protocol.variant(instrument, v) for v in protocol.variants}


def everywhere(protocol: Protocol, instrument: str, first: Policy, second: Policy) -> Iterator[Compared]:
    """First minus second, in every clinic."""
    for clinic, setting in clinics(protocol, instrument).items():
        yield from differences(setting, clinic, first, second)


def compared(protocol: Protocol, first: str, second: str) -> Iterator[str]:
    """Lines of a table for each instrument that both may run on: first minus second."""
    a, b = _policy(first), _policy(second)
    for id in protocol.instruments:
        allowed = {info.id for info in judged(protocol.setting(id).instrument)}
        if not {a.id, b.id} <= allowed:
            continue
        yield f"{id}: {first} minus {second} (95 % intervals; * more than chance)"
        yield f"{'':<{_LABEL}}" + "".join(f"{m:>27}" for m in MEASURES.values())
        for row in everywhere(protocol, id, a, b):
            figures = "".join(f"{_shown(figure):>27}" for figure in row.by.values())
            yield f"{f'{row.clinic}, {row.stratum}':<{_LABEL}}" + figures


def _shown(figure: Figure) -> str:
    if figure.estimate is None or figure.low is None or figure.high is None:
        return "-"
    sure = "*" if figure.low > 0 or figure.high < 0 else " "
    return f"{figure.estimate:+.3f} ({figure.low:+.3f} {figure.high:+.3f}){sure}"


def _policy(name: str) -> Policy:
    id, _, preset = name.partition("@")
    return info(id).policy(preset or "balanced")
