"""What else the files of one call hold that responses need: Questionnaires with their codes, and totals stated
beside a form."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from .config import DEFAULT_NAMESPACE
from .fhir.binding import split
from .fhir.content import canonical, digest
from .fhir.pieces import Bundle
from .fhir.questionnaire import TERMS, choose, choose_term, term
from .fhir.references import parse
from .fhir.rules import Rules
from .fhir.stated import snomed_totals, stated_by
from .fhir.stop import Stop
from .fhir.terminology import Codes, Near

Json = dict[str, Any]


class Library:
    """Questionnaires that the rules know, value sets and code systems, of the whole call; stated totals, by file."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._namespaces = {DEFAULT_NAMESPACE, rules.namespace}
        self._questionnaires: dict[str, dict[str, Json]] = {}
        self._terms: dict[str, list[Json]] = {type: [] for type in TERMS}
        self._chosen: dict[str, Json | None] = {}
        self._stated: dict[tuple[str, str, str], list[float]] = {}
        self._codes = Codes(self._systems)
        self._near: tuple[Bundle | None, Near] = None, Near(self.find, self._codes)

    def add_questionnaire(self, questionnaire: Json) -> None:
        """Keep a Questionnaire, if responses to it would be read."""
        for name in (questionnaire.get("url"), f"Questionnaire/{questionnaire.get('id')}"):
            if isinstance(name, str) and (url := split(name)[0]) in self.rules.bindings:
                try:
                    self._questionnaires.setdefault(url, {})[digest(canonical(questionnaire))] = questionnaire
                except (Stop, RecursionError):
                    return

    def add_term(self, resource: Json) -> None:
        """Keep a ValueSet or CodeSystem: questionnaires may refer to it."""
        self._terms[resource["resourceType"]].append(resource)

    def add_observation(self, file: str, observation: Json) -> None:
        """Keep the total that an Observation of a file states, if it is one."""
        if stated := stated_by(observation, self._namespaces, self._snomed):
            key = (file, self.reference(stated.response), stated.instrument)
            self._stated.setdefault(key, []).append(stated.number)

    def find(self, reference: str) -> Json | None:
        """A Questionnaire by its canonical, or a value set or code system by "ValueSet?url=…", of the whole call."""
        if reference not in self._chosen:
            if named := term(reference):
                self._chosen[reference] = choose_term(named[1], self._terms[named[0]])
            else:
                candidates = self._questionnaires.get(split(reference)[0], {}).values()
                self._chosen[reference] = choose(reference, candidates)
        return self._chosen[reference]

    def near(self, bundle: Bundle | None) -> Near:
        """What a response of this Bundle may refer to: its other entries, then everything of the call."""
        if bundle is not self._near[0]:
            self._near = bundle, Near(self.find, self._codes) if bundle is None else self._of_bundle(bundle)
        return self._near[1]

    def _of_bundle(self, bundle: Bundle) -> Near:
        def resolve(reference: str) -> Json | None:
            found = bundle.resolve(reference)
            return found if found is not None or reference.startswith("urn:") else self.find(reference)

        def systems(url: str) -> Sequence[Json]:
            own = bundle.resolve(f"CodeSystem?url={url}")
            return [own] if own is not None else self._systems(url)

        own_codes = any(entry.type in TERMS for entry in bundle.entries)
        return Near(resolve, Codes(systems) if own_codes else self._codes)

    def _systems(self, url: str) -> list[Json]:
        """All with this URL: where they differ, the weights that they give a code may."""
        return [system for system in self._terms["CodeSystem"] if system.get("url") == url]

    def stated(self, file: str, names: Sequence[str], instrument: str) -> list[float]:
        """Totals that Observations of the file state for a response that goes by these references."""
        keys = dict.fromkeys((file, self.reference(name), instrument) for name in names)
        return [number for key in keys for number in self._stated.get(key, ())]

    @cached_property
    def _snomed(self) -> dict[str, str]:
        """SNOMED CT code → the instrument whose total it is."""
        known = self.rules.instruments.values()
        return snomed_totals(known)

    def reference(self, text: str) -> str:
        """One form of a reference: relative below our own bases."""
        return str(parse(text, self.rules.bases) or text)
