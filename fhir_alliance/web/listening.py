"""The HTTP server beside the scheduler: one thread of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from ..config import Settings
from ..config_serve import SHORTEST, Serve
from ..errors import ConfigError
from ..log import log
from .app import Doors, application

_ENOUGH = 100
"""Connections at a time; beyond it 503."""


@contextmanager
def listening(settings: Callable[[], Settings], ring: Callable[[], None]) -> Iterator[None]:
    """Answer until the block ends. ConfigError when the secret cannot be had or the port is taken."""
    serve = settings().serve
    app = application(Doors(settings, _secret(settings()), ring))
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_ENOUGH,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [_bound(serve)]}, name="listen", daemon=True)
    thread.start()
    log("listening.started")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


def _secret(settings: Settings) -> str | None:
    given = settings.serve.nudge.secret
    if given is None:
        return None
    secret = given.reveal(settings.root)
    if len(secret) < SHORTEST:
        raise ConfigError(f"serve.nudge.secret has fewer than {SHORTEST} characters")
    return secret


def _bound(serve: Serve) -> socket.socket:
    """Bound here and now, so that a port that is taken is told before any pass begins."""
    try:
        family, _, _, _, address = socket.getaddrinfo(serve.host, serve.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        where = f"{serve.host} port {serve.port}"
        raise ConfigError(f"serve: cannot listen on {where}: {error.strerror or type(error).__name__}") from None
