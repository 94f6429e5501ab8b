"""What there is to know of a policy before it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ..errors import ConfigError
from .policy import Policy


class PolicyInfo(Struct, frozen=True):
    """One policy: what it says, on what it may run, and how sensitive it can be made.

    instruments   ids of the only instruments that it may run on; None = all
    min_sessions  scores before which it says nothing, the judged one counted
    sentence      what an alert of it says, in one sentence
    source        where it comes from, and what of it is our own assumption
    swept         the parameter that `threshold` sets
    thresholds    values of it for a calibration curve, most sensitive first
    presets       threshold by name of the sensitivity; "balanced" is always there
    make          (preset, threshold) → the policy
    push          may it alert? False: for reports only
    looks_ahead   may later scores change what it says of earlier ones?
    """

    id: str
    instruments: tuple[str, ...] | None
    min_sessions: int
    sentence: str
    source: str
    swept: str
    thresholds: tuple[float, ...]
    presets: Mapping[str, float]
    make: Callable[[str, float], Policy]
    push: bool = True
    looks_ahead: bool = False

    def policy(self, preset: str = "balanced", threshold: float | None = None) -> Policy:
        """The policy at this sensitivity; ConfigError for an unknown preset."""
        if preset not in self.presets:
            raise ConfigError(f"unknown preset; {self.id} has: {', '.join(self.presets)}")
        return self.make(preset, self.presets[preset] if threshold is None else threshold)

    def refuses(self, instrument: str) -> str | None:
        """Why it may not run on this instrument, or None."""
        if self.instruments is None or instrument in self.instruments:
            return None
        return f"{self.id} is for {', '.join(self.instruments)} only, not for {instrument}"
