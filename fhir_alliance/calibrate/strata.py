"""Groups of series by their usual score: a policy that is fine on average can fail at the ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from types import MappingProxyType

import numpy as np

from .sample import Sample
from .truth import Bools

ALL = "all"
Strata = Mapping[str, tuple[float, float]]
"""Name → (low, high): series with low <= usual score < high. Series without a known one are in `all` only."""

_EPSILON = 1e-9


def strata(ceiling: float, bands: Sequence[float] = ()) -> Strata:
    """`all`, `ceiling`, `below-ceiling`, and the bands between the given scores."""
    found = {ALL: (-inf, inf), "ceiling": (ceiling, inf), "below-ceiling": (-inf, ceiling)}
    edges = [-inf, *sorted(bands), inf] if bands else []
    return MappingProxyType(found | {_name(low, high): (low, high) for low, high in pairwise(edges)})


def members(sample: Sample, name: str, bounds: tuple[float, float]) -> Bools:
    """bool[series]: which are in the stratum."""
    if name == ALL:
        return np.ones(len(sample.level), dtype=bool)
    found: Bools = (sample.level >= bounds[0] - _EPSILON) & (sample.level < bounds[1] - _EPSILON)
    return found


def _name(low: float, high: float) -> str:
    if low == -inf:
        return f"below {high:g}"
    return f"{low:g} and up" if high == inf else f"{low:g} to {high:g}"
