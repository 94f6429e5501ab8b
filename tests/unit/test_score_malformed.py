"""What is malformed is set aside and explained; what is merely unusual is scored and flagged."""

from __future__ import annotations

import importlib
import json
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from response_forms import ABSENT, RULES, VALUES, WAI, coded, form, item, items
from score_runs import SCRIPT, Cli, Json, bundle, totals, write

from fhir_alliance.documents import read_files

DEEP = '{"linkId":"g","item":['
DEEPER = '{"linkId":"g","answer":[{"item":['
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


@pytest.mark.usefixtures("nowhere")
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


def in_place(resource: Json, text: str) -> str:
    """Its JSON with `text` where it says "@"."""
    return json.dumps(resource).replace('"@"', text)


TOO_DEEP = {
    "items": in_place(form(id="bad", item="@"), "[" + DEEP * 600 + "]}" * 600 + "]"),
    "items below answers": in_place(form(id="bad", item="@"), "[" + DEEPER * 300 + "]}]}" * 300 + "]"),
    "an extension": in_place(form(id="bad", extension="@"), "[" * 3000 + "]" * 3000),
}


@pytest.mark.parametrize("name", TOO_DEEP)
def test_a_response_that_nests_too_deeply_costs_itself_and_is_named(cli: Cli, name: str) -> None:
    bad = TOO_DEEP[name]
    tricky = form(id="b", text={"resource": {"a": ["]}", '"resource":{', "\\"]}})
    write("b.json", in_place(bundle(form(id="a"), "@", tricky), bad))
    write("l.ndjson", json.dumps(form(id="a")), bad, json.dumps(tricky))
    write("one.json", bad)
    lines = cli.lines("b.json", "l.ndjson", "one.json", code=3)
    assert list(totals(lines)) == ["b.json:1#a", "b.json:3#b", "l.ndjson:1#a", "l.ndjson:3#b"]
    assert cli.reasons("b.json", "l.ndjson", "one.json") == dict.fromkeys(
        ["b.json:2#bad", "l.ndjson:2#bad", "one.json#bad"], "too-deep"
    )
    said = next(line for line in lines if line["source"] == "b.json:2#bad")
    assert (said["patient"], said["authored"], said["instrument"]) == ("Patient/p1", "2026-03-04T15:20:00Z", "wai-sr-c")


def test_what_nests_too_deeply_and_is_no_response_of_ours_is_what_it_would_be_otherwise(cli: Cli) -> None:
    bad = TOO_DEEP["an extension"]
    for old, new, reason in (
        ('"QuestionnaireResponse"', '"Basic"', {}),
        (f"{WAI}|1.0", "https://elsewhere.example/q", {"b.json:2#bad": "unknown-questionnaire"}),
        ('"completed"', '"entered-in-error"', {"b.json:2#bad": "entered-in-error"}),
        ('"completed"', '"in-progress"', {"b.json:2#bad": "in-progress"}),
    ):
        write("b.json", in_place(bundle(form(id="a"), "@"), bad.replace(old, new)))
        lines = cli.lines("b.json", code=3 if reason else 0)
        assert list(totals(lines)) == ["b.json:1#a"]
        assert not reason or cli.reasons("b.json") == reason


def test_what_nests_deeply_in_a_bundle_beside_its_resources_costs_nothing(cli: Cli) -> None:
    deep = "[" * 3000 + "]" * 3000
    made: Json = bundle(form(id="a"), form(id="b"), meta={"extension": "@"})
    made["entry"][0]["response"] = made["entry"][1]["search"] = "@"
    write("b.json", in_place(made, deep))
    assert list(totals(cli.lines("b.json", code=0))) == ["b.json:1#a", "b.json:2#b"]


def test_brackets_without_end_are_told_in_little_memory(cli: Cli) -> None:
    """As arrays, and not as an object for each of them."""
    importlib.import_module("numpy")
    write("a", '{"a":' * 600_000)
    write("b", '{"resourceType":"Bundle","entry":[{"resource":' + '{"a":' * 600_000)
    tracemalloc.start()
    reasons = cli.reasons("a", "b")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (reasons, peak < 25 * 3_000_000) == ({"a:1": "too-deep", "b:1": "too-deep"}, True)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "7" * 5000, "-" + "7" * 5000, "7" * 399, "1" * 401 + ".5"])
@pytest.mark.parametrize("key", ["valueDecimal", "valueInteger", "valueQuantity"])
def test_a_number_too_large_for_a_float_is_an_answer_out_of_range(cli: Cli, number: str, key: str) -> None:
    answer = {key: {"value": "@"} if key == "valueQuantity" else "@"}
    bad = in_place(form(id="bad", item=items([*VALUES[:11], answer])), number)
    write("b.json", in_place(bundle(form(id="a"), "@"), bad))
    write("one.json", bad)
    lines = cli.lines("b.json", "one.json", code=3)
    assert list(totals(lines)) == ["b.json:1#a"]
    reason = "set aside: item 12: answer out of range 1-5 (out-of-range)"
    assert [(line["source"], line["patient"], line["reason"]) for line in lines if "reason" in line] == [
        ("b.json:2#bad", "Patient/p1", reason),
        ("one.json#bad", "Patient/p1", reason),
    ]


@pytest.mark.parametrize("number", ["1e400", "7" * 5000])
def test_a_number_too_large_for_a_float_elsewhere_does_not_matter(cli: Cli, number: str) -> None:
    made = form(extension=[{"url": "https://x.example", "valueDecimal": "@"}], item=[*items(), item("x", "@")])
    assert totals(cli.lines(write("f.json", in_place(made, number)), code=0)) == {"f.json#q1": 50 / 12}
    stated = form(item=[*items(), item("total", {"valueDecimal": "@"})])
    (total, *_) = cli.lines(write("t.json", in_place(stated, number)), code=0)
    assert (total["flags"], total["stated"] > 1e300) == (["stated_total_differs"], True)


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


@pytest.mark.usefixtures("nowhere")
def test_a_large_file_of_lines_is_never_held_as_a_whole() -> None:
    one = json.dumps(form(language="x" * 1000)) + "\n"
    Path("l.ndjson").write_text(one * 4000, encoding="utf-8")
    size = Path("l.ndjson").stat().st_size
    tracemalloc.start()
    count = sum(1 for _ in read_files(["l.ndjson"], RULES))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < size / 4) == (4000, True)
