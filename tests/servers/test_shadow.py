"""Shadow mode: a committee sees what would have happened; the EHR sees nothing."""

from __future__ import annotations

import json

from .clinic import STRAIN, Clinic
from .conftest import MakeSite
from .ehr import Ehr
from .proxy import Proxy

TYPES = ("Patient", "Practitioner", "Encounter", "QuestionnaireResponse", "Observation", "Task", "Flag", "Device")


def everything(ehr: Ehr) -> set[tuple[str, str, str]]:
    """Type, id and version of all that the server holds."""
    return {(type, r["id"], r["meta"].get("versionId", "")) for type in TYPES for r in ehr.search(type)}


def test_a_shadow_writes_nothing_and_tells_everything(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    strained, long_ago, nobodys = clinic.patient("strained"), clinic.patient("past"), clinic.patient("nobodys")
    doctor = clinic.practitioner()
    clinic.course(strained, doctor, STRAIN)
    clinic.course(long_ago, doctor, STRAIN, last=20)
    for weeks, total in zip(range(len(STRAIN) - 1, -1, -1), STRAIN, strict=True):
        ehr.put(clinic.srs(f"alone-{weeks}", nobodys, total, weeks=weeks))
    before = everything(ehr)
    here = site(proxy.base)
    ran = here.run("sync", "--shadow", "--json")
    assert ran.code == 0
    assert proxy.writes == []
    assert everything(ehr) == before
    told = json.loads(ran.out)
    assert told == json.loads(here.run("status", "--shadow", "--json").out)
    assert told["sessions"] == 3 * len(STRAIN)
    # The strain of long ago called somebody on its day; nobody is called for a client without a clinician.
    calls = [w for w in told["would_write"] if w["type"] == "Task"]
    assert [(w["patient"], w["practitioner"], w["kind"]) for w in calls] == [
        (f"Patient/{who}", f"Practitioner/{doctor}", "drop") for who in (long_ago, strained)
    ]
    assert told["alerts"]["L2"] == 2
    assert told["per_100_sessions"]["L2"] == round(200 / told["sessions"], 2)
    assert told["per_clinician_week"] == {"median": 0.0, "p90": told["per_clinician_week"]["p90"], "max": 1}
    assert told["unheard"] == {"no single treating practitioner": 1}
    scores = [w for w in told["would_write"] if w["type"] == "Observation"]
    assert {w["kind"] for w in scores} == {"srs-v3-total"}
    assert len(scores) == told["sessions"]
    assert "per clinician and week" in here.run("status", "--shadow").out
    # The switch in the configuration does the same for every pass; only without it anything is written.
    here.configure(write__shadow=True)
    here.sync()
    assert everything(ehr) == before
    here.configure(write__shadow=False)
    here.sync()
    assert len(ehr.observations(strained)) == len(STRAIN)
    assert [len(ehr.tasks(p)) for p in (strained, long_ago, nobodys)] == [1, 0, 0]
