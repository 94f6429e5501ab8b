"""The two ways of reading a search page agree; the fast one is the one that is taken."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_alliance.fhir import pages
from fhir_alliance.fhir.http import Garbled
from fhir_alliance.fhir.pages import NotBundle, read_page

TEXT = st.text('ab"\\{}[]:,é\u2028\n', max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXT,
    lambda c: st.lists(c) | st.dictionaries(TEXT, c),
    max_leaves=6,
)
RESOURCES = st.dictionaries(st.sampled_from(["id", "resource", "note", 'a"b\\', "entry"]), JSON)
ENTRIES = st.fixed_dictionaries(
    {"resource": RESOURCES},
    optional={"search": st.fixed_dictionaries({"mode": st.sampled_from(["match", "include", "outcome"])})},
)
BUNDLES = st.fixed_dictionaries(
    {"resourceType": st.just("Bundle"), "entry": st.lists(ENTRIES, max_size=5)},
    optional={
        "total": st.integers(0, 9),
        "link": st.lists(
            st.fixed_dictionaries({"relation": st.sampled_from(["self", "next"]), "url": TEXT}), max_size=3
        ),
    },
)


def plain(page: pages.Page) -> tuple[list[Any], int, int | None, str | None, bool]:
    return [json.loads(bytes(m)) for m in page.matches], page.dropped, page.total, page.next, page.readable


@settings(max_examples=60, deadline=None)
@given(BUNDLES, st.sampled_from([None, 1]))
def test_the_lenient_reading_equals_the_typed_one(bundle: dict[str, Any], indent: int | None) -> None:
    usual = plain(read_page(json.dumps(bundle, indent=indent).encode()))
    poisoned = {**bundle, "entry": [*bundle["entry"], 5]}
    lenient = plain(read_page(json.dumps(poisoned, indent=indent).encode()))
    assert lenient == (usual[0], usual[1] + 1, *usual[2:])


def test_what_nests_too_deeply_costs_its_own_entry() -> None:
    deep = "[" * 3000 + "]" * 3000
    entries = [{"resource": {"id": "a"}}, {"resource": {"id": "b", "x": "@"}}, {"resource": {"id": "c"}, "search": "@"}]
    bundle = {"resourceType": "Bundle", "total": 3, "extension": "@", "entry": [*entries, "@", {"resource": "@"}]}
    page = read_page(json.dumps(bundle).replace('"@"', deep).encode())
    assert (page.dropped, page.total, page.readable) == (2, 3, True)
    assert [bytes(m).replace(deep.encode(), b"0") for m in page.matches] == [
        b'{"id": "a"}',
        b'{"id": "b", "x": 0}',
        b'{"id": "c"}',
    ]


def test_an_ordinary_page_takes_the_fast_path() -> None:
    entry = {"fullUrl": "x", "resource": {"id": "a"}, "search": {"mode": "match"}}
    bundle = {"resourceType": "Bundle", "total": 1, "link": [{"relation": "next", "url": "n"}], "entry": [entry, {}]}
    with patch.object(pages, "_lenient", side_effect=AssertionError("slow path")):
        page = read_page(json.dumps(bundle).encode())
    assert plain(page) == ([{"id": "a"}], 1, 1, "n", True)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"5", b'{"resourceType": "Bundle"', b'{"resourceType": "Bundle"}}', b"{]"]
)
def test_what_is_not_whole_json_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        read_page(body)


@pytest.mark.parametrize("body", [b"{}", b'{"resourceType": "Patient", "entry": 5}', b'{"resourceType": 5}'])
def test_another_resource_is_no_page(body: bytes) -> None:
    with pytest.raises(NotBundle):
        read_page(body)
