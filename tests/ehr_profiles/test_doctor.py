"""`doctor` against a small clinic: what it finds, what it says, what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from fhir_alliance.cli import app, commands
from fhir_alliance.config import DEFAULT_NAMESPACE

from .peer import Peer, Reply, Request

assert commands  # registers the commands
CANARY = "Ford-Canary-4242"
FORMS = f"{DEFAULT_NAMESPACE}/Questionnaire"
ALL = ("read", "search-type", "create", "update")
TYPES = ("Patient", "Encounter", "QuestionnaireResponse", "Questionnaire", "PractitionerRole", "Observation", "Task")


def declared(name: str, codes: tuple[str, ...] = ALL) -> dict[str, Any]:
    params = [{"name": n} for n in ("patient", "_lastUpdated", "identifier")]
    interactions = [{"code": c} for c in codes]
    return {"type": name, "interaction": interactions, "searchParam": params, "conditionalCreate": True}


class Clinic:
    """Two patients with responses and encounters; attributes are changed by the tests."""

    def __init__(self) -> None:
        self.types = {name: declared(name) for name in TYPES}
        self.fhir = "4.0.1"
        self.patients = [f"{CANARY}-1", f"{CANARY}-2"]
        self.canonicals = [f"{FORMS}/wai-sr-c|1.0", "https://clinic.example/phq-9"]
        self.practitioners = 1
        self.status = "finished"
        self.answered = 12
        self.ignored: set[str] = set()
        self.fault: Reply | None = None
        self.fault_at = ""
        self.headers: dict[str, str] = {}

    def __call__(self, request: Request) -> Reply:
        path = request.target.split("?")[0].removeprefix("/fhir/")
        if self.fault is not None and path.startswith(self.fault_at):
            return self.fault
        if path == "metadata":
            rest = [{"mode": "server", "resource": list(self.types.values())}]
            software = {"name": "Clinic", "version": "1"}
            body = {"resourceType": "CapabilityStatement", "fhirVersion": self.fhir, "software": software, "rest": rest}
            return Reply(body=body, headers=self.headers)
        if "/" in path:
            return Reply(404)
        if request.query.get("_lastUpdated", "ge2000") > "ge2001" and "_lastUpdated" not in self.ignored:
            return bundle([])
        wanted = self.patients if "patient" in self.ignored else [request.query.get("patient", "")]
        return bundle(list(self.rows(path, wanted)))

    def rows(self, kind: str, wanted: list[str]) -> Any:
        if kind == "Patient":
            yield from ({"resourceType": kind, "id": p, "name": [{"text": CANARY}]} for p in self.patients)
        for patient in wanted if kind != "Patient" else []:
            subject = {"reference": f"Patient/{patient}"}
            if kind == "Encounter":
                told = [{"individual": {"reference": f"Practitioner/{CANARY}-{n}"}} for n in range(self.practitioners)]
                row = {"resourceType": kind, "id": f"e-{patient}", "status": self.status, "subject": subject}
                yield {**row, "participant": told, "period": {"start": "2026-01-05T09:00:00Z"}}
            if kind == "QuestionnaireResponse":
                for n, canonical in enumerate(self.canonicals):
                    id, answer = f"q{n}-{patient}", [{"valueInteger": 3}]
                    item = [{"linkId": str(i + 1), "text": CANARY, "answer": answer} for i in range(self.answered)]
                    row = {"resourceType": kind, "id": id, "status": "completed", "subject": subject, "item": item}
                    yield {**row, "questionnaire": canonical, "authored": "2026-01-05T10:00:00Z"}


def bundle(rows: list[dict[str, Any]]) -> Reply:
    entries = [{"resource": row, "search": {"mode": "match"}} for row in rows]
    return Reply(body={"resourceType": "Bundle", "type": "searchset", "total": len(rows), "entry": entries})


@pytest.fixture
def clinic(peer: Peer) -> Clinic:
    server = Clinic()
    peer.serves(server)
    return server


Run = Callable[..., Result]


@pytest.fixture
def run(peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `doctor` with this configuration; `more` TOML is added, `json=True` asks for JSON."""
    monkeypatch.setenv("COLUMNS", "80")
    config = tmp_path / "site.toml"

    def doctor(more: str = "", *, as_json: bool = False, source: str = "search", method: str = "none") -> Result:
        config.write_text(
            f'[endpoint.main]\nbase_url = "{peer.base}"\n[endpoint.main.http]\nbackoff = "0s"\n'
            f'[endpoint.main.auth]\nmethod = "{method}"\n'
            + ('token = { env = "DOCTOR_TOKEN" }\n' if method == "bearer" else "")
            + f'[cohort]\nsource = "{source}"\n[store]\npath = "state/alliance.db"\n{more}'
        )
        return CliRunner().invoke(app, ["doctor", "--config", str(config), *(["--json"] if as_json else [])])

    return doctor


