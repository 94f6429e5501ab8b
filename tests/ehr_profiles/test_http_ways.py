"""What a site's settings choose: parameters with every request, searches by POST, dates without times."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from click.testing import Result
from pydantic import ValidationError
from typer.testing import CliRunner

from fhir_alliance.changes import from_then
from fhir_alliance.cli import app, commands
from fhir_alliance.config import Endpoint, Read
from fhir_alliance.fhir.http import Exchange, FhirClient
from fhir_alliance.fhir.search import search

from .conftest import Make
from .peer import Peer, Reply, Request

assert commands  # registers the commands
PRACTICE = "Organization/a-1.Practice-195900"
DRESS = {"ah-practice": PRACTICE}
CANARY = "Ford-Canary-4242"
QR = "QuestionnaireResponse"


def book(request: Request) -> Reply:
    """Two pages of responses, a patient to read, and a place for new Observations."""
    path = request.target.split("?")[0].removeprefix("/fhir/")
    if path.startswith("Patient/"):
        return Reply(body={"resourceType": "Patient", "id": CANARY})
    if path == "Observation":
        return Reply(201, {"resourceType": "Observation", "id": "o1"}, {"Location": "Observation/o1"})
    second = request.query.get("cursor") == "2"
    link = [] if second else [{"relation": "next", "url": f"{QR}?cursor=2&ah-practice={PRACTICE}"}]
    entry = [{"resource": {"resourceType": QR, "id": "b" if second else "a"}, "search": {"mode": "match"}}]
    return Reply(body={"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry})


def walk(client: FhirClient) -> list[str]:
    by = [("patient", CANARY)]
    return search(client, QR, by, take=lambda raw: str(json.loads(raw)["id"]), page_size=50, page_cap=9).items


def test_every_request_carries_the_endpoint_s_parameters_once(peer: Peer, make: Make) -> None:
    peer.serves(book)
    client = make(parameters=DRESS)
    assert walk(client) == ["a", "b"]
    client.read(f"Patient/{CANARY}")
    client.create({"resourceType": "Observation"})
    client.update("Observation/o1", {"resourceType": "Observation", "id": "o1"})
    assert [r.method for r in peer.requests] == ["GET", "GET", "GET", "POST", "PUT"]
    for request in peer.requests:
        given = parse_qsl(request.target.partition("?")[2])
        assert [value for name, value in given if name == "ah-practice"] == [PRACTICE], request.target


def test_a_repeated_request_and_a_redirected_one_carry_them_too(peer: Peer, make: Make) -> None:
    peer.answers(
        Reply(503), Reply(307, headers={"Location": "/fhir/Patient/2"}), Reply(body={"resourceType": "Patient"})
    )
    make(parameters=DRESS).read("Patient/1")
    assert [r.query for r in peer.requests] == [DRESS] * 3


def test_they_are_in_no_message_and_no_trace(peer: Peer, make: Make) -> None:
    seen: list[Exchange] = []
    peer.answers(Reply(400))
    with pytest.raises(Exception, match="400") as raised:
        make(parameters=DRESS, trace=seen.append).read("Patient/1")
    assert len(seen) == 1
    assert PRACTICE not in f"{seen} {raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize("name", ["_lastUpdated", "patient", "patient:Patient", "_count", "subject", ""])
def test_no_parameter_that_we_search_by(peer: Peer, name: str) -> None:
    with pytest.raises(ValidationError, match="is no parameter that can be added"):
        Endpoint(base_url=peer.base, parameters={name: "1"})


def test_searches_by_post_name_no_patient_in_an_address(peer: Peer, make: Make) -> None:
    peer.serves(book)
    assert walk(make(search_method="post", parameters=DRESS)) == ["a", "b"]
    first, second = peer.requests
    assert (first.method, first.target.split("?")[0]) == ("POST", f"/fhir/{QR}/_search")
    assert first.headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(first.body.decode())) == {"patient": CANARY, "_count": "50"}
    assert CANARY not in first.target
    assert (second.method, second.body, second.query["cursor"]) == ("GET", b"", "2")


def test_reads_and_the_statement_are_got_whatever_searches_do(peer: Peer, make: Make) -> None:
    peer.serves(book)
    client = make(search_method="post")
    client.read(f"Patient/{CANARY}")
    client.get("metadata")
    assert [r.method for r in peer.requests] == ["GET", "GET"]


def test_a_search_that_is_answered_elsewhere_is_got_there(peer: Peer, make: Make) -> None:
    def answered(request: Request) -> Reply:
        if request.method == "POST":
            return Reply(303, headers={"Location": f"/fhir/{QR}?result=7"})
        return book(request)

    peer.serves(answered)
    assert walk(make(search_method="post")) == ["a", "b"]
    assert [(r.method, r.body) for r in peer.requests[1:]] == [("GET", b"")] * 2


def test_a_search_by_post_is_asked_again_like_any_search(peer: Peer, make: Make) -> None:
    replies = iter([Reply(503), Reply(reset=True)])
    peer.serves(lambda request: next(replies, None) or book(request))
    assert walk(make(search_method="post")) == ["a", "b"]
    assert [r.method for r in peer.requests] == ["POST", "POST", "POST", "GET"]


@pytest.mark.parametrize(
    ("instant", "second", "day"),
    [
        (datetime(2026, 3, 1, 0, 30, tzinfo=UTC), "ge2026-03-01T00:30:00Z", "ge2026-02-28"),
        (datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC), "ge2026-03-01T23:59:59Z", "ge2026-02-28"),
        (
            datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "ge2025-12-31T19:30:00Z",
            "ge2025-12-30",
        ),
    ],
)
def test_from_then_on(instant: datetime, second: str, day: str) -> None:
    assert from_then(instant, Read()) == second
    assert from_then(instant, Read(stamp="day")) == day


Sync = Callable[[], Result]


@pytest.fixture
def sync(peer: Peer, tmp_path: Path) -> Sync:
    """A pass in watermark mode over a roster, with read.stamp = day."""
    roster = tmp_path / "roster"
    roster.write_text(f"{CANARY}\n")
    config = tmp_path / "site.toml"
    config.write_text(
        f'[endpoint.main]\nbase_url = "{peer.base}"\n[endpoint.main.auth]\nmethod = "none"\n'
        '[endpoint.main.http]\nbackoff = "0s"\n'
        f'[cohort]\nsource = "file"\nfile = "{roster}"\n[store]\npath = "state/alliance.db"\n'
        '[read]\nmode = "watermark"\nstamp = "day"\nquiet_every = "90d"\n'
    )
    return lambda: CliRunner().invoke(app, ["sync", "--json", "--config", str(config)])


def test_a_pass_asks_by_the_day(peer: Peer, sync: Sync) -> None:
    asked: list[str] = []
    stamp = "2026-03-01T00:10:00Z"

    def clinic(request: Request) -> Reply:
        if request.target.endswith("metadata"):
            return Reply(body={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
        kind = request.target.split("?")[0].removeprefix("/fhir/")
        if "_lastUpdated" in request.query:
            asked.append(request.query["_lastUpdated"])
        subject = {"reference": f"Patient/{CANARY}"}
        row = {
            "resourceType": kind,
            "id": "r1",
            "status": "finished",
            "subject": subject,
            "meta": {"lastUpdated": stamp},
        }
        rows = [{"resource": row}] if kind in (QR, "Encounter") else []
        return Reply(body={"resourceType": "Bundle", "type": "searchset", "entry": rows})

    peer.serves(clinic)
    for _ in range(2):
        result = sync()
        assert result.exit_code in (0, 3), result.output
    # The watermark is the stamp, the overlap takes it to the day before, and a day more is asked for.
    assert asked == ["ge2026-02-27"] * 2
