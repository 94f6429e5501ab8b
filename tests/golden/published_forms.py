"""Filled-in forms that others publish, reduced to what is read: linkIds, codes, numbers. No wording.

They are tests of reading answers. Each is what a site would add with one file; none is shipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
WEIGHT = "http://hl7.org/fhir/StructureDefinition/itemWeight"
CALCULATED = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
HIDDEN = "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden"


def instrument(
    id: str,
    canonicals: Iterable[str],
    links: list[str],
    low: Any,
    high: Any,
    *,
    total: tuple[float, float],
    **more: Any,
) -> str:
    """A site's definition file (TOML) of one sum of all items."""
    size = len(links)
    lines = [
        f'id = "{id}"\nversion = "1.0"\nkey = "{id}/1"\ntitle = "{id}"',
        'rater = "client"\npurpose = "outcome"\nhigher = "worse"\nlanguage = "any"\nwhen = "any"\nverified = true',
        f"canonicals = {list(canonicals)!r}",
        *(f"{name} = {value!r}" for name, value in more.items()),
        '[licence]\ngated = false\nholder = "test"\nterms = "test"',
        f"[items]\ncount = {size}\nminimum = {low!r}\nmaximum = {high!r}\nstep = 1\nlink_ids = {links!r}",
        f'[[scale]]\nid = "total"\ntitle = "sum"\nitems = {list(range(1, size + 1))!r}\nrule = "sum"',
        f"minimum = {total[0]!r}\nmaximum = {total[1]!r}\nplaces = 0\nmin_answered = {size}",
        "[provenance]",
        *(f'{name} = "[A] for a test"' for name in ("items", "scales", "reverse", "completeness")),
    ]
    return "\n".join(lines) + "\n"


def response(questionnaire: str | None, items: list[Json], **more: Any) -> Json:
    """A completed response by the patient "example", as both guides have it: an `author`, no `source`."""
    made = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": questionnaire,
        "status": "completed",
        "subject": {"reference": "Patient/example"},
        "author": {"reference": "Practitioner/practitioner-1"},
        "item": items,
    } | more
    return {key: value for key, value in made.items() if value is not None}


def answer(link: str, **value: Any) -> Json:
    return {"linkId": link, "answer": [value]}


def bundle(*resources: Json) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}


# -- US Core 9.0.0, github.com/HL7/US-Core, input/examples/ ----------------------------------------

US_PHQ9 = "http://hl7.org/fhir/us/core/Questionnaire/phq-9-example"
US_LINKS = ["/44250-9", "/44255-8", "/44259-0", "/44254-1", "/44251-7", "/44258-2", "/44252-5", "/44253-3", "/44260-8"]
US_WEIGHTS = {"LA6568-5": 0, "LA6569-3": 1, "LA6570-1": 2, "LA6571-9": 3}
LOINC = "http://loinc.org"


def us_core_questionnaire(extension: str = ORDINAL) -> Json:
    """Questionnaire-phq-9-example.json: weights are on the answer options; the difficulty item's have none."""
    weighed = [
        {"valueCoding": {"system": LOINC, "code": c}, "extension": [{"url": extension, "valueDecimal": w}]}
        for c, w in US_WEIGHTS.items()
    ]
    bare = [{"valueCoding": {"system": LOINC, "code": f"LA{n}"}} for n in ("6572-7", "6573-5", "6575-0", "6574-3")]
    items = [{"linkId": link, "type": "choice", "answerOption": weighed} for link in US_LINKS]
    items += [
        {"linkId": "/44261-6", "type": "decimal"},
        {"linkId": "/69722-7", "type": "choice", "answerOption": bare},
    ]
    return {"resourceType": "Questionnaire", "url": US_PHQ9, "status": "active", "item": items}


