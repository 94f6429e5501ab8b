"""`simulate` through its command line: the same bytes, the columns, what `detect` makes of them, and FHIR resources
that score to the same values."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from score_runs import SCRIPT, Cli

from fhir_alliance import instruments
from fhir_alliance.fhir.outbound import checked

BUSY = ["--change-share", "0.3", "--slide-share", "0.2", "--jitter", "2", "--late", "0.2", "--amended", "0.2"]
SMALL = ["--instrument", "wai-sr-c", "--clients", "40", "--sessions", "4-12", "--seed", "11", *BUSY]
BYTES = {
    # A small run of each format. They may change only together with a word to those who published results.
    "csv": "2fba04ede8465fb48d237a315ff01e70a77b34198ea82fa5e7c7ae04bd1fee06",
    "ndjson": "3de732fec3f3430aa33651fe6366b2aea80f97c4d6cf3e6456401f6ed1531599",
    "fhir": "3bd552927ca576286c1caf50795f6a4a52b2d12d02af12417e1d5771087ec867",
}


def simulated(cli: Cli, *arguments: object) -> str:
    assert cli(*arguments, command="simulate") == 0, cli.err
    return cli.out


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def resources(folder: Path, type: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{type}.ndjson").read_text(encoding="utf-8").splitlines()]


def definition(id: str) -> str:
    """The text of a shipped instrument, under an id of its own."""
    text = (Path(instruments.__file__).parent / f"{id}.toml").read_text(encoding="utf-8")
    return text.replace(id, f"ours-{id}")


@pytest.mark.parametrize("format", ["csv", "ndjson", "fhir"])
def test_the_same_seed_gives_the_same_bytes(cli: Cli, format: str) -> None:
    first = simulated(cli, *SMALL, "--format", format)
    assert hashlib.sha256(first.encode()).hexdigest() == BYTES[format]
    again = subprocess.run([SCRIPT, "simulate", *SMALL, "--format", format], capture_output=True, check=True)
    assert again.stdout.decode() == first
    assert simulated(cli, *SMALL, "--seed", "12", "--format", format) != first


def test_a_file_is_what_stdout_is(cli: Cli, nowhere: None) -> None:
    text = simulated(cli, *SMALL)
    assert simulated(cli, *SMALL, "--out", "made.csv") == ""
    assert Path("made.csv").read_text(encoding="utf-8") == text


def test_csv_and_ndjson_say_the_same(cli: Cli) -> None:
    table = rows(simulated(cli, *SMALL, "--strain-rate", "0.2"))
    lines = [
        json.loads(line) for line in simulated(cli, *SMALL, "--strain-rate", "0.2", "--format", "ndjson").splitlines()
    ]
    assert list(table[0]) == list(lines[0]) == ["series", "at", "value", "truth"]
    assert len(table) == len(lines) > 200
    for row, line in zip(table, lines, strict=True):
        value = float(row["value"]) if row["value"] else None
        assert (row["series"], row["at"], value, row["truth"] or None) == tuple(line.values())
    assert {row["truth"] for row in table} == {"", "strain", "repair"}
    assert any(not row["value"] for row in table)


def test_detect_reads_both_as_they_are(cli: Cli) -> None:
    told = []
    for format in ("csv", "ndjson"):
        simulated(cli, *SMALL, "--strain-rate", "0.2", "--format", format, "--out", "made")
        assert cli("made", "--instrument", "wai-sr-c", "--json", command="detect") == 0, cli.err
        told.append(cli.out)
    assert told[0] == told[1]
    assert '"kind":"drop"' in told[0]


def test_a_planted_strain_is_seen_where_it_was_planted(cli: Cli) -> None:
    planted = ["--strain-at", "8", "--strain-points", "20", "--strain-lasts", "once", "--missing", "0"]
    arguments = ["--instrument", "srs-v3", "--clients", "50", "--sessions", "12", *planted, "--between-sd", "0.1"]
    table = rows(simulated(cli, *arguments, "--out", "-"))
    strains = [n % 12 for n, row in enumerate(table) if row["truth"] == "strain"]
    assert strains == [7] * 50
    assert [n % 12 for n, row in enumerate(table) if row["truth"] == "repair"] == [8] * 50
    simulated(cli, *arguments, "--out", "made.csv")
    assert cli("made.csv", "--instrument", "srs-v3", "--json", command="detect") == 0
    # Half of the scale down, so the policy must react in every client; a false alarm just before makes it another kind.
    there = [e["kind"] for e in map(json.loads, cli.out.splitlines()) if e["index"] == 8]
    assert set(there) <= {"drop", "cooldown", "persisting"}
    assert len(there) == 50
    assert there.count("drop") > 40


def test_a_definition_file_is_an_instrument_too(cli: Cli) -> None:
    Path("ours.toml").write_text(definition("srs-v3"), encoding="utf-8")
    sizes = ["--clients", "3", "--sessions", "5"]
    ours = simulated(cli, "--instrument", "ours.toml", *sizes)
    assert ours == simulated(cli, "--instrument", "srs-v3", *sizes)


# -- FHIR ----------------------------------------------------------------------------------------


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


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--instrument", "nope"], "no instrument"),
        (["--instrument", "wai-sr-c", "--format", "xml"], "--format"),
        (["--instrument", "wai-sr-c", "--sessions", "6-"], "--sessions"),
        (["--instrument", "wai-sr-c", "--sessions", "9-6"], "--sessions"),
        (["--instrument", "wai-sr-c", "--sessions", "many"], "--sessions"),
        (["--instrument", "wai-sr-c", "--clients", "0"], "--clients"),
        (["--instrument", "wai-sr-c", "--missing", "1.2"], "--missing"),
        (["--instrument", "wai-sr-c", "--missing", "much"], "--missing"),
        (["--instrument", "wai-sr-c", "--start", "soon"], "--start"),
        (["--instrument", "wai-sr-c", "--nope", "1"], "--nope"),
        (["--instrument", "wai-sr-c", "--out", "nowhere/made.csv"], "cannot be written"),
        (["--instrument", "wai-sr-c", "--out", "."], "cannot be written"),
        (["--instrument", "wai-sr-c", "--format", "fhir", "--out", "full"], "new or empty"),
        ([], "--instrument"),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(cli: Cli, arguments: list[str], told: str) -> None:
    Path("full").mkdir()
    Path("full/kept.txt").write_text("kept", encoding="utf-8")
    assert cli(*arguments, command="simulate") == 2
    assert told in cli.err
    assert cli.out == ""
    assert sorted(p.name for p in Path().rglob("*")) == ["full", "kept.txt"]


def test_help_names_every_parameter_and_starting_up_makes_none_of_them(cli: Cli) -> None:
    from fhir_alliance.simulate.parameters import ABOUT, flag

    assert cli("--help", command="simulate") == 0
    assert [name for name in ABOUT if f"  {flag(name)} " not in cli.out] == []
    probe = "import sys; from fhir_alliance.cli import commands; sys.exit('fhir_alliance.simulate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
