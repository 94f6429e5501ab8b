"""When a form was filled in: precision, zones, plausibility."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from response_forms import NOW, RULES, code, form, read, ruled, settings

from fhir_alliance.fhir.inbound import rules
from fhir_alliance.model import Outcome

BERLIN = ruled(zone=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "at", "effective", "flags"),
    [
        ("2026-03-04T15:20:00Z", "2026-03-04T15:20:00", "2026-03-04T15:20:00Z", ()),
        ("2026-03-04T15:20:00+05:30", "2026-03-04T09:50:00", "2026-03-04T15:20:00+05:30", ()),
        ("2026-03-04T15:20:00-14:00", "2026-03-05T05:20:00", "2026-03-04T15:20:00-14:00", ()),
        ("2026-03-04T15:20:00.1234567Z", "2026-03-04T15:20:00.123456", "2026-03-04T15:20:00.1234567Z", ()),
        ("2026-03-04T15:20Z", "2026-03-04T15:20:00", "2026-03-04T15:20:00Z", ()),
        ("2026-03-04T15:20:60Z", "2026-03-04T15:20:59", "2026-03-04T15:20:59Z", ()),
        ("2026-03-04T15:20:60+01:00", "2026-03-04T14:20:59", "2026-03-04T15:20:59+01:00", ()),
        ("2026-03-04T15:20:00", "2026-03-04T14:20:00", "2026-03-04T15:20:00+01:00", ("tz_assumed",)),
        ("2026-03-04T15:20", "2026-03-04T14:20:00", "2026-03-04T15:20:00+01:00", ("tz_assumed",)),
        ("2026-07-04T15:20:00.5", "2026-07-04T13:20:00.5", "2026-07-04T15:20:00.5+02:00", ("tz_assumed",)),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00", "2026-03-29T02:30:00+01:00", ("tz_assumed",)),  # skipped hour
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00", "2026-10-25T02:30:00+02:00", ("tz_assumed",)),  # doubled hour
        ("2026-03-04", "2026-03-04T11:00:00", "2026-03-04", ("time_unknown",)),
        ("1990-01-01", "1990-01-01T11:00:00", "1990-01-01", ("time_unknown",)),
    ],
)
def test_times_as_given_and_the_instants_that_they_stand_for(
    text: str, at: str, effective: str, flags: tuple[str, ...]
) -> None:
    reading = read(form(authored=text), BERLIN)
    assert reading.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert (reading.authored, reading.effective, reading.flags) == (text, effective, flags)
    assert {s.flags for s in reading.scores} == {flags}


def test_without_a_configured_zone_a_naive_time_is_utc() -> None:
    assert read(form(authored="2026-03-04T15:20:00"), RULES).effective == "2026-03-04T15:20:00+00:00"
    one = settings(endpoint={"main": {"base_url": "http://127.0.0.1:1/fhir", "timezone": "America/New_York"}})
    assert (
        read(form(authored="2026-03-04T15:20:00"), rules(one, None, now=NOW)).effective == "2026-03-04T15:20:00-05:00"
    )


@pytest.mark.parametrize(("text", "why"), [("2026", "imprecise"), ("2026-03", "imprecise"), (None, "missing")])
def test_less_than_a_day_precise_is_set_aside(text: str | None, why: str) -> None:
    assert (read(form(authored=text)).outcome, code(form(authored=text))) == (Outcome.SET_ASIDE, f"authored-{why}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "04/03/2026",
        "2026-3-4",
        "20260304",
        "20260304T152000Z",
        "2026-02-30",
        "2026-13-01",
        "2026-03-04T24:00:00Z",
        "2026-03-04T15:60:00Z",
        "2026-03-04T15:20:61Z",
        "2026-03-04T15Z",
        "2026-03-04 15:20:00Z",
        "2026-03-04t15:20:00z",
        "2026-03-04T15:20:00,5Z",
        "2026-03-04T15:20.5Z",
        "2026-03-04T15:20:00+0100",
        "2026-03-04T15:20:00+15:00",
        "2026-03-04T15:20:00Z\n",
        " 2026-03-04",
        "２０２６-03-04",
        "2026-W10-3",
        "0000-01-01",
        "2026-03-04Z",
    ],
)
def test_outside_the_fhir_pattern_is_set_aside_and_not_repeated(text: str) -> None:
    reading = read(form(authored=text))
    assert reading.code == "authored-invalid"
    assert text == "" or text not in (reading.reason or "")


def test_free_text_in_authored_is_not_given_on() -> None:
    assert read(form(authored="told me on her birthday")).authored is None
    assert read(form(authored="2026")).authored == "2026"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1989-12-31", "authored-implausible"),
        ("1989-12-31T23:59:59Z", "authored-implausible"),
        ("0026-03-04", "authored-implausible"),
        ("1990-01-01T00:00:00+13:00", None),
        ("2026-11-02T12:00:00Z", None),
        ("2026-11-02T12:00:01Z", "authored-implausible"),
        ("2026-11-02T13:00:00+01:00", None),
        ("2026-11-02", None),
        ("2026-11-03", "authored-implausible"),
        ("9999-12-31T23:59:59-14:00", "authored-implausible"),
    ],
)
def test_before_1990_and_more_than_a_day_ahead_is_implausible(text: str, why: str | None) -> None:
    assert code(form(authored=text)) == why


def test_last_updated_is_read_where_it_can_be() -> None:
    def updated(stamp: object) -> datetime | None:
        return read(form(meta={"lastUpdated": stamp})).updated

    assert updated("2026-03-04T15:21:00.123Z") == datetime(2026, 3, 4, 15, 21, 0, 123000, UTC)
    assert updated("2026-03-04T15:21:00.1234567+02:00") == datetime(2026, 3, 4, 13, 21, 0, 123456, UTC)
    assert updated("0001-01-01T00:00:00+14:00") is None
    for useless in (None, 7, "x", "2026", []):
        assert updated(useless) is None
    assert read(form(meta=None)).updated is None


def test_the_clock_of_the_run_is_handed_in() -> None:
    later = ruled(now=NOW + timedelta(days=400))
    assert code(form(authored="2027-11-01")) == "authored-implausible"
    assert code(form(authored="2027-11-01"), later) is None
