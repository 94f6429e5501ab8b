"""`score` through its command line: the lines, the options, the exit codes. Nothing here is mocked."""

from __future__ import annotations

from pathlib import Path

import pytest
from response_forms import SRS, VALUES, WAI, form, item, items, srs
from score_runs import Cli, Json, write

KEYS = ["source", "patient", "authored", "instrument", "version", "scale", "value", "raw", "answered", "items", "flags"]


def test_one_line_for_every_scale_with_exactly_the_contract_s_keys(cli: Cli) -> None:
    lines = cli.lines(write("form.json", form()), code=0)
    assert [list(line) for line in lines] == [KEYS] * 4
    assert lines[0] == {
        "source": "form.json#q1",
        "patient": "Patient/p1",
        "authored": "2026-03-04T15:20:00Z",
        "instrument": "wai-sr-c",
        "version": "1.0",
        "scale": "total",
        "value": 50 / 12,
        "raw": 50.0,
        "answered": 12,
        "items": 12,
        "flags": [],
    }
    assert [(line["scale"], line["value"]) for line in lines[1:]] == [("task", 4.5), ("goal", 4.0), ("bond", 4.0)]
    assert cli.err == ""


def test_a_stated_total_that_differs_is_shown_beside_the_answers_that_were_counted(cli: Cli) -> None:
    head, *rest = cli.lines(write("form.json", form(item=[*items(), item("total", 44)])), code=0)
    assert list(head) == [*KEYS, "stated", "counted"]
    assert (head["stated"], head["flags"]) == (44, ["stated_total_differs"])
    assert head["counted"] == {str(n): v for n, v in enumerate(VALUES, 1)}
    assert sum(head["counted"].values()) == head["raw"] == 50
    assert all(list(line) == KEYS for line in rest)


def test_a_stated_number_beyond_all_scales_is_compared_and_printed(cli: Cli) -> None:
    vast = write("vast.json", form(item=[*items(), item("total", 10**400)]))
    assert cli.lines(vast, code=0)[0]["flags"] == ["stated_total_differs"]
    assert cli(vast) == 0
    assert "50, 12 of 12 items, the form says a number beyond all scales" in cli.out


def test_a_scale_without_a_score_gives_its_reason_in_its_own_line(cli: Cli) -> None:
    lines = cli.lines(write("form.json", form(item=[i for i in items() if i["linkId"] not in ("4", "6")])), code=3)
    assert [line["scale"] for line in lines] == ["task", "bond", "total", "goal"]
    assert lines[3]["reason"] == (
        "set aside: goal: items 4 and 6 not answered, at least 3 of its 4 items needed (incomplete)"
    )
    assert list(lines[3]) == ["source", "patient", "authored", "instrument", "version", "scale", "reason"]


def test_a_response_set_aside_gives_one_line_without_a_scale(cli: Cli) -> None:
    (line,) = cli.lines(write("form.json", form(item=items([9] * 12))), code=3)
    assert list(line) == ["source", "patient", "authored", "instrument", "version", "reason"]
    assert line["reason"] == "set aside: item 1: answer out of range 1-5 (out-of-range)"


@pytest.mark.parametrize(
    ("resource", "begins"),
    [
        (form(status="in-progress"), "waiting: "),
        (form(questionnaire="https://x.example/q"), "skipped: "),
        (form(subject={"reference": "Group/g"}), "skipped: "),
        (form(status="entered-in-error"), "retracted: "),
        (form(authored=None), "set aside: "),
    ],
)
def test_every_reason_begins_with_one_of_four_words(cli: Cli, resource: Json, begins: str) -> None:
    (line,) = cli.lines(write("form.json", resource), code=3)
    assert line["reason"].startswith(begins)


def test_of_what_is_not_ours_to_process_nothing_more_is_said(cli: Cli) -> None:
    label = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]}
    for resource in (form(meta=label), form(questionnaire="https://x.example/q"), srs()):
        (line,) = cli.lines(write("form.json", resource), code=3)
        assert list(line) == ["source", "reason"]


def test_unknown_questionnaires_can_be_left_out(cli: Cli) -> None:
    other = form(questionnaire="https://x.example/phq-9")
    nameless = form(questionnaire=None)
    retracted = other | {"status": "entered-in-error"}
    write("l.ndjson", other, form(), nameless, retracted)
    assert len(cli.lines("l.ndjson", code=3)) == 7
    assert len(cli.lines("l.ndjson", "--ignore-unknown", code=0)) == 4
    write("l.ndjson", other, form(status="entered-in-error"))
    assert [line["reason"] for line in cli.lines("l.ndjson", "--ignore-unknown", code=3)] == [
        "retracted: entered in error (entered-in-error)"
    ]
    write("l.ndjson", other, form(questionnaire=f"{WAI}|8"))
    assert len(cli.lines("l.ndjson", "--ignore-unknown", code=3)) == 1, "a known form in another version is ours"
    assert cli.lines(write("o.json", other), "--ignore-unknown", code=0) == []


