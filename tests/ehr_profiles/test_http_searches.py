"""Walks through search pages: complete, or honestly `Incomplete`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from fhir_alliance import errors
from fhir_alliance.fhir import wire
from fhir_alliance.fhir.http import FhirClient
from fhir_alliance.fhir.search import Found, search

from .conftest import Make
from .peer import Peer, Reply, Request

QR = "QuestionnaireResponse"


def response(id: str) -> dict[str, Any]:
    return {"resourceType": QR, "id": id, "status": "completed"}


def match(id: str) -> dict[str, Any]:
    return {"resource": response(id), "search": {"mode": "match"}}


def page(*ids: str, next: object = None, more: Sequence[object] = (), **rest: object) -> Reply:
    links: list[object] = [{"relation": "self", "url": "x"}]
    if next is not None:
        links.append({"relation": "next", "url": next})
    entries = [*map(match, ids), *more]
    return Reply(body={"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries, **rest})


def pages(peer: Peer, book: Mapping[str, Reply]) -> None:
    """Serve `book[""]` for the search and `book[n]` for ?page=n."""
    peer.serves(lambda request: book[request.query.get("page", "")])


def ids(client: FhirClient, *, size: int = 50, cap: int = 100) -> Found[str]:
    return search(
        client, QR, [("patient", "p1")], take=lambda raw: str(json.loads(raw).get("id")), page_size=size, page_cap=cap
    )


def refused(client: FhirClient, reason: str, *, cap: int = 100) -> errors.Incomplete:
    with pytest.raises(errors.Incomplete, match=reason) as raised:
        ids(client, cap=cap)
    assert type(raised.value) is errors.Incomplete
    return raised.value


@pytest.mark.parametrize("next", ["{base}?page=%d", "?page=%d", QR + "?page=%d", "/fhir/" + QR + "?page=%d"])
def test_every_page_is_walked_however_its_link_is_written(peer: Peer, make: Make, next: str) -> None:
    link = next.replace("{base}", peer.base)
    book = {"": page("a", "b", next=link % 2), "2": page("c", next=link % 3), "3": page(next=link % 4), "4": page("d")}
    pages(peer, book)
    found = ids(make())
    assert (found.items, found.distinct, found.dropped, found.pages) == (["a", "b", "c", "d"], 4, 0, 4)
    assert found.bytes == sum(len(reply.bytes()) for reply in book.values())
    assert found.date is not None
    assert peer.requests[0].target == f"/fhir/{QR}?patient=p1&_count=50"


def test_a_next_link_is_followed_to_the_letter(peer: Peer, make: Make) -> None:
    odd = "?_getpages=6b1f-%2B&x=a|b,c&b=%7E&page=2&empty="
    pages(peer, {"": page("a", next=odd), "2": page("b")})
    assert ids(make()).items == ["a", "b"]
    assert peer.requests[1].target.split("?")[1].replace("%7C", "|").replace("~", "%7E") == odd[1:]


@pytest.mark.parametrize("form", ["{other}/x?page=2", "//{host}/x?page=2", "http://127.0.0.1:1@{host}/x?page=2"])
def test_a_next_link_to_another_host_is_never_followed(peer: Peer, other: Peer, make: Make, form: str) -> None:
    host = other.base.split("/")[2]
    pages(peer, {"": page("a", next=form.format(other=other.base, host=host))})
    refused(make(), "next link to another host")
    assert other.requests == []
    assert len(peer.requests) == 1


@pytest.mark.parametrize("next", ["https://127.0.0.1/fhir?page=2", "file:///etc/hostname", "http://[::1"])
def test_a_next_link_that_is_no_address_of_ours(peer: Peer, make: Make, next: str) -> None:
    pages(peer, {"": page("a", next=next)})
    refused(make(), "next link to another host")


def test_an_alias_is_the_same_server(peer: Peer, other: Peer, make: Make) -> None:
    pages(peer, {"": page("a", next=f"{other.base}/{QR}?page=2")})
    pages(other, {"2": page("b")})
    assert ids(make(aliases=[other.base])).items == ["a", "b"]


def test_internal_host_names_in_links_can_be_rewritten(peer: Peer, make: Make) -> None:
    pages(peer, {"": page("a", next=f"https://hapi.internal:8443/fhir/{QR}?page=2"), "2": page("b")})
    assert ids(make(rewrite_next_host=True)).items == ["a", "b"]


def test_side_entries_are_not_data(peer: Peer, make: Make) -> None:
    side = [
        {"resource": response("included"), "search": {"mode": "include"}},
        {"resource": {"resourceType": "OperationOutcome", "issue": []}, "search": {"mode": "outcome"}},
    ]
    peer.answers(page("a", more=side, total=1))
    found = ids(make())
    assert (found.items, found.distinct, found.dropped) == (["a"], 1, 0)


def test_entries_of_another_type_and_without_a_resource_are_counted(peer: Peer, make: Make) -> None:
    odd = [{"resource": {"resourceType": "Patient", "id": "p"}}, {"fullUrl": "x"}, {"resource": {"id": "untyped"}}]
    peer.answers(page("a", more=odd))
    found = ids(make())
    assert (found.items, found.distinct, found.dropped) == (["a"], 1, 3)


def test_a_match_without_an_id_is_given_each_time(peer: Peer, make: Make) -> None:
    bare = {"resource": {"resourceType": QR}}
    numeric = {"resource": {"resourceType": QR, "id": 5}}
    peer.answers(page("a", more=[bare, bare, numeric], total=4))
    assert ids(make()).items == ["a", "None", "None", "5"]


def test_what_take_turns_down_is_still_counted(peer: Peer, make: Make) -> None:
    peer.answers(page("a", "b"))
    found = search(make(), QR, [], take=lambda raw: None, page_size=10, page_cap=9)
    assert (found.items, found.distinct) == ([], 2)


POISON = [
    5,
    None,
    "entry",
    [],
    {"resource": 5},
    {"resource": "x"},
    {"resource": [response("z")]},
    {"resource": None},
    {"resource": {"resourceType": 7, "id": "z"}},
    {"search": "x"},
]


@pytest.mark.parametrize("poison", POISON, ids=json.dumps)
def test_one_bad_entry_costs_that_entry_only(peer: Peer, make: Make, poison: object) -> None:
    book = page("a", "b", more=[poison], next="?page=2", total=4)
    pages(peer, {"": book, "2": page("c")})
    found = ids(make())
    assert (found.items, found.distinct, found.dropped) == (["a", "b", "c"], 3, 1)


@pytest.mark.parametrize(
    "bad",
    [
        b'{"resourceType": "%s", "id": "bad", "item": %s1%s}' % (QR.encode(), b'[{"a":' * 2000, b"}]" * 2000),
        b'{"id": "bad", "resourceType": "%s", "valueDecimal": NaN}' % QR.encode(),
        b'{"resourceType": "%s", "id": "bad", "text": "\xff\xfe"}' % QR.encode(),
    ],
    ids=["nested 4,000 deep", "NaN", "not UTF-8"],
)
def test_a_resource_that_no_parser_takes_costs_itself_only(peer: Peer, make: Make, bad: bytes) -> None:
    body = page("a", "b").bytes().replace(json.dumps(response("b")).encode(), bad)
    assert bad in body
    peer.answers(Reply(body=body))
    found = search(make(), QR, [], take=lambda raw: raw, page_size=10, page_cap=9)
    assert found.distinct == 2
    assert found.items[1] == bad


def test_a_resource_that_nests_too_deeply_is_known_by_its_id(peer: Peer, make: Make) -> None:
    bad = b'{"item": %s1%s, "id": "b", "resourceType": "%s"}' % (b'[{"a":' * 2000, b"}]" * 2000, QR.encode())
    body = page("a", "b", "b").bytes().replace(json.dumps(response("b")).encode(), bad)
    peer.answers(*[Reply(body=body)] * 4)
    with pytest.raises(errors.Incomplete, match="a match came twice"):
        search(make(), QR, [], take=lambda raw: raw, page_size=10, page_cap=9)


def test_a_resource_split_by_tricky_text_stays_whole(peer: Peer, make: Make) -> None:
    tricky = {**response("b"), "note": '"resource": {"}] \\" {[', "contained": [{"resource": {"resource": {}}}]}
    peer.answers(page("a", more=[{"resource": tricky}, 5]))
    found = search(make(), QR, [], take=json.loads, page_size=10, page_cap=9)
    assert found.items == [response("a"), tricky]


# -- walks that are not what they say --------------------------------------------------------------


def test_an_expired_page_begins_the_walk_anew(peer: Peer, make: Make) -> None:
    first = page("a", next="?page=2")
    peer.answers(first, page("b", next="?page=3"), Reply(410), first, page("b", next="?page=3"), page("c"))
    assert ids(make()).items == ["a", "b", "c"]
    assert [r.query.get("_count") for r in peer.requests] == ["50", None, None, "50", None, None]


@pytest.mark.parametrize("status", [400, 404, 410])
def test_pages_that_expire_again_are_made_smaller(peer: Peer, make: Make, status: int) -> None:
    def serve(request: Request) -> Reply:
        if "page" in request.query:
            return Reply(status)
        return page("a", next="?page=2") if int(request.query["_count"]) > 25 else page("a", "b")

    peer.serves(serve)
    assert ids(make()).items == ["a", "b"]
    assert [r.query["_count"] for r in peer.requests if "_count" in r.query] == ["50", "50", "25"]


def test_pages_that_always_expire(peer: Peer, make: Make) -> None:
    pages(peer, {"": page("a", next="?page=2"), "2": Reply(410)})
    refused(make(), "after 3 restarts: its later pages expire")
    assert [r.query["_count"] for r in peer.requests if "_count" in r.query] == ["50", "50", "25", "12"]


@pytest.mark.parametrize(("status", "error"), [(400, errors.Refused), (404, errors.NotFound), (403, errors.Forbidden)])
def test_a_refusal_of_the_search_itself_is_no_expiry(
    peer: Peer, make: Make, status: int, error: type[errors.EHRError]
) -> None:
    peer.answers(Reply(status))
    with pytest.raises(error):
        ids(make())
    assert len(peer.requests) == 1


def test_a_lost_grant_on_a_later_page_is_no_expiry(peer: Peer, make: Make) -> None:
    pages(peer, {"": page("a", next="?page=2"), "2": Reply(403)})
    with pytest.raises(errors.Forbidden, match="a search of Quest"):
        ids(make())


def test_an_id_that_comes_twice_begins_the_walk_anew(peer: Peer, make: Make) -> None:
    peer.answers(page("a", "b", next="?page=2"), page("b", "c"), page("a", "b", next="?page=2"), page("c", "d"))
    found = ids(make())
    assert (found.items, found.pages) == (["a", "b", "c", "d"], 2)


def test_an_id_that_always_comes_twice(peer: Peer, make: Make) -> None:
    peer.answers(page("a", "a"))
    refused(make(), "came twice")
    assert len(peer.requests) == 4


def test_fewer_than_the_stated_total_begins_the_walk_anew(peer: Peer, make: Make) -> None:
    peer.answers(page("a", total=2), page("a", "b", total=2))
    assert ids(make()).items == ["a", "b"]


def test_a_total_that_is_never_reached(peer: Peer, make: Make) -> None:
    pages(peer, {"": page("a", next="?page=2"), "2": page("b", total=3)})
    refused(make(), "2 of 3 stated matches came")
    assert len(peer.requests) == 8


@pytest.mark.parametrize("total", ["3", -1, 1.5, True, None, [], 0, 1])
def test_a_total_that_is_absent_low_or_no_number_proves_nothing(peer: Peer, make: Make, total: object) -> None:
    peer.answers(page("a", "b", total=total))
    assert ids(make()).items == ["a", "b"]


def test_a_bad_entry_counts_toward_the_total_and_side_entries_do_not(peer: Peer, make: Make) -> None:
    outcome = {"resource": {"resourceType": "OperationOutcome", "issue": []}}
    peer.answers(page("a", more=[5, outcome], total=2))
    assert ids(make()).distinct == 1
    peer.answers(page("a", more=[outcome], total=2))
    refused(make(), "1 of 2")


def test_a_next_link_that_goes_in_a_circle(peer: Peer, make: Make) -> None:
    pages(peer, {"": page("a", next="?page=2"), "2": page("b", next="?page=3"), "3": page(next="?page=2")})
    refused(make(), "in a circle")


def test_a_next_link_to_the_page_itself(peer: Peer, make: Make) -> None:
    peer.answers(page("a", next=f"{peer.base}/{QR}?patient=p1&_count=50"))
    refused(make(), "in a circle")
    assert len(peer.requests) == 4


def test_a_false_next_link_on_the_last_page_is_seen_by_the_total(peer: Peer, make: Make) -> None:
    pages(peer, {"": page("a", next="?page=2", total=2), "2": page("b", next="?page=2", total=2)})
    assert ids(make()).items == ["a", "b"]


def test_pages_without_end(peer: Peer, make: Make) -> None:
    peer.serves(lambda r: page(next=f"?page={int(r.query.get('page', 1)) + 1}"))
    refused(make(), r"more than 7 pages \(read.page_cap\)", cap=7)
    assert len(peer.requests) == 7


@pytest.mark.parametrize(
    "broken", [{"link": "x"}, {"link": [5]}, {"link": [{"relation": "next", "url": 5}]}, {"entry": {"0": match("a")}}]
)
def test_a_page_that_may_hide_more_is_not_taken_as_all(peer: Peer, make: Make, broken: Mapping[str, object]) -> None:
    body = {"resourceType": "Bundle", "type": "searchset", "entry": [match("a")], **broken}
    peer.answers(Reply(body=body))
    refused(make(), "cannot be read")
    if "link" in broken:  # with a total that was reached there is nothing to hide
        peer.answers(Reply(body={**body, "total": 1}))
        assert ids(make()).items == ["a"]


def test_no_bundle(peer: Peer, make: Make) -> None:
    issue = {"severity": "error", "code": "too-costly", "diagnostics": "Canary"}
    peer.answers(Reply(body={"resourceType": "OperationOutcome", "issue": [issue]}))
    assert refused(make(), "something else than a Bundle").codes == ("too-costly",)
    peer.answers(Reply(body=response("a")))
    refused(make(), "something else than a Bundle")


@pytest.mark.parametrize(
    "broken", [Reply(body=b"<html>"), Reply(body=b'{"resourceType": "Bundle", "entry": [{"resource": {'), Reply(500)]
)
def test_a_broken_later_page_is_asked_again(peer: Peer, make: Make, broken: Reply) -> None:
    peer.answers(page("a", next="?page=2"), broken, page("b"))
    assert ids(make()).items == ["a", "b"]
    peer.answers(page("a", next="?page=2"), broken)
    with pytest.raises(errors.Unreachable, match=r"a search of Quest.* 4 times"):
        ids(make())


def test_pages_that_are_too_large_are_made_smaller(peer: Peer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_LIMIT", 2000)
    peer.serves(lambda r: page(*(f"r{n}" for n in range(20 if int(r.query["_count"]) > 12 else 5))))
    assert ids(make()).distinct == 5
    assert [r.query["_count"] for r in peer.requests] == ["50", "12"]
