"""A large file read as arrays: the rows, texts of times, reasons and their order of the reading row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isnan

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strain_series import SRS, WAI

from fhir_alliance import series_arrays
from fhir_alliance.errors import ConfigError
from fhir_alliance.model import Change
from fhir_alliance.series import Problem, read_series, read_time
from fhir_alliance.series_arrays import read_arrays
from fhir_alliance.series_cells import instants, numbers, repeated, unquoted

FIRST, LAST = datetime(2, 1, 1), datetime(9998, 12, 31)  # noqa: DTZ001 (the zone is part of the test)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Rows = dict[str, list[tuple[datetime, float | None, str]]]


def by_rows(data: bytes, change: Change) -> tuple[Rows, tuple[Problem, ...]]:
    found = read_series(data, change)
    return {
        s.name: sorted(((p.at.astimezone(UTC), p.value, s.given[p.source]) for p in s.points), key=str)
        for s in found.series
    }, found.problems


def by_arrays(data: bytes, change: Change) -> tuple[Rows, tuple[Problem, ...]]:
    found = read_arrays(data, change)
    given = found.given(np.arange(len(found.at)))
    rows: Rows = {}
    for number, name in enumerate(found.names):
        places = range(found.starts[number], found.starts[number + 1])
        at = [EPOCH + timedelta(microseconds=int(found.at[p])) for p in places]
        assert at == sorted(at)
        values = [None if isnan(v) else v for v in (float(found.values[p]) for p in places)]
        rows[name] = sorted(zip(at, values, (given[p] for p in places), strict=True), key=str)
    return rows, found.problems


def assert_same(data: bytes, change: Change = WAI) -> None:
    try:
        expected = by_rows(data, change)
    except ConfigError as refused:
        with pytest.raises(ConfigError, match=str(refused)):
            read_arrays(data, change)
        return
    assert by_arrays(data, change) == expected


@pytest.fixture(params=[1, 60, 1 << 21])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks so small that each border falls somewhere, and as large as they are."""
    monkeypatch.setattr(series_arrays, "_CHUNK", request.param)


NAMES = [
    "a",
    "a",
    "b",
    "dyad-000123",
    "8bytes--",
    "9bytes---",
    "9bytes--x",
    " a",
    "a ",
    "ä",
    "\xa0a",
    "",
    "\x00",
    "x" * 40,
    "x" * 3000,
]
TIMES = [
    "2026-01-05", "2026-01-05T10:30", "2026-01-05T10:30-00:00", "2026-01-05 10:30:00", "2026-01-05T10:30:00Z",
    "2026-01-05T10:30Z", "2026-01-05T12:30:00+02:00", "2026-01-05T12:30+02:00", "2026-01-05T03:00:00-07:30",
    "2026-01-05T10:30:00.250Z",
    "20260105", "2026-W02-1", "2026-01-05t10:30z", "2026-02-30", "2024-02-29", "2026-13-01", "2026-00-10", "2026-01-00",
    "2026-01-05T24:00", "2026-01-05T10:60", "2026-01-05T10:30:60Z", "2026-01-05T10:30:00+24:00",
    "2026-01-05T10:30:00+05:60", "0001-01-01", "9999-12-31T23:59:59-01:00", "2026/01/05", "2026-01-05Z",
    "", " 2026-01-19",
]  # fmt: skip
VALUES = [
    "", "4", "4.0", "4.25", "4.083333333333333", "3.3333333333333335", "3.3333333333333333333333333", "4.", ".4e1",
    "+4", "-4", "5.0000000000000009", "1", "5", "5.1", "0.9", "4,1", "x", "NaN", "1_0", ".", "..", "4..1", "4.1.1",
    " 4", "٤", "00004.5", "000000000000000000004.5", "9" * 19, "99999999999999999", "4e0", "4/5", "4:0",
]  # fmt: skip
LINES = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(TIMES), st.sampled_from(VALUES)).map(",".join),
    st.tuples(st.sampled_from(NAMES[:4]), st.dates().map(str), st.floats(1, 5).map(repr)).map(",".join),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(TIMES), st.sampled_from(VALUES)).map(
        '"{0[0]}","{0[1]}",{0[2]}'.format
    ),
    st.sampled_from(
        ['"a, b",2026-01-05,4', '"a""b",2026-01-05,4', '"a\nb",2026-01-05,4', ' "a",2026-01-05,4', '""', '","']
    ),
    st.sampled_from(["", " ", ",,", "a", "a,2026-01-05", "a,2026-01-05,4,note", '"a",2026-01-05,4', 'a,2026-01-05,"4']),
)
FILES = st.tuples(
    st.sampled_from(["", "\ufeff", "\n", "\r\n"]),
    st.sampled_from(["series,at,value", " At,series , VALUE", "value,at,series", "series,at,value,note", "a,b,c"]),
    st.lists(LINES, max_size=25),
    st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n"]),
)


