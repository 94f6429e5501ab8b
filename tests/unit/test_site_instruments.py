"""A site's own instruments: one file makes one known to every command, and none replaces what is built in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from response_forms import WAI, coded, form, item
from score_runs import Cli, totals, write

from fhir_alliance import instruments

FORM = "https://clinic.example/Questionnaire/mood"
MOOD = f"""
id = "mood"
version = "1"
key = "mood/1"
title = "Mood"
rater = "client"
purpose = "outcome"
higher = "worse"
language = "en"
when = "any"
verified = true
canonicals = ["{FORM}|2", "https://clinic.example/Questionnaire/mood-paper"]
stated_total = ["sum"]
missing_answers = ["http://c.example/s|na"]

[licence]
gated = false
holder = "Us"
terms = "Ours."

[items]
count = 3
minimum = [0, 0, 1]
maximum = [3, 3, 6]
step = 1
link_ids = ["/a-1", ["/a-2", "old-2"], "/a-3"]

[answers]
"http://c.example/s|never" = 0
"often" = 2

[[scale]]
id = "total"
title = "total (sum)"
items = [1, 2, 3]
rule = "sum"
minimum = 1
maximum = 12
places = 0
min_answered = 3

[provenance]
items = "[R] the form"
scales = "[R] the form"
reverse = "[R] none"
completeness = "[A] all"

