"""Consent and closed care: where a site asks for them, nothing is told without."""

from __future__ import annotations

from typing import Any

from .clinic import STRAIN, Clinic
from .conftest import MakeSite
from .ehr import Ehr, versions
from .faults import status
from .proxy import Proxy

CONSENT = "urn:clinic|alliance"
LOWER = 31.0


def agree(ehr: Ehr, clinic: Clinic, patient: str, **elements: Any) -> None:
    resource: dict[str, Any] = {
        "resourceType": "Consent",
        "id": clinic.id(f"c-{patient[-3:]}"),
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]},
        "category": [{"coding": [{"system": "urn:clinic", "code": "alliance"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "policyRule": {"text": "the clinic's"},
        "provision": {"type": "permit"},
    }
    ehr.put(resource | elements)


def episode(ehr: Ehr, clinic: Clinic, patient: str, status: str) -> None:
    about = {"reference": f"Patient/{patient}"}
    id = clinic.id(f"eoc-{patient[-3:]}-{status}")
    ehr.put({"resourceType": "EpisodeOfCare", "id": id, "status": status, "patient": about})


def test_without_consent_nothing_is_told(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Scores are written; who is not read is not asked about; consent withdrawn later stops what would follow."""
    doctor = clinic.practitioner()
    yes, no, calm = clinic.patient("yes"), clinic.patient("non"), clinic.patient("cal")
    for patient in (yes, no):
        clinic.course(patient, doctor, STRAIN, last=1)
    clinic.course(calm, doctor, STRAIN[:-1], last=1)
    agree(ehr, clinic, yes)
    agree(ehr, clinic, no, provision={"type": "deny"})
    here = site(proxy.base, **{"alerts.consent": CONSENT})
    report = here.sync().report
    assert (report["alerts"]["pushed"], report["alerts"]["silent"]) == (1, {"no consent that permits it": 1})
    assert [len(ehr.tasks(p)) for p in (yes, no, calm)] == [1, 0, 0]
    assert [len(ehr.observations(p)) for p in (yes, no)] == [len(STRAIN)] * 2
    assert not [call.path for call in proxy.seen if call.path.startswith("Consent") and calm in call.path]
    agree(ehr, clinic, yes, status="inactive")
    agree(ehr, clinic, no)
    before = versions(ehr.tasks(yes))
    for patient in (yes, no):
        clinic.course(patient, doctor, (LOWER,))
    assert here.sync().report["alerts"]["pushed"] == 1
    assert versions(ehr.tasks(yes)) == before
    assert [t["priority"] for t in ehr.tasks(no)] == ["urgent"]


def test_closed_care_is_recorded_and_never_pushed(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    doctor = clinic.practitioner()
    over, again, unknown = clinic.patient("ove"), clinic.patient("aga"), clinic.patient("unk")
    for patient in (over, again, unknown):
        clinic.course(patient, doctor, STRAIN)
    episode(ehr, clinic, over, "finished")
    episode(ehr, clinic, again, "finished")
    episode(ehr, clinic, again, "active")
    here = site(**{"alerts.closed_care": "episodes"})
    report = here.sync().report
    assert (report["alerts"]["pushed"], report["alerts"]["silent"]) == (2, {"care is closed": 1})
    assert [len(ehr.tasks(p)) for p in (over, again, unknown)] == [0, 1, 1]
    assert len(here.run("status", "--json").report["strains"]) == 3
    told = here.run("doctor", "--json").report
    assert {limit["setting"]: limit["value"] for limit in told["limits"]}["alerts.closed_care"] == '"episodes"'
    assert told["read"]["EpisodeOfCare"]["searches"] == ["patient"]


def test_what_cannot_be_asked_permits_nothing(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Refused, whatever the refusal: no alert, no pass lost, and it is said once."""
    doctor = clinic.practitioner()
    patients = [clinic.patient(name) for name in ("one", "two")]
    for patient in patients:
        clinic.course(patient, doctor, STRAIN)
    options = {"alerts.consent": CONSENT, "alerts.closed_care": "careteam"}
    for type, code in (("CareTeam", 404), ("Consent", 403)):
        proxy.fault(status(code), type=type)
        here = site(proxy.base, **options)
        report = here.sync().report
        assert report["alerts"]["silent"] == {"whether it is permitted could not be read": 2}
        assert len([line for line in report["messages"] if f"does not let us read {type}" in line]) == 1
        proxy.heal()
    assert [ehr.tasks(p) for p in patients] == [[], []]
    for patient in patients:
        agree(ehr, clinic, patient)
    here.run("retry")
    assert [len(ehr.tasks(p)) for p in patients] == [1, 1]
