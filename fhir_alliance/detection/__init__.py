"""Strains and notices from a series of scores: pure, deterministic, and for alerts without look-ahead."""

from .alliance import PRESETS
from .change import ReliableChange, reliable_change
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
    "ReliableChange",
    "policies",
    "policy",
    "reliable_change",
    "subscale_drops",
    "time_order",
    "valid",
]
