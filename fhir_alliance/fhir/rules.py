"""What a site decides about reading: made once from the settings, then handed to every reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from ..catalogue import catalogue, own
from ..config import DEFAULT_NAMESPACE, Endpoint, Settings
from ..errors import ConfigError
from ..instruments import get, load_all
from ..model import Instrument
from .binding import Binding, Bindings, Known, Shipped, site
from .form import NOTHING, Form, compile_form
from .terminology import Fetch, Near

MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class Rules:
    """How responses are read.

    bindings      canonical URL or relative key → instrument by version
    zone          for times without one
    bases         base URLs of our own server: references below them are relative
    attested      licence-gated instruments whose licence the site holds
    allow_labels  security label codes that are processed although refused by default
    now           start of the run: what is dated a day later is a typo
    require_id    `sync`: a response needs an id, and its subject must be on our own server
    namespace     of the codes of our own Observations, beside the default one
    """

    bindings: Mapping[str, Known]
    instruments: Mapping[str, Instrument]
    now: datetime
    zone: tzinfo = UTC
    bases: tuple[str, ...] = ()
    attested: frozenset[str] = frozenset()
    allow_labels: frozenset[str] = frozenset()
    numeric_strings: bool = False
    accept_in_progress_when_complete: bool = False
    require_id: bool = False
    namespace: str = DEFAULT_NAMESPACE
    identities: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    collectors: dict[tuple[int, int], Any] = field(default_factory=dict, compare=False, repr=False)
    _forms: dict[tuple[int, int], tuple[Any, Any, Form]] = field(default_factory=dict, compare=False, repr=False)

    def form(self, questionnaire: dict[str, Any] | None, binding: Binding, fetch: Fetch | None) -> Form:
        """What a resolved Questionnaire adds, compiled once for the responses that share it."""
        beside = fetch.codes if isinstance(fetch, Near) else None
        if questionnaire is None and beside is None:
            return NOTHING
        key = id(questionnaire), id(beside)
        kept = self._forms.get(key)
        if kept is None:
            if len(self._forms) >= MOST_KEPT:
                self._forms.clear()
            # What the key is made of is kept with the form, so that no id is reused.
            form = compile_form(questionnaire, None, fetch, binding.numbers)
            kept = self._forms[key] = (questionnaire, beside, form)
        return kept[2]


def rules(
    settings: Settings | None,
    endpoint: str | None,
    *,
    now: datetime,
    attest: Collection[str] = (),
    require_id: bool = False,
) -> Rules:
    """The rules of an endpoint (None: the only one, if there is one; with several, none).

    settings  None: only the canonicals that ship
    attest    instruments whose licence is attested for this call, beside `licences.attested`

    ConfigError when a questionnaire map, an attested instrument or the endpoint's name is wrong.
    """
    instruments = catalogue(settings)
    attested = frozenset(get(id, instruments).id for id in (*(settings.licences.attested if settings else ()), *attest))
    known = Shipped(load_all())
    if settings is None:
        return Rules(known, instruments, now, attested=attested, require_id=require_id)
    maps = {"questionnaires": settings.questionnaires}
    name, chosen = _endpoint(settings, endpoint)
    for other, theirs in settings.endpoint.items():
        if other != name:  # a mistake under another endpoint is still a mistake
            site({f"endpoint.{other}.questionnaires": theirs.questionnaires}, instruments)
    if chosen is not None:
        maps[f"endpoint.{name}.questionnaires"] = chosen.questionnaires
    return Rules(
        bindings=Bindings(known, site(maps, instruments, own(instruments))),
        instruments=instruments,
        now=now,
        zone=ZoneInfo(chosen.timezone) if chosen else UTC,
        bases=(chosen.base_url, *chosen.aliases) if chosen else (),
        attested=attested,
        allow_labels=frozenset(label.casefold() for label in settings.read.allow_labels),
        numeric_strings=settings.read.numeric_strings,
        accept_in_progress_when_complete=settings.read.accept_in_progress_when_complete,
        require_id=require_id,
        namespace=settings.namespace,
    )


def _endpoint(settings: Settings, name: str | None) -> tuple[str, Endpoint | None]:
    if name is not None:
        if name not in settings.endpoint:
            raise ConfigError(f"no endpoint {name!r}; there are: {', '.join(settings.endpoint) or 'none'}")
        return name, settings.endpoint[name]
    if len(settings.endpoint) == 1:
        return next(iter(settings.endpoint.items()))
    return "", None
