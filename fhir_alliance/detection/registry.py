"""The policies that there are, by id. A policy's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from ..errors import ConfigError
from .info import PolicyInfo
from .policy import Policy

DEFAULT = "alliance-policy/1"

HOMES = {
    "alliance-policy/1": "alliance",
    "alliance-policy/2": "alliance2",
    "openfit-srs/1": "openfit",
    "step-rc/1": "step",
    "from-best/1": "best",
    "xmr/1": "xmr",
    "xmr-floor/1": "xmr_floor",
    "ewma/1": "ewma",
    "cusum/1": "cusum",
    "absolute/1": "absolute",
    "change-point/1": "segments",
    "sudden-loss/1": "losses",
}
"""Id of a policy → the module beside this one whose INFO it is. The default comes first."""


def info(id: str) -> PolicyInfo:
    """What there is to know of the policy with this id; ConfigError when there is none."""
    if id not in HOMES:
        raise ConfigError(f"unknown policy; there are: {', '.join(HOMES)}")
    found: PolicyInfo = import_module(f".{HOMES[id]}", __package__).INFO
    return found


def policies() -> Mapping[str, PolicyInfo]:
    """Every policy by id, the default first."""
    return MappingProxyType({id: info(id) for id in HOMES})


def policy(id: str = DEFAULT, *, preset: str = "balanced", threshold: float | None = None) -> Policy:
    """The policy with this id at this sensitivity; ConfigError when there is none.

    `threshold` is a value of the parameter that `PolicyInfo.swept` names, in place of the preset's.
    """
    return info(id).policy(preset, threshold)
