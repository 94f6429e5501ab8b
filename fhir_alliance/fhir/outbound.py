"""What we send is checked against the R4 models first: a resource that we could not read back is never sent.

The bare `fhir.resources` import is R5; R4B's Observation, Task, Flag and Device are R4's. The
models check; what goes over the wire is our own dict, so that decimals keep their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any


@lru_cache(maxsize=8)
def _model(type: str) -> Any:
    return getattr(import_module(f"fhir.resources.R4B.{type.lower()}"), type)


def checked(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource itself, if it is valid R4; ValueError (naming elements, no values) if not."""
    from pydantic import ValidationError

    try:
        _model(resource["resourceType"]).model_validate(dict(resource))
    except ValidationError as error:
        places = sorted({".".join(str(p) for p in e["loc"]) for e in error.errors()})
        raise ValueError(f"not a valid {resource['resourceType']}: {', '.join(places)}") from None
    return dict(resource)
