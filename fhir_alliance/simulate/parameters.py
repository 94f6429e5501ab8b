"""The settings of the generator, each with its unit, its range and where its default comes from.

Defaults are those of `clinical.md` 5.2 and of the generator behind its tables (Appendix B). Tags: C computed, A our own
assumption, R2 read in a secondary source. Depths, levels and spreads are in points of one item before it is rounded and
clipped; of an instrument scored as a mean that is the scale's own metric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from types import MappingProxyType
from typing import Any

from ..errors import ConfigError

_POINTS = "item points"
_SESSION = "number of the session"


@dataclass(frozen=True)
class About:
    """What is said of a parameter. `low` and `high` are allowed themselves."""

    what: str
    unit: str
    low: float
    high: float
    basis: str


def _number(default: Any, what: str, unit: str, low: float, high: float, basis: str) -> Any:
    return field(default=default, metadata={"about": About(what, unit, low, high, basis)})


def _share(default: float, what: str, basis: str) -> Any:
    return _number(default, what, "share", 0, 1, basis)


@dataclass(frozen=True)
class Parameters:
    """A clinic to simulate. ConfigError when a value is out of its range, or two do not go together.

    None for a level or spread means: that of the instrument (`levels.level`). A planted strain (`strain_at`) takes the
    place of the random ones.
    """

    # -- clients and their answers
    mean: float | None = _number(None, "Mean of the clients' levels", _POINTS, -1e3, 1e3, "[A] 5.2, Appendix B")
    between_sd: float | None = _number(None, "SD of the clients' levels", _POINTS, 0, 1e3, "[A] 5.2, Appendix B")
    within_sd: float | None = _number(
        None, "Typical SD of one client's sessions (median over clients)", _POINTS, 0, 1e3, "[A] 5.2, Appendix B"
    )
    within_spread: float = _number(0.35, "How clients differ in that SD: SD of its logarithm", "", 0, 2, "[A] 5.2")
    autocorrelation: float = _number(
        0.3, "Correlation of a client's neighbouring sessions, before rounding", "", 0, 0.99, "[A] 5.2: sweep 0 to .6"
    )
    item_sd: float | None = _number(None, "How items differ within a client: SD", _POINTS, 0, 1e3, "[A] Appendix B")
    noise_sd: float | None = _number(None, "Noise of a single answer: SD", _POINTS, 0, 1e3, "[A] Appendix B")
    ceiling_share: float = _share(
        0.0, "Clients who stand above the best answer", "[R2] 5.2: up to 54 % at maximum in practice"
    )

    # -- slow changes
    trend: float = _number(0.0, "Rise of every client", f"{_POINTS} a session", -10, 10, "[A] 5.2: .02 of a 1-5 item")
    slide_share: float = _share(0.0, "Clients whose scores slide slowly down once", "[A] 5.2: on or off")
    slide_step: float = _number(0.3, "Fall of a sliding client", "typical within-SD a session", 0, 10, "[A]")
    slide_depth: float = _number(3.0, "Where the slide ends: its depth", "typical within-SD", 0, 100, "[A]")
    slide_first: int = _number(5, "First session at which a slide may begin", _SESSION, 2, 1000, "[A]")

    # -- strains at random
    strain_rate: float = _number(
        0.04,
        "Chance that a strain begins, outside strains",
        "a session",
        0,
        1,
        "[A] 5.2: sweep .02 to .10",
    )
    strain_first: int = _number(2, "First session at which a strain may begin", _SESSION, 2, 1000, "[A]")
    depth_low: float = _number(1.5, "Shallowest strain", "typical within-SD", 0, 100, "[A] 5.2")
    depth_high: float = _number(4.5, "Deepest strain", "typical within-SD", 0, 100, "[A] 5.2")
    once_share: float = _share(0.5, "Strains of one session", "[A] 5.2")
    short_share: float = _share(0.25, "Strains of two or three sessions; the rest lasts", "[A] 5.2")

    # -- one strain, planted in every client
    strain_at: int | None = _number(None, "Plants a strain in every client, here", _SESSION, 1, 1000, "2.3, 2.6")
    strain_depth: float | None = _number(None, "Depth of the planted strain", _POINTS, 0, 1e4, "2.3, 2.6")
    strain_points: float | None = _number(None, "The same, otherwise told", "points of the scale", 0, 1e4, "2.3, 2.6")
    strain_lasts: str = field(
        default="once",
        metadata={
            "about": About("How long it lasts", "once, lasting or a number of sessions", math.nan, math.nan, "2.6")
        },
    )

    # -- forms
    missing: float = _share(0.12, "Sessions whose form is not returned", "[A] 5.2: sweep 0 to .40")
    missing_in_strain: float = _number(
        1.0,
        "How much likelier that is in a strain",
        "times",
        0,
        100,
        "[A] Appendix B; 5.2: sweep 2 to 3",
    )
    no_show: float = _share(0.3, "Missing forms whose session was missed too (FHIR only)", "[A]")
    late: float = _share(0.0, "Forms that are filled in days after the session (FHIR only)", "[A]")
    late_days: int = _number(10, "Longest delay of a late form", "days", 1, 80, "[A]")
    amended: float = _share(0.0, "Forms that are corrected later (FHIR only)", "[A]")

    # -- therapists and calendar
    change_share: float = _share(0.0, "Clients who change their therapist once", "[A] 5.2: on or off")
    change_first: int = _number(5, "First session with a new therapist", _SESSION, 2, 1000, "[A]")
    change_kept: float = _number(0.5, "Correlation of a client's level with the two therapists", "", 0, 1, "[A]")
    caseload: int = _number(25, "Clients of one therapist", "clients", 1, 100_000, "[A]")
    interval: int = _number(7, "Days between sessions", "days", 1, 366, "[A]")
    jitter: int = _number(0, "Days by which a session may be early or late", "days", 0, 100, "[A]")
    start: date = field(
        default=date(2025, 1, 6),
        metadata={"about": About("First day of the clinic", "date", math.nan, math.nan, "[A]")},
    )

    def __post_init__(self) -> None:
        for f in fields(self):
            _in_range(f.name, getattr(self, f.name), ABOUT[f.name], whole="int" in str(f.type))
        sessions_of(self.strain_lasts)
        if self.depth_low > self.depth_high:
            raise ConfigError("--depth-low: give no more than --depth-high")
        if self.once_share + self.short_share > 1 + 1e-9:
            raise ConfigError("--once-share and --short-share: together at most 1")
        if 2 * self.jitter >= self.interval:
            raise ConfigError("--jitter: give less than half of --interval, so that sessions keep their order")
        if not 1900 <= self.start.year <= 2200:
            raise ConfigError("--start: give a date from 1900 to 2200")
        self._planted()

    def _planted(self) -> None:
        depths = [d for d in (self.strain_depth, self.strain_points) if d is not None]
        if self.strain_at is None:
            if depths or self.strain_lasts != "once":
                raise ConfigError("a planted strain needs --strain-at, the session at which it begins")
        elif len(depths) != 1:
            raise ConfigError("--strain-at needs the depth: --strain-depth or --strain-points, one of them")


def flag(name: str) -> str:
    """The option of a parameter."""
    return f"--{name.replace('_', '-')}"


LASTING = 1 << 30
"""Sessions of a strain that is not repaired."""


def sessions_of(lasts: str) -> int:
    """Sessions that "once", "lasting" or a number stand for. ConfigError for anything else."""
    if lasts in {"once", "lasting"}:
        return 1 if lasts == "once" else LASTING
    if lasts.isascii() and lasts.isdigit() and 1 <= int(lasts) <= 1000:
        return int(lasts)
    raise ConfigError("--strain-lasts: give once, lasting, or a number of sessions from 1 to 1000")


def _in_range(name: str, value: object, about: About, *, whole: bool) -> None:
    if value is None or isinstance(value, str | date):
        return
    if not isinstance(value, int if whole else int | float) or not about.low <= value <= about.high:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{flag(name)}: give {kind} from {about.low:g} to {about.high:g}")


ABOUT: Mapping[str, About] = MappingProxyType({f.name: f.metadata["about"] for f in fields(Parameters)})
"""What is said of each parameter, in their order."""
