"""Which instrument, which version, whose view: what reaches the EHR, and what never does."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_alliance.instruments import text

from .clinic import STRAIN, Clinic, srs_items, wai_items
from .conftest import MakeSite
from .ehr import NS, Ehr, Json, value

ANSWERS = (4, 5, 4, 2, 5, 4, 4, 5, 3, 2, 4, 5)
FORMS = f"{NS}/Questionnaire"


def codes(observation: Json) -> list[str]:
    return [coding["code"] for coding in observation["code"]["coding"]]


def test_versions_of_an_instrument_are_never_confused(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """The WAI-S and the WAI-SR have twelve items each, and other keys: a version that is not known is set aside."""
    patient = clinic.patient()
    forms = {
        "short": f"{FORMS}/wai-s-c|1.0",
        "revised": f"{FORMS}/wai-sr-c|1.0",
        "short-next": f"{FORMS}/wai-s-c|2.0",
        "revised-next": f"{FORMS}/wai-sr-c|2.0",
        "acronym": f"{FORMS}/wai",
        "title": "https://ehr.example/Questionnaire/wai-sr-c",
    }
    for weeks, (name, canonical) in enumerate(forms.items()):
        ehr.put(clinic.form(name, patient, canonical, wai_items(ANSWERS), weeks))
    ran = site().sync(code=3)
    assert ran.report["reasons"] == {"unknown-questionnaire": 2, "unknown-version": 2}
    assert (ran.report["outcomes"]["scored"], ran.report["quarantine"]["total"]) == (2, 2)
    assert any("wai-s-c: its key is from general knowledge and was NOT verified" in m for m in ran.report["messages"])

    found = {c: value(o) for o in ehr.search("Observation", patient=patient) for c in codes(o)}
    assert found == {
        # 4 and 10 reversed: task 4+5+5+5, goal 6+4+6+4, bond 4+5+4+3
        "wai-s-c-task": 19,
        "wai-s-c-goal": 20,
        "wai-s-c-bond": 16,
        "wai-s-c-total": 55,
        # nothing reversed: task 4+5+2+5, goal 2+4+5+4, bond 4+5+4+3; 47 of 12 items
        "wai-sr-c-task": 4.0,
        "wai-sr-c-goal": 3.75,
        "wai-sr-c-bond": 4.0,
        "wai-sr-c-total": 3.92,
    }


def test_only_the_clients_view_of_the_alliance_alerts(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """The same fall on the client's, the therapist's and an outcome form: all are scored, one raises a Task."""
    doctor = clinic.practitioner()
    client, therapist, outcome = (clinic.patient(name) for name in ("client", "therapist", "outcome"))
    here = site(**{"write.snomed": True, "licences.attested": ["srs-v3", "ors"]})
    clinic.course(client, doctor, STRAIN)
    by = {"reference": f"Practitioner/{doctor}"}
    _sessions(ehr, clinic, therapist, doctor, f"{FORMS}/haq2-t", [_nineteen(n) for n in (5, 5, 5, 5, 2)], source=by)
    _sessions(ehr, clinic, outcome, doctor, f"{FORMS}/ors", [srs_items(total) for total in STRAIN])
    report = here.sync().report
    assert [len(ehr.tasks(patient)) for patient in (client, therapist, outcome)] == [1, 0, 0]
    assert (report["outcomes"]["scored"], report["alerts"]["pushed"]) == (15, 1)
    assert (report["episodes"], report["notices"]) == ({"open": 1}, 1)
    assert {tuple(codes(o)) for o in ehr.search("Observation", patient=client)} == {("srs-v3-total", "720482000")}
    assert {tuple(codes(o)) for o in ehr.search("Observation", patient=outcome)} == {("ors-total", "716613004")}
    assert {tuple(codes(o)) for o in ehr.search("Observation", patient=therapist)} == {("haq2-t-total",)}
    assert here.sync().report["written"] == {}
    assert "this measures no alliance" in here.run("explain", f"Patient/{outcome}").out
    assert "below usual" in here.run("explain", f"Patient/{therapist}").out

    here.configure(write__snomed=False)
    assert here.sync().report["written"] == {"Observation": {"update": 10}}
    assert {tuple(codes(o)) for o in ehr.search("Observation", patient=client)} == {("srs-v3-total",)}


def test_an_instrument_of_the_sites_own(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """One file makes it known; a corrected file is read anew, and its scores follow."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    there = "https://clinic.example/Questionnaire/check"
    here = site(**{"instruments.files": ["check.toml"]})
    ours = text("sai").replace('id = "sai"', 'id = "check"').replace('["1.0"]', "[]")
    ours = ours.replace("verified = false", f'verified = true\ncanonicals = ["{there}|1"]')
    ours = ours.replace('items = "[M-hi]', 'items = "[R]').replace(', flags = ["unverified_key"]', "")
    (here.folder / "check.toml").write_text(ours)
    items = [{"linkId": str(n), "answer": [{"valueInteger": 4 + n % 2}]} for n in range(1, 7)]
    _sessions(ehr, clinic, patient, doctor, f"{there}|1", [items, items])
    _sessions(ehr, clinic, patient, doctor, f"{there}|2", [items], first=5)
    ran = here.sync(code=3)
    assert (ran.report["outcomes"]["scored"], ran.report["reasons"]) == (2, {"unknown-version": 1})
    assert [(codes(o), value(o)) for o in ehr.search("Observation", patient=patient)] == [(["check-total"], 4.5)] * 2
    assert here.run("status").code == 0

    (here.folder / "check.toml").write_text(ours.replace("reverse = []", "reverse = [1]"))
    assert here.sync(code=None).report["written"] == {"Observation": {"update": 2}}
    assert {value(o) for o in ehr.search("Observation", patient=patient)} == {3.67}


def _nineteen(answer: int) -> list[Json]:
    """Every item of the HAq-II alike in meaning: the negative ones from the other end."""
    negative = {4, 8, 11, 16, 19}
    return [
        {"linkId": str(n), "answer": [{"valueInteger": 7 - answer if n in negative else answer}]} for n in range(1, 20)
    ]


def _sessions(
    ehr: Ehr,
    clinic: Clinic,
    patient: str,
    doctor: str,
    canonical: str,
    forms: Sequence[list[Json]],
    *,
    first: int = 0,
    **elements: Json,
) -> None:
    """Weekly sessions with one form each, the last of them yesterday's (or `first` weeks before)."""
    for n, items in enumerate(forms):
        weeks = first + len(forms) - 1 - n
        name = f"{patient.removeprefix(clinic.tag)}-{weeks}".strip("-")
        seen = {"reference": f"Encounter/{clinic.encounter(f'enc-{name}', patient, doctor, weeks)}"}
        ehr.put(clinic.form(f"qr-{name}", patient, canonical, items, weeks, encounter=seen, **elements))
