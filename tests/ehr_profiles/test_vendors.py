"""The client against vendor profiles: their dialects are understood, their refusals are final."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses

from fhir_alliance import errors
from fhir_alliance.config import Endpoint
from fhir_alliance.fhir.capability import probe
from fhir_alliance.fhir.http import FhirClient
from fhir_alliance.fhir.search import Found, search

from .conftest import Pauses
from .vendors import BASE, Ecw, Ehr, Epic, Oracle

OBS = {"resourceType": "Observation", "status": "final"}


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.fixture
def client(pauses: Pauses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FhirClient:
    monkeypatch.setenv("EHR_TOKEN", "token")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    auth = {"method": "bearer", "token": {"env": "EHR_TOKEN"}}
    return FhirClient(Endpoint(base_url=BASE, auth=auth), tmp_path, stop=pauses)


def walk(client: FhirClient, **params: str) -> Found[str]:
    def take(raw: bytes) -> str:
        return str(json.loads(raw)["id"])

    return search(client, "QuestionnaireResponse", [*params.items()], take=take, page_size=1000, page_cap=99)


@pytest.mark.parametrize("ehr", [Epic, Oracle, Ecw, Ehr], ids=lambda e: e.__name__)
def test_all_pages_of_a_patient_are_read_in_every_dialect(
    mock: responses.RequestsMock, client: FhirClient, ehr: type[Ehr]
) -> None:
    server = ehr()
    server.install(mock)
    found = walk(client, patient="p1")
    assert found.items == [row["id"] for row in server.rows]
    assert found.pages == 3
    assert {r.headers["Authorization"] for r in server.seen} == {"Bearer token"}


@pytest.mark.parametrize("ehr", [Epic, Oracle], ids=lambda e: e.__name__)
def test_a_search_across_patients_is_refused_for_good(
    mock: responses.RequestsMock, client: FhirClient, ehr: type[Ehr]
) -> None:
    server = ehr()
    server.install(mock)
    with pytest.raises(errors.Refused) as raised:
        walk(client)
    assert raised.value.codes == ("required",)
    assert len(server.seen) == 1


def test_epic_spells_last_updated_in_lower_case(mock: responses.RequestsMock, client: FhirClient) -> None:
    Epic().install(mock)
    found = probe(client, {"QuestionnaireResponse.search.authored": True})
    assert found.search_param("QuestionnaireResponse", "_lastUpdated") is True
    assert found.search_param("QuestionnaireResponse", "authored") is True
    assert found.conditional_create("QuestionnaireResponse") is False
    assert found.interaction("Observation", "create") is None


def test_epic_files_without_a_body_and_knows_what_is_there_already(
    mock: responses.RequestsMock, client: FhirClient
) -> None:
    Epic().install(mock)
    filed = client.create(OBS)
    assert (filed.id, filed.version, filed.body) == ("e" * 70, None, None)
    with pytest.raises(errors.Refused) as raised:
        client.create(OBS)
    assert "59189" in raised.value.codes
    with pytest.raises(errors.Forbidden):
        client.create({"resourceType": "Flag"})


def test_oracle_says_409_for_a_stale_version(mock: responses.RequestsMock, client: FhirClient) -> None:
    Oracle().install(mock)
    with pytest.raises(errors.Conflict):
        client.update("Communication/c1", {"resourceType": "Communication"}, if_match='W/"1"')
    assert client.update("Communication/c1", {"resourceType": "Communication"}, if_match="2").version == "3"
    with pytest.raises(errors.Refused) as raised:
        client.create(OBS)
    assert raised.value.status == 422


def test_ecw_blocks_for_the_rest_of_the_minute_and_does_not_say_so(
    mock: responses.RequestsMock, client: FhirClient, pauses: Pauses
) -> None:
    Ecw().install(mock)
    assert walk(client, patient="p1").distinct == 7
    assert len(pauses.seconds) == 2
    assert pauses.seconds[0] <= 30
    assert pauses.seconds[1] <= 60