def checks(result: Result) -> dict[tuple[str, str], str]:
    """(check, level) → sentences, of the machine and the endpoint."""
    found = json.loads(result.stdout)
    told: dict[tuple[str, str], str] = {}
    for check in [*found["checks"], *found["endpoints"]["main"]["checks"]]:
        key = (check["check"], check["level"])
        told[key] = f"{told.get(key, '')} {check['says']}".strip()
    return told


WRITING = '[write]\nenabled = true\ntypes = ["Observation", "Task"]\n'


def test_all_is_well(peer: Peer, clinic: Clinic, run: Run, tmp_path: Path) -> None:
    result = run(WRITING)
    assert result.exit_code == 0, result.output
    assert "0 to look at, 0 to mend. Next: fhir-alliance sync --dry-run" in result.stdout
    for said in (
        "Clinic 1, FHIR 4.0.1.",
        "2 patients, by search.",
        "watermark: passes read who has something",
        "(unmapped)",
    ):
        assert said in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert {request.method for request in peer.requests} == {"GET"}
    assert not (tmp_path / "state").exists()


def test_nothing_of_a_patient_is_told(clinic: Clinic, run: Run) -> None:
    clinic.canonicals.append(f"{CANARY} wrote here")
    for as_json in (False, True):
        result = run(WRITING, as_json=as_json)
        assert result.exit_code == 0
        assert CANARY not in result.output


def test_the_json_is_for_machines(peer: Peer, clinic: Clinic, run: Run) -> None:
    found = json.loads(run(WRITING, as_json=True).stdout)
    main = found["endpoints"]["main"]
    assert (found["exit"], found["fail"], main["mode"], main["cohort"]) == (0, 0, "watermark", 2)
    server = main["server"]
    assert (server["software"], server["version"], server["publisher"], server["fhir"]) == (
        "Clinic",
        "1",
        None,
        "4.0.1",
    )
    assert (server["url"], server["clock_skew_seconds"], server["recognised"]) == (peer.base, 0, None)
    top = ("server", "auth", "read", "write", "sinks", "questionnaires", "problems")
    assert [found[key] for key in top] == [main[key] for key in top]
    assert main["capabilities"]["Task"] == dict.fromkeys(("read", "search", "create", "update", "if-none-exist"), "yes")
    assert main["capabilities"]["Patient"] == {"search": "yes"}
    assert main["questionnaires"] == [
        {"canonical": f"{FORMS}/wai-sr-c|1.0", "seen": 1, "in_all": None, "instrument": "wai-sr-c", "code": None},
        {
            "canonical": "https://clinic.example/phq-9",
            "seen": 1,
            "in_all": None,
            "instrument": "unmapped",
            "code": None,
        },
    ]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Reply(401), "does not accept our credentials"),
        (Reply(500), "answered 500"),
        (Reply(404), "Check base_url"),
        (Reply(body=b"<html>"), "HTML"),
        (Reply(body={"resourceType": "Patient"}), "is base_url a FHIR base"),
        (Reply(429, headers={"Retry-After": "9999"}), "longer than max_wait"),
        (Reply(reset=True), "closed the connection"),
    ],
)
def test_a_server_that_cannot_be_talked_to(peer: Peer, clinic: Clinic, run: Run, fault: Reply, says: str) -> None:
    clinic.fault, clinic.fault_at = fault, "metadata"
    result = run(as_json=True)
    assert result.exit_code == 4
    assert says in checks(result)["server", "fail"]
    assert {request.target for request in peer.requests} == {"/fhir/metadata"}


