"""Series for the detection tests, written as words: "4.00 4.17 - 3.33", a dash is a missing form.

The constants stand here as literals on purpose: these tests check the policy, not the definitions.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fhir_alliance.detection import policy
from fhir_alliance.model import Change, Detection, Point

WAI = Change(rc90=0.50, rc95=0.60, rc99=0.80, s0=0.33, low=3.0, minimum=1, maximum=5)
SRS = Change(rc90=4.0, rc95=5.0, rc99=6.5, s0=2.2, low=30.0, minimum=0, maximum=40)
START = datetime(2026, 1, 5, 10, tzinfo=UTC)


def points(series: str, *, weeks: float = 1) -> list[Point]:
    """One point per word, weekly; ">" puts more than 90 days before the next."""
    made, at = [], START
    for word in series.split():
        if word == ">":
            at += timedelta(days=90, seconds=1) - timedelta(weeks=weeks)
            continue
        made.append(Point(at, None if word == "-" else float(word), source=f"response-{len(made) + 1}"))
        at += timedelta(weeks=weeks)
    return made


def detect(
    series: str,
    change: Change = WAI,
    *,
    preset: str = "balanced",
    cutoff: float | None = None,
    as_of: datetime | None = None,
) -> Detection:
    """What the policy says of a series in words."""
    return policy(preset=preset).run(points(series), change, cutoff=cutoff, as_of=as_of)


def events(series: str, change: Change = WAI, **options: object) -> list[tuple[str, int, int]]:
    """(kind, index, level) of every event."""
    found = detect(series, change, **options)  # type: ignore[arg-type]
    return [(e.kind, e.index, e.level) for e in found.events]
