"""What is in the EHR becomes scores in the EHR: on every real server that the matrix declares.

Assertions are on what the server holds afterwards, read by plain HTTP.
"""

from __future__ import annotations

from datetime import datetime

import requests

from . import faults
from .clinic import STRAIN, Clinic, srs_items
from .conftest import MakeSite
from .ehr import NS, Ehr, reference, value, versions
from .filed import Filed
from .product import Site
from .proxy import Proxy


def values(ehr: Ehr, patient: str, scale: str = "srs-v3-total") -> list[float]:
    """The series of a scale as the EHR tells it, without what was retracted."""
    return [value(o) for o in ehr.observations(patient, scale) if o["status"] != "entered-in-error"]


def test_first_pass_creates(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36.0, 37.5, 35.1))
    ehr.put(clinic.wai("wai", patient, [4, 4, 4, 3, 4, 5, 4, 4, 4, 4, 4, None], weeks=3.5))
    report = site().sync().report

    series = ehr.observations(patient, "srs-v3-total")
    assert [value(o) for o in series] == [36.0, 37.5, 35.1]
    assert [reference(o, "derivedFrom") for o in series] == [f"QuestionnaireResponse/{form}" for form in forms]
    for observation, form in zip(series, forms, strict=True):
        stored = ehr.read(f"QuestionnaireResponse/{form}")
        assert observation["status"] == "final"
        assert reference(observation, "encounter") == reference(stored, "encounter")
        assert _instant(observation["effectiveDateTime"]) == _instant(stored["authored"])
        assert observation["identifier"][0]["system"] == f"{NS}/score"
        assert observation["category"][0]["coding"][0]["code"] == "survey"
    # One of twelve items is missing: 44 of 11 items, task 12 of 3, goal and bond whole.
    wai = {o["code"]["coding"][0]["code"]: value(o) for o in ehr.observations(patient) if o not in series}
    assert wai == {"wai-sr-c-total": 4.0, "wai-sr-c-task": 4.0, "wai-sr-c-goal": 4.0, "wai-sr-c-bond": 4.0}
    assert report["outcomes"]["scored"] == 4
    assert report["written"] == {"Observation": {"create": 7}}
    assert ehr.tasks(patient) == []


