"""What must stand before a server can start: Medplum's packages, HAPI's jar. Each is made once, under a file lock.

`python -m tests.servers.builds` makes all that this machine can, so that a test run need not.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
MEDPLUM = HERE / "medplum"
HAPI = HERE / "hapi"


class Missing(Exception):
    """A server cannot run on this machine; the message says why."""


def ready_sekmet() -> None:
    """sekmet-fhir is installed beside the tests (extra `demo`). Raises Missing."""
    if importlib.util.find_spec("sekmet") is None:
        raise Missing("sekmet-fhir is not installed; run: pip install 'fhir-alliance[demo]'")


def ready_medplum() -> None:
    """Node 20 or newer, and the locked packages under medplum/node_modules. Raises Missing."""
    if node_major() < 20:
        raise Missing("Medplum's router needs Node 20 or newer" + (", found an older one" if node_major() else ""))
    sources = [MEDPLUM / "package.json", MEDPLUM / "package-lock.json"]
    _once(MEDPLUM / "node_modules" / ".package-lock.json", sources, ["npm", "ci", "--ignore-scripts"])


def ready_hapi() -> None:
    """Java 17 and Maven, and HAPI's jar under hapi/target. Raises Missing."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Missing(f"HAPI needs Java 17 and Maven 3.8 or newer; there is no `{program}`")
    sources = [HAPI / "pom.xml", *(path for path in (HAPI / "src").rglob("*") if path.is_file())]
    _once(HAPI / "target" / "hapi-test-server.jar", sources, ["mvn", "-B", "-q", "package"])


def node_major() -> int:
    """Major version of Node on this machine, 0 when there is none."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return 0
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return int(shown.strip().lstrip("v").split(".")[0] or 0)


READY: dict[str, Callable[[], None]] = {"sekmet": ready_sekmet, "medplum": ready_medplum, "hapi": ready_hapi}
"""Runtime → what makes it ready. A name of ALLIANCE_REQUIRE is one of these, or `all`."""


def required(runtime: str) -> bool:
    """Does ALLIANCE_REQUIRE ask for this runtime? Then what is missing is a failure, not a skip."""
    wanted = {name.strip() for name in os.environ.get("ALLIANCE_REQUIRE", "").split(",")} - {""}
    if unknown := wanted - {*READY, "all"}:
        raise ValueError(f"ALLIANCE_REQUIRE names {', '.join(sorted(unknown))}; it knows {', '.join(READY)}, all")
    return bool(wanted & {runtime, "all"})


def _once(built: Path, sources: list[Path], command: list[str]) -> None:
    """Run `command` beside the sources unless `built` is newer than all of them. Safe across processes."""
    folder = sources[0].parent
    with _locked(folder / ".build.lock"):
        if built.exists() and all(source.stat().st_mtime <= built.stat().st_mtime for source in sources):
            return
        (built.parent / "app.jsa").unlink(missing_ok=True)  # a class-data archive of another jar
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise Missing(f"`{' '.join(command)}` failed in {folder.name}:\n{tail}")
        built.touch()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Make everything; 1 when something that is required cannot be made."""
    failed = False
    for runtime, ready in READY.items():
        try:
            ready()
            print(f"{runtime}: ready")
        except Missing as reason:
            failed |= required(runtime)
            print(f"{runtime}: missing ({reason})")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
