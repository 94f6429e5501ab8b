"""The proxy itself, in front of a real sekmet: what is not at fault passes, and each fault is what it says."""

from __future__ import annotations

import threading
import time

import pytest
import requests

from . import faults
from .clinic import Clinic
from .ehr import Ehr
from .proxy import Proxy


@pytest.fixture
def through(proxy: Proxy) -> Ehr:
    return Ehr(proxy.base)


@pytest.fixture
def forms(clinic: Clinic) -> list[str]:
    patient = clinic.patient()
    return clinic.course(patient, clinic.practitioner(), (30, 31, 32, 33, 34, 35, 36))


def test_real_paging_leads_through_the_proxy(proxy: Proxy, through: Ehr, clinic: Clinic, forms: list[str]) -> None:
    found = through.search("QuestionnaireResponse", patient=clinic.patients[0], _count="2")
    assert [r["id"] for r in found] == [
        r["id"] for r in clinic.ehr.search("QuestionnaireResponse", patient=clinic.patients[0])
    ]
    assert sorted(r["id"] for r in found) == sorted(forms)
    pages = [seen for seen in proxy.seen if seen.path == "QuestionnaireResponse"]
    assert len(pages) == 4
    assert [seen.status for seen in pages] == [200] * 4


def test_writes_pass_with_their_headers_and_are_recorded(proxy: Proxy, through: Ehr, clinic: Clinic) -> None:
    body = {"resourceType": "Patient", "identifier": [{"system": "urn:test", "value": clinic.tag}]}
    condition = {"If-None-Exist": f"identifier=urn:test|{clinic.tag}"}
    first = through.ask("POST", "Patient", json=body, headers=condition)
    again = through.ask("POST", "Patient", json=body, headers=condition)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["Location"].startswith(proxy.base)
    assert first.headers["ETag"] == again.headers["ETag"]
    assert [(seen.method, seen.path, seen.status) for seen in proxy.writes] == [
        ("POST", "Patient", 201),
        ("POST", "Patient", 200),
    ]


def test_the_real_servers_refusal_passes(through: Ehr) -> None:
    answer = through.ask("POST", "Patient", json={"resourceType": "Patient", "wings": 2})
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_rule_counts_only_what_it_matches(proxy: Proxy, through: Ehr, clinic: Clinic) -> None:
    patient = clinic.patient()
    proxy.fault(faults.status(503, {"Retry-After": "7"}), method="GET", type="Patient", first=2, times=1)
    codes = [through.ask("GET", f"{kind}/{patient}").status_code for kind in ("Patient", "Group", "Patient", "Patient")]
    assert codes == [200, 404, 503, 200]
    proxy.fault(faults.status(500))
    assert through.ask("GET", f"Patient/{patient}").status_code == 500
    proxy.heal()
    assert through.ask("GET", f"Patient/{patient}").status_code == 200


def test_a_lost_answer_was_carried_out_and_a_reset_was_not(proxy: Proxy, through: Ehr, clinic: Clinic) -> None:
    for action, name in ((faults.lost, "lost"), (faults.reset, "reset")):
        rule = proxy.fault(action, method="PUT")
        body = {"resourceType": "Patient", "id": clinic.id(name)}
        with pytest.raises(requests.ConnectionError):
            through.ask("PUT", f"Patient/{body['id']}", json=body)
        proxy.heal(rule)
    assert [seen.status for seen in proxy.writes] == [None, None]
    assert clinic.ehr.ask("GET", f"Patient/{clinic.id('lost')}").status_code == 200
    assert clinic.ehr.ask("GET", f"Patient/{clinic.id('reset')}").status_code == 404


def test_broken_bodies(proxy: Proxy, through: Ehr) -> None:
    rule = proxy.fault(faults.truncated)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        through.ask("GET", "metadata").json()
    proxy.heal(rule)
    rule = proxy.fault(faults.cut_off)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        through.ask("GET", "metadata")
    proxy.heal(rule)
    proxy.fault(faults.html(502))
    answer = through.ask("GET", "metadata")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")


def test_slow_is_bounded_by_the_proxys_own_end(proxy: Proxy, through: Ehr) -> None:
    proxy.fault(faults.slow(60))
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{proxy.base}/metadata", timeout=0.3)
    waiting = threading.Thread(target=lambda: requests.get(f"{proxy.base}/metadata", timeout=50))
    waiting.start()
    time.sleep(0.1)
    proxy.down()
    waiting.join(10)
    assert not waiting.is_alive()
    with pytest.raises(requests.ConnectionError):
        through.ask("GET", "metadata")
    proxy.heal()
    proxy.up()
    assert through.ask("GET", "metadata").status_code == 200


