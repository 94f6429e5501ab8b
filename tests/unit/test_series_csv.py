"""Reading a series file: what is read, what is set aside with which reason, and what that leaves alone."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strain_series import WAI

from fhir_alliance.errors import ConfigError
from fhir_alliance.series import SeriesFile, read_series, read_time

CANARY = "Xq-free-text-Zw"


def read(text: str, header: str = "series,at,value\n") -> SeriesFile:
    return read_series((header + text).encode(), WAI)


def values(found: SeriesFile, name: str = "a") -> list[float | None]:
    """Values of a series in the order of time."""
    (series,) = (s for s in found.series if s.name == name)
    return [p.value for p in sorted(series.points, key=lambda p: p.at)]


def reasons(found: SeriesFile) -> list[tuple[str | None, str | None, str]]:
    return [(p.series, p.at, p.reason) for p in found.problems]


# -- what is read --------------------------------------------------------------------------------


def test_rows_in_any_order_extra_columns_and_other_column_order() -> None:
    found = read_series(b"note,Value, AT ,series,x\nhi,4.2,2026-01-12,a,1\n,,2026-01-19,a,\nyo,4,2026-01-05,a,2\n", WAI)
    assert values(found) == [4.0, 4.2, None]
    assert found.problems == ()


def test_byte_order_mark_line_ends_blank_lines_and_quotes() -> None:
    found = read_series(b'\xef\xbb\xbfseries,at,value\r\n\r\n"a, b",2026-01-05,"4"\r\n,,\r\n', WAI)
    assert [(s.name, len(s.points)) for s in found.series] == [("a, b", 1)]
    assert found.problems == ()


def test_a_note_may_span_lines() -> None:
    found = read('a,2026-01-05,4,"one\ntwo"\na,2026-01-12,4.1,\n', "series,at,value,note\n")
    assert values(found) == [4, 4.1]


def test_series_come_sorted_by_name() -> None:
    found = read("b,2026-01-05,4\na,2026-01-05,4\nC,2026-01-05,4\n")
    assert [s.name for s in found.series] == ["C", "a", "b"]


def test_at_is_kept_as_given() -> None:
    (series,) = read("a,2026-01-05T10:00:00+02:00,4\na,20260112,4\n").series
    assert [series.given[p.source] for p in series.points] == ["2026-01-05T10:00:00+02:00", "20260112"]


def test_times_are_compared_as_instants() -> None:
    found = read("a,2026-01-05T09:00:00+02:00,1\na,2026-01-05T08:00:00Z,2\na,2026-01-05T08:30:00,3\n")
    assert values(found) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        ("20260105", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-W02-1", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-01-05T10:30", datetime(2026, 1, 5, 10, 30, tzinfo=UTC)),
        ("2026-01-05 10:30:15.250", datetime(2026, 1, 5, 10, 30, 15, 250_000, tzinfo=UTC)),
        ("2026-01-05t10:30z", datetime(2026, 1, 5, 10, 30, tzinfo=UTC)),
        ("2026-01-05T10:30+05:30", datetime(2026, 1, 5, 10, 30, tzinfo=timezone(timedelta(hours=5.5)))),
    ],
)
def test_times_that_are_read(text: str, instant: datetime) -> None:
    assert read_time(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-01",
        "05.01.2026",
        "1/5/2026",
        "2026-13-01",
        "2026-02-30",
        "2026-01-05T25:00",
        "2026-01-05x10:30",
        "yesterday",
        "2026-01-05T10:30+99:00",
        "0001-01-01T00:00+14:00",
        "٢٠٢٦-٠١-٠٥",
        "2026-01-05T10:30 Europe/Berlin",
    ],
)
def test_times_that_are_not(text: str) -> None:
    assert read_time(text) is None


# -- what is set aside ---------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["four", "NaN", "4,1", "4.1.1", "1_0", "0x4", "٤", "true", CANARY, "--4", "."])
def test_a_value_that_is_no_number_keeps_its_place_as_a_missing_form(cell: str) -> None:
    found = read(f'a,2026-01-05,4\na,2026-01-12,"{cell}"\na,2026-01-19,4.2\nb,2026-01-05,3\n')
    assert values(found) == [4, None, 4.2]
    assert values(found, "b") == [3]
    assert reasons(found) == [("a", "2026-01-12", "line 3: the value is not a number")]


@pytest.mark.parametrize("cell", ["0.9", "5.1", "-4", "1e400", "-1e400", "9" * 400])
def test_a_value_outside_the_scale_keeps_its_place_as_a_missing_form(cell: str) -> None:
    found = read(f"a,2026-01-05,4\na,2026-01-12,{cell}\n")
    assert values(found) == [4, None]
    assert reasons(found) == [("a", "2026-01-12", "line 3: the value is outside the range of the scale, 1 to 5")]


@pytest.mark.parametrize("cell", ["1", "5", "5.0000000000000009", "4.166666666666667", "4.", "+4", ".4e1"])
def test_values_are_taken_as_given(cell: str) -> None:
    assert values(read(f"a,2026-01-05,{cell}\n")) == [float(cell)]


def test_a_time_that_cannot_be_read_has_no_place() -> None:
    found = read(f"a,2026-01-05,4\na,{CANARY},4.1\na,2026-01-19,4.2\n")
    assert values(found) == [4, 4.2]
    assert reasons(found) == [("a", None, "line 3: the time is not an ISO 8601 date or date-time")]


def test_equal_times_in_one_series_set_all_of_them_aside() -> None:
    found = read("a,2026-01-05T02:00+02:00,4\nb,2026-01-05,3\na,2026-01-05,4.5\na,2026-01-12,4.1\n")
    assert values(found) == [None, None, 4.1]
    assert values(found, "b") == [3]
    assert reasons(found) == [
        ("a", "2026-01-05T02:00+02:00", "lines 2, 4: the same time in one series; none of them is used")
    ]


def test_a_row_without_series_is_nobodys() -> None:
    found = read(",2026-01-05,4\na,2026-01-05,4\n")
    assert reasons(found) == [(None, None, "line 2: no series, or one that is not UTF-8 text")]
    assert values(found) == [4]


def test_a_decimal_comma_is_not_read_as_its_whole_part() -> None:
    found = read("a,2026-01-05,4,17\na,2026-01-12,4.1\n")
    assert values(found) == [None, 4.1]
    assert reasons(found) == [("a", "2026-01-05", "line 2: more cells than the header")]


def test_a_row_of_the_wrong_length_whose_cells_moved_names_no_series() -> None:
    found = read_series(b"value,at,series\n4,17,2026-01-05,a\n4.1\n", WAI)
    assert found.series == ()
    assert reasons(found) == [
        (None, None, "line 2: more cells than the header"),
        (None, None, "line 3: fewer cells than the header"),
    ]


@pytest.mark.parametrize(
    "broken",
    ['b,2026-01-05,"4', 'b,2026-01-05,"4"1', '"b,2026-01-05,4', 'b,"2026-01-05,4'],
)
def test_a_broken_quotation_costs_its_own_line_only(broken: str) -> None:
    found = read(f"a,2026-01-05,4\n{broken}\na,2026-01-12,4.1\nc,2026-01-05,3\n")
    assert values(found) == [4, 4.1]
    assert values(found, "c") == [3]
    assert reasons(found) == [(None, None, "line 3: a quotation mark in the wrong place")]


def test_many_broken_quotations_are_read_in_reasonable_time() -> None:
    found = read('b,2026-01-05,"4\n' * 20_001)
    assert len(found.problems) == 20_001


def test_names_that_are_not_utf8_are_set_aside_not_merged() -> None:
    found = read_series(b"series,at,value\nM\xfcller,2026-01-05,4\nM\xe4ller,2026-01-05,4\na,2026-01-05,4\n", WAI)
    assert [s.name for s in found.series] == ["a"]
    assert len(found.problems) == 2


def test_reasons_never_quote_a_cell() -> None:
    found = read(
        f'a,{CANARY},4\na,2026-01-05,{CANARY}\na,2026-01-06,"{CANARY}\n{CANARY},{CANARY}\nb,2026-01-05,4,{CANARY}\n'
    )
    assert len(found.problems) == 5
    assert not [p for p in found.problems if CANARY in p.reason]


# -- files of another shape ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"series,at\na,2026-01-05\n",
        b"series;at;value\na;2026-01-05;4\n",
        b"a,2026-01-05,4\n",
        b"series,at,value,value\n",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        "series,at,value\n".encode("utf-16"),
        b"[1, 2]",
    ],
)
def test_a_file_without_the_columns_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(ConfigError, match="columns series,at,value"):
        read_series(data, WAI)


def test_a_header_alone_is_an_empty_file() -> None:
    assert read("") == SeriesFile((), ())


# -- NDJSON --------------------------------------------------------------------------------------


def test_ndjson_rows() -> None:
    found = read_series(
        b'{"series":"a","at":"2026-01-12","value":4.5,"x":1}\n\n{"series":"a","at":"2026-01-05","value":null}\n', WAI
    )
    assert values(found) == [None, 4.5]
    assert found.problems == ()


@pytest.mark.parametrize(
    "row",
    [
        '{"series":"a","at":"2026-01-05"}',
        '{"series":"a","at":"2026-01-05","value":"4"}',
        '{"series":"a","at":"2026-01-05","value":""}',
        '{"series":"a","at":"2026-01-05","value":true}',
        '{"series":"a","at":"2026-01-05","value":[4]}',
        '{"series":"a","at":"2026-01-05","value":NaN}',
        '{"series":"a","at":"2026-01-05","value":1' + "0" * 400 + "}",
        '{"series":"a","at":5,"value":4}',
        '{"series":7,"at":"2026-01-05","value":4}',
        '{"series":"\\ud800","at":"2026-01-05","value":4}',
        "[" * 100_000,
        "4",
        "{",
    ],
)
def test_ndjson_rows_that_are_set_aside(row: str) -> None:
    found = read_series(f'{{"series":"b","at":"2026-01-05","value":4}}\n{row}\n'.encode(), WAI)
    assert values(found, "b") == [4]
    assert [p.reason.startswith("line 2: ") for p in found.problems] == [True]
    assert all(p.value is None for s in found.series if s.name == "a" for p in s.points)


# -- for any input -------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_series(b"series,at,value\n" + data, WAI)
        read_series(b"{" + data, WAI)
    except ConfigError:
        pytest.fail("the header was there")


@given(st.permutations(list(range(8))), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(order: list[int], chance: random.Random) -> None:
    rows = [f"{chance.choice('ab')},2026-01-{day + 1:02},4.{day}" for day in range(8)]
    found, again = (read("\n".join(rows[i] for i in way)) for way in (range(8), order))
    names = [s.name for s in found.series]
    assert [s.name for s in again.series] == names
    assert [values(found, n) for n in names] == [values(again, n) for n in names]
