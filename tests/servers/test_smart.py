"""SMART Backend Services at a real authorisation server: short tokens, missing and withdrawn rights, rotated keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fhir_alliance import keyfolder

from . import clients, faults
from .clinic import STRAIN, Clinic
from .conftest import MakeSite
from .ehr import Ehr, value
from .product import Ran
from .proxy import Proxy
from .running import Server, sekmet_smart_settings
from .test_scenarios import values

Options = dict[str, Any]
SignIn = Callable[..., Options]


@pytest.fixture
def signing_in(server: Server) -> SignIn:
    """Settings by which a site signs in as another client than usual."""

    def options(client: str, **more: Any) -> Options:
        return clients.product(server.folder, client) | {f"endpoint.main.auth.{k}": v for k, v in more.items()}

    return options


def one_line(ran: Ran) -> str:
    """What the operator is told, which holds nothing that the server said. (That it holds no secret: `Site.finish`.)"""
    (line,) = ran.messages
    assert "verification failed" not in ran.out + ran.err
    return line


def test_a_token_that_expires_during_a_run_is_renewed(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """A create is held up until its token has expired: 401, a new token, and the same create again."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)
    held = proxy.fault(faults.doing(lambda: time.sleep(clients.LIFE + 1)), method="POST", type="Observation", times=1)
    report = here.sync().report
    assert held.hits > 1
    assert [(s.method, s.status) for s in proxy.writes][:2] == [("POST", 401), ("POST", 201)]
    assert values(ehr, patient) == list(STRAIN)
    assert len(ehr.tasks(patient)) == 1
    assert report["written"] == {"Observation": {"create": 5}, "Task": {"create": 1}}
    tokens = {seen.headers["authorization"] for seen in proxy.seen if "authorization" in seen.headers}
    assert len(tokens) >= 2


def test_a_wrong_audience(ehr: Ehr, clinic: Clinic, site: MakeSite, signing_in: SignIn) -> None:
    clinic.course(clinic.patient(), clinic.practitioner(), (36.0,))
    here = site(**signing_in("alliance", audience=ehr.base))
    ran = here.sync(code=4)
    line = one_line(ran)
    assert line.startswith("fhir-alliance: the EHR's token endpoint does not accept our client:")
    assert line.endswith("is the audience the endpoint's own address (401, invalid_client)")
    assert ran.report["patients"]["completed"] == 0


def test_a_scope_that_is_too_wide(ehr: Ehr, clinic: Clinic, site: MakeSite, signing_in: SignIn) -> None:
    """Granted less than is needed: nothing is begun. Granted nothing: likewise. What is granted can still be used."""
    patient = clinic.patient()
    clinic.course(patient, clinic.practitioner(), STRAIN)
    here = site(**signing_in("narrow"))
    line = one_line(here.sync(code=4))
    assert "does not grant us system/Task.write: ask for it" in line
    assert ehr.observations(patient) == []
    assert here.sync("--dry-run").report["planned"]["Observation"] == {"create": 5}
    found = here.run("doctor", "--json")
    auth = found.report["endpoints"]["main"]["auth"]
    assert (found.code, auth["missing"]) == (5, ["system/Task.write"])
    assert set(auth["granted"]) > {"system/Observation.write", "system/QuestionnaireResponse.read"}
    here.configure(endpoint__main__auth__scope="system/*.*")
    line = one_line(here.sync(code=4))
    assert "grants none of the scopes that we ask for" in line
    assert line.endswith("(400, invalid_scope)")
    here.configure(endpoint__main__auth__scope="system/*.read system/Observation.write", write__types=["Observation"])
    here.sync()
    assert values(ehr, patient) == list(STRAIN)