def test_found_again_by_fhir_alone(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    site().sync()
    code = f"{NS}/CodeSystem/alliance-score|srs-v3-total"
    found = ehr.search("Observation", patient=patient, code=code, _sort="date")
    assert [value(o) for o in found] == list(STRAIN)
    assert all({"effectiveDateTime", "derivedFrom", "encounter"} <= o.keys() for o in found)
    (task,) = ehr.search("Task", patient=patient)
    assert reference(task, "focus") == f"Observation/{found[-1]['id']}"
    assert reference(task, "for") == f"Patient/{patient}"
    assert reference(task, "owner") == f"Practitioner/{doctor}"


def test_replay_writes_nothing(filed: Filed, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    here = site(proxy.base)
    here.sync()
    assert (filed.series(patient), filed.turns(patient)) == (list(STRAIN), ["raised"])
    before = filed.everything(patient)
    for _ in range(2):
        proxy.fresh()
        report = here.sync().report
        assert report["written"] == {}
        assert proxy.seen
        assert proxy.writes == []
    assert filed.everything(patient) == before


def test_a_new_store_adopts_what_stands(filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    """The store is lost, secret included; the EHR still holds everything."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, STRAIN)
    site().sync()
    assert filed.turns(patient) == ["raised"]
    before = filed.everything(patient)
    report = site().sync().report
    assert filed.everything(patient) == before
    assert report["written"] == {}


def test_amend(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37, 38))
    here = site()
    here.sync()
    before = ehr.observations(patient)
    ehr.change(f"QuestionnaireResponse/{forms[1]}", status="amended", item=srs_items(33.3))
    report = here.sync().report
    after = ehr.observations(patient)
    assert [(o["id"], o["status"], value(o)) for o in after] == [
        (before[0]["id"], "final", 36),
        (before[1]["id"], "amended", 33.3),
        (before[2]["id"], "final", 38),
    ]
    assert versions([after[0], after[2]]) == versions([before[0], before[2]])
    assert report["written"] == {"Observation": {"update": 1}}
    here.sync()
    assert versions(ehr.observations(patient)) == versions(after)


def test_a_new_date_is_written_too(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """The score stays the same, an element that we write does not."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    (form,) = clinic.course(patient, doctor, (36,))
    here = site()
    here.sync()
    authored = clinic.weeks_ago(0.01).strftime("%Y-%m-%dT%H:%M:%SZ")
    ehr.change(f"QuestionnaireResponse/{form}", authored=authored)
    here.sync()
    (observation,) = ehr.observations(patient)
    assert (observation["status"], value(observation)) == ("amended", 36)
    assert _instant(observation["effectiveDateTime"]) == _instant(authored)


def test_retract_and_return(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37))
    here = site()
    here.sync()
    before = ehr.observations(patient)
    ehr.change(f"QuestionnaireResponse/{forms[1]}", status="entered-in-error")
    here.sync()
    after = ehr.observations(patient)
    assert [(o["id"], o["status"]) for o in after] == [
        (before[0]["id"], "final"),
        (before[1]["id"], "entered-in-error"),
    ]
    ehr.change(f"QuestionnaireResponse/{forms[1]}", status="completed")
    here.sync()
    again = ehr.observations(patient)
    assert [(o["id"], o["status"]) for o in again] == [(before[0]["id"], "final"), (before[1]["id"], "amended")]
    assert [value(o) for o in again] == [36, 37]


def test_a_cancelled_session_takes_its_score_back(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    forms = clinic.course(patient, doctor, (36, 37))
    here = site()
    here.sync()
    ehr.change(reference(ehr.read(f"QuestionnaireResponse/{forms[0]}"), "encounter"), status="cancelled")
    here.sync(code=3)
    assert [o["status"] for o in ehr.observations(patient)] == ["entered-in-error", "final"]


def test_moved_to_another_patient(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    wrong, right, doctor = clinic.patient("wrong"), clinic.patient("right"), clinic.practitioner()
    forms = clinic.course(wrong, doctor, (36, 37))
    here = site()
    here.sync()
    before = ehr.observations(wrong)
    session = clinic.encounter("right-session", right, doctor, weeks=0)
    ehr.change(
        f"QuestionnaireResponse/{forms[1]}",
        subject={"reference": f"Patient/{right}"},
        encounter={"reference": f"Encounter/{session}"},
    )
    here.sync()
    old = ehr.observations(wrong)
    assert [(o["id"], o["status"], value(o)) for o in old] == [
        (before[0]["id"], "final", 36),
        (before[1]["id"], "entered-in-error", 37),
    ]
    (new,) = ehr.observations(right)
    assert (new["status"], value(new), reference(new, "encounter")) == ("final", 37, f"Encounter/{session}")
    assert new["identifier"] != old[1]["identifier"]


def test_merged_patients_and_merged_encounters(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """The site's list still names the old record: what moved to the other is followed, and written there."""
    old, new, doctor = clinic.patient("old"), clinic.patient("new"), clinic.practitioner()
    forms = clinic.course(old, doctor, (36, 37))
    # Nothing changed under the old id that a search of forms or sessions would show.
    here = site(proxy.base, patients=[old])
    here.sync()
    survivor = {"reference": f"Patient/{new}"}
    session = clinic.encounter("whole", new, doctor, weeks=0)
    for form, response in zip(forms, map(ehr.read, (f"QuestionnaireResponse/{form}" for form in forms)), strict=True):
        part = response["encounter"]["reference"]
        merged = {"status": "cancelled", "partOf": {"reference": f"Encounter/{session}"}} if form == forms[1] else {}
        ehr.change(part, subject=survivor, **merged)
        if merged:  # such an EHR's searches do not give it any more
            proxy.fault(faults.hiding({part.partition("/")[2]}), type="Encounter", when=faults.is_search)
        ehr.change(f"QuestionnaireResponse/{form}", subject=survivor)
    ehr.change(f"Patient/{old}", active=False, link=[{"type": "replaced-by", "other": survivor}])
    here.sync()
    assert [(o["status"], value(o)) for o in ehr.observations(old)] == [("entered-in-error", v) for v in (36, 37)]
    scores = ehr.observations(new)
    assert [(o["status"], value(o)) for o in scores] == [("final", 36), ("final", 37)]
    assert reference(scores[1], "encounter") == f"Encounter/{session}"
    # Who opted out under the old id is left alone under the new one.
    here.configure(cohort__exclude=[old])
    ehr.change(f"QuestionnaireResponse/{forms[0]}", status="amended", item=srs_items(20))
    here.sync()
    assert value(ehr.observations(new)[0]) == 36


def test_vanished_is_reported_never_deleted(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    ehr.put(clinic.srs("gone", patient, 36, weeks=1))
    clinic.course(patient, doctor, (37,))
    here = site()
    here.sync()
    before = ehr.observations(patient)
    if ehr.ask("DELETE", f"QuestionnaireResponse/{clinic.id('gone')}").status_code == 409:
        # HAPI deletes nothing that is referred to; a site's administrator cuts the link first.
        ehr.change(f"Observation/{before[0]['id']}", derivedFrom=None)
        ehr.delete(f"QuestionnaireResponse/{clinic.id('gone')}")
    here.sync(code=None)
    after = ehr.observations(patient)
    assert [(o["id"], o["status"], value(o)) for o in after] == [(o["id"], "final", value(o)) for o in before]


def test_many_pages(ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    totals = [round(30 + n / 10, 1) for n in range(14)]
    clinic.course(patient, doctor, totals)
    first = ehr.ask("GET", "QuestionnaireResponse", params={"patient": patient, "_count": "3"}).json()
    assert len([e for e in first["entry"] if e.get("search", {}).get("mode") != "outcome"]) == 3
    assert "next" in {link["relation"] for link in first["link"]}
    report = site(**{"read.page_size": 3}).sync().report
    assert filed.series(patient) == totals
    assert report["read"]["QuestionnaireResponse"] >= len(totals)


def test_absolute_and_versioned_references(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    patient, doctor = clinic.patient(), clinic.practitioner()
    session = clinic.encounter("session", patient, doctor, weeks=0)
    ehr.put(clinic.srs("versioned", patient, 31, weeks=4, subject={"reference": f"Patient/{patient}/_history/1"}))
    absolute = {
        "subject": {"reference": f"{ehr.base}/Patient/{patient}"},
        "encounter": {"reference": f"{ehr.base}/Encounter/{session}"},
    }
    ehr.put(clinic.srs("absolute", patient, 32, weeks=0, **absolute))
    site().sync()
    assert values(ehr, patient) == [31, 32]
    assert reference(ehr.observations(patient)[-1], "encounter") == f"Encounter/{session}"


def test_dangling_and_foreign_references(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """A session that is not there: scored without a link. A patient of another server: nobody's here."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31,), last=4)
    ehr.put(clinic.srs("dangling", patient, 32, weeks=2, encounter={"reference": f"Encounter/{clinic.id('nowhere')}"}))
    elsewhere = {"reference": f"https://elsewhere.example/fhir/Patient/{patient}"}
    ehr.put(clinic.srs("foreign", patient, 33, weeks=3, subject=elsewhere))
    site().sync(code=None)
    ehr.delete(f"QuestionnaireResponse/{clinic.id('foreign')}")  # else the other tests on sekmet-stock get it, too
    assert values(ehr, patient) == [31, 32]
    assert "encounter" not in ehr.observations(patient)[-1]


def test_hapi_refuses_references_to_nowhere(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Dangling, foreign, and even absolute to itself: what a site of this kind holds is relative."""
    patient = clinic.patient()
    clinic.course(patient, clinic.practitioner(), (32,))
    bases = ("", "https://elsewhere.example/fhir/", f"{ehr.base}/")
    for subject in (f"{base}Patient/{clinic.id('nobody') if not base else patient}" for base in bases):
        form = clinic.srs("refused", patient, 33, weeks=1, subject={"reference": subject})
        assert ehr.ask("PUT", f"QuestionnaireResponse/{form['id']}", json=form).status_code == 400
    site().sync()
    assert values(ehr, patient) == [32]


def test_a_session_of_another_patient(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """A response that names another patient's session is set aside: one of the two is wrong."""
    patient, other, doctor = clinic.patient(), clinic.patient("other"), clinic.practitioner()
    session = clinic.encounter("theirs", other, doctor, weeks=0)
    ehr.put(clinic.srs("mixed", patient, 33, weeks=0, encounter={"reference": f"Encounter/{session}"}))
    report = site().sync(code=3).report
    assert report["quarantine"]["new"] == 1
    assert ehr.observations(patient) + ehr.observations(other) == []


def test_ignored_search_parameters(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Asked for one patient's responses, the server answers with everybody's (rule R7)."""
    mine, theirs, doctor = clinic.patient("mine"), clinic.patient("theirs"), clinic.practitioner()
    own = clinic.course(mine, doctor, (31, 32))
    foreign = clinic.course(theirs, doctor, (21, 22, 23))
    got = {r["id"] for r in ehr.search("QuestionnaireResponse", patient=mine)}
    assert {*own, *foreign} <= got
    here = site(patients=[mine])
    here.sync()
    assert values(ehr, mine) == [31, 32]
    assert ehr.observations(theirs) == []
    here.configure(cohort__ids=[mine, theirs])
    here.sync()
    assert values(ehr, mine) == [31, 32]
    assert values(ehr, theirs) == [21, 22, 23]


def test_nobodys_responses_are_told_once(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Among everybody's: one without a subject is set aside under no patient, one of another server is left out."""
    patients, doctor = [clinic.patient(name) for name in ("pa", "pb", "pc")], clinic.practitioner()
    for patient in patients:
        clinic.course(patient, doctor, (31,))
    nobodys = clinic.srs("nobodys", patients[0], 32, weeks=1)
    del nobodys["subject"]
    elsewhere = {"reference": f"https://elsewhere.example/fhir/Patient/{patients[0]}"}
    for form in (nobodys, clinic.srs("elsewhere", patients[0], 33, weeks=1, subject=elsewhere)):
        ehr.put(form)
    here = site()
    first = here.sync(code=3).report
    assert (first["outcomes"]["set aside"], first["quarantine"]) == (1, {"new": 1, "total": 1})
    counts = {"subject-unresolved": 1, "subject-elsewhere": 1}
    assert {word: first["reasons"].get(word) for word in counts} == counts
    again = here.sync().report
    assert (again["outcomes"]["set aside"], again["quarantine"]) == (1, {"new": 0, "total": 1})
    (line,) = here.run("quarantine", "list", "--json").report
    assert (line["source"], line["patient"]) == (f"QuestionnaireResponse/{nobodys['id']}", None)
    ehr.put(nobodys | {"subject": {"reference": f"Patient/{patients[1]}"}})
    ehr.delete(f"QuestionnaireResponse/{clinic.id('elsewhere')}")
    assert here.sync().report["quarantine"] == {"new": 0, "total": 0}
    assert [values(ehr, patient) for patient in patients] == [[31], [32, 31], [31]]


def test_a_cached_search_is_not_believed(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """The server answers a repeated search from its cache for a minute, unless asked not to."""
    patient, doctor = clinic.patient(), clinic.practitioner()
    clinic.course(patient, doctor, (31,), last=1)
    url, query = f"{ehr.base}/QuestionnaireResponse", {"patient": patient}
    assert requests.get(url, params=query, timeout=60).json()["total"] == 1
    here = site()
    here.sync()
    clinic.course(patient, doctor, (32,))
    stale = requests.get(url, params=query, timeout=60)
    assert (stale.headers["X-Cache"][:3], stale.json()["total"]) == ("HIT", 1)
    here.sync()
    assert values(ehr, patient) == [31, 32]


def test_cohort_by_group(ehr: Ehr, filed: Filed, clinic: Clinic, site: MakeSite) -> None:
    mine, former, other = clinic.patient("mine"), clinic.patient("former"), clinic.patient("other")
    doctor = clinic.practitioner()
    for patient in clinic.patients:
        clinic.course(patient, doctor, (33,))
    member = [
        {"entity": {"reference": f"Patient/{mine}"}},
        {"entity": {"reference": f"Patient/{former}"}, "inactive": True},
    ]
    ehr.put({"resourceType": "Group", "id": clinic.id("g"), "type": "person", "actual": True, "member": member})
    site(**{"cohort.source": "group", "cohort.id": clinic.id("g"), "cohort.ids": []}).sync()
    assert filed.series(mine) == [33]
    assert filed.series(former) + filed.series(other) == []


def test_cohort_from_a_list_a_file_appointments_and_care_teams(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Each source gives its own patient, and not the one whose entry no longer counts."""
    names = ("listed", "unlisted", "filed", "booked", "cancelled", "cared", "past")
    who = {name: clinic.patient(name) for name in names}
    doctor = clinic.practitioner()
    for name, patient in who.items():
        ehr.put(clinic.srs(f"qr-{name}", patient, 33, weeks=0))
    subject = {name: {"reference": f"Patient/{patient}"} for name, patient in who.items()}
    entry = [{"item": subject["listed"]}, {"item": subject["unlisted"], "deleted": True}]
    ehr.put({"resourceType": "List", "id": clinic.id("l"), "status": "current", "mode": "changes", "entry": entry})
    for name, status in (("booked", "booked"), ("cancelled", "cancelled")):
        start = clinic.weeks_ago(1).isoformat(timespec="seconds")
        actors = [{"actor": subject[name], "status": "accepted"}, {"actor": {"reference": f"Practitioner/{doctor}"}}]
        actors[1]["status"] = "accepted"
        when = {"start": start, "end": start}
        appointment = {"resourceType": "Appointment", "id": clinic.id(f"a-{name}"), "status": status} | when
        ehr.put(appointment | {"participant": actors})
    for name, status in (("cared", "active"), ("past", "inactive")):
        team = {"resourceType": "CareTeam", "id": clinic.id(f"t-{name}"), "status": status, "subject": subject[name]}
        ehr.put(team)

    def cohort(**settings: object) -> Site:
        return site(**{"cohort.ids": []} | {f"cohort.{name}": given for name, given in settings.items()})

    cohort(source="list", id=clinic.id("l")).sync()
    assert (values(ehr, who["listed"]), ehr.observations(who["unlisted"])) == ([33], [])
    by_file = cohort(source="file", file="cohort.txt")
    (by_file.folder / "cohort.txt").write_text(f"# who takes part\n\nPatient/{who['filed']}  # since spring\n")
    by_file.sync()
    assert values(ehr, who["filed"]) == [33]
    cohort(source="appointments", query={"actor": f"Practitioner/{doctor}"}).sync()
    assert (values(ehr, who["booked"]), ehr.observations(who["cancelled"])) == ([33], [])
    for name in ("cared", "past"):
        cohort(source="careteam", query={"_id": clinic.id(f"t-{name}")}).sync()
    assert (values(ehr, who["cared"]), ehr.observations(who["past"])) == ([33], [])
    (by_file.folder / "cohort.txt").write_text("not an id\n")
    ran = by_file.run("sync")
    assert (ran.code, "number 1" in ran.err, "not an id" in ran.err) == (2, True, False)


def test_cohort_by_search(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    one, two, out = clinic.patient("one"), clinic.patient("two"), clinic.patient("out")
    for patient in clinic.patients:
        ehr.put(clinic.srs(f"qr-{patient[-3:]}", patient, 33, weeks=0))
    here: Site = site(
        **{
            "cohort.source": "search",
            "cohort.ids": [],
            "cohort.query": {"identifier": f"{NS}/test-cohort|{clinic.tag}"},
            "cohort.exclude": [out],
        }
    )
    here.sync()
    assert (values(ehr, one), values(ehr, two), ehr.observations(out)) == ([33], [33], [])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
