"""Clinics whose strains are known: a seeded, labelled generator of session scores, as series and as FHIR resources."""

from __future__ import annotations

from .cohort import REPAIR, STRAIN, Cohort
from .generator import generate
from .parameters import Parameters

__all__ = ["REPAIR", "STRAIN", "Cohort", "Parameters", "generate"]
