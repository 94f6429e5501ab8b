"""`score` through its command line: files in, lines out, exit codes. Nothing here is mocked."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from response_forms import ABSENT, RULES, SRS, VALUES, WAI, coded, form, item, items, srs, weigh

from fhir_alliance.cli import main
from fhir_alliance.documents import read_files

SCRIPT = Path(sys.executable).with_name("fhir-alliance")
KEYS = ["source", "patient", "authored", "instrument", "version", "scale", "value", "raw", "answered", "items", "flags"]
NS = "https://w3id.org/fhir-alliance"
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from any configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in [n for n in os.environ if n.startswith("FHIR_ALLIANCE")]:
        monkeypatch.delenv(name)


class Cli:
    """The command line, run by its own entry point."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]) -> None:
        self.monkeypatch, self.capture = monkeypatch, capture
        self.out = self.err = ""

    def __call__(self, *arguments: object, command: str = "score") -> int:
        self.monkeypatch.setattr(sys, "argv", ["fhir-alliance", command, *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        captured = self.capture.readouterr()
        self.out, self.err = captured.out.decode(), captured.err.decode()
        return int(str(code))

    def lines(self, *arguments: object, code: int) -> list[Json]:
        assert self(*arguments, "--json") == code, self.err
        return [json.loads(line) for line in self.out.splitlines()]

    def reasons(self, *arguments: object) -> dict[str, str]:
        """Source → machine word of its reason."""
        found = [line for line in self.lines(*arguments, code=3) if "reason" in line]
        return {line["source"]: line["reason"].rsplit("(")[-1].rstrip(")") for line in found}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    return Cli(monkeypatch, capfdbinary)


def write(name: str, *resources: object, indent: int | None = None) -> str:
    """One document, or lines when there are several."""
    text = "\n".join(r if isinstance(r, str) else json.dumps(r, indent=indent) for r in resources)
    Path(name).write_text(text, encoding="utf-8")
    return name


def bundle(*resources: Json | None, **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]} | more


def totals(lines: list[Json]) -> dict[str, float]:
    return {line["source"]: line["value"] for line in lines if line.get("scale") == "total"}


# -- the contract --------------------------------------------------------------------------------


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


def test_a_stated_total_that_differs_adds_its_key(cli: Cli) -> None:
    head, *rest = cli.lines(write("form.json", form(item=[*items(), item("total", 44)])), code=0)
    assert (list(head), head["stated"], head["flags"]) == ([*KEYS, "stated"], 44, ["stated_total_differs"])
    assert all(list(line) == KEYS for line in rest)


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


# -- formats -------------------------------------------------------------------------------------


def contents() -> dict[str, bytes]:
    one, two = form(), form(id="q2")
    made = {
        "single": json.dumps(one),
        "pretty": json.dumps(one, indent=2),
        "bundle": json.dumps(bundle(one, two)),
        "pretty-bundle": json.dumps(bundle(one, two), indent=4),
        "lines": json.dumps(one) + "\n" + json.dumps(two) + "\n",
        "windows-lines": json.dumps(one) + "\r\n\r\n" + json.dumps(two) + "\r\n",
    }
    plain = {name: text.encode() for name, text in made.items()}
    plain |= {f"bom-{name}": b"\xef\xbb\xbf" + content for name, content in plain.items()}
    return plain | {f"gzip-{name}": gzip.compress(content) for name, content in plain.items()}


@pytest.mark.parametrize("kind", contents())
def test_the_format_is_found_from_the_content_and_never_from_the_name(cli: Cli, kind: str) -> None:
    for name in ("misleading.csv", "file.ndjson", "file.json", "file.gz"):
        Path(name).write_bytes(contents()[kind])
        if "lines" in kind:
            second = 3 if "windows" in kind else 2
            expected = {f"{name}:1#q1": 50 / 12, f"{name}:{second}#q2": 50 / 12}
        elif "bundle" in kind:
            expected = {f"{name}:1#q1": 50 / 12, f"{name}:2#q2": 50 / 12}
        else:
            expected = {f"{name}#q1": 50 / 12}
        assert totals(cli.lines(name, code=0)) == expected


def test_several_files_in_order_and_nothing_is_deduplicated(cli: Cli) -> None:
    write("a.json", form())
    write("b.ndjson", form(id="x"), form(), form())
    sources = [
        line["source"] for line in cli.lines("b.ndjson", "a.json", "./a.json", code=0) if line["scale"] == "total"
    ]
    assert sources == ["b.ndjson:1#x", "b.ndjson:2#q1", "b.ndjson:3#q1", "a.json#q1", "./a.json#q1"]


def test_without_an_id_a_response_is_scored_and_named_by_its_place(cli: Cli) -> None:
    write("one.json", form(id=None))
    write("b.json", bundle(form(id=None)))
    assert set(totals(cli.lines("one.json", "b.json", code=0))) == {"one.json", "b.json:1"}


def test_one_broken_line_costs_that_line(cli: Cli) -> None:
    write(
        "l.ndjson",
        form(id="a"),
        '{"resourceType": "Questionn',
        "",
        "7",
        "[]",
        '{"id": 3}',
        bundle(form(id="b")),
        form(),
    )
    lines = cli.lines("l.ndjson", code=3)
    assert list(totals(lines)) == ["l.ndjson:1#a", "l.ndjson:7#b", "l.ndjson:8#q1"]
    assert cli.reasons("l.ndjson") == {
        "l.ndjson:2": "not-json",
        "l.ndjson:4": "not-a-resource",
        "l.ndjson:5": "bare-array",
        "l.ndjson:6": "not-a-resource",
    }


def test_a_first_line_that_is_cut_off_costs_that_line(cli: Cli) -> None:
    for start in ('{"a":', '{"a": "b', "[1,"):
        write("l.ndjson", start, form(id="a"), form(id="b"))
        assert list(totals(cli.lines("l.ndjson", code=3))) == ["l.ndjson:2#a", "l.ndjson:3#b"]
        assert cli.reasons("l.ndjson") == {"l.ndjson:1": "not-json"}


def test_a_line_that_is_not_utf_8_costs_that_line(cli: Cli) -> None:
    latin = json.dumps(form(language="ä"), ensure_ascii=False).encode("latin-1")
    Path("l.ndjson").write_bytes(latin + b"\n" + json.dumps(form()).encode())
    assert cli.reasons("l.ndjson") == {"l.ndjson:1": "not-utf-8"}
    assert list(totals(cli.lines("l.ndjson", code=3))) == ["l.ndjson:2#q1"]


def test_bundles_are_read_entry_by_entry(cli: Cli) -> None:
    entries = [
        {"resource": {"resourceType": "Patient", "id": "p1"}},
        {"resource": form(id="a"), "search": {"mode": "match"}},
        {"resource": form(id="b"), "search": {"mode": "include"}},
        {"resource": form(id="c"), "search": {"mode": "outcome"}},
        {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
        {"fullUrl": "urn:uuid:1"},
        {"resource": bundle(form(id="d"))},
        None,
        {"resource": None},
        {"resource": [form(id="e")]},
        {"resource": {"id": "f"}},
        {"resource": form(id="g"), "search": 7, "fullUrl": 7},
    ]
    write("b.json", bundle(entry=entries))
    assert list(totals(cli.lines("b.json", code=3))) == ["b.json:2#a", "b.json:3#b", "b.json:12#g"]
    assert cli.reasons("b.json") == {
        "b.json:7": "nested-bundle",
        "b.json:8": "wrong-type",
        "b.json:9": "not-a-resource",
        "b.json:10": "bare-array",
        "b.json:11": "not-a-resource",
    }


@pytest.mark.parametrize("entry", [7, "x", {"resource": form()}, None])
def test_a_bundle_whose_entry_is_no_list_is_set_aside(cli: Cli, entry: object) -> None:
    assert cli.reasons(write("b.json", bundle(entry=entry))) == {"b.json": "wrong-type"}


def test_a_bare_array_is_set_aside(cli: Cli) -> None:
    assert cli.reasons(write("a.json", [form()])) == {"a.json": "bare-array"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n \n",
        b'{"resourceType": "Patient"}',
        b'{"resourceType": "Bundle"}',
        b'{"resourceType": "Bundle", "entry": []}',
    ],
)
def test_a_file_without_any_response_gives_one_reason(cli: Cli, content: bytes) -> None:
    Path("f").write_bytes(content)
    (line,) = cli.lines("f", code=3)
    assert line == {"source": "f", "reason": "skipped: no QuestionnaireResponse in this file (no-response)"}


@pytest.mark.parametrize(
    "content",
    [
        b"Dear colleague,\nplease find\nthe scores attached.\n",
        bytes(range(256)) * 20,
        b"series,at,value\na,2026-01-01,4\n",
        json.dumps(form(), indent=1).encode()[:-20],
        json.dumps(form(), indent=1).replace('"status"', "status", 1).encode(),
        json.dumps(form()).encode("utf-16"),
        b"<QuestionnaireResponse xmlns='http://hl7.org/fhir'>\n</QuestionnaireResponse>",
    ],
    ids=["letter", "binary", "csv", "cut", "misspelt", "utf-16", "xml"],
)
def test_what_is_no_json_at_all_is_one_reason_a_file(cli: Cli, content: bytes) -> None:
    Path("f").write_bytes(content)
    write("good.json", form())
    lines = cli.lines("f", "good.json", code=3)
    assert [line["source"] for line in lines if "reason" in line] == ["f"]
    assert lines[0]["reason"].startswith("set aside: ")
    assert list(totals(lines)) == ["good.json#q1"]


def test_damaged_gzip_gives_what_it_holds_and_a_reason(cli: Cli) -> None:
    many = "\n".join(json.dumps(form(id=f"q{n}", language=str(n * 7919))) for n in range(400)).encode()
    Path("cut.gz").write_bytes(gzip.compress(many)[:-200])
    lines = cli.lines("cut.gz", code=3)
    assert lines[-1] == {"source": "cut.gz", "reason": "set aside: damaged gzip (damaged-gzip)"}
    assert len(totals(lines)) > 100
    Path("bad.gz").write_bytes(b"\x1f\x8b nonsense")
    assert cli.reasons("bad.gz") == {"bad.gz": "damaged-gzip"}


def test_half_a_character_costs_its_own_response(cli: Cli) -> None:
    broken = form(id="half", language="\ud800")
    write("b.json", bundle(form(), broken, form(id="q3")))
    write("l.ndjson", broken, form())
    write("one.json", broken, indent=1)
    lines = cli.lines("b.json", "l.ndjson", "one.json", code=3)
    assert list(totals(lines)) == ["b.json:1#q1", "b.json:3#q3", "l.ndjson:2#q1"]
    assert cli.reasons("b.json", "l.ndjson", "one.json") == dict.fromkeys(
        ["b.json:2#half", "l.ndjson:1#half", "one.json#half"], "bad-text"
    )


def test_standard_input_and_pipes(cli: Cli, tmp_path: Path) -> None:
    two = (json.dumps(form()) + "\n" + json.dumps(form(id="q2"))).encode()
    done = subprocess.run([SCRIPT, "score", "-", "--json"], input=gzip.compress(two), capture_output=True, check=True)
    assert list(totals([json.loads(x) for x in done.stdout.splitlines()])) == ["-:1#q1", "-:2#q2"]
    os.mkfifo("pipe")
    feeder = threading.Thread(target=lambda: Path("pipe").write_bytes(two))
    feeder.start()
    assert list(totals(cli.lines("pipe", code=0))) == ["pipe:1#q1", "pipe:2#q2"]
    feeder.join()


# -- files that belong together ------------------------------------------------------------------


def test_a_urn_subject_is_resolved_inside_its_bundle(cli: Cli) -> None:
    def entry(url: str | None, resource: Json) -> Json:
        return {"fullUrl": url, "resource": resource}

    def about(urn: str) -> Json:
        return form(id=urn[-1], subject={"reference": urn}, source={"reference": urn})

    made = [
        entry("urn:uuid:a", {"resourceType": "Patient", "id": "pa"}),
        entry("urn:uuid:b", {"resourceType": "Patient"}),
        entry("urn:uuid:c", {"resourceType": "Group", "id": "g"}),
        entry("urn:uuid:e", {"resourceType": "Patient", "id": "p1"}),
        entry("urn:uuid:e", {"resourceType": "Patient", "id": "p2"}),
        *(entry(None, about(f"urn:uuid:{x}")) for x in "abcde"),
    ]
    write("b.json", bundle(entry=made))
    assert [line["patient"] for line in cli.lines("b.json", code=3) if "value" in line] == ["Patient/pa"] * 4
    assert cli.reasons("b.json") == {
        "b.json:7#b": "subject-unresolved",
        "b.json:8#c": "subject-not-patient",
        "b.json:9#d": "subject-unresolved",
        "b.json:10#e": "subject-unresolved",
    }
    assert cli.reasons(write("other.json", about("urn:uuid:a")), "b.json")["other.json#a"] == "subject-unresolved"


def test_an_absolute_subject_keeps_its_base(cli: Cli) -> None:
    write("f.json", form(subject={"reference": "https://ehr.example/r4/Patient/p1/_history/2"}))
    assert {line["patient"] for line in cli.lines("f.json", code=0)} == {"https://ehr.example/r4/Patient/p1"}


def questionnaire(**more: Any) -> Json:
    options = [{"valueCoding": {"code": c}, "extension": [weigh(n)]} for n, c in enumerate("abcde", 1)]
    asked = [{"linkId": str(n), "answerOption": options} for n in range(1, 13)]
    return {"resourceType": "Questionnaire", "url": WAI, "version": "1.0", "item": asked} | more


CODED = form(item=items(coded(code="abcde"[v - 1]) for v in VALUES))


def test_questionnaires_of_the_same_bundle_or_call_give_the_weights(cli: Cli) -> None:
    assert cli.reasons(write("f.json", CODED)) == {"f.json#q1": "no-weight"}
    assert totals(cli.lines(write("b.json", bundle(CODED, questionnaire())), code=0)) == {"b.json:1#q1": 50 / 12}
    write("q.json", questionnaire(item=questionnaire()["item"]))
    lines = cli.lines("f.json", "q.json", code=3)
    assert totals(lines) == {"f.json#q1": 50 / 12}
    assert lines[-1]["reason"] == "skipped: no QuestionnaireResponse in this file (no-response)"
    write("l.ndjson", CODED, questionnaire())
    assert totals(cli.lines("l.ndjson", code=0)) == {"l.ndjson:1#q1": 50 / 12}


def test_two_different_questionnaires_with_one_canonical_decide_nothing(cli: Cli) -> None:
    other = questionnaire(item=[{"linkId": "1"}])
    assert cli.reasons(write("b.json", bundle(CODED, questionnaire(), other))) == {"b.json:1#q1": "no-weight"}
    write("l.ndjson", CODED, questionnaire(), questionnaire(meta={"versionId": "2"}))
    assert totals(cli.lines("l.ndjson", code=0)) == {"l.ndjson:1#q1": 50 / 12}


def observed(number: float, response: str = "QuestionnaireResponse/q1") -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": f"{NS}/CodeSystem/alliance-score", "code": "wai-sr-c-total"}]},
        "valueQuantity": {"value": number},
        "derivedFrom": [{"reference": response}],
    }


