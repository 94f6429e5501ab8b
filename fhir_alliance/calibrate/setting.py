"""What the policies are tried on: the designs of the clinical specification, 2.6 and 5.2.

planted  false alarms from a cohort without strains; detection from the same clients with one strain each, that
         begins at the eighth of sixteen sessions: once for one session, once to the end, at three depths
mixed    one cohort in which strains begin at random, as the generator's parameters say
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from typing import Literal

import numpy as np

from ..errors import ConfigError
from ..model import Instrument
from ..simulate import Parameters, generate
from ..simulate.form import form
from ..simulate.levels import level
from .ratio import Floats
from .trial import Trial, trial
from .truth import TAIL

SEED = 1
CLIENTS = 4000
SESSIONS = (16, 16)
AT = 8
"""Session of a planted strain; with the seven before it a personal baseline is nearly full."""

FURTHER = 100
"""Sessions that tell a simulated client's true level, to .05 of a WAI-SR point or less."""

DEPTHS = {"likert": (0.75 / 4, 1.0 / 4, 1.5 / 4), "vas": (1.5 / 10, 2.0 / 10, 3.0 / 10)}
"""Depths of planted strains as shares of an item's range: .75, 1 and 1.5 of 1-5; 1.5, 2 and 3 of a line 0-10."""

NEAR_CEILING = {"likert": 0.05, "vas": 0.025}
"""A client this share of the range or less below the maximum is near the ceiling: 4.8 of 1-5, 39 of 0-40."""

STRAINS = ("strain_rate", "strain_first", "depth_low", "depth_high", "once_share", "short_share")
SLIDES = ("slide_share", "slide_step", "slide_depth", "slide_first")
RANDOM = (*STRAINS, *SLIDES)
"""Parameters about strains that begin at random: who sets one wants the mixed design."""

PLANTED = ("strain_at", "strain_depth", "strain_points", "strain_lasts")
"""Parameters about the planted one."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A strain of one kind. depth in points of an item before rounding, `points` the same in points of the scale."""

    depth: float
    points: float
    lasts: str

    def to_json(self) -> dict[str, object]:
        """As it is."""
        return {"depth": self.depth, "points": self.points, "lasts": self.lasts}


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything that decides the cohorts, and the site's own cut-off. ConfigError when it does not go together."""

    instrument: Instrument
    parameters: Parameters
    design: Literal["planted", "mixed"] = "planted"
    clients: int = CLIENTS
    sessions: tuple[int, int] = SESSIONS
    seed: int = SEED
    bands: tuple[float, ...] = ()
    cutoff: float | None = None

    def __post_init__(self) -> None:
        if self.design == "planted" and self.at + TAIL > self.sessions[0]:
            raise ConfigError(f"--sessions: a strain planted at session {self.at} needs at least {self.at + TAIL}")

    @property
    def at(self) -> int:
        """Session at which a planted strain begins."""
        return self.parameters.strain_at or AT

    @property
    def ceiling(self) -> float:
        """Usual score from which a series is near the ceiling."""
        return near_ceiling(self.instrument)

    def strains(self) -> tuple[Planted, ...]:
        """The planted strains, the lasting ones last: those of 2.6, or the one that the parameters plant."""
        if self.design == "mixed":
            return ()
        the_form, p = form(self.instrument), self.parameters
        depths = tuple(round(share * the_form.range, 10) for share in DEPTHS[the_form.kind])
        lasts: tuple[str, ...] = ("once", "lasting")
        if p.strain_at is not None:
            depths = (p.strain_depth if p.strain_depth is not None else (p.strain_points or 0) / the_form.points,)
            lasts = (p.strain_lasts,)
        return tuple(Planted(d, d * the_form.points, how) for how in lasts for d in depths)

    def main(self) -> Planted:
        """The strain whose figures stand for the policy: of the longest kind, the middle depth."""
        longest = [s for s in self.strains() if s.lasts == self.strains()[-1].lasts]
        return longest[len(longest) // 2]

    def usual(self) -> Floats:
        """float64[clients]: each client's mean score over many further sessions without strain.

        The same seed gives the same clients; only sessions beyond those of the trial are counted, so that chance
        in the trial does not decide the stratum.
        """
        steady = replace(_without_strains(self.parameters), missing=0.0, trend=0.0, change_share=0.0)
        sessions = self.sessions[1] + FURTHER
        twins = generate(steady, self.instrument, self.clients, (sessions, sessions), self.seed)
        level: Floats = twins.values[:, self.sessions[1] :].mean(axis=1)
        return level

    def calm(self, usual: Floats) -> Trial:
        """The cohort that false alarms are counted in: without strains when they are planted, else the mixed one."""
        parameters = self.parameters if self.design == "mixed" else _without_strains(self.parameters)
        return self._trial(parameters, usual)

    def planted(self, strain: Planted, usual: Floats) -> Trial:
        """The same clients with one strain each."""
        calm = _without_strains(self.parameters)
        parameters = replace(calm, strain_at=self.at, strain_depth=strain.depth, strain_lasts=strain.lasts)
        return self._trial(parameters, usual)

    def _trial(self, parameters: Parameters, usual: Floats) -> Trial:
        cohort = generate(parameters, self.instrument, self.clients, self.sessions, self.seed)
        # What a client's level is with the next therapist is not known.
        return trial(cohort, np.where(cohort.dyad == 0, usual[cohort.client], np.nan))

    def to_json(self) -> Mapping[str, object]:
        """The setting, complete enough to repeat it: levels and spreads that were not given are the instrument's."""
        own = {f.name: getattr(self.parameters, f.name) for f in fields(self.parameters)}
        own |= asdict(level(self.parameters, form(self.instrument)))
        told: dict[str, object] = {
            "instrument": self.instrument.id,
            "design": self.design,
            "truth": True,
            "clients": self.clients,
            "sessions": list(self.sessions),
            "seed": self.seed,
            "ceiling": self.ceiling,
            "bands": list(self.bands),
            "cut_off": self.cutoff,
            "parameters": {
                name: value.isoformat() if isinstance(value, date) else value
                for name, value in own.items()
                if name not in (PLANTED if self.design == "mixed" else (*PLANTED, *RANDOM))
            },
        }
        if self.design == "planted":
            told["strains"] = [s.to_json() for s in self.strains()]
            told["seen_strain"] = self.main().to_json()
        return told


def near_ceiling(instrument: Instrument) -> float:
    """Usual score from which a series is near the ceiling of this instrument."""
    change, share = instrument.change, NEAR_CEILING[form(instrument).kind]
    return round(change.maximum - share * (change.maximum - change.minimum), 10)


def _without_strains(parameters: Parameters) -> Parameters:
    return replace(
        parameters,
        strain_rate=0.0,
        slide_share=0.0,
        strain_at=None,
        strain_depth=None,
        strain_points=None,
        strain_lasts="once",
    )