[[example]]
name = "complete"
answers = {{ 1 = 3, 2 = 2, 3 = 6 }}
[example.scores]
total = {{ value = 11, raw = 11, answered = 3 }}
"""
CONFIG = '[instruments]\nfiles = ["own/mood.toml"]\n'


def mood(*answers: Any, links: tuple[str, ...] = ("/a-1", "/a-2", "/a-3"), **more: Any) -> dict[str, Any]:
    items = [item(link, answer) for link, answer in zip(links, answers, strict=True)]
    return form(**({"questionnaire": f"{FORM}|2", "item": items} | more))


@pytest.fixture
def site(cli: Cli) -> Cli:
    Path("own").mkdir()
    Path("own/mood.toml").write_text(MOOD, encoding="utf-8")
    Path("fhir-alliance.toml").write_text(CONFIG, encoding="utf-8")
    return cli


def test_it_is_scored_by_its_own_links_codes_and_ranges(site: Cli) -> None:
    never, often = coded(code="never"), coded(code="often", system=None)
    write("a.json", mood(never, often, 6))
    write(
        "b.json",
        mood(3, 2, 5, links=("/a-1", "old-2", "/a-3"), questionnaire="https://clinic.example/Questionnaire/mood-paper"),
    )
    assert totals(site.lines("a.json", "b.json", code=0)) == {"a.json#q1": 8, "b.json#q1": 10}
    assert site("a.json") == 0
    assert "mood 1" in site.out


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"questionnaire": f"{FORM}|3"}, "unknown-version"),
        ({"questionnaire": FORM}, "unknown-version"),
        ({"questionnaire": "https://clinic.example/Questionnaire/moody"}, "unknown-questionnaire"),
        ({"questionnaire": "https://w3id.org/fhir-alliance/Questionnaire/mood"}, "unknown-questionnaire"),
    ],
)
def test_no_other_questionnaire_is_taken_for_it(site: Cli, changes: dict[str, Any], word: str) -> None:
    write("x.json", mood(1, 1, 1, **changes))
    assert site.reasons("x.json") == {"x.json#q1": word}


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ((4, 0, 1), "out-of-range"),
        ((3, 0, 0), "out-of-range"),
        ((coded(code="always"), 0, 1), "unmapped-answer"),
        ((coded(2, code="never", system="http://other.example"), 0, 1), "unmapped-answer"),
        ((0, coded(code="na", system="http://c.example/s"), 1), "incomplete"),
        ((0, coded(code="na", system="http://d.example/s"), 1), "unmapped-answer"),
    ],
)
def test_its_answers_are_read_as_strictly_as_any(site: Cli, answers: tuple[Any, ...], word: str) -> None:
    write("x.json", mood(*answers))
    assert site.reasons("x.json") == {"x.json#q1": word}


def test_a_plain_number_beside_its_own_links_is_another_question(site: Cli) -> None:
    write("x.json", mood(1, 1, 2) | {"item": [*mood(1, 1, 2)["item"], item("7", 3)]})
    (line,) = site.lines("x.json", code=0)
    assert line["flags"] == ["extra_items"]


def test_a_stated_total_is_compared(site: Cli) -> None:
    write("x.json", mood(1, 1, 2) | {"item": [*mood(1, 1, 2)["item"], item("sum", 9)]})
    (line,) = site.lines("x.json", code=0)
    assert (line["value"], line["stated"], line["flags"]) == (4, 9, ["stated_total_differs"])


def test_every_command_knows_it(site: Cli) -> None:
    assert site("list", command="instruments") == 0
    assert "mood" in {line.split()[0] for line in site.out.splitlines()}
    assert site("show", "mood", "--json", command="instruments") == 0
    shown = json.loads(site.out)
    assert shown["canonicals"] == [f"{FORM}|2", "https://clinic.example/Questionnaire/mood-paper"]
    assert [i["link_ids"] for i in shown["items"]] == [["/a-1"], ["/a-2", "old-2"], ["/a-3"]]
    assert site("show", "own/mood.toml", command="instruments") == 0
    assert "/a-2 or old-2" in site.out
    assert site("validate", "own/mood.toml", command="instruments") == 0
    write("s.csv", "series,at,value\na,2026-01-05,7")
    for name in ("mood", "own/mood.toml"):
        assert site("s.csv", "--instrument", name, command="detect") == 2
        assert "a higher score is worse" in site.err
    Path("own/mood.toml").write_text(MOOD.replace('higher = "worse"\n', ""), encoding="utf-8")
    for name in ("mood", "own/mood.toml"):
        assert site("s.csv", "--instrument", name, command="detect") == 0
        assert "sync looks for no strain in it" in site.err
        assert site("s.csv", "--instrument", name, command="explain") == 0


def test_a_map_may_name_it_and_add_what_its_file_does_not_say(site: Cli) -> None:
    Path("fhir-alliance.toml").write_text(
        CONFIG
        + '[questionnaires."https://clinic.example/other"]\ninstrument = "mood"\n'
        + 'items = { x = 1, y = 2, z = 3 }\nmissing = ["none"]\ntotal = "t"\nanswers = { "a" = 1 }\n',
        encoding="utf-8",
    )
    there = {"questionnaire": "https://clinic.example/other"}
    answers = [item("x", coded(code="a")), item("y", 2), item("z", 3), item("t", 6)]
    write("x.json", form(**there, item=answers))
    write("y.json", form(**there, item=[*answers[:2], item("z", coded(code="none"))]))
    found = site.lines("x.json", "y.json", code=3)
    assert (found[0]["value"], found[0]["flags"]) == (6, ["version_assumed"])
    assert "item 3 not answered" in found[1]["reason"]


@pytest.mark.parametrize(
    ("config", "file", "problem"),
    [
        (
            CONFIG,
            MOOD.replace('id = "mood"', 'id = "wai-sr-c"'),
            "wai-sr-c is built in; give your instrument an id of its own",
        ),
        (CONFIG.replace('"]', '", "own/twice.toml"]'), MOOD, "another file defines mood too"),
        (CONFIG, MOOD.replace("maximum = 12", "maximum = 13"), "range must be 1 to 12"),
        (CONFIG, MOOD.replace("raw = 11", "raw = 12"), "example 1: total: raw is 11.0, the example says 12"),
        (CONFIG, MOOD.replace(f"{FORM}|2", f"{WAI}|2.0"), "is another instrument's already"),
        (CONFIG.replace("mood.toml", "absent.toml"), MOOD, "absent.toml cannot be opened"),
        (
            f'{CONFIG}[questionnaires]\n"{FORM}|2" = "wai-sr-c"\n',
            MOOD,
            "an instrument file names this questionnaire too",
        ),
        (
            f'{CONFIG}[questionnaires."http://o"]\ninstrument = "mood"\ntotal = "/a-1"\n',
            MOOD,
            "is an item and cannot be",
        ),
    ],
)
def test_check_says_what_is_wrong_with_it(site: Cli, config: str, file: str, problem: str) -> None:
    Path("fhir-alliance.toml").write_text(config, encoding="utf-8")
    for name in ("mood", "twice"):
        Path(f"own/{name}.toml").write_text(file, encoding="utf-8")
    assert site(command="check") == 2
    assert problem in site.err
    if "example" not in problem:
        write("x.json", mood(1, 1, 1))
        assert site("x.json") == 2
        assert problem in site.err


def test_no_built_in_instrument_is_replaced_by_a_path_either(cli: Cli) -> None:
    shipped = (Path(instruments.__file__).parent / "srs-v3.toml").read_text(encoding="utf-8")
    Path("mine.toml").write_text(shipped.replace("gated = true", "gated = false"), encoding="utf-8")
    write("s.csv", "series,at,value\na,2026-01-05,7")
    assert cli("s.csv", "--instrument", "mine.toml", command="detect") == 2
    assert "srs-v3 is built in" in cli.err


def test_a_gated_one_of_the_site_needs_its_attestation(site: Cli) -> None:
    Path("own/mood.toml").write_text(MOOD.replace("gated = false", "gated = true"), encoding="utf-8")
    write("x.json", mood(1, 1, 1))
    assert site.reasons("x.json") == {"x.json#q1": "licence-not-attested"}
    assert totals(site.lines("x.json", "--attest", "mood", code=0)) == {"x.json#q1": 3}
    Path("fhir-alliance.toml").write_text(f'{CONFIG}[licences]\nattested = ["mood"]\n', encoding="utf-8")
    assert totals(site.lines("x.json", code=0)) == {"x.json#q1": 3}
