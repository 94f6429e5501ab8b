"""How many requests are taken in a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Bucket:
    """Has room for `size` requests, and is empty again a minute after it was full. Safe across threads."""

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic):
        self._size, self._room = size, float(size)
        self._clock, self._at = clock, clock()
        self._turned_away = 0
        self._lock = threading.Lock()

    def turned_away(self) -> int:
        """One more request: 0 when there is room for it, else how many in a row there was none for."""
        with self._lock:
            now = self._clock()
            self._room = min(self._size, self._room + (now - self._at) * self._size / 60)
            self._at = now
            if self._room >= 1:
                self._room -= 1
                self._turned_away = 0
            else:
                self._turned_away += 1
            return self._turned_away
