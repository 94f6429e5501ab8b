"""The planted series: what detection says of them, and that forms add up to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from fhir_alliance import instruments
from fhir_alliance.demo import answers, clinic, planted
from fhir_alliance.demo.planted import Client, Series
from fhir_alliance.detection import policy, subscale_drops
from fhir_alliance.model import Point
from fhir_alliance.scoring import score

PLAN = planted.plan()
TODAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def every_series() -> Iterator[tuple[Client, Series]]:
    return ((client, series) for client in PLAN.clients for series in client.series)


def exact(instrument: str, total: float) -> float:
    """The score that a form can really have: WAI-SR means are twelfths, in the file to two decimals."""
    return round(total * 12) / 12 if instrument == "wai-sr-c" else total


def points(client: Client, series: Series, totals: list[float | None]) -> list[Point]:
    starts = [clinic.when(client, series.start + i, TODAY)[0] for i in range(len(totals))]
    return [Point(at, total, source=str(i)) for i, (at, total) in enumerate(zip(starts, totals, strict=True), 1)]


def events(client: Client, series: Series, totals: list[float | None]) -> list[tuple[int, str, int]]:
    change = instruments.get(series.instrument).change
    rows = points(client, series, totals)
    told = policy().run(rows, change, cutoff=PLAN.cutoffs.get(series.instrument), as_of=NOW).events
    return [(e.index, e.kind, e.level) for e in told]


@pytest.mark.parametrize(("client", "series"), list(every_series()), ids=lambda x: getattr(x, "id", ""))
def test_every_planted_event_and_no_other(client: Client, series: Series) -> None:
    literal = [e.final for e in series.entries]
    as_scored = [None if t is None else exact(series.instrument, t) for t in literal]
    assert events(client, series, literal) == list(series.events)
    assert events(client, series, as_scored) == list(series.events)


@pytest.mark.parametrize(
    ("client", "series"), [(c, s) for c, s in every_series() if s.withdrawn], ids=lambda x: getattr(x, "id", "")
)
def test_a_retracted_form_had_raised_what_is_withdrawn(client: Client, series: Series) -> None:
    before = max(i for i, e in enumerate(series.entries) if e.retracted) + 1
    assert events(client, series, [e.total for e in series.entries[:before]]) == list(series.withdrawn)


def given(series: Series, session: int) -> dict[int, float]:
    entry = series.entries[session - series.start]
    assert entry.total is not None
    if series.instrument == "srs-v3":
        return answers.srs(entry.total, session)
    return answers.wai_sr(entry.total, session, answered=entry.answered, bond=entry.bond)


@pytest.mark.parametrize(("client", "series"), list(every_series()), ids=lambda x: getattr(x, "id", ""))
def test_answers_score_to_the_literal_total(client: Client, series: Series) -> None:
    instrument = instruments.get(series.instrument)
    places = instrument.scale("total").places
    for session, entry in enumerate(series.entries, series.start):
        if entry.total is None:
            continue
        scores, unscored = score(instrument, given(series, session))
        total = next(s for s in scores if s.scale == "total")
        assert not unscored
        assert round(total.value, places) == entry.total
        assert total.answered == (entry.answered or total.items)


@pytest.mark.parametrize(("client", "series"), list(every_series()), ids=lambda x: getattr(x, "id", ""))
def test_subscales_fall_where_it_is_planted_and_nowhere_else(client: Client, series: Series) -> None:
    instrument = instruments.get(series.instrument)
    by_scale: dict[str, list[float | None]] = {s.id: [] for s in instrument.scales}
    for session, entry in enumerate(series.entries, series.start):
        scored = {} if entry.final is None else {s.scale: s.value for s in score(instrument, given(series, session))[0]}
        for scale, values in by_scale.items():
            values.append(scored.get(scale))
    told = policy().run(points(client, series, by_scale["total"]), instrument.change)
    scales = {scale: points(client, series, values) for scale, values in by_scale.items() if scale != "total"}
    found = [(e.index, e.scale) for e in subscale_drops(scales, told, instrument)]
    assert found == list(series.subscale_drops)


def test_the_clinic_has_what_it_is_there_to_show() -> None:
    kinds = {kind for _, s in every_series() for _, kind, _ in s.events}
    notes = {e.note for _, s in every_series() for e in s.entries}
    assert kinds == {
        *("drop", "early-step", "low-early", "persisting", "repaired", "unrepaired"),
        *("expired", "cooldown", "ceiling", "slow-fall", "cut-off"),
    }
    assert notes == {"", *planted.NO_SCORE}
    assert len(PLAN.clients) >= 40
    assert len(PLAN.practitioners) >= 4
    assert all(6 <= client.sessions <= 16 for client in PLAN.clients)
    assert {c.kind.split(",")[0] for c in PLAN.clients} >= {
        *("steady", "volatile", "ceiling", "strain repaired", "strain not repaired", "early low"),
    }
    for oddity in ("missing forms", "no-shows", "one amended", "one entered in error", "partly answered"):
        assert any(oddity in c.kind for c in PLAN.clients), oddity


def test_strains_of_these_weeks_are_recent_enough_to_be_pushed_on_any_day() -> None:
    recent = {c.id: s for c, s in every_series() if c.id <= "client-10"}
    for offset in range(7):
        today = TODAY + timedelta(days=offset)
        for client in PLAN.clients:
            if client.id not in recent:
                continue
            for index, kind, _ in recent[client.id].events:
                if kind in {"drop", "low-early"}:
                    start, _ = clinic.when(client, index, today, hour=18)
                    assert timedelta(0) < datetime.combine(today, datetime.min.time(), UTC) - start
                    assert datetime.combine(today, datetime.max.time(), UTC) - start < timedelta(days=21)
