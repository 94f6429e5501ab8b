"""What a resolved Questionnaire adds to its responses: weights of answer options, and a stated total.

Read leniently: what is malformed in a Questionnaire adds nothing, and then an answer that needs it
has no weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from .weights import concept_weights, is_number, option_weights

CALCULATED = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
MOST_ITEMS = 10_000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that a question offers: a concept, or a number of its own."""

    system: str | None
    code: str | None
    number: float | None
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A Questionnaire, as far as scoring cares.

    options     linkId → answers offered there, with their weights
    concepts    (system, code) → weights of a contained CodeSystem
    calculated  linkIds of a total that the form computes itself
    """

    options: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    concepts: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    calculated: frozenset[str] = frozenset()

    def number_weights(self, link: str, number: float) -> Iterator[float]:
        """Weights of the options of this question that are that number."""
        for option in self.options.get(link, ()):
            if option.number == number:
                yield from option.weights

    def coding_weights(self, link: str, system: str | None, code: str) -> Iterator[float]:
        """Weights of the concept among the options of its own question, and in the code system.

        Without a system the code alone must point at exactly one concept there.
        """
        same = [o for o in self.options.get(link, ()) if o.code == code]
        if system is not None:
            same = [o for o in same if o.system == system] or [o for o in same if o.system is None]
        elif len({o.system for o in same}) > 1:
            same = []
        for option in same:
            yield from option.weights
        systems = {system} if system is not None else {o.system for o in same}
        for known in systems:
            if known is not None:
                yield from self.concepts.get((known, code), ())


NOTHING = Form()


def compile_form(questionnaire: Json | None, contained: object) -> Form:
    """The form of a Questionnaire (None: there is none) and of what the response contains."""
    inside = _dicts(contained)
    if questionnaire is not None:
        inside = [*inside, *_dicts(questionnaire.get("contained"))]
    concepts = _concepts(inside)
    if questionnaire is None or _forbidden(questionnaire):
        return Form(concepts=concepts) if concepts else NOTHING
    options: dict[str, tuple[Option, ...]] = {}
    bound: dict[str, tuple[Option, ...]] = {}
    calculated = []
    for item in islice(_items(questionnaire), MOST_ITEMS):
        link = item.get("linkId")
        if not isinstance(link, str):
            continue
        reference = _text(item.get("answerValueSet"))
        if reference is not None and reference not in bound:
            bound[reference] = tuple(_bound(reference, inside))
        if offered := (*_offered(item), *bound.get(reference or "", ())):
            options[link] = options.get(link, ()) + offered
        if item.get("readOnly") is True and any(e.get("url") == CALCULATED for e in _dicts(item.get("extension"))):
            calculated.append(link)
    # Several calculated items are subscales as well: which of them is the total cannot be told.
    return Form(options, concepts, frozenset(calculated) if len(calculated) == 1 else frozenset())


def _items(questionnaire: Json) -> Iterator[Json]:
    pending = _dicts(questionnaire.get("item"))
    while pending:
        item = pending.pop()
        if not _forbidden(item):
            yield item
            pending += _dicts(item.get("item"))


def _offered(item: Json) -> Iterator[Option]:
    for option in _dicts(item.get("answerOption")):
        if _forbidden(option):
            continue
        weights = tuple(option_weights(option))
        coding, number = option.get("valueCoding"), option.get("valueInteger")
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            yield Option(_text(coding.get("system")), coding["code"], None, weights)
        elif is_number(number):
            yield Option(None, None, number, weights)


def _bound(reference: str, inside: Iterable[Json]) -> Iterator[Option]:
    """Concepts of a contained ValueSet, as far as it lists them."""
    for value_set in inside:
        names = (f"#{value_set.get('id')}", value_set.get("url"))
        if value_set.get("resourceType") != "ValueSet" or reference not in names or _forbidden(value_set):
            continue
        for system, concept in islice(_listed(value_set, inside), MOST_ITEMS):
            if isinstance(concept.get("code"), str):
                yield Option(system, concept["code"], None, tuple(concept_weights(concept, frozenset())))


def _listed(value_set: Json, inside: Iterable[Json]) -> Iterator[tuple[str | None, Json]]:
    compose = value_set.get("compose")
    compose = compose if isinstance(compose, dict) else {}
    barred = {(s, c.get("code")) for s, c in _concepts_of(compose.get("exclude"), inside) if _text(c.get("code"))}
    pending = _dicts((value_set.get("expansion") or {}).get("contains") if _is_dict(value_set.get("expansion")) else ())
    while pending:
        concept = pending.pop()
        yield _text(concept.get("system")), concept
        pending += _dicts(concept.get("contains"))
    for system, concept in _concepts_of(compose.get("include"), inside):
        if (system, _text(concept.get("code"))) not in barred:
            yield system, concept


def _concepts_of(parts: object, inside: Iterable[Json]) -> Iterator[tuple[str | None, Json]]:
    for part in _dicts(parts):
        system = _text(part.get("system"))
        if part.get("filter") or part.get("valueSet"):
            continue  # not a plain list of concepts
        concepts = _dicts(part.get("concept"))
        if not concepts and not part.get("concept"):
            concepts = [c for cs in inside if _is_system(cs, system) for c in _all_concepts(cs)]
        for concept in concepts:
            yield system, concept


def _is_system(resource: Json, system: str | None) -> bool:
    return resource.get("resourceType") == "CodeSystem" and system is not None and resource.get("url") == system


def _concepts(inside: Iterable[Json]) -> dict[tuple[str, str], tuple[float, ...]]:
    """Weights of every concept of the contained code systems."""
    found: dict[tuple[str, str], tuple[float, ...]] = {}
    for code_system in inside:
        url = code_system.get("url")
        if code_system.get("resourceType") != "CodeSystem" or not isinstance(url, str) or _forbidden(code_system):
            continue
        properties = frozenset(
            p["code"]
            for p in _dicts(code_system.get("property"))
            if p.get("uri") == "http://hl7.org/fhir/concept-properties#itemWeight" and isinstance(p.get("code"), str)
        )
        for concept in islice(_all_concepts(code_system), MOST_ITEMS):
            code, weights = concept.get("code"), tuple(concept_weights(concept, properties))
            if isinstance(code, str) and weights:
                found[url, code] = found.get((url, code), ()) + weights
    return found


def _all_concepts(code_system: Json) -> Iterator[Json]:
    pending = _dicts(code_system.get("concept"))
    while pending:
        concept = pending.pop()
        yield concept
        pending += _dicts(concept.get("concept"))


def _forbidden(element: Json) -> bool:
    """Does it say that it must not be processed by who does not know its modifiers?"""
    return bool(element.get("modifierExtension") or element.get("implicitRules"))


def _dicts(value: object) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
