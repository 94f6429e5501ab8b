"""Reads: what is repeated and how often, what is final, and which error each end leads to."""

from __future__ import annotations

import gzip
import socket
from datetime import timedelta
from email.utils import format_datetime

import pytest

from fhir_alliance import errors
from fhir_alliance.config import now_utc
from fhir_alliance.fhir import wire
from fhir_alliance.fhir.http import Exchange, Oversized

from .conftest import Make, Pauses
from .peer import Peer, Reply

CANARY = "Zaphod-Canary-4711"
FINE = Reply(body={"resourceType": "Encounter", "id": "e1"})
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "invalid",
            "details": {"coding": [{"code": "59189"}], "text": CANARY},
            "expression": ["Encounter.subject", f"Encounter.where(id='{CANARY}')"],
            "diagnostics": f"HAPI-0450: {CANARY}",
        }
    ],
}
BROKEN = {
    "html": Reply(body=b"<!DOCTYPE html><p>Sign in, " + CANARY.encode()),
    "truncated": Reply(body=b'{"resourceType": "Encounter", "id": '),
    "empty": Reply(body=b""),
    "no object": Reply(body=b'["Encounter"]'),
    "cut off": Reply(body=FINE.body, cut=10),
    "reset in the body": Reply(body=FINE.body, cut=10, reset=True),
    "chunks cut off": Reply(body=FINE.body, cut=10, length=False),
    "reset": Reply(reset=True),
    "closed": Reply(cut=0, body=b"x"),
    "gzip that is none": Reply(body=FINE.body, headers={"Content-Encoding": "gzip"}),
    "gzip cut off": Reply(body=gzip.compress(FINE.bytes())[:20], headers={"Content-Encoding": "gzip"}),
    "another type": Reply(body={"resourceType": "OperationOutcome", "issue": []}),
}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507, 520])
def test_a_passing_fault_is_asked_again(peer: Peer, make: Make, status: int) -> None:
    peer.answers(Reply(status), FINE)
    assert make().read("Encounter/e1").body["id"] == "e1"
    assert len(peer.requests) == 2


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_asked_again(peer: Peer, make: Make, broken: Reply) -> None:
    peer.answers(broken, FINE)
    assert make().read("Encounter/e1").body["id"] == "e1"
    assert len(peer.requests) == 2


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_lasting_broken_answer_is_unreachable(peer: Peer, make: Make, broken: Reply) -> None:
    peer.answers(broken)
    with pytest.raises(errors.Unreachable, match=r"^the EHR .* a read of Encounter 4 times; giving up$") as raised:
        make().read("Encounter/e1")
    assert len(peer.requests) == 4
    assert CANARY not in str(raised.value)
    assert "e1" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [(408, errors.Unreachable), (429, errors.Throttled), (500, errors.Unreachable), (503, errors.Throttled)],
)
def test_patience_ends(peer: Peer, make: Make, status: int, error: type[errors.EHRError]) -> None:
    peer.answers(Reply(status, OUTCOME))
    with pytest.raises(error) as raised:
        make(http={"attempts": 3}).get("Encounter", [("patient", CANARY)])
    assert str(raised.value) == f"the EHR answered {status} to a search of Encounter 3 times; giving up"
    assert raised.value.status == status
    assert len(peer.requests) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.Refused),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.Refused),
        (409, errors.Conflict),
        (410, errors.NotFound),
        (412, errors.Conflict),
        (414, errors.Refused),
        (422, errors.Refused),
        (501, errors.Refused),
    ],
)
def test_a_definite_no_is_final_and_only_its_codes_are_kept(
    peer: Peer, make: Make, status: int, error: type[errors.EHRError]
) -> None:
    peer.answers(Reply(status, OUTCOME))
    with pytest.raises(error) as raised:
        make().read(f"Encounter/{CANARY}")
    assert type(raised.value) is error
    assert raised.value.codes == ("invalid", "59189", "Encounter.subject", "HAPI-0450")
    assert CANARY not in str(raised.value)
    assert len(peer.requests) == 1


def test_an_html_page_with_a_definite_status_has_no_codes(peer: Peer, make: Make) -> None:
    peer.answers(Reply(403, b"<html>no</html>"))
    with pytest.raises(errors.Forbidden) as raised:
        make().get("Encounter")
    assert raised.value.codes == ()


