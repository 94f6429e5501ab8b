"""Clinics whose strains are known: a seeded, labelled generator of session scores, as series and as FHIR resources.

What the package offers is imported when it is first asked for: the command line needs the parameters' names, not numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cohort import REPAIR, STRAIN, Cohort
    from .generator import generate
    from .parameters import Parameters

__all__ = ["REPAIR", "STRAIN", "Cohort", "Parameters", "generate"]
_HOMES = {"REPAIR": "cohort", "STRAIN": "cohort", "Cohort": "cohort", "generate": "generator"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f".{_HOMES.get(name, 'parameters')}", __name__), name)
