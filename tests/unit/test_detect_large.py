"""`detect` on a large file, judged as arrays, says what it says of a small one: with `--json` the same bytes, else a
line for each event."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from strain_series import START
from typer.testing import CliRunner

from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands

detect = sys.modules["fhir_alliance.cli.detect"]
SPOILT = [
    "dyad-0001,2024-13-01,4",
    "dyad-0001,2026-01-05,four",
    "dyad-0002,2026-01-05,5.2",
    "dyad-0003,2026-01-05T01:00+01:00,4",
    "dyad-0003,2026-01-05,4",
    "dyad-0004,2026-01-05",
    ",2026-01-05,4",
    "only wrong,yesterday,4",
    "dyad-9999,2026-01-05,4,17",
    "",
]
ZONES = ("Z", "", "+02:00")


def write(folder: Path, *, spoilt: bool, quoted: bool = False) -> str:
    """300 clients in no order: falls, repairs, ceilings, gaps, missing forms, several ways to write a time."""
    rng = np.random.RandomState(20)
    lines = list(SPOILT) if spoilt else []
    for client in range(300):
        at, usual, down = START, rng.uniform(2.8, 5.2), 0.0
        for session in range(rng.randint(1, 40)):
            at += timedelta(days=float(rng.choice([7, 7, 7, 14, 95], p=[0.4, 0.3, 0.2, 0.08, 0.02])))
            down = rng.choice([down, 1.2, 0.0], p=[0.8, 0.1, 0.1])
            value = float(np.round(np.clip(usual - down + rng.normal(0, 0.25), 1, 5) * 12) / 12)
            text = at.date().isoformat() if session % 9 == 4 else f"{at:%Y-%m-%dT%H:%M:%S}{ZONES[client % 3]}"
            lines.append(f"dyad-{client:04},{text},{'' if rng.rand() < 0.1 else value}")
    rng.shuffle(lines)
    if quoted:
        lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines]
    file = folder / "series.csv"
    file.write_text("\n".join(["series,at,value", *lines]) + "\n", encoding="utf-8")
    return str(file)


def told(monkeypatch: pytest.MonkeyPatch, large: int, *arguments: str) -> tuple[bytes, int]:
    monkeypatch.setattr(detect, "_LARGE", large)
    result = CliRunner().invoke(app, ["detect", *arguments, "--instrument", "wai-sr-c", "--json"])
    return result.stdout_bytes, result.exit_code


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--preset", "sensitive", "--cut-off", "3.5"],
        ["--policy", "xmr/1"],
        ["--policy", "absolute/1", "--cut-off", "3"],
    ],
)
@pytest.mark.parametrize("spoilt", [False, True])
def test_the_same_bytes(options: list[str], spoilt: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, spoilt=spoilt)
    as_arrays, by_rows = (told(monkeypatch, large, file, *options) for large in (0, 1 << 40))
    assert as_arrays == by_rows
    assert as_arrays[1] == (3 if spoilt else 0)
    assert as_arrays[0].count(b"\n") > 200


@pytest.mark.parametrize("large", [0, 1 << 40])
def test_gzip_is_found_from_the_content(large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(write(tmp_path, spoilt=True))
    plain = told(monkeypatch, large, str(file))
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert told(monkeypatch, large, str(file)) == plain


def test_a_file_with_quotation_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = told(monkeypatch, 0, write(tmp_path, spoilt=False))
    assert told(monkeypatch, 0, write(tmp_path, spoilt=False, quoted=True)) == plain


@pytest.mark.parametrize("policy", ["alliance-policy/1", "change-point/1"])
def test_the_text_is_a_line_for_each_event(policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "_LARGE", 0)
    file = write(tmp_path, spoilt=True)
    arguments = ["detect", file, "--instrument", "wai-sr-c", "--policy", policy]
    done = CliRunner().invoke(app, arguments)
    told = [json.loads(line) for line in CliRunner().invoke(app, [*arguments, "--json"]).stdout.splitlines()]
    events, reasons = [e for e in told if "kind" in e], [e for e in told if "reason" in e]
    head, *lines = done.stdout.splitlines()
    assert head == f"Possible alliance strains · wai-sr-c · {policy}, preset balanced"
    for e, line in zip(events, lines, strict=False):
        word = ("closed", "notice", "check-in", "priority check-in")[e["level"]]
        assert line.startswith(f"{e['series']}  {e['index']}  {e['at'][:10]}  {e['value']:.2f}  {word}  ")
    assert sorted(lines[len(events) : -1]) == sorted(f"set aside: {r['reason']}" for r in reasons)
    alerted = {e["series"] for e in events}
    assert lines[-1] == f"301 series, {len(events)} events in {len(alerted)} of them, {len(reasons)} set aside"
    assert done.exit_code == 3
    assert len(alerted) > 20


def test_names_in_these_lines_cannot_steer_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "_LARGE", 0)
    file = tmp_path / "a.csv"
    rows = "".join(f"\x1b[31mred,2026010{i},{v}\n" for i, v in enumerate((4, 4, 4, 3.2), 1))
    file.write_text(f"series,at,value\n{rows}", encoding="utf-8")
    done = CliRunner().invoke(app, ["detect", str(file), "--instrument", "wai-sr-c"])
    assert done.stdout.splitlines()[1:] == [
        "\N{REPLACEMENT CHARACTER}[31mred  4  2026-01-04  3.20  check-in  0.80 below usual 4.00",
        "1 series, 1 events in 1 of them, 0 set aside",
    ]


def test_a_small_file_does_not_wait_for_numpy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("series,at,value\na,2026-01-05,4\n", encoding="utf-8")
    program = (
        "import sys; from fhir_alliance.cli import app, commands\n"
        "try: app(['detect', 'a.csv', '--instrument', 'wai-sr-c', '--json'])\n"
        "except SystemExit: print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
