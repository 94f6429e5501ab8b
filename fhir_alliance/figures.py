"""How often a policy is wrong: what every alert has to say about itself.

`figures.json` beside this module is a part of the results of the open benchmark (`benchmarks/strain`), written by
`make strain`: simulated clients, with 95 % Monte Carlo intervals. Absolute rates are good to about a half, rankings
are firm. To be replaced by a service's own figures. An instrument that was not simulated has none: figures are not
borrowed from another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT = "alliance-policy/1"


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure with its interval. `low` and `high` are None where there is none."""

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Operating characteristics of a policy for one instrument at one preset; shares of 1 unless said otherwise.

    false_checkins, false_priority   per 100 scored sessions without any strain
    clients_with_any                 clients with a false check-in in 16 sessions
    sessions_between                 scored sessions from one false check-in to the next
    fall                             size of the strain that the following are about, in points of the scale
    found_at_once                    share noticed at its first session
    found_lasting                    share noticed within two further sessions when it lasts
    repaired_told_repaired           of the noticed ones that lasted one session: closed as repaired
    lasting_told_repaired            of the noticed ones that lasted: closed as repaired, wrongly
    right                            share of check-ins that are right, by how many of 100 sessions begin a strain
    ceiling                          usual score from which a client is near the maximum
    found_at_ceiling, found_below_ceiling   `found_at_once`, for such clients and for the others

    A figure is None where it could not be told.
    """

    false_checkins: Measured
    false_priority: Measured
    clients_with_any: Measured
    sessions_between: Measured | None
    fall: float
    found_at_once: Measured
    found_lasting: Measured
    repaired_told_repaired: Measured | None
    lasting_told_repaired: Measured | None
    right: Mapping[int, Measured]
    ceiling: float
    found_at_ceiling: Measured | None
    found_below_ceiling: Measured | None


def figures(instrument: str, preset: str = "balanced", policy: str = DEFAULT) -> Figures | None:
    """What was measured, None where nothing was. The same object at every call."""
    return _all().get((policy, instrument, preset))


@cache
def _all() -> Mapping[tuple[str, str, str], Figures]:
    told: Any = json.loads(files(__package__).joinpath("figures.json").read_bytes())
    return {
        (policy, instrument, preset): _figures(found)
        for policy, instruments in told.items()
        for instrument, presets in instruments.items()
        for preset, found in presets.items()
    }


def _figures(found: dict[str, Any]) -> Figures:
    right = {int(percent): _measured(value) for percent, value in found.pop("right").items()}
    others: dict[str, Any] = {n: _measured(v) if isinstance(v, list) else float(v) for n, v in found.items()}
    return Figures(**others, right=right)


def _measured(value: list[float | None]) -> Any:
    estimate, low, high = value
    return None if estimate is None else Measured(estimate, low, high)