def test_attestation_for_one_call(cli: Cli) -> None:
    write("s.json", srs())
    assert cli.reasons("s.json") == {"s.json#q1": "licence-not-attested"}
    (line,) = cli.lines("s.json", "--attest", "wai-sr-c", "--attest", "srs-v3", code=0)
    assert (line["scale"], line["value"], line["raw"], line["flags"]) == ("total", 37.2, 37.2, ["version_assumed"])
    assert cli("s.json", "--attest", "srs") == 2
    assert cli.err.startswith("fhir-alliance: no instrument 'srs'; there are: ")
    assert {"srs-v3", "wai-sr-c"} <= set(cli.err.strip().split(": ")[-1].split(", "))


def configure(**extra: str) -> str:
    Path("c.toml").write_text(
        f"""
        [questionnaires]
        "https://clinic.example/Questionnaire/our-wai|2" = "wai-sr-c"
        [licences]
        attested = ["srs-v3"]
        [endpoint.a]
        base_url = "http://127.0.0.1:8080/fhir"
        timezone = "America/New_York"
        [endpoint.a.questionnaires]
        "Questionnaire/77" = "wai-sr-c"
        {extra.get("more", "")}
        """,
        encoding="utf-8",
    )
    return "c.toml"


def test_a_configuration_adds_maps_licences_and_the_zone(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = form(id="a", questionnaire="https://clinic.example/Questionnaire/our-wai|2", authored="2026-03-04T15:20:00")
    local = form(
        id="b", questionnaire="Questionnaire/77", subject={"reference": "http://127.0.0.1:8080/fhir/Patient/p1"}
    )
    write("l.ndjson", ours, local, srs(id="c"))
    lines = [line for line in cli.lines("l.ndjson", "--config", configure(), code=0) if line["scale"] == "total"]
    assert [(line["source"][-1], line["flags"]) for line in lines] == [
        ("a", ["tz_assumed"]),
        ("b", ["version_assumed"]),
        ("c", ["version_assumed"]),
    ]
    assert lines[0]["authored"] == "2026-03-04T15:20:00", "as given"
    assert {line["patient"] for line in lines} == {"Patient/p1"}
    monkeypatch.setenv("FHIR_ALLIANCE_CONFIG", "c.toml")
    assert cli("l.ndjson") == 0


def test_with_several_endpoints_a_relative_questionnaire_needs_its_endpoint(cli: Cli) -> None:
    config = configure(more='[endpoint.b]\nbase_url = "http://127.0.0.1:8081/fhir"')
    write("f.json", form(questionnaire="Questionnaire/77"))
    assert cli.reasons("f.json", "--config", config) == {"f.json#q1": "unknown-questionnaire"}
    assert len(cli.lines("f.json", "--config", config, "--endpoint", "a", code=0)) == 4
    assert cli("f.json", "--config", config, "--endpoint", "c") == 2
    assert "no endpoint 'c'; there are: a, b" in cli.err


def test_a_wrong_configuration_is_a_usage_error(cli: Cli) -> None:
    write("f.json", form())
    Path("c.toml").write_text(f'[questionnaires]\n"{SRS}" = "wai-sr-c"\n', encoding="utf-8")
    assert cli("f.json", "--config", "c.toml") == 2
    assert "shadows a canonical that is built in" in cli.err
    assert cli("f.json", "--config", "absent.toml") == 2


@pytest.mark.parametrize("name", ["absent.json", "folder"])
def test_a_file_that_cannot_be_opened_is_a_usage_error_before_anything_is_scored(cli: Cli, name: str) -> None:
    Path("folder").mkdir()
    write("good.json", form())
    assert cli("good.json", name, "--json") == 2
    assert cli.out == ""
    assert cli.err.startswith(f"fhir-alliance: {name} cannot be opened: ")


def test_for_people_the_scores_stand_below_their_form(cli: Cli) -> None:
    write("l.ndjson", form(item=[*items()[1:], item("total", 44)]), form(id="q2", item=items([9] * 12)))
    assert cli("l.ndjson") == 3
    assert cli.out.splitlines() == [
        "l.ndjson:1#q1  Patient/p1  2026-03-04T15:20:00Z  wai-sr-c 1.0",
        "  total    4.18   sum 50.1818, 11 of 12 items, the form says 44  prorated, stated_total_differs",
        "  counted 2: 5, 3: 4, 4: 3, 5: 5, 6: 4, 7: 4, 8: 5, 9: 3, 10: 4, 11: 4, 12: 5",
        "  task     4.67   sum 18.6667, 3 of 4 items  prorated",
        "  goal     4.00   sum 16, 4 of 4 items",
        "  bond     4.00   sum 16, 4 of 4 items",
        "l.ndjson:2#q2  Patient/p1  2026-03-04T15:20:00Z  wai-sr-c 1.0",
        "  set aside: item 1: answer out of range 1-5 (out-of-range)",
    ]
    assert cli.err == "1 scored, 1 set aside\n"
    assert cli(write("f.json", form())) == 0
