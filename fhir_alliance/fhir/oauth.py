"""One access token for all threads: kept in memory, renewed before it expires, and once on 401."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from ..errors import EHRError, Throttled, Unreachable
from .scopes import Grant
from .token import Token

AHEAD = 60.0
"""Seconds before its end at which a token is renewed, or half its life when that is less."""


class OAuth:
    """Credentials that an EHR's token endpoint gives.

    ask    asks it; called by one thread at a time
    clock  seconds that only grow
    """

    def __init__(self, ask: Callable[[], Token], clock: Callable[[], float] = time.monotonic):
        self._ask, self._clock = ask, clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._headers: Mapping[str, str] = {}
        self._renew_at = self._ends = 0.0
        self._failures = 0
        self._failure: EHRError | None = None

    def headers(self) -> Mapping[str, str]:
        """The Authorization header, of a token that has not expired."""
        failures = self._failures
        with self._lock:
            if self._token is None or self._clock() >= self._renew_at:
                if self._failures != failures and self._failure is not None and self._token is None:
                    # It was tried while we waited, with all patience: one attempt stands for all threads.
                    raise type(self._failure)(
                        str(self._failure), status=self._failure.status, codes=self._failure.codes
                    )
                self._renew()
            return self._headers

    def refresh(self, refused: Mapping[str, str]) -> None:
        """Forget the token, unless another thread has done so."""
        with self._lock:
            if self._headers == refused:
                self._token = None

    def grant(self) -> Grant | None:
        """What the present token permits; None when there is none, or it is not known."""
        token = self._token
        return token.grant if token else None

    def _renew(self) -> None:
        asked = self._clock()
        try:
            token = self._ask()
        except EHRError as error:
            left = self._ends - self._clock()
            if self._token is not None and left > 0 and isinstance(error, Unreachable | Throttled):
                self._renew_at = self._clock() + left / 2  # it still holds: there is time to try again
                return
            self._token, self._failure = None, error
            self._failures += 1
            raise
        self._token, self._headers = token, {"Authorization": f"Bearer {token.value}"}
        self._ends = asked + token.lives
        self._renew_at = self._ends - min(AHEAD, token.lives / 2)