def us_core_phq9() -> Json:
    """QuestionnaireResponse-phq-9-example.json."""
    codes = list(US_WEIGHTS)
    said = [codes[place] for place in (2, 2, 2, 2, 1, 1, 2, 0, 0)]
    items = [
        answer(link, valueCoding={"system": LOINC, "code": code}) for link, code in zip(US_LINKS, said, strict=True)
    ]
    items += [
        answer("/44261-6", valueDecimal=12),
        answer("/69722-7", valueCoding={"system": LOINC, "code": "LA6573-5"}),
    ]
    return response(US_PHQ9, items, id="phq-9-example", authored="2022-11-29T20:50:32.718Z")


GCS = "https://example.org/gcs.pdf"


def us_core_glasgow() -> Json:
    """QuestionnaireResponse-glasgow-coma-score.json: no canonical, but the address of a PDF; decimals."""
    uri = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-extension-questionnaire-uri"
    items = [answer(link, valueDecimal=4) for link in "123"]
    named = {"_questionnaire": {"extension": [{"url": uri, "valueUri": GCS}]}}
    return response(None, items, id="glascow-coma-score", authored="2014-12-11T04:44:16Z", **named)


# -- SDC 4.0.0, github.com/HL7/sdc, input/fsh/: published as FSH, the JSON is built here ------------

SDC_PHQ9 = "http://hl7.org/fhir/uv/sdc/Questionnaire/questionnaire-sdc-profile-example-PHQ9"
SDC_CODES = "http://hl7.org/fhir/uv/sdc/CodeSystem/CSPHQ9"
SDC_LINKS = [f"H1/T1/Q{n}" for n in range(1, 10)]
SDC_WEIGHTS = {"Answer-0": 0.0, "Answer-1": 1.0, "Answer number 2": 2.0, "Answer number 3": 3.0}
"""The published codes are the answers' wording; these stand for them, hyphens, spaces and all."""
SDC_TOTAL = "H1/TS"


def sdc_code_system() -> Json:
    """codesystems/CodeSystemCSPHQ9.fsh: weights 0 to 3 as a concept property."""
    declared = {"code": "itemWeight", "uri": "http://hl7.org/fhir/concept-properties#itemWeight", "type": "decimal"}
    concepts = [
        {"code": code, "property": [{"code": "itemWeight", "valueDecimal": weight}]}
        for code, weight in SDC_WEIGHTS.items()
    ]
    return {
        "resourceType": "CodeSystem",
        "id": "CSPHQ9",
        "url": SDC_CODES,
        "status": "active",
        "content": "complete",
        "property": [declared],
        "concept": concepts,
    }


def sdc_value_set() -> Json:
    """VSPHQ9 of examples/adaptive-questionnaireresponse-sdc-example-phq9.fsh, contained in the Questionnaire.

    Its expansion gives weights too, in the extension that carries R5's `expansion.contains.property` into R4, and there
    the last one is 4, not 3. That extension is none of the three that weigh an answer; it is not read.
    """
    carrier = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.contains.property"
    weights = zip(SDC_WEIGHTS, (0.0, 1.0, 2.0, 4.0), strict=True)
    contains = [
        {
            "system": SDC_CODES,
            "code": code,
            "extension": [
                {
                    "url": carrier,
                    "extension": [{"url": "code", "valueCode": "itemWeight"}, {"url": "value", "valueDecimal": weight}],
                }
            ],
        }
        for code, weight in weights
    ]
    return {
        "resourceType": "ValueSet",
        "id": "VSPHQ9",
        "status": "active",
        "compose": {"include": [{"system": SDC_CODES, "concept": [{"code": code} for code in SDC_WEIGHTS]}]},
        "expansion": {"timestamp": "2019-08-21T20:36:57.544Z", "total": 4, "contains": contains},
    }


def sdc_questionnaire() -> Json:
    """examples/questionnaire-sdc-profile-example-PHQ9.fsh: the total is calculated, and not read-only."""
    expression = {"language": "text/fhirpath", "expression": "%resource.item"}
    items = [{"linkId": link, "type": "choice", "answerValueSet": "#VSPHQ9"} for link in SDC_LINKS]
    total = {
        "linkId": SDC_TOTAL,
        "type": "quantity",
        "extension": [{"url": CALCULATED, "valueExpression": expression}],
    }
    return {
        "resourceType": "Questionnaire",
        "contained": [sdc_value_set()],
        "url": SDC_PHQ9,
        "status": "active",
        "item": [{"linkId": "H1/T1", "type": "group", "item": [*items, total]}],
    }


