"""`calibrate` as it is used: its object, its text, files with and without the truth, and what it refuses."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fhir_alliance.cli import app, commands  # noqa: F401  the second registers the commands
from fhir_alliance.errors import AllianceError

SMALL = ("--instrument", "wai-sr-c", "--clients", "60", "--seed", "3")
KEYS = {"policy", "stratum", "sessions", "false_alarms_per_100", "clients_with_any", "run_length"}
KEYS |= {"seen_at_onset", "seen_by_1", "seen_by_2", "ppv", "repair"}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["calibrate", *arguments], input=stdin)


def told(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(*arguments: str) -> str:
    done = run(*arguments)
    assert isinstance(done.exception, AllianceError), done.output
    return str(done.exception)


def clinic(folder: Path, *, truth: bool = True, name: str = "ours.csv") -> Path:
    file = folder / name
    arguments = ["simulate", "--instrument", "wai-sr-c", "--clients", "60", "--sessions", "6-20", "--seed", "9"]
    assert CliRunner().invoke(app, [*arguments, "--out", str(file)]).exit_code == 0
    if not truth:
        lines = [line.rsplit(",", 1)[0] for line in file.read_text().splitlines()]
        file.write_text("\n".join(lines) + "\n")
    return file


def is_figure(value: Any) -> bool:
    return set(value) == {"estimate", "low", "high"} and (
        value["estimate"] is None or value["low"] is None or value["low"] <= value["estimate"]
    )


# -- simulated clients ---------------------------------------------------------------------------


def test_the_object_of_the_contract() -> None:
    found = told(*SMALL, "--policy", "alliance-policy/1", "--policy", "step-rc/1")
    assert set(found) == {"setting", "results"}
    rows = [(r["policy"], r["stratum"]) for r in found["results"]]
    assert rows == [
        (id, stratum) for id in ("alliance-policy/1", "step-rc/1") for stratum in ("all", "ceiling", "below-ceiling")
    ]
    for result in found["results"]:
        assert set(result) >= KEYS
        assert set(result["false_alarms_per_100"]) == {"L2", "L3"}
        assert set(result["ppv"]) == {"2", "5", "10"}
        figures = [*result["false_alarms_per_100"].values(), *result["ppv"].values()]
        figures += [result[k] for k in ("clients_with_any", "run_length", "seen_at_onset", "seen_by_1", "seen_by_2")]
        figures += [f for ends in result["repair"].values() for f in ends.values()]
        assert all(is_figure(f) for f in figures)
    everyone = found["results"][0]
    shares = [f["estimate"] for f in everyone["repair"]["lasting"].values()]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert everyone["run_length"]["estimate"] == pytest.approx(
        100 / everyone["false_alarms_per_100"]["L2"]["estimate"], rel=1e-3
    )


def test_the_setting_is_enough_to_repeat_it() -> None:
    setting = told(*SMALL, "--missing", "0.3")["setting"]
    assert (setting["design"], setting["clients"], setting["seed"], setting["sessions"]) == ("planted", 60, 3, [16, 16])
    assert setting["parameters"]["missing"] == 0.3
    assert [s["points"] for s in setting["strains"]] == [0.75, 1.0, 1.5] * 2
    assert setting["seen_strain"] == {"depth": 1.0, "points": 1.0, "lasts": "lasting"}
    assert setting["parameters"]["within_sd"] == 0.32
    assert None not in setting["parameters"].values()


def test_the_parameters_of_a_setting_as_flags_repeat_it() -> None:
    options = ("--instrument", "srs-v3", "--clients", "60", "--seed", "3", "--design", "mixed", "--between-sd", "0.9")
    found = told(*options)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in found["setting"]["parameters"].items()]
    assert told(*options[:-2], *flags) == found


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    first, again, other = (run(*SMALL, "--json", *more).stdout for more in ((), (), ("--seed", "4")))
    assert first == again != other


def test_more_of_a_policy_by_presets_and_bands() -> None:
    found = told(*SMALL, "--preset", "sensitive", "--preset", "specific", "--bands", "4.4,3.5")
    assert {r["preset"] for r in found["results"]} == {"sensitive", "specific"}
    strata = [r["stratum"] for r in found["results"] if r["preset"] == "specific"]
    assert strata == ["all", "ceiling", "below-ceiling", "below 3.5", "3.5 to 4.4", "4.4 and up"]
    clients = {r["stratum"]: r["clients"] for r in found["results"]}
    assert clients["all"] == clients["ceiling"] + clients["below-ceiling"] == 60
    rates = [r["false_alarms_per_100"]["L2"]["estimate"] for r in found["results"] if r["stratum"] == "all"]
    assert rates[0] > rates[1]


SITE = """
[detection.policies]
"srs-v3" = "openfit-srs/1"
[detection.cutoffs]
"srs-v3" = 36.0
"""


def test_the_cut_off_of_the_site_holds_where_none_is_given(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    clients = ("--instrument", "srs-v3", "--clients", "40", "--policy", "openfit-srs/1")
    without, by_site, given = (told(*clients, *more) for more in ((), ("--config", str(site)), ("--cut-off", "36")))
    assert [found["setting"]["cut_off"] for found in (without, by_site, given)] == [None, 36, 36]
    assert by_site == given
    assert "low" in given["results"][0]["false_by_kind"]
    assert "low" not in without["results"][0]["false_by_kind"]
    assert "\nCut-off: a score below 36\n" in run(*clients, "--cut-off", "36").stdout
    scores = tmp_path / "ours.csv"
    scores.write_text("series,at,value\na,2026-01-05,35.5\na,2026-01-12,35.2\na,2026-01-19,35.1\n")
    found = told(str(scores), "--instrument", "srs-v3", "--config", str(site))
    assert found["setting"]["cut_off"] == 36
    assert found["results"][0]["alerts_per_100"]["L2"]["estimate"] == pytest.approx(100 / 3, abs=1e-5)


def test_a_flag_about_random_strains_wants_the_mixed_design() -> None:
    assert told(*SMALL)["setting"]["design"] == "planted"
    mixed = told(*SMALL, "--strain-rate", "0.08")
    assert mixed["setting"]["design"] == "mixed"
    assert mixed["setting"]["parameters"]["strain_rate"] == 0.08
    assert 40 < mixed["results"][0]["strains"] < 90
    assert "by_strain" not in mixed["results"][0]
    assert "--design mixed" in refused(*SMALL, "--design", "planted", "--strain-rate", "0.08")


def test_a_strain_of_ones_own_takes_the_place_of_the_planted_ones() -> None:
    found = told(*SMALL, "--strain-at", "6", "--strain-depth", "2", "--strain-lasts", "once")
    (strain,) = found["results"][0]["by_strain"]
    assert (strain["depth"], strain["lasts"]) == (2, "once")
    assert found["results"][0]["seen_at_onset"]["estimate"] > 0.7


def test_the_sum_of_an_instrument_has_depths_in_its_own_points() -> None:
    found = told("--instrument", "srs-v3", "--clients", "40", "--policy", "openfit-srs/1")
    assert [s["points"] for s in found["setting"]["strains"][:3]] == [6, 8, 12]
    assert found["setting"]["ceiling"] == 39


@pytest.mark.parametrize("policies", [(), ("--policy", "xmr/1", "--policy", "alliance-policy/1")])
def test_text_keeps_to_80_columns(policies: tuple[str, ...]) -> None:
    text = run(*SMALL, *policies, "--preset", "balanced", "--preset", "sensitive", "--bands", "3.3,4,4.4").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "alliance-policy/1, sensitive (1.645)" in text
    assert "false check-ins per 100" in text
    assert "1.5, lasting" in text


def test_columns_of_large_figures_stay_apart() -> None:
    text = run("--instrument", "srs-v3", "--clients", "60", "--policy", "openfit-srs/1", "--preset", "balanced").stdout
    (line,) = [line for line in text.splitlines() if line.startswith("false check-ins per 100")]
    assert len(re.findall(r" [\d.]+ \([\d.]+-[\d.]+\)", line)) == 3


def test_a_policy_for_reports_says_that_it_raises_no_alert() -> None:
    done = run(*SMALL, "--policy", "change-point/1", "--json")
    assert "for reports only" in done.stderr
    assert json.loads(done.stdout)["results"][0]["seen_by_2"]["estimate"] == 0


# -- files ---------------------------------------------------------------------------------------


def test_files_with_the_truth_give_every_figure(tmp_path: Path) -> None:
    found = told(str(clinic(tmp_path)), "--instrument", "wai-sr-c")
    assert found["setting"]["truth"] is True
    assert found["setting"]["series"] == 60
    everyone = found["results"][0]
    assert everyone["seen_at_onset"]["estimate"] is not None
    # The same clinic drawn by `calibrate` itself: the same figures.
    drawn = told(
        "--instrument", "wai-sr-c", "--clients", "60", "--sessions", "6-20", "--seed", "9", "--design", "mixed"
    )
    for key in ("sessions", "strains", "false_alarms_per_100", "seen_by_2", "repair"):
        assert everyone[key] == drawn["results"][0][key]


def test_files_without_the_truth_give_alert_rates_and_say_so(tmp_path: Path) -> None:
    file = clinic(tmp_path, truth=False)
    found = told(str(file), "--instrument", "wai-sr-c")
    assert found["setting"]["truth"] is False
    assert "truth" in found["setting"]["note"]
    result = found["results"][0]
    assert set(result["alerts_per_100"]) == {"L1", "L2", "L3"}
    assert [result[k] for k in KEYS - {"policy", "stratum", "sessions"}] == [None] * 8
    events = CliRunner().invoke(app, ["detect", str(file), "--instrument", "wai-sr-c", "--json"]).stdout.splitlines()
    check_ins = [e for e in map(json.loads, events) if e["kind"] in {"drop", "early-step", "low-early"}]
    expected = 100 * len(check_ins) / result["sessions"]
    assert result["alerts_per_100"]["L2"]["estimate"] == pytest.approx(expected, abs=1e-5)
    text = run(str(file), "--instrument", "wai-sr-c").stdout
    assert "No truth column: nobody can tell which alerts were false" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "truth" in refused(str(file), "--instrument", "wai-sr-c", "--picture", str(tmp_path / "a.svg"))


def test_several_files_are_one_cohort_and_need_the_truth_in_each(tmp_path: Path) -> None:
    one, two = clinic(tmp_path), clinic(tmp_path, name="b.csv")
    found = told(str(one), str(two), "--instrument", "wai-sr-c")
    assert (found["setting"]["files"], found["setting"]["series"]) == (2, 120)
    bare = clinic(tmp_path, truth=False, name="c.csv")
    both = told(str(one), str(bare), "--instrument", "wai-sr-c")
    assert both["setting"]["truth"] is False
    assert both["setting"]["note"].startswith("No truth column in 1 of 2 files: nobody can tell")
    # The truth of a part is not used: every session counts, those in strains too.
    without = [str(clinic(tmp_path, truth=False, name=f"{n}.csv")) for n in "de"]
    assert both["results"] == told(*without, "--instrument", "wai-sr-c")["results"]
    assert f"{both['results'][0]['sessions']:,} of them scored" in run(*without, "--instrument", "wai-sr-c").stdout


def test_gzip_is_read_like_plain(tmp_path: Path) -> None:
    file = clinic(tmp_path)
    plain = told(str(file), "--instrument", "wai-sr-c")
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert told(str(file), "--instrument", "wai-sr-c") == plain


def test_ndjson_with_the_truth_from_stdin() -> None:
    rows = [{"series": "a", "at": f"2026-01-{d:02}", "value": v, "truth": t} for d, v, t in WEEKS]
    done = run("-", "--instrument", "wai-sr-c", "--json", stdin="\n".join(map(json.dumps, rows)))
    result = json.loads(done.stdout)["results"][0]
    assert (result["strains"], result["seen_at_onset"]["estimate"]) == (1, 1)


WEEKS = [(1, 4.5, None), (8, 4.5, None), (15, 4.5, ""), (20, 4.5, None), (22, 3.0, "strain"), (29, 4.5, "repair")]


def test_rows_set_aside_are_told_and_end_with_3(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("series,at,value,truth\na,2026-01-01,4,\na,2026-01-08,9,\na,2026-01-15,4,perhaps\n")
    done = run(str(file), "--instrument", "wai-sr-c", "--json")
    assert done.exit_code == 3
    reasons = [row["reason"] for row in json.loads(done.stdout)["setting"]["set_aside"]]
    assert len(reasons) == 2
    assert "line 3" in reasons[0]
    assert "outside the range" in reasons[0]
    assert "line 4" in reasons[1]
    assert "perhaps" not in done.stdout
    assert "set aside" in run(str(file), "--instrument", "wai-sr-c").stdout


# -- the picture ---------------------------------------------------------------------------------


def test_the_picture_names_policies_and_axes(tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    found = told(*SMALL, "--policy", "xmr/1", "--policy", "alliance-policy/1", "--picture", str(file))
    svg = file.read_text(encoding="utf-8")
    for text in ("xmr/1", "alliance-policy/1", "false check-ins per 100 scored sessions", "seen at the onset session"):
        assert f">{text}" in svg
    assert 'role="img"' in svg
    curve = found["curves"][1]
    assert curve["policy"] == "alliance-policy/1"
    presets = [p["preset"] for p in curve["points"] if p["preset"]]
    assert presets == ["sensitive", "balanced", "specific"]
    rates = [p["false_l2_per_100"]["estimate"] for p in curve["points"]]
    assert rates[0] > rates[-1]


# -- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((*SMALL, "--policy", "nobody/1"), "unknown policy"),
        ((*SMALL, "--preset", "loud"), "unknown preset"),
        ((*SMALL, "--policy", "openfit-srs/1"), "openfit-srs/1 is for"),
        ((*SMALL, "--design", "crossed"), "--design"),
        ((*SMALL, "--sessions", "9"), "--sessions"),
        ((*SMALL, "--bands", "low,high"), "--bands"),
        ((*SMALL, "--cut-off", "36"), "--cut-off"),
        ((*SMALL, "--picture", "a.gif"), "--picture"),
        ((*SMALL, "--picture", "/proc/a.svg"), "/proc/a.svg cannot be written"),
        ((*SMALL, "--strain-at", "8"), "--strain-depth"),
        ((*SMALL, "--clients", "0"), "--clients"),
        (("nowhere.csv", "--instrument", "wai-sr-c"), "cannot be read"),
        ((*SMALL, "--policy", "xmr/1", "step-rc/1"), "step-rc/1 is a policy, not a file; give each its own option"),
        (("nowhere.csv", "--instrument", "wai-sr-c", "--missing", "0.2"), "the files bring their own"),
        (("nowhere.csv", "--instrument", "wai-sr-c", "--clients", "5"), "the files bring their own"),
    ],
)
def test_what_does_not_go_is_said(arguments: tuple[str, ...], part: str) -> None:
    assert part in refused(*arguments)
