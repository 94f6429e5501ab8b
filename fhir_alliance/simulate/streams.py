"""Random numbers that stay: numpy promises that `RandomState`'s streams never change; newer generators' may.

Every purpose of every block of clients has a stream of its own. So the first clients are the same however many there
are, and a parameter that is changed leaves every other draw as it was: two settings are compared on the same clients.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

BLOCK = 256
"""Clients that are drawn together. Part of the stream: another number gives other clients."""
LARGEST_SEED = 2**64 - 1


class Purpose(IntEnum):
    """What a stream is for. Numbers are part of the stream: add at the end, never renumber."""

    LENGTH = 1
    LEVEL = 2
    SPREAD = 3
    CEILING = 4
    COURSE = 5
    ITEM = 6
    NOISE = 7
    STRAIN = 8
    DEPTH = 9
    DURATION = 10
    SLIDE = 11
    MISSING = 12
    CHANGE = 13
    CALENDAR = 14
    PAPERS = 15


class Streams:
    """The streams of one block of clients."""

    def __init__(self, seed: int, block: int) -> None:
        self._key = (seed & 0xFFFFFFFF, seed >> 32, block)

    def __getitem__(self, purpose: Purpose) -> np.random.RandomState:
        """The stream from its beginning: ask once for each purpose."""
        return np.random.RandomState(np.array([*self._key, purpose], dtype=np.uint32))
