"""`detect` through its command line: a worked case for each kind of event, the contract, exit codes."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands
from fhir_alliance.wording import PHRASES

KEYS = ["series", "at", "index", "level", "kind", "value", "baseline", "spread", "z", "drop"]
SCRIPT = Path(sys.executable).with_name("fhir-alliance")

# WAI-SR, worked by hand: three scores of 4 have B = 4 and sp = s0 sqrt(6/8) sqrt(4/3) = .33.
# kind: (series, options, index, level, value, baseline, spread, z, drop)
KINDS: dict[str, tuple[str, list[str], int, int, float, float | None, float | None, float | None, float | None]] = {
    "drop": ("4 4 4 3.2", [], 4, 2, 3.2, 4, 0.33, 0.8 / 0.33, 0.8),
    "early-step": ("4.5 3.5", [], 2, 2, 3.5, 4.5, 0.33 * 2**0.5, 1 / (0.33 * 2**0.5), 1),
    # Below (4.5 + 4) / 2; a difference from a mean of two has SD s0 sqrt(1 + 1/2).
    "early-fall": (
        "4.5 4 3.4",
        ["--policy", "alliance-policy/2"],
        3,
        2,
        3.4,
        4.25,
        0.33 * 1.5**0.5,
        0.85 / (0.33 * 1.5**0.5),
        0.85,
    ),
    "low-early": ("2.5 3 - 2.6", [], 4, 2, 2.6, None, None, None, None),
    "persisting": ("4 4 4 3.2 3.1", [], 5, 3, 3.1, 4, 0.33, 0.9 / 0.33, 0.9),
    "repaired": ("4 4 4 3.2 3.8", [], 5, 0, 3.8, 4, 0.33, 0.2 / 0.33, 0.2),
    "unrepaired": ("4 4 4 3.2 3.5 - 3.5 3.5", [], 8, 0, 3.5, 4, 0.33, 0.5 / 0.33, 0.5),
    "expired": ("4 4 4 3.2 > 4.5", [], 5, 0, 4.5, 4, 0.33, -0.5 / 0.33, -0.5),
    # After the repair the baseline is 4 4 4 4: sp = .33 sqrt(6/9) sqrt(5/4).
    "cooldown": ("4 4 4 3.2 4 3.2", [], 6, 1, 3.2, 4, 0.33 * (5 / 6) ** 0.5, 0.8 / (0.33 * (5 / 6) ** 0.5), 0.8),
    "ceiling": ("5 5 5 4.9", [], 4, 1, 4.9, None, None, None, None),
    "slow-fall": ("4.6 4.4 4.2 4", [], 4, 1, 4, None, None, None, None),
    "cut-off": ("4 3.4", ["--cut-off", "3.5"], 2, 1, 3.4, None, None, None, None),
    "step": ("4 3.4", ["--policy", "step-rc/1"], 2, 2, 3.4, 4, 0.33 * 2**0.5, 0.6 / (0.33 * 2**0.5), 0.6),
    "from-best": (
        "4.5 4.2 3.8",
        ["--policy", "from-best/1"],
        3,
        2,
        3.8,
        4.5,
        0.33 * 2**0.5,
        0.7 / (0.33 * 2**0.5),
        0.7,
    ),
    # Mean 4.08, moving ranges .2 each: sigma .2 / 1.128, limit 4.08 - .532.
    "beyond-limits": (
        "4 4.2 4 4.2 4 3.5",
        ["--policy", "xmr/1"],
        6,
        2,
        3.5,
        4.08,
        0.2 / 1.128,
        0.58 / (0.2 / 1.128),
        0.58,
    ),
    # Four equal scores: sigma = .33 sqrt(8/11); h + k = 4.5 sigma below 4 fires at once.
    "drift": (
        "4 4 4 4 2.7",
        ["--policy", "cusum/1"],
        5,
        2,
        2.7,
        4,
        0.33 * (8 / 11) ** 0.5,
        1.3 / (0.33 * (8 / 11) ** 0.5),
        1.3,
    ),
    "low": ("3.6 3.4", ["--policy", "absolute/1", "--cut-off", "3.5"], 2, 2, 3.4, 3.5, None, None, 0.1),
    # Moving ranges 0 but one of 1: their mean of 1/11 gives less than the floor, .75 s0.
    "shift-down": (" ".join(["4"] * 6 + ["3"] * 6), ["--policy", "change-point/1"], 7, 1, 3, 4, 0.2475, 1 / 0.2475, 1),
    "shift-up": (" ".join(["3"] * 6 + ["4"] * 6), ["--policy", "change-point/1"], 7, 1, 4, 3, 0.2475, -1 / 0.2475, -1),
    "sudden-loss": ("4 4.1 4.2 3 2.9 3", ["--policy", "sudden-loss/1"], 4, 1, 3, 4.1, None, None, 1.1),
}


def rows(series: str, name: str = "a") -> list[str]:
    """CSV lines, weekly from 2026-01-01; ">" puts more than 90 days before the next."""
    lines, day = [], 0
    for word in series.split():
        if word == ">":
            day += 84
            continue
        month, date = 1 + day // 28, 1 + day % 28
        lines.append(f"{name},2026-{month:02}-{date:02},{'' if word == '-' else word}")
        day += 7
    return lines


def write(folder: Path, lines: list[str]) -> str:
    path = folder / "scores.csv"
    path.write_text("\n".join(["series,at,value", *lines]) + "\n", encoding="utf-8")
    return str(path)


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["detect", *arguments], input=stdin)


def parsed(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_worked_case_for_each_kind(kind: str, tmp_path: Path) -> None:
    series, options, index, level, value, *numbers = KINDS[kind]
    result = run(write(tmp_path, rows(series)), "--instrument", "wai-sr-c", "--json", *options)
    assert result.exit_code == 0
    (event,) = (e for e in parsed(result) if e["kind"] == kind)
    assert list(event) == KEYS
    assert (event["series"], event["index"], event["level"], event["value"]) == ("a", index, level, value)
    for key, expected in zip(KEYS[6:], numbers, strict=True):
        assert event[key] == (None if expected is None else pytest.approx(expected))


def test_the_real_command_and_at_as_given(tmp_path: Path) -> None:
    lines = ["a,2026-01-22T10:00:00+01:00,3.2", "a,2026-01-08,4", "a,20260101,4", "a,2026-01-15T09:00Z,4"]
    done = subprocess.run(
        [SCRIPT, "detect", write(tmp_path, lines), "--instrument", "wai-sr-c", "--json"],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    (event,) = (json.loads(line) for line in done.stdout.splitlines())
    assert (event["at"], event["index"], event["kind"]) == ("2026-01-22T10:00:00+01:00", 4, "drop")


def test_sorted_by_series_then_index_and_deaf_to_the_order_of_rows(tmp_path: Path) -> None:
    lines = [line for kind, case in KINDS.items() for line in rows(case[0], name=kind)]
    first = run(write(tmp_path, lines), "--instrument", "wai-sr-c", "--json")
    random.Random(3).shuffle(lines)
    again = run(write(tmp_path, lines), "--instrument", "wai-sr-c", "--json")
    assert again.stdout == first.stdout
    keys = [(e["series"], e["index"]) for e in parsed(first)]
    assert keys == sorted(keys)


def test_onset_stands_before_close(tmp_path: Path) -> None:
    result = run(write(tmp_path, rows("4 4 4 3.2 3.6 3.6 3.1")), "--instrument", "wai-sr-c", "--json")
    assert [(e["index"], e["kind"]) for e in parsed(result)][1:] == [(7, "persisting"), (7, "unrepaired")]


def test_presets_and_instruments(tmp_path: Path) -> None:
    file = write(tmp_path, rows("4 4 4 3.4"))  # z = .6 / .33 = 1.82
    found = {
        p: len(parsed(run(file, "--instrument", "wai-sr-c", "--preset", p, "--json")))
        for p in ("sensitive", "balanced")
    }
    assert found == {"sensitive": 1, "balanced": 0}
    file = write(tmp_path, rows("37.2 38.0 37.6 38.4 31.9 37.0 38.1"))
    assert [e["kind"] for e in parsed(run(file, "--instrument", "srs-v3", "--json"))] == ["drop", "repaired"]


SITE = """
[detection.policies]
"srs-v3" = "openfit-srs/1"
[detection.cutoffs]
"srs-v3" = 36.0
"wai-sr-c" = 36.0
"""


def test_the_cut_off_of_the_site_holds_where_none_is_given(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE, encoding="utf-8")
    options = [write(tmp_path, rows("35.5 35.2 35.1")), "--instrument", "srs-v3", "--config", str(site)]
    found = parsed(run(*options, "--json"))
    assert [(e["kind"], e["level"]) for e in found] == [("low", 2), ("persisting", 3)]
    assert found == parsed(run(*options, "--cut-off", "36", "--json"))
    assert parsed(run(*options, "--cut-off", "30", "--json")) == []
    assert "openfit-srs/1, preset balanced, cut-off 36" in run(*options).stdout
    # Another policy gives a notice, if the site's number is one of the scale's.
    assert [e["kind"] for e in parsed(run(*options, "--policy", "alliance-policy/1", "--json"))] == ["cut-off"]
    wrong = run(*options[:1], "--instrument", "wai-sr-c", "--config", str(site))
    assert str(wrong.exception) == "detection.cutoffs: wai-sr-c: give a score from 1 to 5"


def test_a_row_set_aside_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    lines = [*rows("4 4 4 3.2", "b"), *rows("4 4 x 4 3.2"), "a,2027-01-01,4", "a,2027-01-01T00:00Z,4.1"]
    result = run(write(tmp_path, lines), "--instrument", "wai-sr-c", "--json")
    assert result.exit_code == 3
    assert parsed(result)[:2] == [
        {"series": "a", "at": "2026-01-15", "reason": "line 8: the value is not a number"},
        {
            "series": "a",
            "at": "2027-01-01",
            "reason": "lines 11, 12: the same time in one series; none of them is used",
        },
    ]
    assert [(e["series"], e["kind"], e["index"]) for e in parsed(result)[2:]] == [("a", "drop", 5), ("b", "drop", 4)]


def test_stdin_and_ndjson() -> None:
    lines = [json.dumps({"series": "a", "at": f"2026-01-0{i + 1}", "value": v}) for i, v in enumerate([4, 4, 4, 3.2])]
    text = "\n".join(lines).encode()
    for given in (text, gzip.compress(text)):
        result = run("-", "--instrument", "wai-sr-c", "--json", stdin=given)
        assert [e["kind"] for e in parsed(result)] == ["drop"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--instrument", "srs"], "srs-v3"),
        (["--instrument", "wai-sr-c", "--preset", "paranoid"], "sensitive"),
        (["--instrument", "wai-sr-c", "--cut-off", "36"], "1 to 5"),
        (["--instrument", "wai-sr-c", "--cut-off", "nan"], "1 to 5"),
        ([], "--instrument"),
    ],
)
def test_wrong_use_is_exit_2_with_one_clear_line(options: list[str], says: str, tmp_path: Path) -> None:
    file = write(tmp_path, rows("4"))
    done = subprocess.run([SCRIPT, "detect", file, *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_cannot_be_read_are_exit_2(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    whole = gzip.compress(b"series,at,value\n" + bytes(range(256)) * 9)
    (tmp_path / "cut.gz").write_bytes(whole[:-9])
    (tmp_path / "bad.gz").write_bytes(whole[:20] + b"no" + whole[22:])
    for file in (tmp_path / "none.csv", tmp_path, *(tmp_path / name for name in ("other.csv", "cut.gz", "bad.gz"))):
        done = subprocess.run(
            [SCRIPT, "detect", file, "--instrument", "wai-sr-c"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


# -- for people ----------------------------------------------------------------------------------


def text(tmp_path: Path, lines: list[str], columns: str = "80") -> str:
    environment = {"COLUMNS": columns, "PATH": "", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [SCRIPT, "detect", write(tmp_path, lines), "--instrument", "wai-sr-c"],
        capture_output=True,
        check=False,
        env=environment,
    )
    assert done.stderr == b""
    return done.stdout.decode()


def test_the_text_fits_80_columns_and_says_what_happened(tmp_path: Path) -> None:
    lines = [line for kind, case in KINDS.items() for line in rows(case[0], name=kind)]
    told = text(tmp_path, [*lines, "early-step,2028-01-01,x"])
    assert max(map(len, told.splitlines())) <= 80
    assert "4  2026-01-22  3.20  check-in  0.80 below usual 4.00" in told
    assert "low-early  3 scores, low start since 2026-01-22" in told
    assert "set aside: line" in told
    assert "20 series, 6 with something open, 1 set aside" in told


def test_one_line_shows_the_ups_and_downs(tmp_path: Path) -> None:
    told = text(tmp_path, rows("4.00 4.17 - 4.08 4.25 3.33 4.17"))
    assert "▅▅·▅▆▂▼▅▲" in told


def test_names_cannot_steer_the_terminal(tmp_path: Path) -> None:
    told = text(tmp_path, ["\x1b[31mred,2026-01-01,4", "[bold]b[/bold],2026-01-01,4"])
    assert "\x1b" not in told
    assert "[bold]b[/bold]" in told


def test_a_terminal_without_blocks_still_gets_the_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [SCRIPT, "detect", write(tmp_path, rows("4 4 4 3.2")), "--instrument", "wai-sr-c"],
        capture_output=True,
        check=True,
        env={"PATH": "", "PYTHONIOENCODING": "ascii"},
    )
    assert b"check-in" in done.stdout


def test_every_kind_that_has_words_is_worked_here() -> None:
    """`subscale-drop` is told by `sync` and `explain`, not here."""
    assert set(KINDS) == set(PHRASES) - {"subscale-drop"}