def test_credentials_that_are_refused_only_behind_metadata(
    clinic: Clinic, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_TOKEN", CANARY)
    assert checks(run(as_json=True, method="bearer"))["credentials", "ok"] == "Accepted (bearer)."
    clinic.fault, clinic.fault_at = Reply(401), "QuestionnaireResponse"
    result = run(as_json=True, method="bearer")
    assert result.exit_code == 4
    assert "The secret may be wrong or expired" in checks(result)["reading", "fail"]
    assert ("credentials", "ok") not in checks(result)


def test_a_missing_right_and_its_usual_cause(clinic: Clinic, run: Run) -> None:
    clinic.fault, clinic.fault_at = Reply(403), "Encounter"
    result = run(as_json=True)
    assert result.exit_code == 5
    assert "empty 403 usually means that this API is not on the app's list" in checks(result)["reading", "fail"]


def test_a_search_across_patients_that_is_refused(clinic: Clinic, run: Run) -> None:
    clinic.fault, clinic.fault_at = Reply(400), "Patient"
    result = run(as_json=True)
    assert result.exit_code == 5
    assert "use cohort.source ids, file, group or list" in checks(result)["cohort", "fail"]


def test_another_fhir_version(clinic: Clinic, run: Run) -> None:
    clinic.fhir = "3.0.2"
    result = run(as_json=True)
    assert result.exit_code == 5
    assert "speaks FHIR 3.0.2" in checks(result)["server", "fail"]


def test_filters_that_are_ignored(clinic: Clinic, run: Run) -> None:
    clinic.ignored = {"patient", "_lastUpdated"}
    result = run(as_json=True)
    assert result.exit_code == 0
    said = checks(result)["filters", "warn"]
    assert "ignores `patient` in a search of QuestionnaireResponse: 2 of other patients" in said
    assert "ignores `patient` in a search of Encounter: 1 of other patients" in said
    assert "ignores _lastUpdated" in checks(result)["changes", "warn"]


def test_a_sink_that_the_server_does_not_offer(clinic: Clinic, run: Run) -> None:
    clinic.types["Task"] = declared("Task", ("read", "search-type"))
    assert "takes no new Task" in checks(run(as_json=True))["alerts: task", "warn"]
    result = run(WRITING, as_json=True)
    assert result.exit_code == 5
    assert 'set "Task.create" = true under [endpoint.main.capability]' in checks(result)["alerts: task", "fail"]
    corrected = run(WRITING + '[endpoint.main.capability]\n"Task.create" = true\n', as_json=True)
    assert corrected.exit_code == 0
    assert json.loads(corrected.stdout)["endpoints"]["main"]["capabilities"]["Task"]["create"] == "yes*"


def test_what_is_not_declared_is_unknown(clinic: Clinic, run: Run) -> None:
    clinic.types.clear()
    result = run(WRITING, as_json=True)
    assert result.exit_code == 0
    told = checks(result)
    assert "lists no resource type" in told["statement", "warn"]
    assert "/metadata does not say whether QuestionnaireResponse" in told["read mode", "ok"]
    assert "does not say whether the EHR takes a new Observation" in told["scores: observation", "warn"]
    # Silence is no promise; but the search was tried, and it was obeyed.
    keys = [f'"{kind}.search._lastUpdated" = true' for kind in ("QuestionnaireResponse", "Encounter")]
    assert f"Set {' and '.join(keys)} under [endpoint.main.capability]." in told["changes", "warn"]
    clinic.ignored = {"_lastUpdated"}
    assert ("changes", "warn") not in checks(run(WRITING, as_json=True))
    clinic.ignored, overrides = set(), "\n".join(keys)
    corrected = run(f"{WRITING}[endpoint.main.capability]\n{overrides}\n", as_json=True)
    assert json.loads(corrected.stdout)["read"]["Encounter"]["mode"] == "watermark"
    assert checks(corrected)["changes", "ok"] == "A search by _lastUpdated is obeyed."


def test_an_empty_cohort_and_one_without_forms(clinic: Clinic, run: Run) -> None:
    clinic.canonicals = []
    assert "None, for 2 patients" in checks(run(as_json=True))["responses", "warn"]
    clinic.patients = []
    result = run(as_json=True)
    assert result.exit_code == 5
    assert "Nobody, by search" in checks(result)["cohort", "fail"]


def test_forms_that_are_ours_and_not_read(clinic: Clinic, run: Run) -> None:
    clinic.canonicals = [f"{FORMS}/wai-sr-c|9", f"{FORMS}/srs-v3"]
    told = checks(run(as_json=True))["forms", "warn"]
    assert f"{FORMS}/wai-sr-c|9: 1 of its responses are not read. This version is not accepted" in told
    assert f"{FORMS}/srs-v3: 1 of its responses are not read. Its instrument needs your own licence" in told
    clinic.canonicals = ["https://clinic.example/phq-9"]
    assert "None of the questionnaires found is mapped" in checks(run(as_json=True))["forms", "warn"]


def test_forms_that_cannot_be_scored(clinic: Clinic, run: Run) -> None:
    clinic.answered = 1
    told = checks(run(as_json=True))["forms", "warn"]
    assert f"{FORMS}/wai-sr-c|1.0: 1 of its responses are not read. They would be set aside: incomplete." in told


def test_whose_sessions_they_are(clinic: Clinic, run: Run) -> None:
    told = checks(run(as_json=True))
    assert told["clinician", "ok"] == "1 of 1 encounters name one treating clinician: alerts go there."
    clinic.practitioners = 2
    told = checks(run(as_json=True))
    assert "0 of 1 encounters name one treating clinician. Scores are kept" in told["clinician", "warn"]
    told = checks(run('[alerts]\ncare_team_role = "primary"\n', as_json=True))
    assert told["clinician", "ok"].endswith("of the others: the care team's, or the pool.")


def test_sessions_that_do_not_count(clinic: Clinic, run: Run) -> None:
    clinic.status = "planned"
    told = checks(run(as_json=True))["sessions", "warn"]
    assert "None of 1 encounters counts as held: their status is planned." in told
    held = '[read]\nencounter_statuses = ["planned"]\n'
    assert ("sessions", "warn") not in checks(run(held, as_json=True))


def test_a_flowsheet_row_needs_an_encounter(clinic: Clinic, run: Run) -> None:
    rows = '[write.scores]\nsink = "flowsheet"\nflowsheet_rows = { "wai-sr-c/total" = "urn:oid:1.2.3|4" }\n'
    told = checks(run(f"{WRITING}{rows}", as_json=True))["sessions", "warn"]
    assert told.startswith("1 of 1 forms do not name their encounter.")
    agreed = run(f"{WRITING}inferred_encounter = true\n{rows}", as_json=True)
    assert "0 of 1 forms name their encounter" in checks(agreed)["sessions", "ok"]


def test_clocks_that_differ(clinic: Clinic, run: Run) -> None:
    clinic.headers = {"Date": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert "days apart" in checks(run(as_json=True))["clock", "warn"]
    clinic.headers = {"Date": ""}
    assert "sends no Date" in checks(run(as_json=True))["clock", "warn"]


def test_a_store_that_others_can_read(clinic: Clinic, run: Run, tmp_path: Path) -> None:
    store = tmp_path / "state" / "alliance.db"
    store.parent.mkdir(mode=0o700)
    store.touch(mode=0o644)
    result = run(as_json=True)
    assert result.exit_code == 5
    assert "chmod 600" in checks(result)["store", "fail"]
    store.chmod(0o600)
    store.parent.chmod(0o755)
    assert "chmod 700" in checks(run(as_json=True))["store", "warn"]


def test_a_pool_that_is_not_there(clinic: Clinic, run: Run) -> None:
    result = run('[alerts]\npool = "CareTeam/9"\n', as_json=True)
    assert result.exit_code == 5
    assert "does not have it" in checks(result)["alerts.pool", "fail"]
