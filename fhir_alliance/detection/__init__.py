"""Strains and notices from a series of scores: pure, deterministic, and for alerts without look-ahead."""

from .alliance import PRESETS
from .change import ReliableChange, reliable_change
from .info import PolicyInfo
from .policy import Policy, time_order
from .reference import STRAINS, Reference
from .registry import info, policies, policy
from .site import SitePolicies, site_policies, unfit
from .subscales import subscale_drops
from .terms import Terms
from .tolerance import valid

__all__ = [
    "PRESETS",
    "STRAINS",
    "Policy",
    "PolicyInfo",
    "Reference",
    "ReliableChange",
    "SitePolicies",
    "Terms",
    "info",
    "policies",
    "policy",
    "reliable_change",
    "site_policies",
    "subscale_drops",
    "time_order",
    "unfit",
    "valid",
]
