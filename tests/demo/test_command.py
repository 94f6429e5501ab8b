"""`fhir-alliance demo` through the real command line, and the server read back with plain HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from fhir_alliance.config import load
from fhir_alliance.demo import planted, server
from fhir_alliance.demo.forms import response_id
from fhir_alliance.demo.planted import Client, Series
from fhir_alliance.errors import ConfigError

PLAN = planted.plan()
CODE = "https://w3id.org/fhir-alliance/CodeSystem/alliance-score"
ALERT_STATE = "https://w3id.org/fhir-alliance/CodeSystem/episode-state"
ONSETS = {"drop", "early-step", "low-early"}

ELSEWHERE = {
    # What must not turn the demo on anything else than its own server.
    "FHIR_ALLIANCE__ENDPOINT__EHR__BASE_URL": "https://ehr.invalid/fhir",
    "FHIR_ALLIANCE__WRITE__ENABLED": "false",
    "SEKMET_PORT": "1",
    "SEKMET_DB": "/nowhere/sekmet.db",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "",
}


@dataclass
class Ran:
    """A demo that is still up."""

    process: subprocess.Popen[str]
    said: dict[str, Any]
    http: requests.Session

    @property
    def url(self) -> str:
        return str(self.said["server"]["url"])

    def all(self, type: str, **params: str) -> list[dict[str, Any]]:
        """Every match, page by page."""
        found: list[dict[str, Any]] = []
        url, query = f"{self.url}/{type}", {"_count": "200", **params}
        while url:
            bundle = self.http.get(url, params=query, timeout=30).json()
            found += [e["resource"] for e in bundle.get("entry", []) if e["resource"]["resourceType"] == type]
            url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
            query = {}
        return found


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fhir_alliance", "demo", *arguments]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    pytest.importorskip("sekmet")
    folder = tmp_path_factory.mktemp("demo")
    environment = os.environ | ELSEWHERE | {"TMPDIR": str(folder)}
    process = subprocess.Popen(
        command("--json", "--serve"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        with server.session() as http:
            yield Ran(process, json.loads(line), http)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        assert [p.name for p in folder.iterdir()] == []
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_the_contract(ran: Ran) -> None:
    said = ran.said
    assert list(said) == [
        *("server", "patients", "encounters", "responses", "scored", "unscorable", "quarantined"),
        *("observations_written", "episodes", "alerts_written", "notices", "second_pass", "seconds"),
    ]
    assert set(said["server"]) == {"name", "version", "url"}
    assert said["second_pass"] == {"writes": 0}
    assert said["patients"] == len(PLAN.clients)
    assert said["scored"] == sum(e.final is not None for c in PLAN.clients for s in c.series for e in s.entries)
    assert said["quarantined"] == len(said["unscorable"])
    assert all(set(line) == {"source", "reason"} for line in said["unscorable"])


def test_what_is_set_aside(ran: Ran) -> None:
    planned = {
        f"QuestionnaireResponse/{response_id(f'{client.id}-s{session:02}', series)}"
        for client in PLAN.clients
        for series in client.series
        for session, entry in enumerate(series.entries, series.start)
        if entry.note in planted.SET_ASIDE
    }
    assert {line["source"] for line in ran.said["unscorable"]} == planned
    assert all(line["reason"].startswith("set aside: ") for line in ran.said["unscorable"])


def strains(client: Client, series: Series) -> list[tuple[int, str, int, str]]:
    """Index of the onset, kind, level and state of every planted strain of a series."""
    found: list[tuple[int, str, int, str]] = []
    scored = [i for i, e in enumerate(series.entries, 1) if e.final is not None]
    for index, kind, level in series.events:
        if kind in ONSETS:
            # A low start is followed for three scores and then ends without a verdict.
            ended = kind == "low-early" and sum(i > index for i in scored) >= 3
            found.append((index, kind, level, "expired" if ended else "open"))
        elif kind == "persisting":
            found[-1] = (*found[-1][:2], 3, "open")
        elif kind in {"repaired", "unrepaired", "expired"}:
            found[-1] = (*found[-1][:3], kind)
    return found + [(index, kind, level, "withdrawn") for index, kind, level in series.withdrawn]


def test_every_planted_strain_and_no_other(ran: Ran) -> None:
    starts = {r["id"]: r["period"]["start"] for r in ran.all("Encounter")}
    planned = {
        (
            f"Patient/{client.id}",
            f"Practitioner/{series.practitioners[0]}" if len(series.practitioners) == 1 else "unassigned",
            series.instrument,
            kind,
            level,
            state,
            as_instant(starts[f"{client.id}-s{series.start + index - 1:02}"]),
        )
        for client in PLAN.clients
        for series in client.series
        for index, kind, level, state in strains(client, series)
    }
    said = [
        (
            *(e["patient"], e["practitioner"], e["instrument"], e["kind"], e["level"], e["state"]),
            as_instant(e["onset"]),
        )
        for e in ran.said["episodes"]
    ]
    assert len(said) == len(set(said))
    assert set(said) == planned


def as_instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_notices(ran: Ran) -> None:
    level_one = [e for c in PLAN.clients for s in c.series for e in s.events if e[2] == 1]
    drops = [d for c in PLAN.clients for s in c.series for d in s.subscale_drops]
    assert ran.said["notices"] == len(level_one) + len(drops)


def test_observations_are_in_the_server(ran: Ran) -> None:
    assert len(ran.all("Observation")) == ran.said["observations_written"]


@pytest.mark.parametrize("id", ["client-02", "client-03", "client-10", "client-25", "client-30", "client-31"])
def test_a_series_is_found_again_with_plain_fhir(ran: Ran, id: str) -> None:
    client = next(c for c in PLAN.clients if c.id == id)
    series = client.series[0]
    query = {"patient": f"Patient/{id}", "code": f"{CODE}|{series.instrument}-total", "_sort": "date"}
    found = ran.all("Observation", **query)
    standing = [o for o in found if o["status"] != "entered-in-error"]
    assert [o["valueQuantity"]["value"] for o in standing] == [e.final for e in series.entries if e.final is not None]
    assert len(found) - len(standing) == sum(bool(e.retracted) for e in series.entries)
    assert [o["status"] == "amended" for o in standing] == [
        bool(e.amended) for e in series.entries if e.final is not None
    ]
    responses = {r["id"]: r for r in ran.all("QuestionnaireResponse", patient=f"Patient/{id}")}
    for observation in found:
        response = responses[observation["derivedFrom"][0]["reference"].partition("/")[2]]
        assert observation["effectiveDateTime"] == response["authored"]
        assert observation["encounter"] == response["encounter"]
        assert observation["subject"] == response["subject"]


def test_alerts_are_in_the_server_once_each_for_the_right_people(ran: Ran) -> None:
    tasks = ran.all("Task")
    assert len(tasks) == ran.said["alerts_written"]
    observations = {f"Observation/{o['id']}": o for o in ran.all("Observation")}
    therapist = {c.id: c.series[0].practitioners[0] for c in PLAN.clients}
    said = {}
    for task in tasks:
        state = next(c["code"] for c in task["businessStatus"]["coding"] if c["system"] == ALERT_STATE)
        patient = task["for"]["reference"].partition("/")[2]
        said[patient] = (state, task["priority"])
        assert task["owner"]["reference"] == f"Practitioner/{therapist[patient]}"
        focus = observations[task["focus"]["reference"]]
        assert focus["subject"] == task["for"]
        assert focus["encounter"] == task["encounter"]
        assert focus["code"]["coding"][0]["code"].endswith("-total")
    assert said == {c.id: c.alert for c in PLAN.clients if c.alert}
    assert [t["id"] for t in ran.all("Task", patient="Patient/client-02")] == [
        t["id"] for t in tasks if t["for"]["reference"] == "Patient/client-02"
    ]


# -- other ways to call it ---------------------------------------------------------------------------


def refused(*arguments: str, folder: Path) -> str:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
    return done.stderr


def test_a_server_elsewhere_is_refused(tmp_path: Path) -> None:
    assert "on this machine" in refused("--server", "https://ehr.invalid/fhir", folder=tmp_path)


def test_serving_somebody_elses_server_is_refused(tmp_path: Path) -> None:
    assert "--serve" in refused("--serve", "--server", "http://127.0.0.1:9/fhir", folder=tmp_path)


@pytest.mark.parametrize("out", ["/proc/nope", "{taken}/charts", "{taken}"])
def test_a_folder_that_cannot_be_made_is_refused_before_anything_runs(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, out: str
) -> None:
    taken = tmp_path_factory.mktemp("elsewhere") / "taken"
    taken.touch()
    named = out.format(taken=taken)
    told = refused("--out", named, folder=tmp_path)
    assert told.startswith(f"fhir-alliance: {named} cannot be written: ")
    assert len(told.splitlines()) == 1


def test_the_folder_of_the_charts_is_gone_where_nothing_came_into_it(tmp_path: Path) -> None:
    assert "on this machine" in refused("--server", "https://ehr.invalid/fhir", "--out", "new", folder=tmp_path)


def test_a_stopped_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("sekmet")
    with subprocess.Popen(command("--json"), env=os.environ | {"TMPDIR": str(tmp_path)}, cwd=tmp_path) as process:
        while not (settings := list(tmp_path.glob("*/server/settings.yaml"))):
            assert process.poll() is None
        url = re.search(r"http://127\.0\.0\.1:\d+/fhir", settings[0].read_text())
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    assert url
    with server.session() as http, pytest.raises(requests.ConnectionError):
        http.get(f"{url[0]}/metadata", timeout=30)


def test_a_server_that_holds_patients_is_refused_and_an_empty_one_is_used(tmp_path: Path) -> None:
    pytest.importorskip("sekmet")
    (here := tmp_path / "here").mkdir()
    out = tmp_path / "charts"
    with server.embedded(tmp_path / "server") as running, server.session() as http:
        done = subprocess.run(
            command("--server", running.url, "--out", str(out), "--keep"),
            capture_output=True,
            text=True,
            cwd=here,
            env=os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "TMPDIR": str(tmp_path)},
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        assert "As planned" in done.stdout
        (kept,) = re.findall(r"^Kept: (.+)$", done.stderr, re.MULTILINE)
        assert load(Path(kept) / "fhir-alliance.toml").endpoint["main"].base_url == running.url
        assert f"  cd {kept}\n" in done.stdout
        assert "The second pass over the same data wrote 0." in done.stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith("  cd "))
        for client in PLAN.clients:
            assert (client.id in done.stdout) or not client.alert
        assert http.get(f"{running.url}/Task", params={"_summary": "count"}, timeout=30).json()["total"] > 0
        before = http.get(f"{running.url}/Observation", params={"_summary": "count"}, timeout=30).json()["total"]
        assert "holds patients" in refused("--server", running.url, folder=here)
        after = http.get(f"{running.url}/Observation", params={"_summary": "count"}, timeout=30).json()["total"]
        assert after == before
    charts = {p.name for p in out.iterdir()}
    assert {"client-02-wai-sr-c.svg", "client-02-wai-sr-c.png", "wai-sr-c.csv", "srs-v3.csv"} <= charts
    the_same_events_from_a_file(out / "wai-sr-c.csv")


def the_same_events_from_a_file(file: Path) -> None:
    """All but subscales, and what expired by the date: as the screen says of the command that it suggests."""
    arguments = ["detect", str(file), "--instrument", "wai-sr-c", "--json"]
    told = subprocess.run(
        [sys.executable, "-m", "fhir_alliance", *arguments], capture_output=True, text=True, check=True
    )
    events = map(json.loads, told.stdout.splitlines())
    planned = [
        (client.id, kind, level)
        for client in PLAN.clients
        for series in client.series
        if series.instrument == "wai-sr-c"
        for index, kind, level in series.events
        if not (kind == "expired" and index == len(series.entries))
    ]
    assert sorted((e["series"][: len("client-00")], e["kind"], e["level"]) for e in events) == sorted(planned)


def test_without_the_embedded_server_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught, server.embedded(tmp_path):
        pass
    assert "pip install 'fhir-alliance[demo]'" in str(caught.value)
    assert "--server" in str(caught.value)


def test_the_embedded_server_ends_with_its_parent(tmp_path: Path) -> None:
    """Also when the parent is killed: nothing is left running."""
    pytest.importorskip("sekmet")
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom fhir_alliance.demo import server\n"
        "with server.embedded(Path(sys.argv[1])) as running:\n    print(running.url, flush=True)\n    time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    url = parent.stdout.readline().strip()
    with server.session() as http:
        assert http.get(f"{url}/metadata", timeout=30).ok
        parent.kill()
        parent.wait()
        parent.stdout.close()
        with pytest.raises(requests.ConnectionError):
            ask_for_ever(http, f"{url}/metadata")


def ask_for_ever(http: requests.Session, url: str) -> None:
    while True:
        http.get(url, timeout=30)
