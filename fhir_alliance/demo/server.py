"""The FHIR server of the demo: the embedded one as a child process, or one on this machine that is given."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import requests

from ..config import is_loopback
from ..errors import ConfigError, EHRError, Unreachable

INSTALL = "pip install 'fhir-alliance[demo]'"
PATIENCE = 60.0
"""Seconds until the embedded server must have answered; it takes about one."""
ROOM = 1 << 29
"""Bytes that must be free in memory; a demo takes about a tenth of it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running FHIR server. The embedded one has a `console`, a page for people, and takes many
    resources in one request (`bundles`). `alive` says whether it still runs, as far as we can tell."""

    name: str
    version: str
    url: str
    console: str | None = None
    bundles: bool = False
    alive: Callable[[], bool] = lambda: True


def session() -> requests.Session:
    """For this machine only: no proxy, whatever the environment says."""
    made = requests.Session()
    made.trust_env = False
    made.headers.update({"Accept": "application/fhir+json", "Content-Type": "application/fhir+json"})
    return made


@contextmanager
def embedded(folder: Path) -> Iterator[Server]:
    """Start sekmet-fhir on a free loopback port with its data below `folder`; stop it by its pid."""
    if find_spec("sekmet") is None:
        raise ConfigError(
            "the demo's FHIR server is not installed. Install it:\n"
            f"    {INSTALL}\n"
            "or use an empty FHIR R4 server of your own on this machine:\n"
            "    fhir-alliance demo --server http://127.0.0.1:8080/fhir"
        )
    folder.mkdir(parents=True, exist_ok=True)
    child, url = _start(folder)
    try:
        name, version = _software(url, child)
        console = url.removesuffix("/fhir") + "/ui"
        yield Server(name, version, url, console, bundles=True, alive=lambda: child.poll() is None)
    finally:
        _stop(child)


@contextmanager
def given(url: str) -> Iterator[Server]:
    """A server that already runs. Refused unless it is on this machine and holds no Patient."""
    url = url.rstrip("/")
    if not url.startswith(("http://", "https://")) or not is_loopback(url):
        raise ConfigError("--server takes a FHIR base URL on this machine, like http://127.0.0.1:8080/fhir")
    with session() as http:
        name, version = _software(url, None)
        try:
            answer = http.get(f"{url}/Patient", params={"_count": "1"}, timeout=30)
            found = json.loads(answer.content) if answer.ok else None
        except (requests.RequestException, ValueError):
            found = None
        if not isinstance(found, dict) or found.get("resourceType") != "Bundle":
            raise EHRError("the server did not say whether it holds patients; the demo needs an empty one")
        if found.get("total") or any(_is_patient(e) for e in found.get("entry") or []):
            raise ConfigError("that server holds patients: the demo only writes to an empty server")
    yield Server(name, version, url)


def memory() -> Path | None:
    """A folder in memory with room for the demo, where the system has one: thousands of small
    transactions of two databases wait for a disk as long as they take otherwise, for data that nobody keeps."""
    folder = Path("/dev/shm")  # noqa: S108  a private folder is made in it
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK | os.X_OK):
        return None
    return folder if shutil.disk_usage(folder).free >= ROOM else None


def _is_patient(entry: dict[str, dict[str, object]]) -> bool:
    return (entry.get("resource") or {}).get("resourceType") == "Patient"


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The child and its base URL. sekmet's own variables are kept out: they would move its data or port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/fhir"
    settings = {
        "base_url": url,
        "host": "127.0.0.1",
        "port": port,
        "data_dir": str(folder / "data"),
        "own_private_key_path": str(folder / "keys" / "sekmet.pem"),
        "log_inbound": False,
        "simulator": {"enabled": False},
    }
    file = folder / "settings.yaml"
    file.write_text(json.dumps(settings, indent=1), encoding="utf-8")  # JSON is YAML
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SEKMET_")}
    with (folder / "server.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "fhir_alliance.demo.sekmet", str(file), "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment | {"SEKMET_CONFIG": str(file)},
            start_new_session=True,  # Ctrl-C is ours to handle: the server goes last
        )
    return child, url


def _software(url: str, child: subprocess.Popen[bytes] | None) -> tuple[str, str]:
    """Name and version from /metadata, awaited while the child starts."""
    until = time.monotonic() + (PATIENCE if child else 0)
    with session() as http:
        while True:
            try:
                answer = http.get(f"{url}/metadata", timeout=30)
                software = json.loads(answer.content).get("software") if answer.ok else None
                if answer.ok:
                    software = software if isinstance(software, dict) else {}
                    return str(software.get("name") or "unknown"), str(software.get("version") or "")
            except (requests.RequestException, ValueError, AttributeError):
                pass
            if child and child.poll() is not None:
                raise Unreachable(f"the demo's FHIR server ended at once (exit {child.returncode})")
            if time.monotonic() >= until:
                raise Unreachable("no FHIR server answered there" if child is None else "the server did not start")
            time.sleep(0.05)


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.stdin:
        child.stdin.close()
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
