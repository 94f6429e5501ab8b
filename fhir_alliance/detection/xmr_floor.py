"""`xmr-floor/1`: as `xmr/1`, but no client is believed to vary less than three quarters of s0."""

from __future__ import annotations

from .info import PolicyInfo
from .policy import Policy, RulePolicy
from .xmr import PRESETS, THRESHOLDS, Xmr

FLOOR = 0.75


def _make(preset: str, threshold: float) -> Policy:
    return RulePolicy(INFO.id, Xmr(threshold, floor=FLOOR), threshold, preset)


INFO = PolicyInfo(
    id="xmr-floor/1",
    instruments=None,
    min_sessions=6,
    sentence="This score is below the natural limits of this client's own control chart, drawn no narrower than "
    "for an ordinary client.",
    source="As xmr/1; the floor of .75 s0 is our own assumption [A], against the empty limits of steady clients.",
    swept="width of the limit, in mean moving ranges",
    thresholds=THRESHOLDS,
    presets=PRESETS,
    make=_make,
)
