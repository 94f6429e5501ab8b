"""The open benchmark in small: it measures by its protocol, compares two policies, and all that it writes follows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from strain_series import points

from benchmarks.strain import rivals, tables, writing
from benchmarks.strain.__main__ import main
from benchmarks.strain.candidates import IDEAS, Censored, Floor, Idea, LastTwo, Median, NarrowerAtTheTop, Recent
from benchmarks.strain.figures import figures
from benchmarks.strain.measuring import measured
from benchmarks.strain.on_line import Run
from benchmarks.strain.protocol import Protocol, protocol
from benchmarks.strain.trying import matched
from fhir_alliance.calibrate import bench
from fhir_alliance.chart import to_svg
from fhir_alliance.detection import policies, policy
from fhir_alliance.detection.alliance import PersonalFall
from fhir_alliance.instruments import get


@pytest.fixture(scope="module")
def small() -> Protocol:
    whole = protocol(clients=10, seed=5)
    return replace(whole, instruments=("srs-v3",), variants=whole.variants[:1])


@pytest.fixture(scope="module")
def results(small: Protocol) -> Any:
    return json.loads(json.dumps(measured(small, lambda _: None)))


def test_every_policy_that_may_alert_is_measured_at_every_preset(results: Any) -> None:
    expected = {(p.id, preset) for p in policies().values() if p.push for preset in p.presets}
    told = results["instruments"]["srs-v3"]
    assert {(r["policy"], r["preset"]) for r in told["results"]} == expected
    assert {(r["policy"], r["preset"]) for r in told["random"]["results"]} == expected
    assert {c["policy"] for c in told["curves"]} == {id for id, _ in expected}
    assert {r["policy"] for r in told["variants"]} == {id for id, _ in expected}


def test_rules_that_need_a_cut_off_are_measured_with_one_too(results: Any) -> None:
    told = results["instruments"]["srs-v3"]
    with_it = told["cut_off"]
    assert with_it["cut_off"] == 36
    for part in (with_it["results"], with_it["random"]):
        assert {r["policy"] for r in part} == {"openfit-srs/1", "absolute/1"}
    (without,) = [r for r in told["results"] if (r["policy"], r["stratum"]) == ("openfit-srs/1", "all")]
    assert "low" not in without["false_by_kind"]
    assert "low" in with_it["results"][0]["false_by_kind"]
    rows = [line for line in tables.policies(results) if "`openfit-srs/1`" in line]
    assert [row.split(" | ")[0] for row in rows] == [
        "| `openfit-srs/1` balanced (1)",
        "| `openfit-srs/1` balanced (1, cut-off 36)",
    ]


def test_the_same_protocol_gives_the_same_results(small: Protocol, results: Any) -> None:
    assert json.loads(json.dumps(measured(small, lambda _: None))) == results


def test_tables_picture_and_figures_follow_from_the_results(results: Any) -> None:
    for name in writing.TABLES:
        lines = list(writing.TABLES[name](results))
        widths = {line.count(" | ") for line in lines if line.startswith("| ")}
        assert lines, name
        assert len(widths) == 1, name
    svg = to_svg(writing.drawn(results, "dark"))
    assert ">alliance-policy/1<" in svg
    said = figures(results)["alliance-policy/1"]["srs-v3"]
    assert set(said) == {"sensitive", "balanced", "specific"}
    assert list(tables.short(results))[-1].startswith("| `srs-v3`, specific |")


def test_marks_are_filled_and_nothing_else_is_touched(results: Any) -> None:
    page = "before\n<!-- strain: short -->\nold\n<!-- /strain -->\nafter\n"
    filled = writing.filled(page, results)
    assert filled.startswith("before\n<!-- strain: short -->\n| ")
    assert filled.endswith("\n<!-- /strain -->\nafter\n")
    assert "old" not in filled
    assert writing.filled(filled, results) == filled


def test_a_policy_does_not_differ_from_itself_and_a_sensitive_preset_does(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--compare", "alliance-policy/1", "alliance-policy/1@balanced", "--clients", "40"])
    same = capsys.readouterr().out
    figures_of = re.findall(r"([+-]\d+\.\d+) \(", same)
    assert len(figures_of) > 100
    assert set(figures_of) == {"+0.000"}
    main(["--compare", "alliance-policy/1@sensitive", "alliance-policy/1@specific", "--clients", "150"])
    first = capsys.readouterr().out.splitlines()[2]
    assert first.startswith("as in the protocol, all ")
    assert re.search(r"\+\d\.\d{3} \(\+\d\.\d{3} \+\d\.\d{3}\)\*", first)


def test_the_rival_is_compared_in_every_clinic_and_the_verdict_is_counted(results: Any, small: Protocol) -> None:
    told = results["instruments"]["srs-v3"]["against"]
    assert {r["clinic"] for r in told} == {"as in the protocol", "strains at random", small.variants[0].name}
    assert {r["stratum"] for r in told} == {"all", "ceiling", "below-ceiling"}
    sure, unsure = {"estimate": 0.02, "low": 0.01, "high": 0.03}, {"estimate": 0.02, "low": -0.01, "high": 0.05}
    rows = [
        {"clinic": "c", "stratum": "all", "false_checkins": sure, "false_priority": unsure}
        | {"seen_at_onset": sure, "seen_by_2": unsure}
    ]
    text = "\n".join(rivals.against({"instruments": {"i": {"title": "I", "against": rows}}}))
    assert "| c | all | **+0.02 (+0.01 to +0.03)** | +0.02 (-0.01 to +0.05) | +2.00 (+1.00 to +3.00) |" in text
    assert text.endswith("Of 4 figures 1 are better by more than chance, 1 are worse (bold).")


def test_ideas_are_judged_at_as_many_false_check_ins_as_the_default(results: Any) -> None:
    told = results["instruments"]["srs-v3"]["ideas"]
    assert [r["idea"] for r in told] == [idea.name for idea in IDEAS]
    for committed in writing.saved()["instruments"].values():
        assert [r["idea"] for r in committed["ideas"]] == [idea.name for idea in IDEAS]
        off = [row["false_checkins"]["estimate"] for r in committed["ideas"] for row in r["planted"][:1]]
        assert max(map(abs, off)) < 0.1  # of 3.4 in 100, on other clients than the thresholds were set on
    setting = protocol(clients=300, seed=3).setting("wai-sr-c")
    on = bench(setting)
    same = Idea("the default itself", lambda z: PersonalFall(zc=z))
    threshold = matched(on, same)
    assert on.false_checkins(same.policy(threshold)).estimate == pytest.approx(
        on.false_checkins(policy()).estimate, abs=5e-4
    )


WAI = get("wai-sr-c").change


@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.name)
def test_every_idea_sees_a_deep_fall_and_leaves_a_steady_client_alone(idea: Idea) -> None:
    by = idea.policy(sum(idea.between) / 2)
    kinds = [e.kind for e in by.run(points("4.2 4.1 4.2 4.1 4.2 4.1 2.5"), WAI).events]
    assert kinds == ["drop"]
    assert by.run(points("4.2 4.1 4.2 4.1 4.2 4.1 4.1 4.2"), WAI).events == ()


def test_ideas_do_what_their_names_say() -> None:
    usual, high = points("4.2 4.1 4.2 4.1"), points("5 5 4.9 5 5")

    def limit(rule: PersonalFall, base: Any) -> float:
        found = rule.reference(base, WAI)
        assert found is not None
        return found.limit

    default = PersonalFall()
    assert limit(Censored(), usual) == pytest.approx(limit(default, usual))
    assert limit(Censored(), high) != pytest.approx(limit(default, high))
    assert limit(NarrowerAtTheTop(), high) > limit(default, high)
    assert limit(Floor(), usual) > limit(default, usual)
    outlier = points("4.2 4.2 2.6 4.2 4.2")
    median, mean = (rule.reference(outlier, WAI) for rule in (Median(), default))
    assert median
    assert mean
    assert median.mean == 4.2 > mean.mean
    assert limit(LastTwo(), points("4.2 4.2 4.2 4.2 3.6")) > limit(default, points("4.2 4.2 4.2 4.2 3.6"))
    rising = Recent().reference(points("3.6 3.8 4.0 4.2"), WAI)
    assert rising
    assert rising.mean > 3.9


def test_the_change_point_knows_the_closed_form() -> None:
    """One score in the segment: Student's t with nu0 + 1 degrees about the mean of 1/9 of the centre and the score."""
    run = Run.empty(4.0, 0.33, 6).with_score(4.5, 1.0)
    assert run.mean == pytest.approx((4.0 / 9 + 4.5) / (10 / 9))
    assert run.square == pytest.approx((6 * 0.33**2 + (1 / 9) / (10 / 9) * 0.25) / 7)
    step = 0.001
    whole = sum(run.density(-20 + step * i) for i in range(50_000)) * step
    assert whole == pytest.approx(1, abs=1e-4)


def test_committed_results_keep_to_the_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    told = writing.saved()["protocol"]
    standard = protocol()
    assert (told["seed"], told["clients"], told["sessions"]) == (standard.seed, standard.clients, standard.sessions)
    assert [v["name"] for v in told["variants"]] == [v.name for v in standard.variants]
    with pytest.raises(SystemExit):
        main(["--seed", "3"])
    assert "keep to the protocol" in capsys.readouterr().err
