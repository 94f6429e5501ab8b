"""What `doctor` says to each EHR that we can stand up here: `python -m tests.servers.doctor_pages docs/ehr`.

A small clinic is loaded into a real server, a vendor's profile is put in front of it where it is one, and the real
command line runs twice: as somebody does who has just switched writing on, and with the settings that the profile
advises. What it prints goes onto the page of that EHR.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhir_alliance.ehrdoc import Shown, page
from fhir_alliance.vendors import vendors

from . import builds
from .canaries import PLANTED
from .clinic import STRAIN, Clinic
from .ehr import Ehr
from .product import Site
from .running import RECIPES, Server
from .vendor import VendorProxy

PROFILES = ("epic", "oracle", "athena", "ecw")
"""Vendors' EHRs, of which we have only what they refuse."""
SERVERS = ("sekmet", "hapi", "medplum")
"""Servers of others that run here."""
FIRST = {"write.enabled": True, "write.types": ["Observation", "Task"]}


@dataclass(frozen=True)
class Consulted:
    """What `doctor` printed, for a person and for machines."""

    text: str
    told: Mapping[str, Any]
    code: int


def consult(server: Server, name: str, folder: Path, **options: Any) -> Consulted:
    """Ask `doctor` of an EHR, by a site with three test patients."""
    with _front(server, name) as base:
        ehr = Ehr(server.base, server.recipe.loader)
        clinic = Clinic(ehr)
        _load(clinic)
        here = Site(folder, base, clinic.patients, tag=clinic.tag, captured=folder, options=options)
        given = {"COLUMNS": "88", "ALLIANCE_WEBHOOK_SECRET": PLANTED["bearer token"]}
        shown = here.run("doctor", env=given)
        told = here.run("doctor", "--json", env=given).report
    return Consulted(_endpoint_only(shown.out, base), told, shown.code)


def first(server: Server, name: str, folder: Path) -> Consulted:
    """The first try."""
    return consult(server, name, folder, **FIRST)


def advised(server: Server, name: str, folder: Path) -> Consulted:
    """With the settings to begin with."""
    return consult(server, name, folder, **flat(tomllib.loads(vendors()[name].begin)))


def flat(table: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings as dotted ones."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        path = above + (key if re.fullmatch(r"[\w-]+", key) else json.dumps(key))
        found |= flat(value, path + ".") if isinstance(value, dict) else {path: value}
    return found


def _load(clinic: Clinic) -> None:
    doctor = clinic.practitioner()
    for n in range(3):
        patient = clinic.patient(f"p{n}")
        clinic.course(patient, doctor, STRAIN)
        other = clinic.form(f"other-{n}", patient, "https://clinic.example/Questionnaire/mood-9", [], 1)
        clinic.ehr.put(other)


@contextmanager
def _front(server: Server, name: str) -> Iterator[str]:
    if name not in PROFILES:
        yield server.base
        return
    proxy = VendorProxy(server.base, vendors()[name])
    try:
        yield proxy.base
    finally:
        proxy.down()


def _endpoint_only(out: str, base: str) -> str:
    """Without this machine's part, and with an address that is the same each time."""
    told = out[out.index("Endpoint main") :].replace(base, "https://ehr.example.org/fhir")
    return "\n".join(line.rstrip() for line in told.splitlines()).rstrip() + "\n"


def shown(server: Server, name: str, folder: Path) -> Shown:
    """What goes onto the page of an EHR."""
    tried = first(server, name, folder / f"{name}-first")
    then = advised(server, name, folder / f"{name}-advised") if name in PROFILES else None
    return Shown(tried.text, _checks_only(then.text) if then else "")


def _checks_only(text: str) -> str:
    checks, *rest = text.strip().split("\n\n")
    return f"{checks}\n  …\n{rest[-1]}\n"


def upon(server: str) -> tuple[str, ...]:
    """The EHRs that this real server can be."""
    return (*(PROFILES if server == "sekmet" else ()), server)


def write(folder: Path) -> None:
    """Write the page of each EHR whose server runs here."""
    for server in SERVERS:
        try:
            builds.READY[RECIPES[server].runtime]()
        except builds.Missing as reason:
            sys.stderr.write(f"{server}: left as it is; {reason}\n")
            continue
        running = Server(RECIPES[server])
        running.start()
        try:
            with tempfile.TemporaryDirectory() as temporary:
                for name in upon(server):
                    text = page(name, shown(running, name, Path(temporary)))
                    (folder / f"{name}.md").write_text(text, encoding="utf-8")
        finally:
            running.discard()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