def test_a_right_that_is_withdrawn_during_a_run(
    server: Server, ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, signing_in: SignIn
) -> None:
    """While the first create is held up, the EHR takes back the right to write, and the token expires."""
    patient = clinic.patient()
    clinic.course(patient, clinic.practitioner(), STRAIN)

    def withdraw(scopes: Mapping[str, str]) -> None:
        sekmet_smart_settings(server.folder, server.port, scopes)
        server.restart(hard=True)

    def meanwhile() -> None:
        withdraw({**clients.CLIENTS, "revoked": "system/*.read"})
        time.sleep(clients.LIFE)

    proxy.fault(faults.doing(meanwhile), method="POST", type="Observation", times=1)
    here = site(proxy.base, **signing_in("revoked"))
    try:
        ran = here.sync(code=3)
        assert "does not grant us system/Observation.write any more; a create of Observation was not sent" in ran.err
        assert ehr.observations(patient) == ehr.tasks(patient) == []
        # After the 401 that told of the new token nothing was sent that it does not permit.
        assert [(s.path, s.status) for s in proxy.writes] == [("Observation", 401)]
        # The next pass is told at once, and begins nothing.
        assert "does not grant us system/Observation.write, system/Task.write: ask" in one_line(here.sync(code=4))
    finally:
        withdraw(clients.CLIENTS)
    here.sync()
    assert values(ehr, patient) == list(STRAIN)
    assert len(ehr.tasks(patient)) == 1


def test_a_rotated_key(server: Server, ehr: Ehr, clinic: Clinic, site: MakeSite, signing_in: SignIn) -> None:
    """As the EHR knows them, so the keys are of use: the old one first, both never, the new one then."""
    patient = clinic.patient()
    forms = clinic.course(patient, clinic.practitioner(), (36.0, 37.0))
    folder: Path = server.folder / "rotated"
    here = site(**signing_in("rotated"))
    here.sync()
    keyfolder.add(folder)
    clients.register(server.folder, "rotated")
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=clinic.srs("x", patient, 33.3, 0)["item"])
    assert "is this key or secret registered" in one_line(here.sync(code=4))
    keyfolder.use(folder, after=timedelta(0))
    here.sync()
    assert [value(o) for o in ehr.observations(patient)] == [33.3, 37.0]
    keyfolder.retire(folder)
    assert here.sync().report["written"] == {}


def test_reader_and_writer_are_separate_clients(
    server: Server, ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy, signing_in: SignIn
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    both = signing_in("reader") | clients.product(server.folder, "writer", "write_auth")
    here = site(proxy.base, **both)
    here.sync()
    assert values(ehr, patient) == list(STRAIN)
    assert len(ehr.tasks(patient)) == 1
    by_reader = {
        seen.headers["authorization"] for seen in proxy.seen if "authorization" in seen.headers and not seen.is_write
    }
    assert not by_reader & {seen.headers["authorization"] for seen in proxy.writes}
    found = here.run("doctor", "--json").report["endpoints"]["main"]
    assert (found["auth"]["missing"], found["write_auth"]["missing"]) == ([], [])
    assert "system/Observation.write" not in found["auth"]["needed"]
    # Swapped, each lacks what the other may.
    swapped = signing_in("writer") | clients.product(server.folder, "reader", "write_auth")
    there = site(proxy.base, **swapped)
    assert "does not grant us system/Encounter.read, system/QuestionnaireResponse.read" in one_line(there.sync(code=4))


@pytest.mark.parametrize("how", ["basic", "post"])
def test_a_client_secret(ehr: Ehr, clinic: Clinic, site: MakeSite, how: str) -> None:
    patient = clinic.patient()
    clinic.course(patient, clinic.practitioner(), (36.0,))
    name = "endpoint.main.auth"
    options = {f"{name}.method": "secret", f"{name}.client_id": "shared", f"{name}.client_auth": how}
    here = site(**options, **{f"{name}.client_secret": {"file": "secret"}})
    (here.folder / "secret").touch(mode=0o600)
    (here.folder / "secret").write_text(clients.SECRET)
    here.sync()
    assert values(ehr, patient) == [36.0]
    (here.folder / "secret").write_text("wrong")
    assert "does not accept our client" in one_line(here.sync(code=4))