@given(FILES)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file(chunk: None, file: tuple[str, str, list[str], str, str]) -> None:
    mark, head, lines, end, last = file
    assert_same((mark + end.join([head, *lines]) + last).encode())


@given(st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(chunk: None, data: bytes) -> None:
    assert_same(b"series,at,value\n" + data)
    assert_same(b"{" + data)
    assert_same(data)


def test_each_time_and_each_value(chunk: None) -> None:
    for change in (WAI, SRS):
        for name in NAMES:
            assert_same("\n".join(["series,at,value", *(f"{name},{at},4" for at in TIMES)]).encode(), change)
        lines = [f"a,2026-01-{day:02},{value}" for day, value in enumerate(VALUES[:30], 1)]
        assert_same("\n".join(["series,at,value", *lines]).encode(), change)


def test_names_that_are_not_utf8(chunk: None) -> None:
    assert_same(b"series,at,value\nM\xfcller,2026-01-05,4\nM\xe4ller,2026-01-05,4\na,2026-01-05,4\n\xc3,2026-01-05,4\n")


def test_rows_at_one_instant_in_any_order(chunk: None) -> None:
    assert_same(
        b"series,at,value\nb,2026-01-12,4\na,2026-01-05T02:00+02:00,4\nb,2026-01-05,3\na,2026-01-05,4.5\n"
        b"a,2026-01-12,4.1\nb,2026-01-12T00:00,4\nb,2026-01-05T00:00Z,3\nb,20260105,3\n"
    )


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", " ", "", "1\t2", "ä"]), min_size=1, max_size=4), max_size=6), st.data()
)
@settings(deadline=None)
def test_quotation_marks_that_are_not_needed(records: list[list[str]], data: st.DataObject) -> None:
    plain = "\n".join(",".join(cells) for cells in records)
    quoted = "\n".join(",".join(f'"{c}"' if data.draw(st.booleans()) else c for c in cells) for cells in records)
    found = unquoted(np.frombuffer(quoted.encode(), np.uint8))
    assert found is not None
    assert found.tobytes().decode() == plain


@pytest.mark.parametrize(
    "text", ['"', 'a"b"', '"a"b', '"a,b"', '"a\nb"', '"a""b"', '"a', ' "a"', '"a" ', '","', '"\r"']
)
def test_quotation_marks_that_are_needed_or_wrong(text: str) -> None:
    assert unquoted(np.frombuffer(f"x,{text}\ny".encode(), np.uint8)) is None


def test_ndjson(chunk: None) -> None:
    assert_same(
        b'{"series":"b","at":"2026-01-12","value":4.5,"x":1}\n\n{"series":"a","at":"2026-01-05","value":null}\n4'
    )


def cells(texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    encoded = [t.encode() for t in texts]
    length = np.array([len(t) for t in encoded], np.int64)
    return np.frombuffer(b"".join(encoded) + bytes(8), np.uint8), np.cumsum(length) - length, length


@given(
    st.lists(
        st.one_of(st.floats(0, 1e6).map(repr), st.decimals(0, 50, places=6).map(str), st.integers(0, 10**30).map(str))
    )
)
@settings(deadline=None)
@example(["9223372036854775808", "999999999999999999", "0.0000000000000000000001"])
def test_numbers_are_those_of_float(texts: list[str]) -> None:
    values, right = numbers(*cells(texts))
    assert all(v == float(t) for v, t, r in zip(values.tolist(), texts, right.tolist(), strict=True) if r)
    assert all(r for t, r in zip(texts, right.tolist(), strict=True) if len(t) < 25 and "e" not in t.lower())


@given(st.lists(st.datetimes(FIRST, LAST), min_size=1), st.integers(-1439, 1439))
@settings(deadline=None)
def test_times_are_those_of_the_row_reading(times: list[datetime], offset: int) -> None:
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    zones = ["", "Z", f"{sign}{hours:02}:{minutes:02}"]
    texts = [
        t.isoformat(sep, kind) + z for t in times for sep in "T " for kind in ("minutes", "seconds") for z in zones
    ]
    texts += [t.date().isoformat() for t in times]
    found, right = instants(*cells(texts))
    assert right.all()
    assert [EPOCH + timedelta(microseconds=us) for us in found.tolist()] == [read_time(t) for t in texts]


@given(st.lists(st.sampled_from(["", "a", "b", "12345678", "123456789", "12345678b", "1234567", "x" * 16, "x" * 17])))
@settings(deadline=None)
def test_repeated_cells(texts: list[str]) -> None:
    expected = [i > 0 and t == texts[i - 1] for i, t in enumerate(texts)]
    assert repeated(*cells(texts)).tolist()[: len(texts)] == expected
