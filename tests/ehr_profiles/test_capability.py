"""Reading /metadata: three-valued answers, names in any case, corrections, garbage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_alliance import errors
from fhir_alliance.fhir.capability import Capability, probe

from .conftest import Make
from .peer import Peer, Reply

QR = "QuestionnaireResponse"
# As HAPI 8.8 and sekmet 0.1.1 declare it, shortened; Medplum's skin declares no types at all.
HAPI = {
    "type": QR,
    "interaction": [{"code": c} for c in ("search-type", "update", "read", "create")],
    "versioning": "versioned-update",
    "conditionalCreate": True,
    "searchParam": [{"name": n, "type": "token"} for n in ("authored", "_lastUpdated", "patient")],
}
EPIC = {
    "type": QR,
    "interaction": [{"code": "read"}, {"code": "search-type"}],
    "readHistory": False,
    "conditionalCreate": False,
    "searchParam": [{"name": "patient"}, {"name": "_lastupdated"}],
}


def asked(peer: Peer, make: Make, rest: object, overrides: dict[str, bool] | None = None, **more: Any) -> Capability:
    peer.answers(Reply(body={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest, **more}))
    return probe(make(), overrides or {})


def test_declared_and_not_declared(peer: Peer, make: Make) -> None:
    found = asked(
        peer, make, [{"mode": "server", "resource": [HAPI]}], software={"name": "HAPI FHIR Server", "version": "8.8.0"}
    )
    assert (found.software, found.version, found.fhir_version) == ("HAPI FHIR Server", "8.8.0", "4.0.1")
    assert found.declares(QR)
    assert found.search_param(QR, "_lastUpdated") is True
    assert found.search_param(QR, "questionnaire") is False
    assert found.interaction(QR, "create") is True
    assert found.interaction(QR, "patch") is False
    assert found.conditional_create(QR) is True
    assert found.read_history(QR) is None
    assert found.versioning(QR) == "versioned-update"
    assert peer.requests[0].target == "/fhir/metadata"


def test_a_type_that_is_not_listed_is_unknown_not_absent(peer: Peer, make: Make) -> None:
    found = asked(peer, make, [{"mode": "server"}])
    assert not found.declares(QR)
    assert found.search_param(QR, "patient") is None
    assert found.interaction(QR, "create") is None
    assert found.conditional_create(QR) is None
    assert found.versioning(QR) is None


def test_names_in_any_case(peer: Peer, make: Make) -> None:
    found = asked(peer, make, [{"resource": [EPIC]}])
    assert found.search_param(QR, "_lastUpdated") is True
    assert found.conditional_create(QR) is False
    assert found.read_history(QR) is False


def test_parameters_for_all_types(peer: Peer, make: Make) -> None:
    bare = {"type": "Task", "interaction": [{"code": "read"}]}
    rest = {"resource": [bare, EPIC], "searchParam": [{"name": "_lastUpdated"}, {"name": "_id"}]}
    found = asked(peer, make, [rest])
    assert found.search_param("Task", "_lastUpdated") is True
    assert found.search_param("Task", "owner") is False
    assert found.search_param(QR, "_id") is True


def test_a_type_without_any_list_is_unknown(peer: Peer, make: Make) -> None:
    found = asked(peer, make, [{"resource": [{"type": "Task"}]}])
    assert found.declares("Task")
    assert found.search_param("Task", "owner") is None
    assert found.interaction("Task", "create") is None


def test_corrections_win_in_both_directions(peer: Peer, make: Make) -> None:
    said = {
        f"{QR}.search._lastUpdated": False,
        "Task.create": True,
        f"{QR}.conditionalCreate": False,
        "task.search.Owner": True,
    }
    found = asked(peer, make, [{"resource": [HAPI]}], said)
    assert found.search_param(QR, "_lastupdated") is False
    assert found.interaction("Task", "create") is True
    assert found.conditional_create(QR) is False
    assert found.search_param("Task", "owner") is True
    assert found.corrected("Task", "create")
    assert not found.corrected(QR, "create")


def test_a_client_s_own_side_is_not_the_server_s(peer: Peer, make: Make) -> None:
    found = asked(peer, make, [{"mode": "client", "resource": [HAPI]}])
    assert not found.declares(QR)


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [5, None, "x"], [[]], [{"type": 5}], {"a": [1]}])
def test_garbage_in_any_place_is_unknown(peer: Peer, make: Make, value: object) -> None:
    keys = ("interaction", "searchParam", "conditionalCreate", "versioning", "readHistory")
    for key in keys:
        assert asked(peer, make, [{"resource": [{**HAPI, key: value}]}]).declares(QR)
    for rest in (value, [{"resource": value}], [{"resource": [HAPI], "searchParam": value}, value]):
        asked(peer, make, rest)
    found = asked(peer, make, [{"resource": [{**HAPI, "searchParam": value}]}], software=value, publisher=value)
    assert found.search_param(QR, "patient") is None
    assert found.software in (None, "x")


def test_the_server_s_words_are_cut_and_stripped_of_controls(peer: Peer, make: Make) -> None:
    found = asked(peer, make, [], publisher="Acme\x1b[31m\n" + "x" * 100)
    assert found.software == ("Acme[31m" + "x" * 100)[:60]


@pytest.mark.parametrize("body", [{"resourceType": "Patient"}, {}, {"name": "some other application"}])
def test_what_is_no_statement_is_no_fhir_base(peer: Peer, make: Make, body: dict[str, str]) -> None:
    peer.answers(Reply(body=json.dumps(body).encode()))
    with pytest.raises(errors.Unreachable, match="is base_url a FHIR base"):
        probe(make(), {})