def test_nobody_listens(make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}/fhir"
        with pytest.raises(errors.Unreachable) as raised:
            make(base_url=base).get("metadata")
    assert str(raised.value) == "the EHR accepted no connection for a request for /metadata 4 times; giving up"


def test_a_name_that_does_not_exist(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, CANARY)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(errors.Unreachable, match="host name"):
        make(base_url="https://ehr.invalid/fhir", auth={"method": "bearer", "token": {"env": "HOME"}}).get("metadata")


def test_a_server_that_does_not_answer(peer: Peer, make: Make) -> None:
    peer.answers(Reply(hang=True))
    with pytest.raises(errors.Unreachable, match=r"^the EHR did not answer a search of Encounter 2 times") as raised:
        make(http={"read_timeout": "0.1s", "attempts": 2}).get("Encounter")
    assert raised.value.status is None


def test_a_body_that_drips_for_ever_is_given_up(peer: Peer, make: Make) -> None:
    peer.answers(Reply(body=b" " * 10_000, drip=0.02))
    with pytest.raises(errors.Unreachable, match=r"cut off|stalled"):
        make(http={"read_timeout": "0.2s", "max_wait": "0s", "attempts": 1}).get("Encounter")


def test_what_is_too_large_is_not_taken_into_memory(peer: Peer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_LIMIT", 1000)
    large = {"resourceType": "Encounter", "text": "x" * 2000}
    zipped = Reply(body=gzip.compress(Reply(body=large).bytes()), headers={"Content-Encoding": "gzip"})
    for reply in (Reply(body=large), Reply(body=large, length=False), zipped):
        peer.answers(reply)
        with pytest.raises(Oversized):
            make().get("Encounter")
    assert len(peer.requests) == 3


def test_gzip_byte_order_marks_and_other_json_types_are_read(peer: Peer, make: Make) -> None:
    body = b"\xef\xbb\xbf" + FINE.bytes()
    peer.answers(
        Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip", "Content-Type": "application/json+fhir"})
    )
    answer = make().get("Encounter/e1")
    assert answer.body == FINE.bytes()
    assert peer.requests[0].headers["accept-encoding"] == "gzip"
    assert peer.requests[0].headers["accept"] == "application/fhir+json"
    assert peer.requests[0].headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("number", [b"1e400", b"7" * 5000])
def test_a_resource_with_a_number_too_large_for_a_float_is_read(peer: Peer, make: Make, number: bytes) -> None:
    peer.serves(lambda _: Reply(body=b'{"resourceType": "Encounter", "id": "e", "x": %s}' % number))
    assert make().read("Encounter/e").body["x"] > 1e308


def test_the_clock_of_the_server(peer: Peer, make: Make) -> None:
    peer.answers(FINE)
    date = make().get("Encounter").date
    assert date is not None
    assert abs((date - now_utc()).total_seconds()) < 60


# -- waiting ---------------------------------------------------------------------------------------


def test_pauses_double_with_full_jitter(peer: Peer, make: Make, pauses: Pauses) -> None:
    peer.answers(Reply(500))
    with pytest.raises(errors.Unreachable):
        make(http={"attempts": 5, "backoff": "2s"}).get("Encounter")
    assert len(pauses.seconds) == 4
    assert all(0 <= pause <= most for pause, most in zip(pauses.seconds, (2, 4, 8, 16), strict=True))


def test_retry_after_in_seconds_is_never_cut_short(peer: Peer, make: Make, pauses: Pauses) -> None:
    peer.answers(Reply(429, headers={"Retry-After": "7"}), FINE)
    make().get("Encounter")
    assert 7 <= pauses.seconds[0] <= 8


def test_retry_after_as_a_date_is_read_on_the_server_s_own_clock(peer: Peer, make: Make, pauses: Pauses) -> None:
    then = {"Date": "Mon, 01 Jan 2001 00:00:00 GMT", "Retry-After": "Mon, 01 Jan 2001 00:00:30 GMT"}
    peer.answers(Reply(503, headers=then), FINE)
    make().get("Encounter")
    assert 30 <= pauses.seconds[0] <= 31


def test_a_retry_after_date_from_a_server_without_a_clock(peer: Peer, make: Make, pauses: Pauses) -> None:
    ahead = format_datetime(now_utc() + timedelta(seconds=60))
    peer.answers(Reply(503, headers={"Date": "", "Retry-After": ahead}), FINE)
    make().get("Encounter")
    assert 50 <= pauses.seconds[0] <= 62


@pytest.mark.parametrize("status", [429, 503, 500])
def test_an_absurd_retry_after_is_not_waited_for(peer: Peer, make: Make, pauses: Pauses, status: int) -> None:
    peer.answers(Reply(status, headers={"Retry-After": "999999"}))
    with pytest.raises(errors.Throttled, match="999999 s: longer than max_wait"):
        make().get("Encounter")
    assert len(peer.requests) == 1
    assert pauses.seconds == []


def test_pauses_that_add_up_to_more_than_max_wait_end_it(peer: Peer, make: Make, pauses: Pauses) -> None:
    peer.answers(Reply(429, headers={"Retry-After": "200"}))
    with pytest.raises(errors.Throttled):
        make(http={"max_wait": "5m", "attempts": 20}).get("Encounter")
    assert len(peer.requests) == 2
    assert sum(pauses.seconds) <= 300


@pytest.mark.parametrize("text", ["soon", "-5", "", "1e3", "٣", "Mon, 99 Foo 2026"])
def test_an_unreadable_retry_after_is_as_none(peer: Peer, make: Make, pauses: Pauses, text: str) -> None:
    peer.answers(Reply(503, headers={"Retry-After": text.encode().decode("latin-1")}), FINE)
    make().get("Encounter")
    assert pauses.seconds[0] <= 1


def test_a_request_to_stop_ends_patience(peer: Peer, make: Make) -> None:
    peer.answers(Reply(503))
    with pytest.raises(errors.Throttled, match="once; giving up"):
        make(stop=Pauses(asked=True)).get("Encounter")
    assert len(peer.requests) == 1


# -- redirects, addresses, traces ------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(peer: Peer, make: Make, status: int) -> None:
    peer.answers(Reply(status, headers={"Location": "/fhir/r4/Encounter/e1"}), FINE)
    assert make().read("Encounter/e1").body["id"] == "e1"
    assert peer.requests[1].target == "/fhir/r4/Encounter/e1"


def test_a_redirect_to_another_host_is_not(peer: Peer, other: Peer, make: Make) -> None:
    peer.answers(Reply(307, headers={"Location": f"{other.base}/Encounter/e1"}))
    with pytest.raises(errors.Refused, match="redirects a read of Encounter"):
        make().read("Encounter/e1")
    assert other.requests == []


def test_redirects_that_never_end(peer: Peer, make: Make) -> None:
    peer.answers(Reply(302, headers={"Location": "/fhir/again"}))
    with pytest.raises(errors.Refused, match="redirects"):
        make().get("Encounter")
    assert len(peer.requests) == 4


def test_credentials_never_go_to_an_address_that_is_not_the_ehr_s(peer: Peer, other: Peer, make: Make) -> None:
    with pytest.raises(errors.Refused, match="another host"):
        make().get(f"{other.base}/Encounter")
    assert other.requests == []


def test_everything_in_parameters_is_encoded(peer: Peer, make: Make) -> None:
    peer.answers(FINE)
    make().get("Encounter", [("date", "ge2026-01-01T00:00:00+05:30"), ("_id", "a,b&c|d")])
    assert peer.requests[0].target == ("/fhir/Encounter?date=ge2026-01-01T00%3A00%3A00%2B05%3A30&_id=a%2Cb%26c%7Cd")


def test_the_trace_tells_each_attempt_without_addresses(peer: Peer, make: Make) -> None:
    seen: list[Exchange] = []
    peer.answers(Reply(reset=True), Reply(503), FINE)
    client = make(trace=seen.append)
    client.read(f"Encounter/{CANARY}")
    client.get("metadata")
    told = [(e.method, e.type, e.interaction, e.status, e.attempt) for e in seen]
    assert told == [
        ("GET", "Encounter", "read", None, 1),
        ("GET", "Encounter", "read", 503, 2),
        ("GET", "Encounter", "read", 200, 3),
        ("GET", "", "capabilities", 200, 1),
    ]
    assert CANARY not in repr(seen)
    assert all(e.milliseconds > 0 for e in seen)
