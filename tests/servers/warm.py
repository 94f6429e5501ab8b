"""The command line without its start-up time: every run is a process of its own, forked from one that has the imports.

What runs is `fhir_alliance.cli.main()` with its own arguments, environment, folder, files and signals; it can be killed
like any other. A helper (this file as a program) holds the imports and forks; it ends with the test process.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_helper: dict[int, Path] = {}


def _address() -> Path:
    """The helper of this process, started at the first use."""
    if os.getpid() not in _helper:
        folder = Path(tempfile.mkdtemp(prefix="alliance-warm-"))
        address = folder / "socket"
        helper = subprocess.Popen(
            [sys.executable, __file__, str(address)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        assert helper.stdout is not None
        assert helper.stdout.readline() == b"ready\n"
        atexit.register(helper.kill)
        _helper[os.getpid()] = address
    return _helper[os.getpid()]


class Running:
    """One run, with the part of `subprocess.Popen` that the tests use."""

    def __init__(self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]):
        folder = Path(tempfile.mkdtemp(prefix="alliance-run-"))
        self._out, self._err = folder / "out", folder / "err"
        self._link = socket.socket(socket.AF_UNIX)
        self._link.connect(str(_address()))
        self._lines = self._link.makefile("r")
        asked = {
            "argv": list(arguments),
            "cwd": str(cwd),
            "env": dict(env),
            "out": str(self._out),
            "err": str(self._err),
        }
        self._link.sendall(json.dumps(asked).encode() + b"\n")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None
        self._waiting = threading.Lock()

    def wait(self, timeout: float) -> int:
        """The exit code, or minus the signal that ended it."""
        with self._waiting:
            if self.returncode is None:
                if not select.select([self._link], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("fhir-alliance", timeout)
                self.returncode = int(self._lines.readline())
                self._link.close()
            return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait, and what it printed."""
        self.wait(timeout)
        return self._out.read_text(), self._err.read_text()

    def said(self) -> str:
        """What it printed to stderr so far."""
        return self._err.read_text()

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


# -- the helper ----------------------------------------------------------------------------------


def _preload() -> None:
    import alembic.command
    import sqlalchemy

    import fhir_alliance.cli.commands
    import fhir_alliance.doctor
    import fhir_alliance.explaining
    import fhir_alliance.explanation
    import fhir_alliance.schedule
    import fhir_alliance.sync
    from fhir_alliance.fhir.outbound import checked

    assert alembic.command
    assert fhir_alliance.sync
    sqlalchemy.create_engine("sqlite://").dispose()
    for type in ("Observation", "Task", "Flag", "Device"):
        try:
            checked({"resourceType": type})
        except ValueError:
            continue


def _serve(address: str) -> None:
    _preload()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _watch(link)
        link.close()


def _watch(link: socket.socket) -> None:
    """Fork the run, tell its pid, await its end, tell its code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked = json.loads(link.makefile("r").readline())
    pid = os.fork()
    if pid == 0:
        link.close()
        _run(asked)
    link.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    link.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(asked: dict[str, Any]) -> None:
    from fhir_alliance.cli import main

    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    nothing = os.open(os.devnull, os.O_RDONLY)
    files = [os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for name in ("out", "err")]
    for number, file in enumerate((nothing, *files)):
        os.dup2(file, number)
    sys.argv = ["fhir-alliance", *asked["argv"]]
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve(sys.argv[1])