def test_a_total_may_be_stated_by_an_observation_of_the_same_file(cli: Cli) -> None:
    write("b.json", bundle(observed(3.5), form()))
    assert cli.lines("b.json", code=0)[0]["stated"] == 3.5
    write("l.ndjson", form(), observed(4.17), form(id="q2"), observed(2, "QuestionnaireResponse/q2/_history/1"))
    lines = [line for line in cli.lines("l.ndjson", code=0) if line["scale"] == "total"]
    assert [(line.get("stated"), line["flags"]) for line in lines] == [(None, []), (2, ["stated_total_differs"])]
    write("o.json", observed(3.5))
    write("f.json", form())
    assert "stated" not in cli.lines("f.json", "o.json", code=3)[0]
    urn = {"fullUrl": "urn:uuid:7", "resource": form(id=None)}
    write("u.json", bundle(entry=[urn, {"resource": observed(3.5, "urn:uuid:7")}]))
    assert cli.lines("u.json", code=0)[0]["stated"] == 3.5


# -- options -------------------------------------------------------------------------------------


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
    assert cli.err == "fhir-alliance: no instrument 'srs'; there are: srs-v3, wai-sr-c\n"


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


# -- people read it ------------------------------------------------------------------------------


def test_for_people_the_scores_stand_below_their_form(cli: Cli) -> None:
    write("l.ndjson", form(item=[*items()[1:], item("total", 44)]), form(id="q2", item=items([9] * 12)))
    assert cli("l.ndjson") == 3
    assert cli.out.splitlines() == [
        "l.ndjson:1#q1  Patient/p1  2026-03-04T15:20:00Z  wai-sr-c 1.0",
        "  total    4.18   sum 50.1818, 11 of 12 items, the form says 44  prorated, stated_total_differs",
        "  task     4.67   sum 18.6667, 3 of 4 items  prorated",
        "  goal     4.00   sum 16, 4 of 4 items",
        "  bond     4.00   sum 16, 4 of 4 items",
        "l.ndjson:2#q2  Patient/p1  2026-03-04T15:20:00Z  wai-sr-c 1.0",
        "  set aside: item 1: answer out of range 1-5 (out-of-range)",
    ]
    assert cli.err == "1 scored, 1 set aside\n"
    assert cli(write("f.json", form())) == 0


