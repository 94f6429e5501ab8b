"""What a resolved Questionnaire adds to its responses: weights of answer options, and a stated total.

Read leniently: what is malformed in a Questionnaire adds nothing, and then an answer that needs it
has no weight.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from .terminology import (
    MOST_ITEMS,
    Codes,
    Fetch,
    Near,
    Option,
    bound_options,
    complete,
    concepts_of_systems,
    dicts,
    forbidden,
    own_options,
    text_of,
)

CALCULATED = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
_NUMBERS = ("integer", "decimal", "quantity")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A Questionnaire, as far as scoring cares.

    options     linkId → answers offered there, with their weights
    concepts    (system, code) → weights in the code systems that came with it
    calculated  linkId of the total that the form computes itself, if it computes just one number
    beside      weights in the code systems of the same Bundle and the same call
    """

    options: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    concepts: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    calculated: frozenset[str] = frozenset()
    beside: Codes | None = None

    @property
    def knows_codes(self) -> bool:
        """May it know a weight of a coded answer?"""
        return bool(self.options or self.concepts or self.beside is not None)

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
                if self.beside is not None:
                    yield from self.beside[known].get(code, ())


NOTHING = Form()


def compile_form(
    questionnaire: Json | None, contained: object, fetch: Fetch | None = None, links: Container[str] = ()
) -> Form:
    """The form of a Questionnaire (None: there is none) and of what the response contains.

    fetch  for value sets and code systems that did not come with it
    links  the linkIds for which that is done: those of the instrument
    """
    inside = dicts(contained)
    if questionnaire is not None:
        inside = [*inside, *dicts(questionnaire.get("contained"))]
    beside = fetch.codes if isinstance(fetch, Near) else None
    if questionnaire is None or forbidden(questionnaire):
        return Form(concepts=concepts_of_systems(inside), beside=beside)
    items = [i for i in islice(_items(questionnaire), MOST_ITEMS) if isinstance(i.get("linkId"), str)]
    if fetch is not None:
        inside += complete([i for i in items if i["linkId"] in links], inside, fetch)
    options: dict[str, tuple[Option, ...]] = {}
    bound: dict[str, tuple[Option, ...]] = {}
    computed: list[Json] = []
    for item in items:
        link, reference = item["linkId"], text_of(item.get("answerValueSet"))
        if reference is not None and reference not in bound:
            bound[reference] = tuple(bound_options(reference, inside))
        if offered := (*own_options(item), *bound.get(reference or "", ())):
            options[link] = options.get(link, ()) + offered
        if any(e.get("url") == CALCULATED for e in dicts(item.get("extension"))):
            computed.append(item)
    return Form(options, concepts_of_systems(inside), _total(computed), beside)


def _total(computed: list[Json]) -> frozenset[str]:
    """The item that states the form's total, of those that it computes: read-only ones where there are any, else
    numbers (SDC's own PHQ-9 leaves its total open to editing). Which of several is the total cannot be told."""
    found = [i["linkId"] for i in computed if i.get("readOnly") is True]
    found = found or [i["linkId"] for i in computed if i.get("type") in _NUMBERS]
    return frozenset(found) if len(found) == 1 else frozenset()


def _items(questionnaire: Json) -> Iterator[Json]:
    pending = dicts(questionnaire.get("item"))
    while pending:
        item = pending.pop()
        if not forbidden(item):
            yield item
            pending += dicts(item.get("item"))
