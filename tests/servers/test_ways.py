"""Ways of asking that a site can choose, tried on real servers: searches by POST, and by dates without times."""

from __future__ import annotations

from .clinic import Clinic
from .conftest import MakeSite
from .ehr import Ehr, versions
from .proxy import Proxy
from .test_scenarios import values

TYPES = {"QuestionnaireResponse", "Encounter", "Observation", "Questionnaire", "Task", "Patient"}


def test_searches_by_post(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """The same is read and written; no search has a patient's id in its address, other than a server's own links."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    totals = [30 + n / 10 for n in range(7)]
    clinic.course(patient, doctor, totals)
    here = site(proxy.base, **{"endpoint.main.search_method": "post", "read.page_size": 3})
    here.sync()
    assert values(ehr, patient) == totals
    posted = [seen for seen in proxy.seen if seen.path.endswith("/_search")]
    assert {seen.method for seen in posted} == {"POST"}
    assert {seen.path.split("/")[0] for seen in posted} >= {"QuestionnaireResponse", "Encounter"}
    assert {seen.query for seen in posted} == {()}
    assert [seen.path for seen in proxy.seen if seen.method == "GET" and seen.path in TYPES and not seen.is_page] == []
    before = versions(ehr.observations(patient))
    here.sync()
    assert versions(ehr.observations(patient)) == before


def test_a_watermark_by_days(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Where only dates may be asked for, a change of the same day is found."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    first, _ = clinic.course(patient, doctor, (31, 32))
    here = site(proxy.base, **{"read.mode": "watermark", "read.stamp": "day", "read.overlap": "0s"})
    ehr.clock_passes()
    here.sync()
    ehr.change(f"QuestionnaireResponse/{first}", status="entered-in-error")
    proxy.fresh()
    here.sync()
    asked = {dict(seen.query).get("_lastUpdated", "") for seen in proxy.seen} - {""}
    assert asked
    assert all(len(value) == len("ge2026-01-01") for value in asked), asked
    assert values(ehr, patient) == [32]
