"""The routes: /health, /ready and /nudge. Answers hold no identity; who is refused learns no more than that."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..config import Settings, now_utc
from ..errors import bug
from ..log import log
from ..nudging import STORE_TROUBLE, Freshness, Nudged, freshness, nudge
from .limit import Bucket
from .notification import notification

LARGEST = 1_000_000
"""Bytes of a body. A notification that carries ids has a few hundred."""
PATIENCE = 10.0
"""Seconds for a body to arrive."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What the routes stand on.

    settings  those of the newest pass
    secret    of /nudge; None: there is no such door
    ring      asks for a pass soon
    """

    settings: Callable[[], Settings]
    secret: str | None
    ring: Callable[[], None]


def application(doors: Doors) -> Starlette:
    """The ASGI application."""
    routes = [
        Route("/health", _health, methods=["GET"]),
        Route("/ready", _Ready(doors).answer, methods=["GET"]),
    ]
    if doors.secret is not None:
        taking = _Nudges(doors, doors.secret.encode()).answer
        # Some servers send the changed resource itself, by PUT, to its own address below the one that they were given.
        for path, methods in (("/nudge", ["POST"]), ("/nudge/{path:path}", ["POST", "PUT"])):
            routes.append(Route(path, taking, methods=methods, max_body_size=LARGEST))
    app = Starlette(routes=routes, exception_handlers={Exception: _failed})
    app.router.redirect_slashes = False
    return app


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "up", "version": __version__})


async def _failed(_: Request, error: Exception) -> Response:
    log("nudge.refused", "error", status=500, error=bug(error))
    return Response(status_code=500)


class _Ready:
    """Was there a complete pass lately?"""

    def __init__(self, doors: Doors):
        self._doors = doors

    async def answer(self, _: Request) -> Response:
        settings = self._doors.settings()
        try:
            found = await run_in_threadpool(freshness, settings, now_utc())
        except STORE_TROUBLE:
            found = Freshness(None, None)
        limit = settings.serve.stale_after
        ready = found.age is not None and found.age <= limit
        body = {
            "ready": ready,
            "last_success": found.last.isoformat() if found.last else None,
            "age_seconds": found.age.total_seconds() if found.age is not None else None,
            "stale_after_seconds": limit.total_seconds(),
        }
        return JSONResponse(body, 200 if ready else 503)


class _Nudges:
    """The secret first, then the rate, then what is named. Whoever has no secret cannot use up the rate of who has."""

    def __init__(self, doors: Doors, secret: bytes):
        at = doors.settings().serve.nudge
        self._doors, self._secret, self._header = doors, secret, at.header
        self._taken, self._strangers = Bucket(at.per_minute), Bucket(at.per_minute)

    async def answer(self, request: Request) -> Response:
        known = self._knows(request)
        if over := (self._taken if known else self._strangers).turned_away():
            if over == 1:  # a flood is one line
                log("nudge.refused", "warning", status=429)
            return Response(status_code=429, headers={"Retry-After": "60"})
        if not known:
            log("nudge.refused", "warning", status=401)
            return Response(status_code=401)
        try:
            async with asyncio.timeout(PATIENCE):
                body = await request.body()
        except TimeoutError:
            return Response(status_code=408)
        except ClientDisconnect:
            return Response(status_code=400)
        return await self._take(body, request.path_params.get("path", ""))

    def _knows(self, request: Request) -> bool:
        """Compared in a time that does not tell how much of it was right."""
        given = request.headers.get(self._header, "").strip()
        scheme, _, rest = given.partition(" ")
        given = rest.strip() if scheme.casefold() == "bearer" else given
        return hmac.compare_digest(given.encode("latin-1", "replace"), self._secret)

    async def _take(self, body: bytes, path: str) -> Response:
        try:
            done = await run_in_threadpool(self._mark, body, path)
        except STORE_TROUBLE as error:
            log("nudge.refused", "warning", status=503, error=type(error).__name__)
            return Response(status_code=503, headers={"Retry-After": "60"})
        if done is not None:
            log("nudge.received", patients=done.named, due=done.due, soon=done.soon)
        # The same answer to all: nobody learns here who is in the cohort.
        return Response(status_code=200)

    def _mark(self, body: bytes, path: str) -> Nudged | None:
        told = notification(body, path)
        if told.idle:
            return None
        done = nudge(self._doors.settings(), told.references, now_utc())
        if done.soon:
            self._doors.ring()
        return done