def test_lagging_searches(proxy: Proxy, through: Ehr, clinic: Clinic, forms: list[str]) -> None:
    hidden = set(forms[-2:])
    proxy.fault(faults.hiding(hidden), when=faults.is_search, type="QuestionnaireResponse")
    query = {"patient": clinic.patients[0]}
    assert len(through.search("QuestionnaireResponse", **query)) == 5
    assert through.ask("GET", "QuestionnaireResponse", params=query).json()["total"] == 5
    assert through.read(f"QuestionnaireResponse/{forms[-1]}")["id"] == forms[-1]
    hidden.clear()
    assert len(through.search("QuestionnaireResponse", **query)) == 7
    proxy.fault(faults.empty, when=faults.is_search)
    assert through.search("QuestionnaireResponse", **query) == []


def test_injection_reaches_what_a_server_would_refuse(
    proxy: Proxy, through: Ehr, clinic: Clinic, forms: list[str]
) -> None:
    odd = {"resourceType": "QuestionnaireResponse", "id": 7, "status": ["completed"]}
    proxy.fault(
        faults.injecting(odd, b'{"resourceType":"QuestionnaireResponse","a":1,"a":2}', b"17"), when=faults.is_search
    )
    found = through.ask("GET", "QuestionnaireResponse", params={"patient": clinic.patients[0]}).json()
    assert found["total"] == 10
    assert [entry["resource"] for entry in found["entry"][-3:]] == [
        odd,
        {"resourceType": odd["resourceType"], "a": 2},
        17,
    ]


def test_paging_faults(proxy: Proxy, through: Ehr, clinic: Clinic, forms: list[str]) -> None:
    query = {"patient": clinic.patients[0], "_count": "3"}
    rule = proxy.fault(faults.foreign_next("http://127.0.0.1:9"), when=faults.is_search)
    links = through.ask("GET", "QuestionnaireResponse", params=query).json()["link"]
    following = next(link["url"] for link in links if link["relation"] == "next")
    assert following.startswith("http://127.0.0.1:9/fhir/QuestionnaireResponse?")
    proxy.heal(rule)
    proxy.fault(faults.status(410), when=faults.is_page, times=1)
    with pytest.raises(AssertionError, match="410"):
        through.search("QuestionnaireResponse", **query)
    assert len(through.search("QuestionnaireResponse", **query)) == 7


def test_a_declaration_can_be_changed(proxy: Proxy, through: Ehr) -> None:
    proxy.fault(faults.declaring(lambda statement: statement.pop("rest")), when=faults.is_metadata)
    assert "rest" not in through.read("metadata")
    assert "rest" in Ehr(proxy.upstream).read("metadata")


def test_ignored_parameters(proxy: Proxy, through: Ehr, clinic: Clinic, forms: list[str]) -> None:
    query = {"patient": clinic.patients[0], "_lastUpdated": "ge2999-01-01T00:00:00Z"}
    assert through.search("QuestionnaireResponse", **query) == []
    proxy.fault(faults.ignoring("_lastUpdated"))
    assert len(through.search("QuestionnaireResponse", **query)) == 7


def test_conditional_creates_lose_their_condition(proxy: Proxy, through: Ehr, clinic: Clinic) -> None:
    def create() -> int:
        body = {"resourceType": "Patient", "identifier": [{"system": "urn:test", "value": clinic.tag}]}
        headers = {"If-None-Exist": f"identifier=urn:test|{clinic.tag}"}
        assert through.ask("POST", "Patient", json=body, headers=headers).status_code in {200, 201}
        return len(clinic.ehr.search("Patient", identifier=f"urn:test|{clinic.tag}"))

    assert [create(), create()] == [1, 1]
    proxy.fault(faults.unconditional, method="POST")
    assert create() == 2


def test_a_write_can_arrive_twice(proxy: Proxy, through: Ehr, clinic: Clinic) -> None:
    proxy.fault(faults.twice, method="PUT")
    patient = clinic.id("twice")
    assert through.ask("PUT", f"Patient/{patient}", json={"resourceType": "Patient", "id": patient}).ok
    assert clinic.ehr.read(f"Patient/{patient}")["meta"]["versionId"] == "2"


def test_something_can_be_done_at_a_request(proxy: Proxy, through: Ehr) -> None:
    done: list[str] = []
    proxy.fault(faults.doing(lambda: done.append("x")), times=1)
    assert [through.ask("GET", "metadata").status_code for _ in range(2)] == [200, 200]
    assert done == ["x"]


def test_a_dead_upstream_is_a_reset(proxy: Proxy) -> None:
    dead = Proxy("http://127.0.0.1:9/fhir")
    with pytest.raises(requests.ConnectionError):
        Ehr(dead.base).ask("GET", "metadata")
    dead.down()
