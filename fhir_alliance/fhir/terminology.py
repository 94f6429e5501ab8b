"""What answers mean by their codes: concepts of value sets and code systems, and their weights.

Read leniently: what is malformed adds nothing, and then an answer that needs it has no weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .weights import concept_weights, is_number, option_weights

WEIGHT_PROPERTY = "http://hl7.org/fhir/concept-properties#itemWeight"
MOST_ITEMS = 10_000

Json = dict[str, Any]
Fetch = Callable[[str], Json | None]
"""Gives the one resource behind a reference like "ValueSet?url=…" or "CodeSystem?url=…", or None."""


class Codes(dict[str, Mapping[str, tuple[float, ...]]]):
    """System → code → its weights, in the code systems that stand beside a form; each is read when first asked for."""

    def __init__(self, systems: Callable[[str], Iterable[Json]]) -> None:
        super().__init__()
        self._systems = systems

    def __missing__(self, system: str) -> Mapping[str, tuple[float, ...]]:
        found = concepts_of_systems(self._systems(system))
        self[system] = codes = {code: weights for (url, code), weights in found.items() if url == system}
        return codes


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """A resolver that looks into the same Bundle and the same call only, so that asking costs nothing. Every code
    system there is a source of weights, not only those that an answer has none without."""

    resolve: Fetch
    codes: Codes

    def __call__(self, reference: str) -> Json | None:
        """What there is under a reference."""
        return self.resolve(reference)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that a question offers: a concept, or a number of its own."""

    system: str | None
    code: str | None
    number: float | None
    weights: tuple[float, ...]


def complete(questions: Sequence[Json], inside: Sequence[Json], fetch: Fetch) -> list[Json]:
    """Value sets and code systems that these questions refer to, that `inside` lacks, and that can be fetched.

    A code system is asked for only where an answer has no weight without it.
    """
    found: list[Json] = []
    for question in questions:
        reference = text_of(question.get("answerValueSet"))
        if reference and not reference.startswith("#"):
            _fetched(f"ValueSet?url={reference}", [*inside, *found], fetch, found)
    for question in questions:
        for system in _unweighed(question, [*inside, *found]):
            _fetched(f"CodeSystem?url={system}", [*inside, *found], fetch, found)
    return found


def _fetched(reference: str, known: Sequence[Json], fetch: Fetch, found: list[Json]) -> None:
    type, _, canonical = reference.partition("?url=")
    if any(_is(resource, type, canonical) for resource in known):
        return
    resource = fetch(reference)
    if isinstance(resource, dict) and _is(resource, type, canonical):
        found.append(resource)


def _unweighed(question: Json, inside: Sequence[Json]) -> set[str]:
    """The code systems of what a question offers without a weight."""
    offered = [*own_options(question), *bound_options(text_of(question.get("answerValueSet")) or "", inside)]
    systems = {option.system for option in offered if option.code and not option.weights}
    for value_set in inside:
        if is_value_set(value_set, text_of(question.get("answerValueSet")) or ""):
            compose = value_set.get("compose")
            parts = dicts(compose.get("include")) if isinstance(compose, dict) else []
            systems |= {text_of(part.get("system")) for part in parts if not part.get("concept")}
    return {system for system in systems if system}


def own_options(question: Json) -> Iterator[Option]:
    """The answers that an item of a Questionnaire lists itself."""
    for option in dicts(question.get("answerOption")):
        if forbidden(option):
            continue
        weights = tuple(option_weights(option))
        coding, number = option.get("valueCoding"), option.get("valueInteger")
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            yield Option(text_of(coding.get("system")), coding["code"], None, weights)
        elif is_number(number):
            yield Option(None, None, number, weights)


def bound_options(reference: str, inside: Iterable[Json]) -> Iterator[Option]:
    """Concepts of a ValueSet, as far as it, or a code system that it includes whole, lists them."""
    for value_set in inside:
        if not is_value_set(value_set, reference) or forbidden(value_set):
            continue
        for system, concept in islice(_listed(value_set, inside), MOST_ITEMS):
            if isinstance(concept.get("code"), str):
                yield Option(system, concept["code"], None, tuple(concept_weights(concept, frozenset())))


def is_value_set(resource: Json, reference: str) -> bool:
    """Is it the ValueSet of this `answerValueSet`: "#id" of a contained one, or a canonical?"""
    if reference.startswith("#"):
        return resource.get("resourceType") == "ValueSet" and resource.get("id") == reference[1:]
    return _is(resource, "ValueSet", reference)


def _is(resource: Json, type: str, canonical: str) -> bool:
    """Has it this type, URL and (where both name one) version?"""
    url, _, version = canonical.partition("|")
    same = resource.get("resourceType") == type and resource.get("url") == url
    return same and (not version or resource.get("version") in (version, None))


def _listed(value_set: Json, inside: Iterable[Json]) -> Iterator[tuple[str | None, Json]]:
    compose = value_set.get("compose")
    compose = compose if isinstance(compose, dict) else {}
    barred = {(s, c.get("code")) for s, c in _parts(compose.get("exclude"), inside) if text_of(c.get("code"))}
    expansion = value_set.get("expansion")
    pending = dicts(expansion.get("contains")) if isinstance(expansion, dict) else []
    while pending:
        concept = pending.pop()
        yield text_of(concept.get("system")), concept
        pending += dicts(concept.get("contains"))
    for system, concept in _parts(compose.get("include"), inside):
        if (system, text_of(concept.get("code"))) not in barred:
            yield system, concept


def _parts(parts: object, inside: Iterable[Json]) -> Iterator[tuple[str | None, Json]]:
    for part in dicts(parts):
        system = text_of(part.get("system"))
        if part.get("filter") or part.get("valueSet"):
            continue  # not a plain list of concepts
        concepts = dicts(part.get("concept"))
        if not concepts and not part.get("concept"):
            concepts = [c for cs in inside if system and _is(cs, "CodeSystem", system) for c in _all_concepts(cs)]
        for concept in concepts:
            yield system, concept


def concepts_of_systems(inside: Iterable[Json]) -> dict[tuple[str, str], tuple[float, ...]]:
    """Weights of every concept of the code systems."""
    found: dict[tuple[str, str], tuple[float, ...]] = {}
    for code_system in inside:
        url = code_system.get("url")
        if code_system.get("resourceType") != "CodeSystem" or not isinstance(url, str) or forbidden(code_system):
            continue
        properties = frozenset(
            p["code"]
            for p in dicts(code_system.get("property"))
            if p.get("uri") == WEIGHT_PROPERTY and isinstance(p.get("code"), str)
        )
        for concept in islice(_all_concepts(code_system), MOST_ITEMS):
            code, weights = concept.get("code"), tuple(concept_weights(concept, properties))
            if isinstance(code, str) and weights:
                found[url, code] = found.get((url, code), ()) + weights
    return found


def _all_concepts(code_system: Json) -> Iterator[Json]:
    pending = dicts(code_system.get("concept"))
    while pending:
        concept = pending.pop()
        yield concept
        pending += dicts(concept.get("concept"))


def forbidden(element: Json) -> bool:
    """Does it say that it must not be processed by who does not know its modifiers?"""
    return bool(element.get("modifierExtension") or element.get("implicitRules"))


def dicts(value: object) -> list[Json]:
    """The objects of a list; none of anything else."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text_of(value: object) -> str | None:
    """Text, if it is some."""
    return value if isinstance(value, str) and value else None
