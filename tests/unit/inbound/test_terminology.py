"""Value sets and code systems that did not come inside the Questionnaire: asked for, where an answer needs them."""

from __future__ import annotations

from typing import Any

import pytest
from response_forms import NOW, RULES, VALUES, WAI, code, coded, form, items, read, total, weigh, with_answer

from fhir_alliance.fhir.inbound import rules
from fhir_alliance.fhir.terminology import Codes, Near

SET, SCALE = "http://c.example/vs", "http://c.example/s"
PROPERTY = "http://hl7.org/fhir/concept-properties#itemWeight"
Json = dict[str, Any]


def questionnaire(**each: Any) -> Json:
    asked = [{"linkId": str(n), "type": "choice", **each} for n in range(1, 13)]
    other = {"linkId": "mood", "type": "choice", "answerValueSet": "http://other.example/vs"}
    return {"resourceType": "Questionnaire", "url": WAI, "version": "1.0", "item": [*asked, other]}


def value_set(version: str | None = None, **concepts: Any) -> Json:
    include = {"system": SCALE, **concepts}
    return {"resourceType": "ValueSet", "url": SET, "version": version, "compose": {"include": [include]}}


def code_system(**more: Any) -> Json:
    concepts = [{"code": c, "property": [{"code": "w", "valueDecimal": n}]} for n, c in enumerate("abcde", 1)]
    declared = [{"code": "w", "uri": PROPERTY, "type": "decimal"}]
    return {"resourceType": "CodeSystem", "url": SCALE, "property": declared, "concept": concepts, **more}


WEIGHED = [{"code": c, "extension": [weigh(n)]} for n, c in enumerate("abcde", 1)]
BARE = [{"code": c} for c in "abcde"]
OPTIONS = [{"valueCoding": {"system": SCALE, "code": c}} for c in "abcde"]


class Shelf:
    """Resolves what it holds and notes what it is asked for."""

    def __init__(self, *held: Json):
        self.held = {self._name(r): r for r in held}
        self.asked: list[str] = []

    def _name(self, r: Json) -> str:
        return f"{r['url']}|1.0" if r["resourceType"] == "Questionnaire" else f"{r['resourceType']}?url={r['url']}"

    def __call__(self, reference: str) -> Json | None:
        self.asked.append(reference)
        return self.held.get(reference)


def answers(system: str | None = SCALE) -> Json:
    return form(item=items(coded(code="abcde"[v - 1], system=system) for v in VALUES))


@pytest.mark.parametrize(
    ("each", "held"),
    [
        ({"answerValueSet": SET}, [value_set(concept=WEIGHED)]),
        ({"answerValueSet": SET}, [value_set(concept=BARE), code_system()]),
        ({"answerValueSet": SET}, [value_set(), code_system()]),
        ({"answerOption": OPTIONS}, [code_system()]),
    ],
    ids=["weights in the set", "set and system", "a whole system", "options and system"],
)
@pytest.mark.parametrize("system", [SCALE, None])
def test_weights_of_what_the_questionnaire_refers_to(each: Json, held: list[Json], system: str | None) -> None:
    by = rules(None, None, now=NOW)
    assert total(read(answers(system), by, Shelf(questionnaire(**each), *held))) == 50 / 12
    for left in range(len(held)):
        fewer = Shelf(questionnaire(**each), *(r for n, r in enumerate(held) if n != left))
        assert code(answers(system), rules(None, None, now=NOW), fewer) == "no-weight"


def test_a_contained_value_set_whose_code_system_stands_elsewhere() -> None:
    inside = value_set(concept=BARE) | {"id": "vs"}
    asked = questionnaire(answerValueSet="#vs") | {"contained": [inside]}
    assert total(read(answers(), rules(None, None, now=NOW), Shelf(asked, code_system()))) == 50 / 12
    response = answers() | {"questionnaire": "#q", "contained": [asked | {"id": "q"}, inside]}
    assert total(read(response, RULES, Shelf(code_system()))) == 50 / 12


def test_only_what_the_instrument_s_own_answers_need_is_asked_for_and_once() -> None:
    shelf, by = Shelf(questionnaire(answerValueSet=SET), value_set(concept=WEIGHED)), rules(None, None, now=NOW)
    for _ in range(3):
        read(answers(), by, shelf)
    assert set(shelf.asked) == {f"{WAI}|1.0", f"ValueSet?url={SET}"}
    assert shelf.asked.count(f"ValueSet?url={SET}") == 1
    full = [option | {"extension": [weigh(n)]} for n, option in enumerate(OPTIONS, 1)]
    shelf = Shelf(questionnaire(answerOption=full))
    read(answers(), rules(None, None, now=NOW), shelf)
    assert set(shelf.asked) == {f"{WAI}|1.0"}