# -- "Done when" 7: malformed, and merely unusual ------------------------------------------------

DEEP = '{"linkId":"g","item":['
MALFORMED: dict[str, str | Json | list[Any]] = {
    "wrong types": form(item=[{"linkId": 1, "answer": {"valueInteger": "four"}}]),
    "numeric id": form() | {"id": 17},
    "no subject": form(subject=None),
    "duplicate linkIds": form(item=[*items(), item("3", 4)]),
    "out of range": form(item=items([*VALUES[:11], 7])),
    "off the grid": form(item=items([*VALUES[:11], {"valueDecimal": 3.5}])),
    "broken time": form(authored="last Tuesday"),
    "no such day": form(authored="2026-02-31T10:00:00Z"),
    "another shape": form(item=[item(f"q{n}", 3) for n in range(36)]),
    "another instrument": form(item=items([3] * 36)),
    "20 MB of items": form(item=[*items(), *(item(f"x{n}", {"valueString": "y" * 40}) for n in range(230_000))]),
    "300 levels": json.dumps(form(item="@")).replace('"@"', "[" + DEEP * 300 + "]}" * 300 + "]"),
    "100,000 brackets": "[" * 100_000 + "]" * 100_000,
    "not JSON at all": "Dear colleague, the form is in the post.",
    "no response": {"resourceType": "Patient", "id": "p1"},
}


