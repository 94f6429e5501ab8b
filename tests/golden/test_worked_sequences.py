"""Worked sequences W1-W7, S1, S2 of the clinical specification 5.3, event by event.

Numbers are rounded as printed there; a dash is a form that was not returned.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fhir_alliance.detection import policy
from fhir_alliance.instruments import get
from fhir_alliance.model import Detection, Point

WAI, SRS = get("wai-sr-c"), get("srs-v3")

W1 = "4.00 4.17 4.08 4.25 4.17 3.33 4.17 4.25"
W2 = "4.75 4.83 4.83 4.83 4.83 4.42 4.83"
W3 = "3.00 4.25 3.25 4.50 3.08 4.33 3.00"
W4 = "4.25 4.17 4.33 4.25 3.42 - 3.33 3.42 3.50"
W5 = "4.50 3.58 4.33 4.50"
W6 = "2.75 2.92 2.83 3.00"
W7 = "5 5 5 5 4.92 3.83 4.92"
S1 = "37.2 38.0 37.6 38.4 31.9 37.0 38.1"
S2 = "34.1 33.8 34.6 34.0 33.5 34.4"

# kind, index, level, and of what the specification prints: B, z, drop
EXPECTED = {
    "W1": (WAI, W1, [("drop", 6, 2, 4.134, 2.79, 0.80), ("repaired", 7, 0)]),
    "W2": (WAI, W2, []),
    "W3": (WAI, W3, [("early-step", 3, 2, 4.25, None, 1.00), ("repaired", 4, 0)]),
    "W4": (
        WAI,
        W4,
        [("drop", 5, 2, None, 2.73, None), ("persisting", 7, 3, None, 3.02, None), ("unrepaired", 9, 0)],
    ),
    "W5": (WAI, W5, [("early-step", 2, 2, 4.50, None, 0.92), ("repaired", 3, 0)]),
    "W6": (WAI, W6, [("low-early", 3, 2)]),
    "W7": (WAI, W7, [("ceiling", 5, 1), ("drop", 6, 3, 4.984, 4.11, 1.15), ("repaired", 7, 0)]),
    "S1": (SRS, S1, [("drop", 5, 2, 37.8, 2.90, 5.9), ("repaired", 6, 0)]),
    "S2": (SRS, S2, []),
}


def detect(series: str, instrument: str = "wai-sr-c", **options: float) -> Detection:
    start = datetime(2026, 1, 5, 10, tzinfo=UTC)
    points = [
        Point(start + timedelta(weeks=i), None if word == "-" else float(word)) for i, word in enumerate(series.split())
    ]
    return policy().run(points, get(instrument).change, **options)


@pytest.mark.parametrize("name", EXPECTED)
def test_event_by_event(name: str) -> None:
    instrument, series, expected = EXPECTED[name]
    events = detect(series, instrument.id).events
    assert [(e.kind, e.index, e.level) for e in events] == [e[:3] for e in expected]
    for event, (_, _, _, *numbers) in zip(events, expected, strict=True):
        printed = [n for n in numbers if n is not None]
        found = zip((event.baseline, event.z, event.drop), numbers, (3, 2, 2), strict=False)
        assert [round(v, places) for v, n, places in found if n is not None and v is not None] == printed


@pytest.mark.parametrize(
    ("series", "instrument", "index", "sigma"),
    [(W1, "wai-sr-c", 6, 0.263), (S1, "srs-v3", 5, 1.821)],
)
def test_shrunken_sd_at_the_onset(series: str, instrument: str, index: int, sigma: float) -> None:
    (episode,) = detect(series, instrument).episodes
    assert (episode.onset.index, round(episode.sigma or 0, 3)) == (index, sigma)


@pytest.mark.parametrize(
    ("before", "threshold", "step", "instrument"),
    [
        ("4.00 4.17 4.08 4.25 4.17 3.33", 3.93, 0.01, "wai-sr-c"),  # W1
        ("3.00 4.25 3.25", 4.00, 0.01, "wai-sr-c"),  # W3
        ("4.50 3.58", 4.27, 0.01, "wai-sr-c"),  # W5
        ("5 5 5 5 4.92 3.83", 4.70, 0.01, "wai-sr-c"),  # W7
        ("37.2 38.0 37.6 38.4 31.9", 36.33, 0.01, "srs-v3"),  # S1
    ],
)
def test_recovery_thresholds(before: str, threshold: float, step: float, instrument: str) -> None:
    """ "s7 >= 3.93 -> repaired": one rounding step above recovers, one below does not."""
    above, below = (detect(f"{before} {threshold + sign * step}", instrument) for sign in (1, -1))
    assert above.events[-1].kind == "repaired"
    assert "repaired" not in {e.kind for e in below.events}


def test_w2_and_w3_stay_quiet_for_the_printed_reasons() -> None:
    """W2 s6: z 1.40, drop .39. W3 s5: drop .84, z 1.47; s7: drop .83, z 1.44."""
    for series, index, z, drop in [(W2, 6, 1.40, 0.39), (W3, 5, 1.47, 0.84), (W3, 7, 1.44, 0.83)]:
        step = detect(series).steps[index - 1]
        assert step.baseline is not None
        assert step.spread is not None
        assert round((step.baseline - step.value) / step.spread, 2) == z
        assert round(step.baseline - step.value, 2) == drop


def test_w4_begins_anew_from_the_last_three_scores() -> None:
    step = detect(W4 + " 3.4").steps[-1]
    assert [p.value for p in step.base] == [3.33, 3.42, 3.50]


def test_s2_is_noticed_only_where_the_site_entered_a_cut_off() -> None:
    events = detect(S2, "srs-v3", cutoff=36.0).events
    assert [(e.kind, e.index, e.level) for e in events] == [("cut-off", 1, 1)]
