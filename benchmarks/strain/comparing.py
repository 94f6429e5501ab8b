"""Two policies on the same clients: differences with intervals, in every stratum and in every clinic.

The same seed gives both the same clients and the same strains, so the interval of a difference is narrower than the
intervals of the two figures suggest. A policy dominates another when nowhere more false alarms, and somewhere more or
earlier detection, is more than chance.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhir_alliance.calibrate import Bench, bench
from fhir_alliance.calibrate.ratio import Figure, difference
from fhir_alliance.detection import Policy, info

from .protocol import Protocol, judged

_LABEL = 57
MEASURES = ("false check-ins per 100", "seen at onset", "seen by +2")


def compared(protocol: Protocol, first: str, second: str) -> Iterator[str]:
    """Lines of a table for each instrument that both may run on: first minus second."""
    a, b = _policy(first), _policy(second)
    for id in protocol.instruments:
        allowed = {info.id for info in judged(protocol.setting(id).instrument)}
        if not {a.id, b.id} <= allowed:
            continue
        yield f"{id}: {first} minus {second} (95 % intervals; * more than chance)"
        yield f"{'':<{_LABEL}}" + "".join(f"{m:>27}" for m in MEASURES)
        clinics = {"": protocol.setting(id), "strains at random, ": protocol.random(id)}
        clinics |= {f"{v.name}, ": protocol.variant(id, v) for v in protocol.variants}
        for name, setting in clinics.items():
            on = bench(setting)
            yield from (_line(on, f"{name}{stratum}", stratum, a, b) for stratum in on.strata)


def _line(on: Bench, label: str, stratum: str, a: Policy, b: Policy) -> str:
    pairs = zip(on.ratios(a, stratum), on.ratios(b, stratum), strict=True)
    false, *seen = (difference(*pair) for pair in pairs)
    return f"{label:<{_LABEL}}" + "".join(f"{_shown(f):>27}" for f in (false.times(100), *seen))


def _shown(figure: Figure) -> str:
    if figure.estimate is None or figure.low is None or figure.high is None:
        return "-"
    sure = "*" if figure.low > 0 or figure.high < 0 else " "
    return f"{figure.estimate:+.3f} ({figure.low:+.3f} {figure.high:+.3f}){sure}"


def _policy(name: str) -> Policy:
    id, _, preset = name.partition("@")
    return info(id).policy(preset or "balanced")
