"""What a strict model of FHIR refuses, or breaks on, costs us nothing: forms are read by hand (`fhir.md` 6, 13-17)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from response_forms import VALUES, form, item, items, read

REFUSED = {
    "a contained resource of no known type": form(contained=[{"resourceType": "WibbleType", "id": "w"}]),
    "an unknown element": form(wibble=7),
    "an empty string": form(language=""),
    "an underscore in an id": form(id="q_1"),
    "a naive time": form(authored="2026-03-04T15:20:00"),
    "a time without seconds": form(authored="2026-03-04T15:20Z"),
    "an extension without a url": form(item=[*items()[:11], item("12", VALUES[11], extension=[{"valueCode": "x"}])]),
    "an element of R5": form(_questionnaire=[{"extension": []}]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_strict_models_refuse_is_scored(name: str) -> None:
    model: Any = import_module("fhir.resources.R4B.questionnaireresponse").QuestionnaireResponse
    with pytest.raises(Exception):  # noqa: B017, PT011 (of a contained resource it is no ValidationError)
        model.model_validate(REFUSED[name])
    assert [s.scale for s in read(REFUSED[name]).scores] == ["total", "task", "goal", "bond"]


def test_ids_longer_than_fhir_allows_are_taken() -> None:
    assert read(form(id="e" * 70)).id == "e" * 70


def test_a_code_that_no_value_set_has_is_seen() -> None:
    """The models accept any status; we do not take one that we do not know for a finished form."""
    assert read(form(status="Completed")).code is not None
