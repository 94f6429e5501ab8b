"""The real FHIR servers of the test suite: each is started on a free port of 127.0.0.1, awaited, restarted, stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from fhir_alliance.vendors import vendors

from . import builds, clients

HERE = Path(__file__).parent
HOST = "127.0.0.1"


class ServerFailed(Exception):
    """A server did not come up: its port is taken, it ended, or it took too long."""


@dataclass(frozen=True)
class Recipe:
    """How to run one server. `command` takes the folder of its data and its port.

    keeps    its data survive a restart
    patience seconds from start to the first answer on /metadata
    loader   bearer token of the tests' own HTTP client, None where nobody is asked who they are
    like     the vendor's profile that stands between it and the product, "" for none
    """

    name: str
    runtime: str
    base: str
    command: Callable[[Path, int], list[str]]
    keeps: bool = True
    patience: float = 30
    loader: str | None = None
    like: str = ""


def _settings(folder: Path, port: int, *, behaviour: str = "{}", auth: str = "{}") -> Path:
    settings = folder / "settings.yaml"
    settings.write_text(
        f"base_url: http://{HOST}:{port}/fhir\nhost: {HOST}\nport: {port}\ndata_dir: {folder / 'data'}\n"
        f"log_inbound: false\nsimulator: {{enabled: false}}\nserver_behaviour: {behaviour}\nserver_auth: {auth}\n"
    )
    return settings


def sekmet_smart_settings(folder: Path, port: int, scopes: Mapping[str, str] = clients.CLIENTS) -> Path:
    """Write the settings of `sekmet-smart`: they hold from its next start on."""
    return _settings(folder, port, auth=clients.server_auth(folder, scopes))


def _sekmet(folder: Path, port: int, *, stock: bool = False, behaviour: str = "{}") -> list[str]:
    return _serve(_settings(folder, port, behaviour=behaviour), stock=stock)


def _serve(settings: Path, *, stock: bool = False) -> list[str]:
    if stock:
        return [sys.executable, "-m", "sekmet.cli", "serve", "-c", str(settings)]
    return [sys.executable, "-m", "fhir_alliance.demo.sekmet", str(settings), "--until-stdin-closes"]


def _sekmet_stock(folder: Path, port: int) -> list[str]:
    return _sekmet(folder, port, stock=True)


def _sekmet_absolute(folder: Path, port: int) -> list[str]:
    return _sekmet(folder, port, behaviour="{absolute_references: true}")


def _sekmet_smart(folder: Path, port: int) -> list[str]:
    written = folder / "settings.yaml"
    return _serve(written if written.exists() else sekmet_smart_settings(folder, port))


def _medplum(folder: Path, port: int) -> list[str]:
    websocket = ["--experimental-websocket"] if builds.node_major() < 22 else []
    return ["node", *websocket, str(HERE / "medplum" / "server.mjs"), str(port)]


def _hapi(folder: Path, port: int) -> list[str]:
    return [str(HERE / "hapi" / "start.sh"), str(port), f"--hapi.db={folder / 'h2'}"]


def _hapi_cached(folder: Path, port: int) -> list[str]:
    return [*_hapi(folder, port), "--hapi.reuse-search-ms=60000"]


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("sekmet", "sekmet", "/fhir", _sekmet),
        Recipe("sekmet-stock", "sekmet", "/fhir", _sekmet_stock),
        Recipe("sekmet-absolute", "sekmet", "/fhir", _sekmet_absolute),
        Recipe("sekmet-smart", "sekmet", "/fhir", _sekmet_smart, loader=clients.LOADER),
        Recipe("medplum", "medplum", "/fhir/R4", _medplum, keeps=False),
        Recipe("hapi", "hapi", "/fhir", _hapi, patience=120),
        Recipe("hapi-cached", "hapi", "/fhir", _hapi_cached, patience=120),
        *(Recipe(f"like-{vendor}", "sekmet", "/fhir", _sekmet, like=vendor) for vendor in vendors()),
    )
}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """One running server. `base` stays the same over restarts; what it prints goes to the file `log`."""

    def __init__(self, recipe: Recipe, port: int | None = None):
        self.recipe = recipe
        self.port = port or free_port()
        self.base = f"http://{HOST}:{self.port}{recipe.base}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"alliance-{recipe.name}-"))
        self.log = self.folder / "server.log"
        self.software = self.version = "?"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Its name in servers tables and in the matrix."""
        return self.recipe.name

    def start(self) -> None:
        """Start and wait for /metadata. ServerFailed when the port is taken, it ends early, or time runs out."""
        _refuse_taken(self.port)
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.recipe.command(self.folder, self.port),
                cwd=self.folder,
                env={name: value for name, value in os.environ.items() if not name.startswith("SEKMET_")},
                stdin=subprocess.PIPE,  # ours alone: it closes when this process ends, however it ends
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its own process group, so that its children end with it
            )
        try:
            self._await_metadata(time.monotonic() + self.recipe.patience)
        except BaseException:
            self.stop(hard=True)
            raise

    def _await_metadata(self, deadline: float) -> None:
        assert self._process is not None
        while True:
            try:
                answer = requests.get(f"{self.base}/metadata", timeout=10)
                ready = answer.status_code == 200
            except requests.RequestException:
                ready = False
            if (code := self._process.poll()) is not None:
                raise ServerFailed(f"{self.name} ended with {code} before it answered:\n{self._tail()}")
            if ready:
                software = answer.json().get("software", {})
                self.software, self.version = software.get("name", "?"), software.get("version", "?")
                return
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} gave no answer in {self.recipe.patience:g} s:\n{self._tail()}")
            time.sleep(0.1)

    def stop(self, *, hard: bool = False) -> None:
        """End its process group and wait: politely (then with SIGKILL after 30 s), or at once with `hard`."""
        if (process := self._process) is None:
            return
        self._process = None
        assert process.stdin is not None
        process.stdin.close()
        _signal(process.pid, signal.SIGKILL if hard else signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            _signal(process.pid, signal.SIGKILL)
            process.wait(30)
        _signal(process.pid, signal.SIGKILL)  # children that outlived their parent

    def restart(self, *, hard: bool = False) -> None:
        """Stop and start again on the same port, with the same data where it keeps them."""
        self.stop(hard=hard)
        self.start()

    def discard(self) -> None:
        """Stop, and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _refuse_taken(port: int) -> None:
    """Two servers can answer on one port number only by mistake: ours must be the one that is asked."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServerFailed(f"port {port} is taken ({error.strerror})") from None
