"""Forms that no validating server would store: set aside one by one, with a reason that a person understands.

The proxy puts them into real search results, in place of forms that the server holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from . import faults
from .canaries import PLANTED
from .clinic import SRS, WAI, Clinic, srs_items, wai_items
from .conftest import MakeSite
from .ehr import Ehr, Json, reference, value
from .proxy import Proxy

WRONG = PLANTED["wrong answer"]
Make = Callable[[Json], object]


def _with(**elements: object) -> Make:
    return lambda form: {**form, **elements}


def _without(*names: str) -> Make:
    return lambda form: {name: value for name, value in form.items() if name not in names}


def _answering(link_id: object, answer: object) -> Make:
    """The SRS with its first item replaced."""
    first = {"linkId": link_id, "answer": [answer] if isinstance(answer, dict) else answer}
    return lambda form: {**form, "item": [first, *srs_items(36)[1:]]}


def _deep(form: Json) -> object:
    items = srs_items(36)
    for level in range(300):
        items = [{"linkId": f"g{level}", "item": items}]
    return {**form, "item": items}


def _huge(form: Json) -> object:
    return {**form, "item": [*form["item"], *({"linkId": f"x{n}", "text": "x" * 1000} for n in range(20_000))]}


SET_ASIDE: dict[str, tuple[Make, str]] = {
    "items-are-text": (_with(item="four of them"), "wrong-type"),
    "an-item-is-null": (_with(item=[None, *srs_items(36)]), "wrong-type"),
    "status-is-a-list": (_with(status=["completed"]), "wrong-type"),
    "subject-is-text": (_with(subject="me"), "wrong-type"),
    "no-subject": (_without("subject"), "subject-unresolved"),
    "link-id-is-a-number": (_answering(1, {"valueDecimal": 9.0}), "bad-link-id"),
    "answer-is-text": (_answering("1", "nine"), "wrong-type"),
    "a-number-as-text": (_answering("1", {"valueDecimal": WRONG}), "not-a-number"),
    "a-truth-value": (_answering("1", {"valueBoolean": True}), "not-a-number"),
    "out-of-range": (_answering("1", {"valueDecimal": float(WRONG)}), "out-of-range"),
    "below-zero": (_answering("1", {"valueDecimal": -0.1}), "out-of-range"),
    "off-the-grid": (_answering("1", {"valueDecimal": 9.05}), "off-grid"),
    "no-id": (_without("id"), "missing-id"),
    "id-is-a-number": (_with(id=17), "bad-id"),
    "the-same-item-twice": (lambda f: {**f, "item": [*srs_items(36), srs_items(36)[0]]}, "duplicate-item"),
    "no-time": (_without("authored"), "authored-missing"),
    "a-time-in-words": (_with(authored="the day before yesterday"), "authored-invalid"),
    "a-thirteenth-month": (_with(authored="2026-13-01T10:00:00Z"), "authored-invalid"),
    "only-a-year": (_with(authored="2026"), "authored-imprecise"),
    "far-in-the-future": (_with(authored="2999-01-01T10:00:00Z"), "authored-implausible"),
    "another-form": (_with(item=wai_items([4] * 12)), "form-mismatch"),
    "another-version": (_with(questionnaire=f"{SRS}|7.7"), "unknown-version"),
    "an-unknown-modifier": (
        _with(modifierExtension=[{"url": "https://elsewhere.example/not", "valueBoolean": True}]),
        "unknown-modifier",
    ),
    "twenty-megabytes": (_huge, "too-large"),
    "three-hundred-levels": (_deep, "too-deep"),
}
"""Case → what becomes of a good SRS, and the machine word of the reason."""

SCORED: dict[str, Make] = {
    "nested-groups": lambda form: {**form, "item": [{"linkId": "g", "item": [{"linkId": "h", "item": form["item"]}]}]},
    "a-naive-time": lambda form: {**form, "authored": form["authored"].removesuffix("Z")},
    "extra-items": lambda form: {**form, "item": [*form["item"], {"linkId": "z", "answer": [{"valueString": "?"}]}]},
    "unknown-elements": _with(wings=2, _status={"id": "s"}),
}


def _raw(made: object) -> bytes:
    return json.dumps(made).encode()


def test_malformed_responses(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    patient, other = clinic.patient(), clinic.patient("other")
    names = [*SET_ASIDE, *SCORED]
    for n, name in enumerate(names):
        ehr.put(clinic.srs(name, patient, 36, weeks=n))
    ehr.put(clinic.srs("good", other, 35, weeks=0))
    swap = {clinic.id(name): lambda form, make=make: _raw(make(form)) for name, (make, _) in SET_ASIDE.items()}
    swap |= {clinic.id(name): lambda form, make=make: _raw(make(form)) for name, make in SCORED.items()}
    proxy.fault(faults.replacing(swap), type="QuestionnaireResponse", when=lambda call: call.is_search)
    here = site(proxy.base, **{"read.page_size": 50})
    ran = here.sync(code=3)
    assert "Traceback" not in ran.err

    series = {reference(o, "derivedFrom").split(f"{clinic.tag}-")[-1]: value(o) for o in ehr.observations(patient)}
    assert series == dict.fromkeys(SCORED, 36)
    assert [value(o) for o in ehr.observations(other)] == [35]
    expected: dict[str, int] = {}
    for _, word in SET_ASIDE.values():
        expected[word] = expected.get(word, 0) + 1
    assert ran.report["reasons"] == expected
    assert ran.report["quarantine"]["new"] == len(SET_ASIDE)

    listed = here.run("status", "--json").report["quarantine"]
    assert len(listed) == len(SET_ASIDE)
    for line in listed:
        assert line["reason"].startswith("set aside: ")
        assert len(line["reason"].split()) > 4, line
    again = here.sync()
    assert again.report["quarantine"] == {"new": 0, "total": len(SET_ASIDE)}


def test_entries_that_are_no_resources(ehr: Ehr, clinic: Clinic, site: MakeSite, proxy: Proxy) -> None:
    """Numbers, texts, nulls, other types and lone surrogates among the entries cost themselves only."""
    patient = clinic.patient()
    ehr.put(clinic.srs("good", patient, 35, weeks=0))
    strays = (b"17", b'"text"', b"null", b"[]", b'{"resourceType":"Patient","id":"x"}', b"{}")
    odd = clinic.srs("odd", patient, 36, weeks=1)
    surrogate = json.dumps({**odd, "item": [*odd["item"], {"linkId": "\ud800"}]}).encode()
    proxy.fault(faults.injecting(*strays, surrogate), type="QuestionnaireResponse", when=lambda call: call.is_search)
    ran = site(proxy.base).sync(code=3)
    assert "Traceback" not in ran.err
    assert [value(o) for o in ehr.observations(patient)] == [35]


def test_a_mended_form_leaves_the_quarantine(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """As stored by the real server: an answer off the scale, corrected by the site."""
    patient = clinic.patient()
    wrong = [*srs_items(36)[:3], {"linkId": "4", "answer": [{"valueDecimal": float(WRONG)}]}]
    ehr.put(clinic.srs("qr", patient, 36, weeks=0) | {"item": wrong})
    here = site()
    assert here.sync(code=3).report["quarantine"] == {"new": 1, "total": 1}
    assert here.sync().report["quarantine"] == {"new": 0, "total": 1}
    assert ehr.observations(patient) == []
    ehr.change(f"QuestionnaireResponse/{clinic.id('qr')}", item=srs_items(36))
    assert here.sync().report["quarantine"] == {"new": 0, "total": 0}
    assert [value(o) for o in ehr.observations(patient)] == [36]


def test_a_questionnaire_of_the_sites_own(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Mapped by the configuration; what is not mapped is skipped, not scored and not complained about."""
    patient = clinic.patient()
    own = f"https://clinic.example/Questionnaire/{clinic.tag}"
    ehr.put(clinic.form("mapped", patient, f"{own}|2", wai_items([4] * 12), weeks=0))
    ehr.put(clinic.form("unmapped", patient, f"{own}-other", wai_items([4] * 12), weeks=1))
    ehr.put(clinic.form("shipped", patient, WAI, wai_items([5] * 12), weeks=2))
    report = site(**{f'questionnaires."{own}|2"': "wai-sr-c"}).sync().report
    assert [value(o) for o in ehr.observations(patient, "wai-sr-c-total")] == [5, 4]
    assert report["outcomes"]["skipped"] == 1


