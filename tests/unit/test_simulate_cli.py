"""`simulate` through its command line: the same bytes, the columns, what `detect` makes of them, what is refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from score_runs import SCRIPT, Cli
from simulate_runs import SMALL, rows, simulated

from fhir_alliance import instruments

BYTES = {
    # A small run of each format. They may change only together with a word to those who published results.
    "csv": "2fba04ede8465fb48d237a315ff01e70a77b34198ea82fa5e7c7ae04bd1fee06",
    "ndjson": "3de732fec3f3430aa33651fe6366b2aea80f97c4d6cf3e6456401f6ed1531599",
    "fhir": "3bd552927ca576286c1caf50795f6a4a52b2d12d02af12417e1d5771087ec867",
}


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
