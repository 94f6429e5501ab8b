"""Instruments without a known key take the total that the form states, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from response_forms import BASE, coded, form, item, read
from score_runs import Cli, write

from fhir_alliance import instruments
from fhir_alliance.model import Unscored
from fhir_alliance.scoring import finished

STAR = f"{BASE}/star-p|1.0"
ITEMS = [item(str(n), 4) for n in range(1, 13)]


def star(*answers: Any, **more: Any) -> dict[str, Any]:
    return form(**({"questionnaire": STAR, "item": [*ITEMS, item("total", *answers)]} | more))


@pytest.mark.parametrize(
    "total", [{"valueInteger": 33}, {"valueDecimal": 33.0}, {"valueQuantity": {"value": 33, "unit": "{score}"}}]
)
def test_the_total_is_taken_as_it_is(total: dict[str, Any]) -> None:
    (score,) = read(star(total)).scores
    assert (score.scale, score.value, score.raw, score.answered, score.items) == ("total", 33, 33, 0, 0)
    assert score.flags == ("finished_total", "unverified_key")


def test_a_prorated_total_of_whole_items_need_not_be_whole() -> None:
    assert read(star({"valueDecimal": 33.6})).scores[0].value == 33.6


@pytest.mark.parametrize(
    ("resource", "word"),
    [
        (form(questionnaire=STAR, item=ITEMS), "no-total"),
        (star(), "no-total"),
        (star({"valueString": "33"}), "no-total"),
        (star(coded(33)), "no-total"),
        (star(49), "out-of-range"),
        (star(-1), "out-of-range"),
        (star({"valueInteger": 10**400}), "out-of-range"),
        (star(33) | {"item": [item("total", 33), item("total", 34)]}, "sources-disagree"),
        (star(33, questionnaire=f"{BASE}/star-p|2.0"), "unknown-version"),
        (star(33, status="in-progress"), "in-progress"),
        (star(33, source={"reference": "Practitioner/1"}), "rater-conflict"),
    ],
)
def test_what_cannot_be_taken_has_its_reason(resource: dict[str, Any], word: str) -> None:
    assert read(resource).code == word


def test_the_one_calculated_item_of_its_questionnaire_is_the_total() -> None:
    calculated = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
    questionnaire = {
        "resourceType": "Questionnaire",
        "url": STAR.partition("|")[0],
        "version": "1.0",
        "item": [
            *({"linkId": str(n), "type": "integer"} for n in range(1, 13)),
            {"linkId": "sum", "type": "integer", "readOnly": True, "extension": [{"url": calculated}]},
        ],
    }
    resource = form(questionnaire=STAR, item=[*ITEMS, item("sum", 41)])
    assert read(resource).code == "no-total"
    assert read(resource, resolve=lambda _: questionnaire).scores[0].value == 41


def test_the_sites_map_says_where_the_total_is(cli: Cli) -> None:
    Path("fhir-alliance.toml").write_text(
        '[questionnaires."https://clinic.example/star"]\ninstrument = "star-p"\ntotal = "sum"\n', encoding="utf-8"
    )
    write("x.json", form(questionnaire="https://clinic.example/star", item=[*ITEMS, item("sum", 20)]))
    (line,) = cli.lines("x.json", code=0)
    assert (line["instrument"], line["value"]) == ("star-p", 20)
    assert cli("x.json") == 0
    assert "star-p: its key is not known; the total of the form is taken as it is" in cli.err


def test_nobody_can_give_it_items(cli: Cli) -> None:
    Path("fhir-alliance.toml").write_text(
        '[questionnaires."https://clinic.example/star"]\ninstrument = "star-p"\nitems = { a = 1 }\n', encoding="utf-8"
    )
    write("x.json", star(20))
    assert cli("x.json") == 2
    assert "accepts a finished total only" in cli.err


def test_detect_reads_its_totals_like_any_others(cli: Cli) -> None:
    write(
        "s.csv",
        "series,at,value",
        *(f"a,2026-01-{day:02},{value}" for day, value in ((5, 40), (12, 41), (19, 40))),
        "a,2026-01-26,25",
    )
    assert cli("s.csv", "--instrument", "star-p", "--json", command="detect") == 0
    assert '"kind":"drop"' in cli.out


@pytest.mark.parametrize("id", [i for i, found in instruments.load_all().items() if found.totals_only])
def test_both_ends_of_the_range_are_taken_and_nothing_beyond(id: str) -> None:
    instrument = instruments.get(id)
    scale = instrument.scale("total")
    for value in (scale.minimum, scale.maximum):
        assert not isinstance(finished(instrument, value), Unscored)
    for value in (scale.minimum - 0.01, scale.maximum + 0.01, float("nan"), float("inf")):
        assert isinstance(finished(instrument, value), Unscored)
