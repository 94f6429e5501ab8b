"""`simulate --format fhir`: valid resources whose answers score to the values of the series."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from score_runs import Cli
from simulate_runs import BUSY, SMALL, resources, rows, simulated

from fhir_alliance.fhir.outbound import checked


@pytest.mark.parametrize("instrument", ["wai-sr-c", "srs-v3", "haq2-t", "tasc-r-p", "sai", "star-p", "vtas"])
def test_the_resources_score_to_the_values_of_the_series(cli: Cli, instrument: str) -> None:
    arguments = ["--instrument", instrument, "--clients", "30", "--sessions", "3-9", *BUSY, "--late", "0"]
    series = simulated(cli, *arguments)
    simulated(cli, *arguments, "--format", "fhir", "--out", "clinic")
    assert Path("clinic/truth.csv").read_text(encoding="utf-8") == series
    assert cli("clinic/QuestionnaireResponse.ndjson", "--json", "--attest", "srs-v3") == 0, cli.err
    lines = [json.loads(line) for line in cli.out.splitlines()]
    scored = [
        (line["patient"].removeprefix("Patient/"), line["authored"][:10], line["value"])
        for line in lines
        if line["scale"] == "total"
    ]
    expected = [(r["series"].partition("-")[0], r["at"], float(r["value"])) for r in rows(series) if r["value"]]
    assert scored == expected  # to the last bit, in the same order


def test_the_stream_is_the_folder(cli: Cli) -> None:
    stream = simulated(cli, *SMALL, "--format", "fhir").splitlines()
    simulated(cli, *SMALL, "--format", "fhir", "--out", "clinic")
    files = [line for file in Path("clinic").glob("*.ndjson") for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted(files) == sorted(stream)
    ids = [(r["resourceType"], r["id"]) for r in map(json.loads, stream)]
    assert len(ids) == len(set(ids))


def test_every_resource_is_valid_r4_and_refers_to_what_came_before(cli: Cli) -> None:
    for instrument in ("wai-sr-c", "tasc-r-p"):
        seen: set[str] = set()
        found = Counter[str]()
        arguments = ["--instrument", instrument, "--clients", "60", "--sessions", "8", *BUSY, "--format", "fhir"]
        for line in simulated(cli, *arguments).splitlines():
            resource = checked(json.loads(line))
            assert set(references(resource)) <= seen
            seen.add(f"{resource['resourceType']}/{resource['id']}")
            found[resource["resourceType"]] += 1
        people = {"RelatedPerson": 60} if instrument == "tasc-r-p" else {}
        assert (
            found.items() >= (people | {"Questionnaire": 1, "Patient": 60, "Practitioner": 4, "Encounter": 480}).items()
        )
        assert found["Appointment"] > 5


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if "reference" in value else []
        return own + [r for v in value.values() for r in references(v)]
    return [r for v in value for r in references(v)] if isinstance(value, list) else []


def test_sessions_without_a_form_and_no_shows(cli: Cli) -> None:
    arguments = ["--instrument", "wai-sr-c", "--clients", "80", "--sessions", "10", "--missing", "0.3"]
    simulated(cli, *arguments, "--no-show", "0.5", "--format", "fhir", "--out", "clinic")
    folder = Path("clinic")
    encounters = {e["id"]: e["status"] for e in resources(folder, "Encounter")}
    answered = {r["encounter"]["reference"].rpartition("/")[2] for r in resources(folder, "QuestionnaireResponse")}
    cancelled = {id for id, status in encounters.items() if status == "cancelled"}
    missing = [row for row in rows((folder / "truth.csv").read_text(encoding="utf-8")) if not row["value"]]
    assert len(encounters) == 800
    assert len(encounters) - len(answered) == len(missing)
    assert not cancelled & answered
    assert {a["id"] for a in resources(folder, "Appointment")} == cancelled
    assert 0.4 < len(cancelled) / len(missing) < 0.6


def test_another_therapist_takes_over(cli: Cli) -> None:
    arguments = ["--instrument", "wai-sr-c", "--clients", "40", "--sessions", "10", "--change-share", "0.5"]
    simulated(cli, *arguments, "--format", "fhir", "--out", "clinic")
    who: dict[str, list[str]] = {}
    for e in resources(Path("clinic"), "Encounter"):
        who.setdefault(e["subject"]["reference"], []).append(e["participant"][0]["individual"]["reference"])
    lengths = Counter(row["series"] for row in rows(Path("clinic/truth.csv").read_text(encoding="utf-8")))
    for patient, practitioners in who.items():
        series = [n for name, n in sorted(lengths.items()) if name.startswith(f"{patient.rpartition('/')[2]}-")]
        runs = [practitioners.count(p) for p in dict.fromkeys(practitioners)]
        assert runs == series
        assert practitioners == sorted(practitioners)
    assert {len(set(p)) for p in who.values()} == {1, 2}


def test_late_and_amended_forms_and_what_stood_before_them(cli: Cli) -> None:
    arguments = ["--instrument", "wai-sr-c", "--clients", "60", "--sessions", "10", "--format", "fhir"]
    simulated(cli, *arguments, "--out", "calm")
    assert not Path("calm/before").exists()
    simulated(cli, *arguments, "--late", "0.2", "--late-days", "9", "--amended", "0.1", "--out", "clinic")
    now = {r["id"]: r for r in resources(Path("clinic"), "QuestionnaireResponse")}
    before = {r["id"]: r for r in resources(Path("clinic/before"), "QuestionnaireResponse")}
    calm = {r["id"]: r for r in resources(Path("calm"), "QuestionnaireResponse")}
    assert {id: r["item"] for id, r in now.items()} == {id: r["item"] for id, r in calm.items()}
    late = {id for id, r in now.items() if r["authored"] != calm[id]["authored"]}
    delays = {int(now[id]["authored"][8:10]) - int(calm[id]["authored"][8:10]) for id in late}
    assert {d for d in delays if d > 0} == set(range(1, 10))
    assert set(before) == set(now) - late
    assert len(late) / len(now) == pytest.approx(0.2, abs=0.05)
    amended = {id for id, r in now.items() if r["status"] == "amended"}
    assert len(amended) / len(now) == pytest.approx(0.1, abs=0.04)
    for id, r in before.items():
        assert r["status"] == "completed"
        differing = [n for n, (a, b) in enumerate(zip(r["item"], now[id]["item"], strict=True)) if a != b]
        assert len(differing) == (id in amended)
    assert cli("clinic/before/QuestionnaireResponse.ndjson") == 0
