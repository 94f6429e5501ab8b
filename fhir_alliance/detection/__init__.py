"""Strains and notices from a series of scores: pure, deterministic, without look-ahead."""

from .alliance import time_order
from .policy import PRESETS, Policy, policy
from .subscales import subscale_drops
from .tolerance import valid

__all__ = ["PRESETS", "Policy", "policy", "subscale_drops", "time_order", "valid"]
