"""How many responses there are of each questionnaire, over all patients: one count each, where that may be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..changes import across
from ..config import DEFAULT_NAMESPACE, Settings
from ..errors import EHRError
from ..fhir.http import FhirClient
from ..fhir.pages import NotBundle, read_page
from .findings import Form, Section

MOST = 30
"""Counts that are asked for."""
_NONE = f"{DEFAULT_NAMESPACE}/Questionnaire/that-nobody-has"


def count_forms(client: FhirClient, settings: Settings, name: str, section: Section) -> None:
    """Fill in `in_all`, and add questionnaires that the site maps and the trial did not meet."""
    if not across(settings) or _count(client, _NONE) != 0:
        return  # the last: the filter is ignored, or nothing is counted
    met = {form.canonical.partition("|")[0] for form in section.forms}
    mapped = (form for form in _mapped(settings, name) if form.canonical not in met)
    section.forms = [
        replace(form, in_all=_count(client, form.canonical)) if n < MOST and "://" in form.canonical else form
        for n, form in enumerate([*section.forms, *mapped])
    ]


def _mapped(settings: Settings, name: str) -> Iterator[Form]:
    for canonical, to in {**settings.questionnaires, **settings.endpoint[name].questionnaires}.items():
        yield Form(canonical.partition("|")[0], to if isinstance(to, str) else to.instrument, 0)


def _count(client: FhirClient, canonical: str) -> int | None:
    asked = [("questionnaire", canonical), ("_summary", "count")]
    try:
        return client.fetch("QuestionnaireResponse", asked, read_page)[1].total
    except (EHRError, NotBundle):
        return None
