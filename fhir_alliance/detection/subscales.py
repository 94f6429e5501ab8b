"""The subscale notice: a subscale falls while the total says nothing.

Descriptive, never pushed. The subscale is compared with its own mean over the very sessions that
make the total's baseline; the size of fall worth a notice is the definition's `notice_drop`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import fsum

from ..model import Detection, Event, Instrument, Point, Step
from .reference import STRAINS
from .tolerance import EPSILON, at_least, valid

KIND = "subscale-drop"
_RULES = STRAINS | {"low-early", "persisting", "cooldown"}
_MINIMUM = 3


def subscale_drops(
    points_by_scale: Mapping[str, Sequence[Point]], detection: Detection, instrument: Instrument
) -> tuple[Event, ...]:
    """Level 1 events of kind `subscale-drop`, by index, then in the instrument's order of scales.

    `points_by_scale` holds points of the same sessions (same `at` and `source`) as the total that
    `detection` is about. Nothing is said while an episode of the total is open, where a rule of
    the total fired, or with fewer than three baseline scores. The event's `baseline` and `drop`
    are the subscale's; `scale` names it.
    """
    loud = {e.index for e in detection.events if e.kind in _RULES}
    quiet = [s for s in detection.steps if len(s.base) >= _MINIMUM and not s.in_episode and s.index not in loud]
    found = []
    for scale in instrument.scales:
        points, floor = points_by_scale.get(scale.id), scale.notice_drop
        if points is None or floor is None:
            continue
        values = {
            (p.at, p.source): p.value
            for p in points
            if p.value is not None and valid(p.value, scale.minimum, scale.maximum)
        }
        # No mean is above the highest score, so few scores need to be compared with their baseline.
        most = max(values.values(), default=0.0) - floor + 2 * EPSILON
        low = {key for key, value in values.items() if value <= most}
        if low:
            found += [e for s in quiet if (s.at, s.source) in low and (e := _drop(s, scale.id, floor, values))]
    return tuple(sorted(found, key=lambda e: e.index))


def _drop(step: Step, scale: str, floor: float, values: Mapping[tuple[datetime, str], float]) -> Event | None:
    value = values.get((step.at, step.source))
    base = [values[key] for p in step.base if (key := (p.at, p.source)) in values]
    if value is None or len(base) < _MINIMUM:
        return None
    mean = fsum(base) / len(base)
    if not at_least(mean - value, floor):
        return None
    return Event(step.index, step.at, 1, KIND, value, baseline=mean, drop=mean - value, source=step.source, scale=scale)
