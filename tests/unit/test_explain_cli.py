"""`explain` of a file on the command line: which series, which session, which rule; text, JSON and charts."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands
from fhir_alliance.detection import policies, policy
from fhir_alliance.errors import ConfigError, Exit
from fhir_alliance.instruments import get, load_all
from fhir_alliance.series import read_series

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "explain.md"
W4 = (4.25, 4.17, 4.33, 4.25, 3.42, None, 3.33, 3.42, 3.5)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A series "W4" and one that is short."""
    monkeypatch.chdir(tmp_path)
    rows = [f"W4,2026-01-{d:02},{'' if v is None else v}" for d, v in enumerate(W4, 5)]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["series,at,value", *rows, "short,2026-01-05,4.0"]))
    return path


def explain(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


def told(*arguments: object, code: int = 0) -> dict[str, Any]:
    done = explain(*arguments, "--json")
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(*arguments: object) -> str:
    """Why the command will not do it; as a whole it would end with exit code 2."""
    error = explain(*arguments).exception
    assert isinstance(error, ConfigError), error
    assert error.exit_code == Exit.USAGE
    return str(error)


def wai(file: Path, *options: object, code: int = 0) -> dict[str, Any]:
    return told(file, "--instrument", "wai-sr-c", "--series", "W4", *options, code=code)


@pytest.mark.parametrize("name", ["/proc/x.svg", "nowhere/x.png"])
def test_a_chart_that_cannot_be_written_is_said_before_anything_else(file: Path, name: str) -> None:
    done = explain(file, "--instrument", "wai-sr-c", "--series", "W4", "--chart", name)
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == f"{name} cannot be written: No such file or directory"
    assert done.stdout == ""


def test_a_gzip_file_is_read_like_a_plain_one(file: Path) -> None:
    plain = wai(file)
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert wai(file) == plain


# -- what is asked about -------------------------------------------------------------------------


def test_the_series_and_the_session_that_are_named(file: Path) -> None:
    assert wai(file)["score"]["index"] == 5
    assert wai(file, "--session", 8)["why"]["code"] == "already-open"
    assert told(file, "--instrument", "wai-sr-c", "--series", "short")["why"]["code"] == "nothing-to-compare"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "a file needs --instrument"),
        (["--instrument", "wai-sr-c"], "say which series with --series; the file has 2"),
        (["--instrument", "wai-sr-c", "--series", "none"], "say which series"),
        (["--instrument", "wai-sr-c", "--series", "W4", "--session", "10"], "the series has 9 sessions"),
        (["--instrument", "wai-sr-c", "--series", "W4", "--cut-off", "9"], "give a score from 1 to 5"),
        (["--instrument", "wai-sr-c", "--series", "W4", "--policy", "openfit-srs/1"], "is for srs-v3"),
        (["--instrument", "wai-sr-c", "--series", "W4", "--preset", "shrill"], "unknown preset"),
        (["--instrument", "wai-sr-c", "--series", "W4", "--chart", "x.gif"], "saved as .svg or .png"),
        (["--instrument", "wai-sr-c", "--practitioner", "Practitioner/1"], "--practitioner is for a patient"),
    ],
)
def test_what_cannot_be_answered_is_said(file: Path, options: list[str], says: str) -> None:
    assert says in refused(file, *options)


def test_options_of_a_file_are_no_options_of_a_patient(file: Path) -> None:
    assert "--series, --policy: for a file only" in refused("Patient/1", "--policy", "xmr/1", "--series", "a")


