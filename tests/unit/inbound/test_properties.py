"""Whatever comes in: no exception, no other patient's score, and both ways of reading agree."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from response_forms import (
    ABSENT,
    ATTESTED,
    RULES,
    SRS,
    SYNC,
    VALUES,
    WAI,
    coded,
    form,
    item,
    items,
    ruled,
    srs,
    weigh,
)

from fhir_alliance.fhir.inbound import decode_response, read_response, read_session
from fhir_alliance.model import Outcome, Reading

LENIENT = ruled(
    ATTESTED, numeric_strings=True, accept_in_progress_when_complete=True, bases=("https://ehr.example/r4",)
)
EVERY_RULE = [RULES, ATTESTED, SYNC, LENIENT]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2.5, 4.0, 9.3, 1e-7, 10**30]),
    st.text(max_size=8),
    st.sampled_from(
        [
            "Patient/p2",
            "Patient/p1",
            "RelatedPerson/r",
            "Group/g",
            "1",
            "13",
            "total",
            "completed",
            "amended",
            "in-progress",
            "entered-in-error",
            "2026-03-04",
            "2026-03-04T15:20",
            f"{WAI}|1.0",
            SRS,
            "4",
        ]
    ),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["item", "answer", "linkId", "valueInteger", "valueCoding", "extension", "reference"]),
                st.text(max_size=5),
            ),
            inner,
            max_size=3,
        ),
        st.sampled_from([coded(4), item("7", 3), weigh(3), ABSENT, {"extension": [ABSENT]}]),
    ),
    max_leaves=8,
)
bases = st.sampled_from(
    [
        form(),
        srs(),
        form(item=items(coded(v) for v in VALUES)),
        form(item=items(coded(code="a") for _ in VALUES)),
        form(item=[{"linkId": "g", "item": items()}]),
        form(item=items()[:11], source={"reference": "Patient/p1"}, encounter={"reference": "Encounter/e1"}),
        form(item=[*items(), item("note", {"valueString": "x"}), item("total", 50)]),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(inner, (*path, key))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid response in which some values are replaced, added, doubled or taken away."""
    resource = copy.deepcopy(draw(bases))
    for _ in range(draw(st.integers(0, 4))):
        *path, last = draw(st.sampled_from(places(resource)[1:]))
        parent = resource
        for key in path:
            parent = parent[key]
        match draw(st.sampled_from(["replace", "remove", "add", "double"])):
            case "replace":
                parent[last] = copy.deepcopy(draw(anything))
            case "remove":
                del parent[last]
            case "add" if isinstance(parent, dict):
                name = draw(st.sampled_from(["extension", "modifierExtension", "item", "answer", "_valueInteger", "x"]))
                parent[name] = copy.deepcopy(draw(anything))
            case "double" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[last]))
        if not places(resource)[1:]:
            break
    return resource


def without_content(reading: Reading) -> dict[str, Any]:
    return asdict(replace(reading, content=""))


def agreed(resource: Any, by: Any, resolve: Any = None, *, indent: int | None = None) -> Reading:
    """Both ways give one reading, and a sane one."""
    parsed = read_response(copy.deepcopy(resource), by, resolve)
    raw = json.dumps(resource, indent=indent).encode()
    if parsed.code in ("bad-text", "not-json"):
        assert without_content(decode_response(raw, by, resolve)) == without_content(parsed)
    else:
        assert decode_response(raw, by, resolve) == parsed
    assert (parsed.outcome is Outcome.SCORED) == bool(parsed.scores)
    assert (parsed.reason is None) == (parsed.code is None) == bool(parsed.scores)
    for score in parsed.scores:
        assert score.flags == tuple(sorted(set(score.flags)))
    return parsed


def offering(**each: Any) -> Any:
    """A resolver that knows a Questionnaire whose twelve items are all like this."""
    made = [{"linkId": str(n), **each} for n in range(1, 13)]
    questionnaire = {"resourceType": "Questionnaire", "url": WAI, "item": made}
    return lambda _: questionnaire


CODES = [{"valueCoding": {"system": "http://c.example/s", "code": c}, "extension": [weigh(4)]} for c in "ab"]
NUMBERS = [{"valueInteger": n, "extension": [weigh(n if n < 5 else 1)]} for n in range(1, 6)]
RESOLVERS = [None, offering(), offering(answerOption=CODES), offering(answerOption=NUMBERS)]


@given(mutated(), st.sampled_from(EVERY_RULE), st.sampled_from(RESOLVERS), st.sampled_from([None, 1]))
@settings(max_examples=400, deadline=None)
def test_mutated_responses_never_raise_and_never_score_for_another_patient(
    resource: Any, by: Any, resolve: Any, indent: int | None
) -> None:
    reading = agreed(resource, by, resolve, indent=indent)
    if reading.scores:
        assert (
            reading.patient
            == resource["subject"]["reference"].removeprefix("https://ehr.example/r4/").split("/_history/")[0]
        )
        assert reading.id == resource.get("id")
        assert reading.authored == resource["authored"]


@given(anything, st.sampled_from(EVERY_RULE))
@example({"resourceType": "QuestionnaireResponse"}, RULES)
@settings(max_examples=200, deadline=None)
def test_anything_at_all_never_raises(resource: Any, by: Any) -> None:
    agreed(resource, by)
    assert read_session(resource, []) is None
    if isinstance(resource, dict):
        agreed({**form(), **resource}, by)
        agreed({"resourceType": "QuestionnaireResponse", **resource}, by)


@given(st.binary(max_size=200), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_and_any_cut_never_raise(noise: bytes, cut: int) -> None:
    for raw in (noise, json.dumps(form()).encode()[:cut], json.dumps(form()).encode()[:cut] + noise):
        reading = decode_response(raw, RULES)
        assert reading.outcome is not Outcome.SCORED or raw.startswith(b'{"resourceType"')


@given(
    st.lists(st.integers(1, 5), min_size=12, max_size=12),
    st.lists(st.sampled_from(["integer", "decimal", "coded", "missing"]), min_size=12, max_size=12),
    st.permutations(range(12)),
)
@settings(max_examples=150, deadline=None)
def test_any_valid_form_reads_the_same_in_any_order(answers: list[int], kinds: list[str], order: list[int]) -> None:
    made = {"integer": int, "decimal": lambda v: {"valueDecimal": v}, "coded": coded}
    whole = [item(str(n), made[k](v)) for n, (v, k) in enumerate(zip(answers, kinds, strict=True), 1) if k in made]  # type: ignore[operator]
    reading = agreed(form(item=whole), RULES)
    turned = agreed(form(item=[whole[n] for n in order if n < len(whole)]), RULES)
    assert (turned.scores, turned.unscored) == (reading.scores, reading.unscored)
    for score in reading.scores:
        assert score.answered == sum(k != "missing" for k in kinds) or score.scale != "total"


@given(mutated())
@settings(max_examples=100, deadline=None)
def test_encounters_made_of_anything_never_raise(resource: Any) -> None:
    resource = resource if isinstance(resource, dict) else {}
    made = {"period": resource.get("item"), "participant": resource.get("item"), "class": resource.get("source")}
    read_session({"resourceType": "Encounter", "id": "e", "subject": resource.get("subject"), **made}, [])