@pytest.mark.parametrize(
    ("wanted", "theirs", "why"),
    [("2", "2", None), ("2", None, None), ("2", "3", "no-weight"), (None, "3", None)],
)
def test_a_value_set_has_the_version_that_is_asked_for(wanted: str | None, theirs: str | None, why: str | None) -> None:
    reference = f"{SET}|{wanted}" if wanted else SET
    asked = questionnaire(answerValueSet=reference)
    held = value_set(theirs, concept=WEIGHED)

    def resolve(name: str) -> Json | None:
        return asked if name == f"{WAI}|1.0" else held if name == f"ValueSet?url={reference}" else None

    assert code(answers(), rules(None, None, now=NOW), resolve) == why
    contained = asked | {"contained": [held]}
    assert code(answers(), rules(None, None, now=NOW), lambda n: contained if n == f"{WAI}|1.0" else None) == why


def near(*held: Json) -> Near:
    shelf = Shelf(*held)
    return Near(shelf, Codes(lambda url: [r for r in held if r["resourceType"] == "CodeSystem" and r["url"] == url]))


OTHERWISE = [{"code": c, "extension": [weigh(6 - n)]} for n, c in enumerate("abcde", 1)]
WEIGHED_OPTIONS = [option | {"extension": [weigh(n)]} for n, option in enumerate(OPTIONS, 1)]


@pytest.mark.parametrize(
    ("beside", "response"),
    [
        ([questionnaire(answerValueSet=SET), value_set(concept=WEIGHED)], answers()),
        ([questionnaire(answerValueSet=SET), value_set(concept=WEIGHED)], answers(None)),
        ([questionnaire(answerOption=WEIGHED_OPTIONS)], answers()),
        ([questionnaire(answerOption=OPTIONS)], with_answer(2, coded(5, code="e", system=SCALE))),
        ([questionnaire()], with_answer(2, coded(5, code="e", system=SCALE))),
        ([], with_answer(2, coded(5, code="e", system=SCALE))),
    ],
    ids=["weights in the set", "no system", "weights of options", "bare options", "no options", "no questionnaire"],
)
def test_every_code_system_that_costs_nothing_is_a_source(beside: list[Json], response: Json) -> None:
    for concepts, why in ((WEIGHED, None), (OTHERWISE, "sources-disagree")):
        resolve = near(*beside, code_system(concept=concepts))
        assert code(response, rules(None, None, now=NOW), resolve) == why
    # From a server it is asked for only where an answer has no weight without it.
    shelf = Shelf(*beside, code_system(concept=OTHERWISE))
    if not any("answerOption" in i and i["answerOption"] == OPTIONS for q in beside for i in q.get("item", ())):
        assert code(response, rules(None, None, now=NOW), shelf) is None
        assert f"CodeSystem?url={SCALE}" not in shelf.asked


def test_a_code_system_beside_a_response_without_a_questionnaire_gives_its_weights() -> None:
    assert total(read(answers(), rules(None, None, now=NOW), near(code_system()))) == 50 / 12
    for other in (answers(None), answers(f"{SCALE}|1"), answers(f"{SCALE}/")):
        assert code(other, rules(None, None, now=NOW), near(code_system(version="1"))) == "no-weight"


def test_a_weight_here_and_another_in_the_code_system_disagree() -> None:
    shelf = Shelf(questionnaire(answerValueSet=SET), value_set(concept=BARE), code_system())
    assert code(with_answer(7, coded(3, code="d")), rules(None, None, now=NOW), shelf) == "sources-disagree"
    assert code(with_answer(7, coded(4, code="d")), rules(None, None, now=NOW), shelf) is None


@pytest.mark.parametrize(
    "useless",
    [
        code_system(property=[{"code": "w"}]),
        code_system(property=[{"code": "w", "uri": "http://hl7.org/fhir/concept-properties#order"}]),
        code_system(implicitRules="http://rules.example"),
        code_system(concept="abcde"),
        code_system() | {"url": f"{SCALE}/"},
    ],
)
def test_a_code_system_that_gives_no_weights(useless: Json) -> None:
    asked = questionnaire(answerOption=OPTIONS)

    def resolve(name: str) -> Json | None:
        return asked if name == f"{WAI}|1.0" else useless if name.startswith("CodeSystem") else None

    assert code(answers(), rules(None, None, now=NOW), resolve) == "no-weight"


def test_codes_are_matched_exactly() -> None:
    shelf = Shelf(questionnaire(answerOption=OPTIONS), code_system())
    for near in ("D", "d ", " d", "d."):
        assert code(with_answer(7, coded(code=near)), rules(None, None, now=NOW), shelf) == "no-weight"
    for system in (f"{SCALE}/", SCALE.upper(), f"{SCALE}|1"):
        assert code(with_answer(7, coded(code="d", system=system)), rules(None, None, now=NOW), shelf) == "no-weight"
