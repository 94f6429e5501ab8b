"""Files for `score`: every format, damaged ones, and files that belong together."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from response_forms import VALUES, WAI, coded, form, items, weigh
from score_runs import SCRIPT, Cli, Json, bundle, totals, write

NS = "https://w3id.org/fhir-alliance"


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


def code_system(*weights: float, **more: Any) -> Json:
    concepts = [{"code": c, "extension": [weigh(n)]} for c, n in zip("abcde", weights, strict=True)]
    return {"resourceType": "CodeSystem", "url": "http://c.example/s", "concept": concepts} | more


def test_code_systems_of_the_same_bundle_or_call_give_weights_and_may_disagree(cli: Cli) -> None:
    weighed = form(item=items(coded(v, code="abcde"[v - 1]) for v in VALUES))
    right, turned = code_system(1, 2, 3, 4, 5), code_system(5, 4, 3, 2, 1)
    assert totals(cli.lines(write("b.json", bundle(CODED, right)), code=0)) == {"b.json:1#q1": 50 / 12}
    for beside in ((), (questionnaire(),)):
        assert totals(cli.lines(write("b.json", bundle(weighed, *beside, right)), code=0)) == {"b.json:1#q1": 50 / 12}
        told = {"b.json:1#q1": "sources-disagree"}
        assert cli.reasons(write("b.json", bundle(weighed, *beside, turned))) == told
        write("f.json", weighed)
        write("c.ndjson", turned, *beside)
        assert cli.reasons("f.json", "c.ndjson")["f.json#q1"] == "sources-disagree"
    # Two of one URL: a code may have a weight if both say so.
    again = code_system(1, 2, 3, 4, 5, version="2")
    assert totals(cli.lines(write("l.ndjson", CODED, right, again), code=0)) == {"l.ndjson:1#q1": 50 / 12}
    assert cli.reasons(write("l.ndjson", CODED, right, turned)) == {"l.ndjson:1#q1": "sources-disagree"}


def test_a_bundle_goes_before_the_call_for_its_own_responses(cli: Cli) -> None:
    bare = questionnaire(item=[{"linkId": str(n), "answerOption": BARE} for n in range(1, 13)])
    first, second = bundle(CODED, code_system(1, 2, 3, 4, 5)), bundle(CODED, code_system(5, 4, 3, 2, 1))
    lines = cli.lines(write("l.ndjson", first, second, bare), code=0)
    assert [line["value"] for line in lines if line["scale"] == "total"] == [50 / 12, 22 / 12]


BARE = [{"valueCoding": {"system": "http://c.example/s", "code": c}} for c in "abcde"]


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
