"""What a policy is, and the policies that there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ..errors import ConfigError
from ..model import Change, Detection, Point
from .alliance import AlliancePolicy

PRESETS = {"sensitive": 1.645, "balanced": 2.0, "specific": 2.33}
"""Sensitivity: the z from which a fall fires."""


class Policy(Protocol):
    """Turns one series of scores into events and episodes. Pure, and deaf to the order of its input."""

    @property
    def id(self) -> str:
        """Name and version: "alliance-policy/1"."""

    @property
    def preset(self) -> str:
        """Name of the sensitivity."""

    @property
    def zc(self) -> float:
        """The z from which a fall fires."""

    @property
    def horizon(self) -> int:
        """Scored sessions for which a strain is followed."""

    def run(
        self,
        points: Sequence[Point],
        change: Change,
        *,
        cutoff: float | None = None,
        as_of: datetime | None = None,
    ) -> Detection:
        """Everything that the policy says of one series."""


def policy(id: str = AlliancePolicy.id, *, preset: str = "balanced") -> Policy:
    """The policy with this id at this sensitivity; ConfigError when there is none."""
    if id != AlliancePolicy.id:
        raise ConfigError(f"unknown policy; there is: {AlliancePolicy.id}")
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset; there are: {', '.join(PRESETS)}")
    return AlliancePolicy(preset=preset, zc=PRESETS[preset])
