"""Writes: sent once unless the answer says that nothing was processed; an open outcome is said to be open."""

from __future__ import annotations

import socket
from decimal import Decimal
from typing import Any

import pytest

from fhir_alliance import errors

from .conftest import Make
from .peer import Peer, Reply

OBS = {"resourceType": "Observation", "status": "final"}
OPEN = {
    "408": Reply(408),
    "500": Reply(500),
    "502": Reply(502),
    "503 that does not say when": Reply(503),
    "504": Reply(504),
    "599": Reply(599),
    "reset": Reply(reset=True),
    "closed": Reply(cut=0, reset=True, body=b"x" * 9, status=500),
}


def url(peer: Peer, path: str) -> str:
    return f"{peer.base}/{path}"


@pytest.mark.parametrize("reply", OPEN.values(), ids=OPEN)
def test_a_create_whose_outcome_is_open_is_never_sent_again(peer: Peer, make: Make, reply: Reply) -> None:
    peer.answers(reply)
    with pytest.raises(errors.OutcomeUnknown, match="a create of Observation: it may or may not have been written"):
        make().create(OBS)
    assert len(peer.requests) == 1


def test_a_create_without_an_answer_is_open(peer: Peer, make: Make) -> None:
    peer.answers(Reply(hang=True))
    with pytest.raises(errors.OutcomeUnknown):
        make(http={"read_timeout": "0.1s"}).create(OBS)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("reply", [Reply(429), Reply(503, headers={"Retry-After": "0"})], ids=["429", "503 told"])
def test_a_create_that_was_turned_away_is_sent_again(peer: Peer, make: Make, reply: Reply) -> None:
    peer.answers(reply, reply, Reply(201, {**OBS, "id": "o1"}))
    assert make().create(OBS).id == "o1"
    assert len(peer.requests) == 3


def test_turned_away_for_good_is_throttled_not_open(peer: Peer, make: Make) -> None:
    peer.answers(Reply(429))
    with pytest.raises(errors.Throttled):
        make().create(OBS)
    assert len(peer.requests) == 4


