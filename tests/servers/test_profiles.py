"""What vendors' EHRs do in ways of their own: corrections where nothing can be corrected, refusals, paging, caches."""

from __future__ import annotations

import msgspec
import pytest
import requests

from fhir_alliance.vendors import vendors

from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import Ehr, Json, reference
from .filed import Filed
from .profiles import FITTING, wanted
from .proxy import Proxy
from .running import Server
from .vendor import VendorProxy


def test_corrections_reach_what_stands(ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    """Amended, retracted, back again, session cancelled, moved to somebody else. Filed for good: a person is told."""
    wrong, right, doctor = clinic.patient("wrong"), clinic.patient("right"), clinic.practitioner()
    forms = clinic.course(wrong, doctor, (36, 37, 38, 39))
    here = site()
    here.sync()
    kept = filed.series(wrong)
    assert kept == [36, 37, 38, 39]

    def after(expected: list[float], code: int = filed.changes, **elements: object) -> None:
        ehr.change(f"QuestionnaireResponse/{forms[0]}", **elements)
        ran = here.sync(code=code)
        assert filed.series(wrong) == (kept if filed.changes else expected)
        assert bool(ran.messages) == bool(code)

    after([33.3, 37, 38, 39], status="amended", item=srs_items(33.3))
    after([37, 38, 39], status="entered-in-error")
    after([33.3, 37, 38, 39], code=0, status="completed")
    session = reference(ehr.read(f"QuestionnaireResponse/{forms[1]}"), "encounter")
    ehr.change(session, status="cancelled")
    here.sync(code=3)
    assert filed.series(wrong) == (kept if filed.changes else [33.3, 38, 39])
    theirs = clinic.encounter("right-session", right, doctor, weeks=0)
    moved = {"subject": f"Patient/{right}", "encounter": f"Encounter/{theirs}"}
    ehr.change(f"QuestionnaireResponse/{forms[3]}", **{name: {"reference": to} for name, to in moved.items()})
    here.sync(code=filed.changes)
    assert filed.series(wrong) == (kept if filed.changes else [33.3, 38])
    assert filed.series(right) == [39]


def test_what_is_refused_is_told_with_what_to_set(
    server: Server, ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite
) -> None:
    """Whoever asks for Observations and Tasks is told who refuses them and why; what is advised then works."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    fits = FITTING[server.recipe.like]
    here = site(
        **{"write.scores.sink": "observation", "alerts.sinks": ["task"], "write.types": ["Observation", "Task"]}
    )
    ran = here.sync(code=3)
    assert ran.report["refused"] == {"Observation": {"create": 5}, "Task": {"create": 1}}
    for type in ("Observation", "Task"):
        (line,) = (line for line in ran.messages if f"create of {type}" in line)
        assert line.endswith("; fhir-alliance doctor tells what this EHR takes, and what to set")
    told = here.run("doctor", "--json")
    problems = {problem["check"]: problem for problem in told.report["problems"]}
    for check, purpose in (("scores: observation", "scores"), ("alerts: task", "alerts")):
        advice = problems[check]
        assert vendors()[server.recipe.like].name in advice["what"] + advice["why"]
        chosen = getattr(vendors()[server.recipe.like].sinks, purpose).takes[0]
        assert f'"{chosen}"' in advice["do"]
        assert chosen in [fits.get("write.scores.sink"), *fits["alerts.sinks"]]
    here.configure(**{name.replace(".", "__"): value for name, value in fits.items()})
    here.sync()
    assert filed.series(patient) == list(STRAIN)
    assert filed.turns(patient) == ["raised"]
    assert here.sync().report["refused"] == {}


def test_a_cohort_that_cannot_be_searched_is_told_with_what_to_set(
    filed: Filed, clinic: Clinic, site: MakeSite
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0, 37.0))
    here = site(**{"cohort.source": "search", "cohort.ids": []})
    (line,) = here.sync(code=4).messages
    assert "refuses a search of Patient (400" in line
    (problem,) = (p for p in here.run("doctor", "--json").report["problems"] if p["check"] == "cohort")
    assert "use cohort.source ids, file, group" in problem["do"]
    here.configure(cohort__source="ids", cohort__ids=clinic.patients)
    here.sync()
    assert filed.series(patient) == [36.0, 37.0]


def test_a_session_that_is_closed_takes_no_row(ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    """Filed where the session is open still; the others are told once, and are not asked about again."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36.0, 37.0))
    ehr.change(reference(ehr.read(f"QuestionnaireResponse/{forms[0]}"), "encounter"), status="finished")
    here = site()
    ran = here.sync(code=3)
    assert ran.report["refused"] == {"Observation": {"create": 1}}
    assert len(ran.messages) == 1
    assert filed.series(patient) == [37.0]
    assert here.sync().report["refused"] == {}


def test_shells_wait_and_failures_of_every_kind_lose_nothing(
    ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy
) -> None:
    """A response that the system made without answers, rows in any order, and 500 for what was deleted."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37, 38))
    here = site(**{"read.mode": "full-diff", "read.quiet_every": "0s"})
    first = here.sync().report
    assert (first["outcomes"]["scored"], first["outcomes"]["waiting"]) == (3, 1)
    ehr.delete(f"QuestionnaireResponse/{forms[0]}")
    proxy.fresh()
    here.sync(code=4)
    assert 500 in {seen.status for seen in proxy.seen}
    assert filed.series(patient) == [36, 37, 38]
    clinic.ehr.put(clinic.srs("again", patient, 36, weeks=2) | {"id": forms[0]})
    here.sync()
    assert filed.series(patient) == [36, 37, 38]


def test_a_minute_that_is_used_up_is_waited_for(server: Server, filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    """429 without a word about when, in the middle of a pass."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    told = vendors()[server.recipe.like]
    short = msgspec.structs.replace(told.server, per_minute=2)
    busy = VendorProxy(server.base, msgspec.structs.replace(told, server=short))
    site(busy.base).sync()
    busy.down()
    assert [seen.status for seen in busy.seen].count(429) >= 1
    assert filed.series(patient) == list(STRAIN)


def test_a_cache_and_a_raced_create_are_not_believed(
    ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite, proxy: VendorProxy
) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (36.0,), last=1)
    query = f"{proxy.base}/QuestionnaireResponse?patient={patient}&_count=50"
    assert requests.get(query, timeout=60).json()["total"] == 1
    here = site()
    here.sync()
    clinic.course(patient, doctor, (37.0,))
    assert requests.get(query, timeout=60).json()["total"] == 1
    proxy.racing = 1
    here.sync()
    assert proxy.racing == 0
    twins = [o for o in ehr.observations(patient) if o["valueQuantity"]["value"] == 37.0]
    assert len(twins) == 2
    here.run("reconcile", "--json", "--apply")
    assert filed.series(patient) == [36.0, 37.0]
    assert here.sync().report["written"] == {}