def test_what_is_malformed_is_set_aside_with_a_reason_and_no_traceback() -> None:
    for name, resource in MALFORMED.items():
        write(name.replace(" ", "-"), resource)
    names = [name.replace(" ", "-") for name in MALFORMED]
    done = subprocess.run([SCRIPT, "score", *names, "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(MALFORMED)
    for name, line in zip(names, lines, strict=True):
        assert line["source"].startswith(name)
        assert line["reason"].startswith("skipped: no Questionn" if name == "no-response" else "set aside: ")
        assert "four" not in line["reason"]
        assert "Tuesday" not in line["reason"]


UNUSUAL: dict[str, tuple[Json, list[str]]] = {
    "nested groups": (form(item=[{"linkId": "a", "item": [{"linkId": "b", "item": items()}]}]), []),
    "naive time": (form(authored="2026-03-04T15:20:00"), ["tz_assumed"]),
    "date only": (form(authored="2026-03-04"), ["time_unknown"]),
    "no seconds": (form(authored="2026-03-04T15:20Z"), []),
    "extra items": (form(item=[*items(), item("comment", {"valueString": "x"})]), ["extra_items"]),
    "missing id": (form(id=None), []),
    "no version": (form(questionnaire=WAI), ["version_assumed"]),
    "absent with a reason": (form(item=[*items()[:11], item("12", {"extension": [ABSENT]})]), ["prorated"]),
    "weighted codes": (form(item=items(coded(v) for v in VALUES)), []),
    "by a relative": (form(source={"reference": "RelatedPerson/r"}), ["proxy"]),
    "all the same": (form(item=items([4] * 12)), ["straight_lining"]),
    "amended": (form(status="amended"), []),
    "several": (
        form(questionnaire=WAI, authored="2026-03-04", source={"reference": "RelatedPerson/r"}, item=items([4] * 11)),
        ["prorated", "proxy", "time_unknown", "version_assumed"],
    ),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_merely_unusual_is_scored_and_flagged(cli: Cli, name: str) -> None:
    resource, flags = UNUSUAL[name]
    total = cli.lines(write("f.json", resource), code=0)[0]
    assert (total["scale"], total["flags"]) == ("total", flags)


def test_a_large_file_of_lines_is_never_held_as_a_whole() -> None:
    one = json.dumps(form(language="x" * 1000)) + "\n"
    Path("l.ndjson").write_text(one * 4000, encoding="utf-8")
    size = Path("l.ndjson").stat().st_size
    tracemalloc.start()
    count = sum(1 for _ in read_files(["l.ndjson"], RULES))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < size / 4) == (4000, True)


# -- instruments ---------------------------------------------------------------------------------


def test_instruments_are_listed_and_shown(cli: Cli) -> None:
    assert cli("list", "--json", command="instruments") == 0
    assert [(i["id"], i["licence_gated"]) for i in json.loads(cli.out)] == [("srs-v3", True), ("wai-sr-c", False)]
    assert cli("show", "wai-sr-c", "--json", command="instruments") == 0
    shown = json.loads(cli.out)
    assert shown["canonical"] == WAI
    assert shown["scales"][1]["items"] == [1, 2, 10, 12]
    assert (shown["change"]["rc90"], shown["verified"]) == (0.5, True)
    assert shown["provenance"]["rc90"].startswith("[A] ")
    assert shown["holder"].startswith("© Horvath")
    assert (shown["items"][0]["minimum"], shown["items"][0]["maximum"], shown["items"][0]["step"]) == (1, 5, 1)


def test_for_people_the_page_names_keys_sources_and_licence(cli: Cli) -> None:
    assert cli("list", command="instruments") == 0
    assert "srs-v3    Session Rating Scale V.3.0: 4 items, answers 0-10 in steps of 0.1; needs the site's" in cli.out
    assert cli("show", "srs-v3", command="instruments") == 0
    for words in ("© Miller, Duncan and Johnson", "sum of 1, 2, 3, 4; 0-40; from 4 answered items", "rc95", "[A]"):
        assert words in cli.out
    assert cli("show", "wai", command="instruments") == 2
    assert "there are: srs-v3, wai-sr-c" in cli.err


def test_a_definition_is_validated(cli: Cli) -> None:
    from fhir_alliance import instruments

    good = Path(instruments.__file__).with_name("wai-sr-c.toml")
    assert cli("validate", good, command="instruments") == 0
    assert (cli.out, cli.err) == ("", f"{good}: valid\n")
    Path("bad.toml").write_text(good.read_text(encoding="utf-8").replace("rc95 = 0.60", "rc95 = 0.1"), encoding="utf-8")
    assert cli("validate", "bad.toml", command="instruments") == 5
    assert cli.out == "change: rc90, rc95 and rc99 must rise from above 0\n"
    assert cli("validate", "bad.toml", "--json", command="instruments") == 5
    assert json.loads(cli.out)["valid"] is False
    assert cli("validate", "absent.toml", command="instruments") == 2
