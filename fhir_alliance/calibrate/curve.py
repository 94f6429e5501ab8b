"""Detection against false alarms, over the thresholds of a policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..detection import PolicyInfo
from .bench import Bench
from .ratio import Figure
from .strata import ALL


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One threshold. false: check-ins per 100 scored sessions without strain; preset: its name where it has one."""

    threshold: float
    preset: str | None
    false: Figure
    seen_at_onset: Figure
    seen_by_2: Figure

    def to_json(self) -> dict[str, object]:
        """As it is."""
        return {
            "threshold": self.threshold,
            "preset": self.preset,
            "false_l2_per_100": self.false.to_json(),
            "seen_at_onset": self.seen_at_onset.to_json(),
            "seen_by_2": self.seen_by_2.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """One policy on one instrument, most sensitive threshold first."""

    policy: str
    swept: str
    points: Sequence[CurvePoint]

    def to_json(self) -> dict[str, object]:
        """As it is."""
        return {"policy": self.policy, "swept": self.swept, "points": [p.to_json() for p in self.points]}


def curve(bench: Bench, info: PolicyInfo, stratum: str = ALL) -> Curve:
    """The policy at its thresholds and at its presets."""
    presets = {threshold: name for name, threshold in info.presets.items()}
    order = sorted({*info.thresholds, *presets}, reverse=info.thresholds[0] > info.thresholds[-1])
    return Curve(info.id, info.swept, tuple(_point(bench, info, t, presets.get(t), stratum) for t in order))


def _point(bench: Bench, info: PolicyInfo, threshold: float, preset: str | None, stratum: str) -> CurvePoint:
    (found,) = bench.ratios(info.policy(threshold=threshold), (stratum,))
    false = found.false.figure().times(100)
    return CurvePoint(threshold, preset, false, found.at_onset.figure(), found.by_2.figure())