@pytest.fixture
def bundle(ehr: Ehr, clinic: Clinic, proxy: VendorProxy) -> Json:
    """The first page of a patient's forms, two a page, as the EHR gives it."""
    clinic.course(clinic.patient(), clinic.practitioner(), STRAIN)
    needed = dict.fromkeys(proxy.vendor.server.requires, "Organization/1")
    mine = {"patient": clinic.patients[0], "_count": "2"} | needed
    found: Json = requests.get(f"{proxy.base}/QuestionnaireResponse", params=mine, timeout=60).json()
    return found


def test_a_profile_pages_and_names_as_its_vendor_does(server: Server, bundle: Json, proxy: VendorProxy) -> None:
    """Every page of the walk, once, by links that are each vendor's own."""
    ways = vendors()[server.recipe.like].server
    seen: list[str] = []
    pages, expired = 0, 0
    while True:
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        pages += 1
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            break
        assert {"page": "&page=", "cursor": "cursor=", "link": ""}[ways.paging] in following[0]
        assert following[0].startswith("QuestionnaireResponse?") == (ways.paging == "page")
        url = requests.compat.urljoin(proxy.base + "/", following[0])
        answer = requests.get(url, timeout=60)
        if answer.status_code == 410:
            expired += 1
            answer = requests.get(url, timeout=60)
        bundle = answer.json()
    forms = [id for id in seen if not id.startswith("shell-")]
    assert (pages, len(set(forms)), len(forms)) == (3, len(STRAIN), len(STRAIN))
    assert len(seen) - len(forms) == ways.shells
    assert expired == bool(ways.pages_expire)
    assert all(len(id) > 64 for id in forms) == bool(ways.long_ids)
    assert (forms == sorted(forms)) != ways.unsorted
    assert wanted(server.recipe.like) or not ways.requires