def test_a_write_that_was_never_sent_is_unreachable_not_open(make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = make(base_url=f"http://127.0.0.1:{free.getsockname()[1]}/fhir")
        for write in (lambda: client.create(OBS), lambda: client.update("Observation/o1", OBS)):
            with pytest.raises(errors.Unreachable, match="4 times"):
                write()


@pytest.mark.parametrize("if_match", [None, 'W/"3"'])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_update_whose_outcome_is_open(peer: Peer, make: Make, status: int, if_match: str | None) -> None:
    peer.answers(Reply(status))
    with pytest.raises(errors.OutcomeUnknown):
        make().update("Observation/o1", OBS, if_match=if_match)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("status", [408, 503])
def test_a_guarded_update_may_be_sent_again(peer: Peer, make: Make, status: int) -> None:
    peer.answers(Reply(status), Reply(200, {**OBS, "id": "o1", "meta": {"versionId": "4"}}))
    assert make().update("Observation/o1", OBS, if_match='W/"3"').version == "4"
    assert len(peer.requests) == 2


@pytest.mark.parametrize("status", [408, 503])
def test_an_unguarded_update_may_not(peer: Peer, make: Make, status: int) -> None:
    peer.answers(Reply(status))
    with pytest.raises(errors.OutcomeUnknown):
        make().update("Observation/o1", OBS)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("conflict", [409, 412])
def test_a_conflict_after_a_repeated_update_may_be_with_ourselves(peer: Peer, make: Make, conflict: int) -> None:
    peer.answers(Reply(503), Reply(conflict))
    with pytest.raises(errors.OutcomeUnknown):
        make().update("Observation/o1", OBS, if_match='W/"3"')


def test_a_guarded_update_that_was_repeated_in_vain_is_open(peer: Peer, make: Make) -> None:
    peer.answers(Reply(503))
    with pytest.raises(errors.OutcomeUnknown):
        make().update("Observation/o1", OBS, if_match='W/"3"')
    assert len(peer.requests) == 4


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.Refused),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.NotFound),
        (412, errors.Conflict),
        (413, errors.Refused),
        (422, errors.Refused),
        (501, errors.Refused),
    ],
)
def test_a_definite_no(peer: Peer, make: Make, status: int, error: type[errors.EHRError]) -> None:
    peer.answers(Reply(status, {"resourceType": "OperationOutcome", "issue": [{"code": "duplicate"}]}))
    client = make()
    for write in (lambda: client.create(OBS), lambda: client.update("Observation/o1", OBS, if_match='W/"1"')):
        with pytest.raises(error) as raised:
            write()
        assert type(raised.value) is error
        assert (raised.value.status, raised.value.codes) == (status, ("duplicate",))
    assert len(peer.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_write_is_never_redirected(peer: Peer, make: Make, status: int) -> None:
    peer.answers(Reply(status, headers={"Location": "/fhir/elsewhere"}))
    with pytest.raises(errors.Refused, match="base_url"):
        make().create(OBS)
    assert [r.target for r in peer.requests] == ["/fhir/Observation"]


# -- what came back --------------------------------------------------------------------------------

STORED = {**OBS, "id": "o1", "meta": {"versionId": "7"}}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(201, STORED, {"Location": "Observation/o1/_history/7", "ETag": 'W/"7"'}), ("o1", "7", True)),
        (Reply(201, headers={"Location": "https://in.side/fhir/Observation/o1/_history/7"}), ("o1", "7", False)),
        (Reply(201, headers={"Location": "Observation/o1"}), ("o1", None, False)),
        (Reply(201, headers={"Location": "/fhir/r4/Observation/o1", "ETag": '"7"'}), ("o1", "7", False)),
        (Reply(201, headers={"Content-Location": "Observation/o1/_history/7"}), ("o1", "7", False)),
        (Reply(201, STORED), ("o1", "7", True)),
        (Reply(200, STORED), ("o1", "7", True)),
        (Reply(201), (None, None, False)),
        (Reply(204), (None, None, False)),
        (Reply(201, b"<html>", {"Location": "Observation/o1"}), ("o1", None, False)),
        (Reply(201, b'{"resourceType": "Obse', {"Location": "Observation/o1"}), ("o1", None, False)),
        (Reply(201, STORED, {"Location": "Observation/o1"}, cut=12), ("o1", None, False)),
        (Reply(201, {"resourceType": "OperationOutcome", "id": "x"}), (None, None, False)),
        (Reply(201, {**OBS, "id": 5, "meta": "?"}), (None, None, True)),
        (Reply(201, STORED, {"Location": "Task/t9"}), ("o1", "7", True)),
    ],
)
def test_a_created_resource_is_found_from_whatever_came(
    peer: Peer, make: Make, reply: Reply, expected: tuple[str | None, str | None, bool]
) -> None:
    peer.answers(reply)
    filed = make().create(OBS)
    assert (filed.id, filed.version, filed.body is not None) == expected
    assert filed.status == reply.status


def test_304_says_that_it_was_there_already(peer: Peer, make: Make) -> None:
    peer.answers(Reply(304, headers={"Location": "Observation/o1", "Content-Length": ""}))
    filed = make().create(OBS, if_none_exist="identifier=urn:a|b")
    assert (filed.id, filed.status) == ("o1", 304)


def test_what_a_create_sends(peer: Peer, make: Make) -> None:
    peer.answers(Reply(201, STORED))
    resource: dict[str, Any] = {**OBS, "valueQuantity": {"value": Decimal("3.10")}, "note": "ü"}
    make().create(resource, if_none_exist="identifier=https://x.example/score|a+b/c")
    sent = peer.requests[0]
    assert (sent.method, sent.target) == ("POST", "/fhir/Observation")
    assert sent.headers["content-type"] == "application/fhir+json"
    assert sent.headers["prefer"] == "return=representation"
    assert sent.headers["if-none-exist"] == "identifier=https%3A%2F%2Fx.example%2Fscore%7Ca%2Bb%2Fc"
    assert b'"value":3.10' in sent.body
    assert sent.json()["note"] == "ü"


@pytest.mark.parametrize(("given", "sent"), [('W/"3"', 'W/"3"'), ('"3"', '"3"'), ("3", 'W/"3"'), (None, None)])
def test_what_an_update_sends(peer: Peer, make: Make, given: str | None, sent: str | None) -> None:
    peer.answers(Reply(200, STORED))
    make().update("Observation/o1", STORED, if_match=given)
    assert (peer.requests[0].method, peer.requests[0].target) == ("PUT", "/fhir/Observation/o1")
    assert peer.requests[0].headers.get("if-match") == sent
