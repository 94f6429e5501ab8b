"""Resources gone wrong: seeded mutations of good ones, of their structure and of their bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

Json = dict[str, Any]
Place = tuple[Any, Any]

CANONICAL = "https://w3id.org/fhir-alliance/Questionnaire"
EXTENSION = "http://hl7.org/fhir/StructureDefinition"
WAI, SRS = f"{CANONICAL}/wai-sr-c", f"{CANONICAL}/srs-v3"
ABSENT = {"extension": [{"url": f"{EXTENSION}/data-absent-reason", "valueCode": "asked-declined"}]}

# fmt: off
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 5.0, 4.5, 1e308, 10**400, -0.0, "", " ", "5", "true", "\ud800", "é", "x" * 5000,
    "Patient/p2", "#q", "urn:uuid:x", "completed", "entered-in-error", "in-progress",
    "2026-13-45", "2026", "2026-03-04T15:20:00", "9999-12-31T23:59:59Z", "0000-00-00",
    [], {}, [[]], [None], {"": {}}, {"reference": "Patient/p2"}, {"value": 4, "comparator": "<"},
    {"valueInteger": 5, "valueDecimal": 1}, [{"url": f"{EXTENSION}/ordinalValue", "valueDecimal": "9"}],
    {"coding": [{"code": "a"}, {"code": "b"}]},
)
# fmt: on


def form(**changes: Any) -> Json:
    """A complete WAI-SR, changed."""
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "q1",
        "meta": {"versionId": "3", "lastUpdated": "2026-03-04T15:21:00.123Z"},
        "questionnaire": f"{WAI}|1.0",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "authored": "2026-03-04T15:20:00Z",
        "item": items(),
    } | changes


def items(number: int = 12) -> list[Json]:
    """So many answered items."""
    return [item(n, {"valueInteger": 1 + n % 5}) for n in range(1, number + 1)]


def item(link: object, *answers: Json) -> Json:
    """One item."""
    return {"linkId": str(link), "answer": list(answers)}


def corpus() -> list[bytes]:
    """The JSON of what is good; decoding it anew is the quickest copy."""
    return [json.dumps(one).encode() for one in _good()]


def _good() -> list[Json]:
    """Good resources of every kind that inbound reads, so that each mutation has something to break."""
    coded = {"valueCoding": {"system": "http://x.example/a", "code": "c", "extension": [_weight(4)]}}
    nested = [{"linkId": "g", "item": items(6)}, {"linkId": "h", "item": [*items(11)[6:], item(12, coded)]}]
    questions = [
        {"linkId": str(n), "type": "choice", "answerOption": [_option(v) for v in range(1, 6)]} for n in range(1, 13)
    ]
    contained = {"resourceType": "Questionnaire", "id": "q", "url": WAI, "status": "active", "item": questions}
    total = {"linkId": "total", "answer": [{"valueDecimal": 4.17, "item": [item("x", {"valueInteger": 1})]}]}
    people = {"source": {"reference": "Patient/p1"}, "author": {"reference": "Practitioner/d"}}
    return [
        form(),
        form(status="amended", encounter={"reference": "Encounter/e1"}, item=nested, **people),
        form(item=[*items(11), item(12, ABSENT)], extension=[{"url": "u", "valueString": "v"}]),
        form(questionnaire=f"{SRS}|1.0", item=[item(n, {"valueDecimal": 9.3}) for n in range(1, 5)]),
        form(questionnaire="https://x.example/Questionnaire/other"),
        form(status="entered-in-error"),
        form(
            questionnaire="#q",
            contained=[contained],
            item=[item(n, {"valueCoding": {"code": "c3"}}) for n in range(1, 13)],
        ),
        form(item=[*items(), total]),
    ]


def _weight(number: float) -> Json:
    return {"url": f"{EXTENSION}/itemWeight", "valueDecimal": number}


def _option(value: int) -> Json:
    return {"valueCoding": {"code": f"c{value}", "extension": [_weight(value)]}}


def resource(random: Random, good: list[bytes]) -> bytes:
    """One mutant: one to four structural mutations, and in one of four cases a blow to the bytes too."""
    mutant = json.loads(random.choice(good))
    for _ in range(random.randint(1, 4)):
        if mutant:
            random.choice(STRUCTURAL)(random, *_place(random, mutant))
    if random.random() < 0.01 and mutant.get("item"):
        for _ in range(random.choice([199, 200, 205])):  # around the limit, once only: JSON's own has to hold it
            mutant["item"] = [{"linkId": "d", "item": mutant["item"]}]
    raw = json.dumps(mutant).encode()
    return random.choice(BLOWS)(random, raw) if random.random() < 0.25 else raw


def page(random: Random, good: list[bytes], base: str) -> bytes:
    """A searchset of mutants that may lead anywhere, itself mutated."""
    entries: list[Any] = [{"resource": json.loads(random.choice(good)) | {"id": f"q{n}"}} for n in range(3)]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": 3, "entry": entries}
    following = random.choice(
        [None, f"{base}/QuestionnaireResponse?page=2", "http://127.0.0.1:1/x", "?page=3", "", "::", 7]
    )
    bundle["link"] = [{"relation": random.choice(["next", "self", 5]), "url": following}]
    for _ in range(random.randint(0, 5)):
        if bundle:
            random.choice(STRUCTURAL)(random, *_place(random, bundle))
    raw = json.dumps(bundle).encode()
    return random.choice(BLOWS)(random, raw) if random.random() < 0.3 else raw


def _place(random: Random, value: Any) -> Place:
    """Some (container, key or index) below a value that is not empty."""
    while True:
        at = random.choice(list(value)) if isinstance(value, dict) else random.randrange(len(value))
        below = value[at]
        if not (isinstance(below, dict | list) and below) or random.random() < 0.3:
            return value, at
        value = below


# -- structure -----------------------------------------------------------------------------------


def _drop(_: Random, where: Any, at: Any) -> None:
    del where[at]


def _odd(random: Random, where: Any, at: Any) -> None:
    where[at] = deepcopy(random.choice(ODD))


def _wrap(random: Random, where: Any, at: Any) -> None:
    where[at] = [where[at]] if random.random() < 0.5 else {"value": where[at]}


def _double(_: Random, where: Any, at: Any) -> None:
    if isinstance(where, list):
        where.append(deepcopy(where[at]))
    elif isinstance(where[at], list):
        where[at] = where[at] * 2


def _rename(random: Random, where: Any, at: Any) -> None:
    if isinstance(where, dict):
        where[
            random.choice(["item", "answer", "_" + str(at), "modifierExtension", "implicitRules", "x", str(at).upper()])
        ] = where.pop(at)


def _deepen(random: Random, where: Any, at: Any) -> None:
    for _ in range(random.choice([1, 2, 3])):
        where[at] = {"linkId": "d", "item": [where[at]]}


STRUCTURAL: tuple[Callable[[Random, Any, Any], None], ...] = (_drop, _odd, _odd, _odd, _wrap, _double, _rename, _deepen)


# -- bytes ---------------------------------------------------------------------------------------


def _cut(random: Random, raw: bytes) -> bytes:
    return raw[: random.randrange(len(raw) + 1)]


def _flip(random: Random, raw: bytes) -> bytes:
    if not raw:
        return raw
    at = random.randrange(len(raw))
    return raw[:at] + bytes([random.randrange(256)]) + raw[at + 1 :]


def _insert(random: Random, raw: bytes) -> bytes:
    at = random.randrange(len(raw) + 1)
    return (
        raw[:at]
        + random.choice([b"\x00", b"\xff\xfe", b"NaN", b'"', b"}", b"[" * 50, b"\\u0000", b"1e999", b"{}", b","])
        + raw[at:]
    )


TEXTS = (b"\x00", b"\xff\xfe", b"NaN", b'"', b"}", b"[" * 50, b"\\u0000", b"1e999", b"{}", b",")


def _marked(_: Random, raw: bytes) -> bytes:
    return b"\xef\xbb\xbf" + raw


BLOWS: tuple[Callable[[Random, bytes], bytes], ...] = (_cut, _flip, _insert, _insert, _marked)