def test_weights_in_a_code_system_on_the_server(ehr: Ehr, clinic: Clinic, site: MakeSite) -> None:
    """Answers are codes; their questionnaire binds a value set, and that a code system, each a resource of its own."""
    patient = clinic.patient()
    own, bound, scale = (
        f"https://clinic.example/{type}/{clinic.tag}" for type in ("Questionnaire", "ValueSet", "scale")
    )
    declared = {"code": "w", "uri": "http://hl7.org/fhir/concept-properties#itemWeight", "type": "decimal"}
    concepts = [{"code": c, "property": [{"code": "w", "valueDecimal": n}]} for n, c in enumerate("abcde", 1)]
    common = {"status": "active"}
    asked = [{"linkId": str(n), "type": "choice", "answerValueSet": bound} for n in range(1, 13)]
    for resource in (
        {
            "resourceType": "CodeSystem",
            "url": scale,
            "content": "complete",
            "property": [declared],
            "concept": concepts,
        },
        {"resourceType": "ValueSet", "url": bound, "compose": {"include": [{"system": scale}]}},
        {"resourceType": "Questionnaire", "url": own, "version": "2", "item": asked},
    ):
        ehr.put(resource | common | {"id": clinic.id(resource["resourceType"].lower())})
    answers = [{"linkId": str(n), "answer": [{"valueCoding": {"system": scale, "code": "d"}}]} for n in range(1, 13)]
    ehr.put(clinic.form("coded", patient, f"{own}|2", answers, weeks=0))
    answers[0]["answer"] = [{"valueCoding": {"system": scale, "code": "D"}}]
    ehr.put(clinic.form("unknown", patient, f"{own}|2", answers, weeks=1))
    ran = site(**{f'questionnaires."{own}|2"': "wai-sr-c"}).sync(code=3)
    assert [value(o) for o in ehr.observations(patient, "wai-sr-c-total")] == [4]
    assert ran.report["reasons"] == {"no-weight": 1}
