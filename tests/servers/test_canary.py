"""Nothing that is planted (names, answers, free text, tokens, server text) comes out, or stays in the store.

Every run of every scenario is checked when it ends (`product.Site.finish`). These tests run last: they sweep everything
that the whole suite captured once more, and prove that the check would notice.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from . import faults
from .canaries import PLANTED, leaks
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr
from .product import sweep
from .proxy import Proxy

LEAKY = (sys.executable, str(Path(__file__).with_name("leaky.py")))


@pytest.mark.parametrize("where", ["log", "message", "report"])
def test_a_leak_on_purpose_is_found(clinic: Clinic, site: MakeSite, tmp_path: Path, where: str) -> None:
    clinic.course(clinic.patient(), clinic.practitioner(), (36.0,))
    here = site(captured=tmp_path)
    here.program = (*LEAKY, where)
    with pytest.raises(AssertionError, match="planted content"):
        here.sync()
    assert sweep(tmp_path)


def test_each_planted_text_is_found_and_named_by_kind() -> None:
    for kind, canary in PLANTED.items():
        found = leaks(f"before {canary.upper()} after")
        assert found == [kind]
        assert canary not in str(found)
    assert leaks("Patient/tabc-1", ["tabc"]) == ["id"]
    assert leaks("an ordinary line, 36.0 of 40") == []


def test_a_pass_with_everything_planted(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Alert, amendment, wrong answer, refusal with server text, a bad login: with logs at their most talkative."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, STRAIN)
    stored = str(
        [*map(ehr.read, [f"Patient/{patient}", f"Practitioner/{doctor}", f"QuestionnaireResponse/{forms[0]}"])]
    )
    assert {"patient name", "birth date", "practitioner name", "text answer", "answer"} <= set(leaks(stored))
    wrong = [*srs_items(36)[:3], {"linkId": "4", "answer": [{"valueDecimal": float(PLANTED["wrong answer"])}]}]
    ehr.put(clinic.srs("wrong", patient, 36, weeks=9) | {"item": wrong})
    here = site(proxy.base)
    text = faults.status(422, text=PLANTED["server text"])
    proxy.fault(text, method="POST", type="Observation", times=1)
    here.sync(code=3)
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(36.9))
    here.run("sync")
    for command in (["status"], ["status", "--json"], ["sync", "--dry-run"], ["doctor"], ["check"]):
        here.run(*command)
    here.configure(
        **{
            "endpoint.main.auth.method": "basic",
            "endpoint.main.auth.username": "connector",
            "endpoint.main.auth.password": {"env": "SITE_PASSWORD"},
        }
    )
    del here.options["endpoint.main.auth.token"]
    here.configure()
    proxy.fault(faults.status(401, text=PLANTED["server text"]))
    here.sync(code=4, env={"SITE_PASSWORD": PLANTED["password"]})
    sent = {seen.headers.get("authorization", "").split()[0] for seen in proxy.seen}
    assert sent == {"Bearer", "Basic"}


def test_zz_nothing_planted_came_out_of_the_whole_suite(captured: Path, clinic: Clinic, site: MakeSite) -> None:
    clinic.course(clinic.patient(), clinic.practitioner(), (36.0,))
    site().sync()
    assert len(list(captured.glob("*.err"))) >= 1
    assert sweep(captured) == []