def test_a_row_that_cannot_be_used_is_shown_as_missing_and_told(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("series,at,value\na,2026-01-05,4\na,2026-01-12,7\na,2026-01-19,4\n")
    done = explain(file, "--instrument", "wai-sr-c")
    assert done.exit_code == 3
    assert "2  2026-01-12      -                 no form" in done.stdout
    assert "set aside: line 3:" in done.stderr
    (reason,) = told(file, "--instrument", "wai-sr-c", code=3)["set_aside"]
    assert reason.startswith("line 3:")


def test_names_of_series_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("series,at,value\n\x1b[31mred,2026-01-05,4\n")
    assert "\x1b" not in explain(file, "--instrument", "wai-sr-c").stdout


def test_every_session_on_demand(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    rows = [f"a,2026-{m:02}-{d:02},4.1" for m in range(1, 4) for d in (1, 8, 15, 22, 28)]
    file.write_text("\n".join(["series,at,value", *rows, "a,2026-04-01,4.1", "a,2026-04-08,4.1"]))
    done = explain(file, "--instrument", "wai-sr-c")
    assert "Sessions before number 9 are not shown." in done.stdout
    assert "2026-01-01" not in done.stdout
    assert "2026-01-01" in explain(file, "--instrument", "wai-sr-c", "--all").stdout


# -- the rule ------------------------------------------------------------------------------------


def test_the_policy_is_the_sites_unless_another_is_named(file: Path) -> None:
    (file.parent / "fhir-alliance.toml").write_text('[detection]\npolicy = "xmr/1"\npreset = "sensitive"\n')
    found = wai(file)
    assert (found["policy"], found["preset"]) == ("xmr/1", "sensitive")
    found = wai(file, "--policy", "from-best/1")
    assert (found["policy"], found["preset"]) == ("from-best/1", "balanced")


def test_the_cut_off_is_the_sites_unless_another_is_given(file: Path) -> None:
    Path("site.toml").write_text('[detection]\npolicy = "absolute/1"\n[detection.cutoffs]\n"wai-sr-c" = 4.3\n')
    found = wai(file, "--config", "site.toml", "--session", 1)
    assert (found["why"]["code"], found["score"]["compared_with"]["mean"]) == ("low", 4.3)
    assert wai(file, "--config", "site.toml", "--session", 1, "--cut-off", 4.2)["why"]["code"] == "above-limit"


@pytest.mark.parametrize("id", [p.id for p in policies().values() if p.instruments is None])
def test_the_numbers_are_those_of_detect(file: Path, id: str) -> None:
    """Events as `detect` prints them, and every session's numbers as the policy's own run gave them."""
    found = wai(file, "--policy", id)
    change = get("wai-sr-c").change
    (series,) = [s for s in read_series(file.read_bytes(), change).series if s.name == "W4"]
    run = policy(id).run(series.points, change)
    assert [(e["index"], e["level"], e["kind"], e["baseline"], e["z"]) for e in found["events"]] == [
        (e.index, e.level, e.kind, e.baseline, e.z) for e in run.events
    ]
    shown = {s["index"]: s for s in found["sessions"]}
    for step in run.steps:
        row = shown[step.index]
        assert (row["value"], row["baseline"], row["spread"], row["limit"]) == (
            step.value,
            step.baseline,
            step.spread,
            step.limit,
        )
    assert [s["usable"] for s in found["sessions"]] == [v is not None for v in W4]
    if (compared := found["score"]["compared_with"]) and (opened := run.episodes[-1:]):
        onset = opened[0].onset
        assert (compared["mean"], compared["spread"], compared["z"], compared["drop"]) == (
            onset.baseline,
            onset.spread,
            onset.z,
            onset.drop,
        )
        assert compared["sigma"] == opened[0].sigma


def test_prior_and_weight(file: Path) -> None:
    compared = wai(file)["score"]["compared_with"]
    assert compared["prior"] == {"s0": 0.33, "weight": 6}
    assert compared["needs"] == {"drop": 0.5, "drop_is": "RC90", "z": 2.0, "severe_drop": 1.0, "severe_z": 3.0}
    assert compared["sessions"] == [1, 2, 3, 4]
    assert wai(file, "--session", 2)["score"]["compared_with"]["prior"] == {"s0": 0.33, "weight": None}
    assert wai(file, "--policy", "absolute/1")["score"]["compared_with"] == {
        "kind": "low",
        "mean": 3.0,
        "sessions": [],
        "sigma": None,
        "spread": None,
        "prior": None,
        "drop": -0.5,
        "z": None,
        "needs": {"drop": 0.0, "drop_is": None, "z": None, "severe_drop": None, "severe_z": None},
        "limit": 3.0,
        "severe_limit": None,
        "below_only": True,
    }


def test_an_unverified_key_is_said_aloud(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("series,at,value\na,2026-01-05,4\n")
    id = next(i.id for i in load_all().values() if not i.verified and not i.totals_only and i.change.minimum <= 4)
    found = told(file, "--instrument", id)
    assert found["key"]["verified"] is False
    assert any("NOT verified" in text for text in found["cautions"])
    assert f"Note: {id}: its key is from general knowledge and was NOT verified" in explain(
        file, "--instrument", id
    ).stdout.replace("\n", " ")


# -- charts and shape ----------------------------------------------------------------------------


def test_a_chart_in_both_forms(file: Path) -> None:
    at = ("--instrument", "wai-sr-c", "--series", "W4")
    assert explain(file, *at, "--chart", "c.svg", "--dark").exit_code == 0
    assert explain(file, *at, "--policy", "from-best/1", "--chart", "c.png").exit_code == 0
    svg = (file.parent / "c.svg").read_text(encoding="utf-8")
    assert all(f">{word}<" in svg for word in ("W4", "usual", "limit", "not recovered", "no form", "3.42"))
    assert (file.parent / "c.png").read_bytes().startswith(b"\x89PNG")


def keys(found: Any) -> set[str]:
    if isinstance(found, Mapping):
        return set(found) | {k for v in found.values() for k in keys(v)}
    return {k for v in found for k in keys(v)} if isinstance(found, list) else set()


def test_every_key_and_every_code_is_documented(file: Path, tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    low = tmp_path / "low.csv"
    low.write_text("series,at,value\na,2026-01-05,2\na,2026-01-12,2\na,2026-01-19,2\n")
    printed = keys(wai(file)) | keys(told(low, "--instrument", "wai-sr-c"))
    missing = {key for key in printed if f"`{key}`" not in page and not key.isdigit()}
    assert missing == set()
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    assert documented <= printed | {"reference", "standing"}
