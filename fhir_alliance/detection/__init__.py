"""Strains and notices from a series of scores: pure, deterministic, without look-ahead."""

from .alliance import PRESETS
from .info import PolicyInfo
from .policy import Policy, time_order
from .reference import STRAINS
from .registry import policies, policy
from .subscales import subscale_drops
from .tolerance import valid

__all__ = [
    "PRESETS",
    "STRAINS",
    "Policy",
    "PolicyInfo",
    "policies",
    "policy",
    "subscale_drops",
    "time_order",
    "valid",
]