def sdc_phq9(*, system: bool = True) -> Json:
    """examples/questionnaireresponse-sdc-profile-example-PHQ9.fsh: nested in a group; states 13, its answers give 10.

    system  do the Codings name their code system?
    """
    codes = list(SDC_WEIGHTS)
    named = {"system": SDC_CODES} if system else {}
    items = [
        answer(link, valueCoding={**named, "code": codes[place]})
        for link, place in zip(SDC_LINKS, (0, 0, 0, 1, 2, 1, 3, 2, 1), strict=True)
    ]
    items.append(answer(SDC_TOTAL, valueQuantity={"value": 13, "code": "1", "system": "http://unitsofmeasure.org"}))
    group = {"linkId": "H1/T1", "item": items}
    proband = {"reference": "http://example.org/fhir/Patient/proband"}
    authored = "2019-08-21T20:36:57.544Z"
    return response(SDC_PHQ9, [group], authored=authored, subject=proband, author=proband)


# -- lforms, github.com/LHNCBC/lforms, test/data/{R4,R5}/calc-weight/ ------------------------------

LFORMS = "https://clinic.example/Questionnaire/two-choices"  # the published Questionnaire has no url
LFORMS_LINKS = ["link-1.1.1", "link-1.1.2"]
LFORMS_WEIGHTS = {(1, 1): 1, (1, 2): 10, (2, 1): 2, (2, 2): 20}


def lforms_questionnaire(extensions: dict[tuple[int, int], str], *, compose: bool = False) -> Json:
    """Two questions two groups deep, bound to one contained value set by "#id" and by its url; the same two codes in
    two systems, weights 1, 10, 2, 20.

    extensions  (code, system) → the extension that carries its weight
    compose     the value set lists its concepts in `compose` (q-with-contained-valueset.json), else in `expansion`
    """

    def concept(code: int, system: int) -> Json:
        weight = {"url": extensions[code, system], "valueDecimal": LFORMS_WEIGHTS[code, system]}
        return {"code": f"some-code-{code}", "extension": [weight]}

    value_set: Json = {"resourceType": "ValueSet", "id": "some-value-set-id-5", "url": "some-value-set-url-5"}
    if compose:
        includes = [{"system": f"some-system-{s}", "concept": [concept(c, s) for c in (1, 2)]} for s in (1, 2)]
        value_set["compose"] = {"include": includes}
    else:
        contains = [concept(c, s) | {"system": f"some-system-{s}"} for c in (1, 2) for s in (1, 2)]
        value_set["expansion"] = {"contains": contains}
    bound = zip(LFORMS_LINKS, ("#some-value-set-id-5", "some-value-set-url-5"), strict=True)
    asked = [{"linkId": link, "type": "choice", "answerValueSet": reference} for link, reference in bound]
    expression = {"language": "text/fhirpath", "expression": "%resource.repeat(item).answer.weight().sum()"}
    total = {
        "linkId": "link-2",
        "type": "decimal",
        "extension": [{"url": CALCULATED, "valueExpression": expression}],
    }
    inner = {"linkId": "link-1.1", "type": "group", "item": asked}
    return {
        "resourceType": "Questionnaire",
        "url": LFORMS,
        "contained": [value_set],
        "item": [{"linkId": "link-1", "type": "group", "item": [inner]}, total],
    }


def lforms_response(*chosen: tuple[int, int], total: float) -> Json:
    """What its tests enter, (code, system) for each question, and the total that they expect to be calculated."""
    items = [
        answer(link, valueCoding={"system": f"some-system-{system}", "code": f"some-code-{code}"})
        for link, (code, system) in zip(LFORMS_LINKS, chosen, strict=True)
    ]
    group = {"linkId": "link-1", "item": [{"linkId": "link-1.1", "item": items}]}
    return response(LFORMS, [group, answer("link-2", valueDecimal=total)], authored="2026-01-01T10:00:00Z")
