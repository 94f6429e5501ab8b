"""Which instrument a response answers, and where its Questionnaire is (`fhir.md` 5.5, "Identity and maps")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .binding import Binding, is_relative, split
from .content import canonical as content_of
from .content import digest
from .rules import MOST_KEPT, Rules
from .stop import Stop, set_aside, skipped

URI_EXTENSION = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-extension-questionnaire-uri"

Resolve = Callable[[str], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a response answers. `canonical` is what a resolver is asked for; `contained` the Questionnaire
    that came inside the response."""

    binding: Binding
    canonical: str
    version_assumed: bool
    contained: dict[str, Any] | None = None


def named(resource: dict[str, Any]) -> str | None:
    """The canonical that the response gives: `questionnaire`, else US Core's extension for other forms."""
    given = resource.get("questionnaire")
    if given is not None and not isinstance(given, str):
        raise set_aside("wrong-type", "questionnaire is not text")
    if given:
        return given
    found = set(_uris(resource.get("_questionnaire"))) | set(_uris(resource))
    if len(found) > 1:
        raise set_aside("ambiguous-questionnaire", "two different questionnaires are named")
    return found.pop() if found else None


def _uris(element: object) -> Iterator[str]:
    extensions = element.get("extension") if isinstance(element, dict) else None
    for extension in extensions if isinstance(extensions, list) else ():
        if isinstance(extension, dict) and extension.get("url") == URI_EXTENSION:
            for key, value in extension.items():
                if key.startswith("value") and isinstance(value, str) and value:
                    yield value


def identify(resource: dict[str, Any], rules: Rules) -> Identity:
    """The binding of a response. Stop: skipped when it is not ours, set aside when its version is not known."""
    canonical = named(resource)
    if canonical is None:
        raise skipped("unknown-questionnaire", "names no questionnaire")
    contained = None
    if canonical.startswith("#"):
        contained = _contained(resource, id=canonical[1:])
        canonical = _canonical(contained)
        if canonical is None:
            raise skipped("unknown-questionnaire", "its contained questionnaire has no canonical URL")
    url, version = split(canonical)
    known = rules.bindings.get(url)
    if known is None:
        if is_relative(url):
            raise skipped("unknown-questionnaire", "its relative questionnaire is not mapped for this endpoint")
        raise skipped("unknown-questionnaire", "its questionnaire is not mapped")
    binding = known.version(version)
    if binding is None:
        text = "names no version of its questionnaire, and one is needed"
        raise set_aside("unknown-version", text if version is None else "its questionnaire's version is not accepted")
    return Identity(binding, canonical, version is None, contained or _contained(resource, url=url, version=version))


def plain_identity(canonical: str, rules: Rules) -> Identity | None:
    """What a response answers that says so and contains nothing; None when `identify` has to say why not."""
    kept: dict[str, Identity | None] = rules.identities
    if canonical not in kept:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        try:
            kept[canonical] = identify({"questionnaire": canonical}, rules)
        except Stop:
            kept[canonical] = None
    return kept[canonical]


def instrument_of(resource: dict[str, Any], rules: Rules) -> str | None:
    """The instrument of a response by its questionnaire's URL alone, for those that are not read further."""
    try:
        canonical = named(resource)
    except Stop:
        return None
    if canonical is not None and canonical.startswith("#"):
        canonical = _canonical(_contained(resource, id=canonical[1:]))
    known = rules.bindings.get(split(canonical)[0]) if canonical else None
    return known.instrument if known else None


def _canonical(questionnaire: dict[str, Any] | None) -> str | None:
    url, version = (questionnaire or {}).get("url"), (questionnaire or {}).get("version")
    if not isinstance(url, str) or not url:
        return None
    return f"{url}|{version}" if isinstance(version, str) and "|" not in url else url


def _contained(
    resource: dict[str, Any], *, id: str | None = None, url: str | None = None, version: str | None = None
) -> dict[str, Any] | None:
    """The one contained Questionnaire with this id, or with this canonical."""
    entries = resource.get("contained")
    found = [
        entry
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
        and entry.get("resourceType") == "Questionnaire"
        and (entry.get("id") == id if id is not None else _is(entry, url, version))
    ]
    return found[0] if len(found) == 1 else None


def _is(questionnaire: dict[str, Any], url: str | None, version: str | None) -> bool:
    theirs = questionnaire.get("url")
    if not isinstance(theirs, str) or theirs.removesuffix("/") != url:
        return False
    return version is None or questionnaire.get("version") in (version, None)


def resolved(identity: Identity, resolve: Resolve | None) -> dict[str, Any] | None:
    """The Questionnaire of a response: contained, else what the resolver gives, if it is that one."""
    if identity.contained is not None:
        return identity.contained
    found = resolve(identity.canonical) if resolve else None
    if not isinstance(found, dict) or found.get("resourceType") != "Questionnaire":
        return None
    url, version = split(identity.canonical)
    return found if is_relative(url) or _is(found, url, version) else None


def settled(identity: Identity, questionnaire: dict[str, Any] | None, rules: Rules) -> Identity:
    """What a response answers by the version of its Questionnaire (as `resolved`), where it names none itself.

    Stop: set aside when that version is not accepted. A version that is known is never taken for another.
    """
    version = questionnaire.get("version") if questionnaire is not None and identity.version_assumed else None
    if version is None or version == "":
        return identity
    known = rules.bindings[split(identity.canonical)[0]]
    binding = known.version(version) if isinstance(version, str) else None
    if binding is None:
        raise set_aside("unknown-version", "names no version, and that of its questionnaire is not accepted")
    return identity if binding is identity.binding else replace(identity, binding=binding)


TERMS = ("ValueSet", "CodeSystem")


def term(reference: str) -> tuple[str, str] | None:
    """Type and canonical of a reference like "ValueSet?url=…"; None when it is another kind of reference."""
    type, mark, canonical = reference.partition("?url=")
    return (type, canonical) if mark and type in TERMS else None


def choose_term(canonical: str, resources: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The one ValueSet or CodeSystem with this canonical, of those of its type; None when there is none or several."""
    url, _, version = canonical.partition("|")
    return _only(r for r in resources if r.get("url") == url and version in ("", r.get("version")))


def _only(resources: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The one that there is, however often it came."""
    found: dict[str, dict[str, Any]] = {}
    for resource in resources:
        try:
            found[digest(content_of(resource))] = resource
        except (Stop, RecursionError):
            continue
    return next(iter(found.values())) if len(found) == 1 else None


def choose(wanted: str, questionnaires: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The one Questionnaire with this canonical (or relative reference); None when there is none or several."""
    url, version = split(wanted)

    def wanted_one(q: dict[str, Any]) -> bool:
        theirs, id = q.get("url"), q.get("id")
        named = isinstance(theirs, str) and theirs.removesuffix("/") == url and version in (None, q.get("version"))
        return named or (isinstance(id, str) and url == f"Questionnaire/{id}")

    return _only(q for q in questionnaires if wanted_one(q))
