"""The protocol as a value, and what is measured by it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fhir_alliance.calibrate import Setting
from fhir_alliance.detection import PolicyInfo, policies
from fhir_alliance.detection.policy import RulePolicy
from fhir_alliance.instruments import get
from fhir_alliance.model import Instrument
from fhir_alliance.simulate import Parameters

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Variant:
    """Another clinic: parameters of the generator that differ from the default."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Protocol:
    """Seeds, sizes and settings of `protocol.toml`."""

    seed: int
    clients: int
    sessions: int
    instruments: tuple[str, ...]
    cutoffs: Mapping[str, float]
    variants: tuple[Variant, ...]

    def setting(self, instrument: str) -> Setting:
        """The default clinic with the planted strains of the clinical specification 2.6."""
        sessions = (self.sessions, self.sessions)
        return Setting(get(instrument), Parameters(), "planted", self.clients, sessions, self.seed)

    def random(self, instrument: str) -> Setting:
        """The same clinic with strains at random, from the second session on (5.2)."""
        return replace(self.setting(instrument), design="mixed")

    def with_cutoff(self, instrument: str) -> tuple[Setting, Setting] | None:
        """Both clinics with a site's own cut-off; None where there is none to try."""
        if (cutoff := self.cutoffs.get(instrument)) is None:
            return None
        return replace(self.setting(instrument), cutoff=cutoff), replace(self.random(instrument), cutoff=cutoff)

    def variant(self, instrument: str, variant: Variant) -> Setting:
        """The same with other parameters, and with the main strain only."""
        standard = self.setting(instrument)
        if "strain_rate" in variant.parameters:
            return replace(standard, parameters=Parameters(**variant.parameters), design="mixed")
        main = standard.main()
        parameters = Parameters(
            **variant.parameters, strain_at=standard.at, strain_depth=main.depth, strain_lasts=main.lasts
        )
        return replace(standard, parameters=parameters)


def protocol(**changed: Any) -> Protocol:
    """The protocol of the committed results; other sizes or seeds for trying things out."""
    told = tomllib.loads((FOLDER / "protocol.toml").read_text(encoding="utf-8"))
    variants = tuple(Variant(v["name"], v["parameters"]) for v in told.pop("variant"))
    return Protocol(**{**told, "instruments": tuple(told["instruments"]), "variants": variants, **changed})


def judged(instrument: Instrument) -> list[PolicyInfo]:
    """The policies that may alert on this instrument, the default first."""
    return [info for info in policies().values() if info.push and not info.refuses(instrument.id)]


def needs_cutoff(info: PolicyInfo) -> bool:
    """Has its rule a place for a site's own cut-off?"""
    made = info.policy("balanced")
    return isinstance(made, RulePolicy) and made.rule.uses_cutoff
