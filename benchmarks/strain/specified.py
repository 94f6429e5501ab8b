"""The default policy as the clinical specification 2.6 prints it (4,000 clients, 16 sessions), and measured anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .cells import Json, head, marked, row, titled, with_interval

CLIENTS_THERE = 4000


@dataclass(frozen=True, slots=True)
class Printed:
    """Per 100 scored sessions; by two sessions later, by depth; told repaired at the smallest and the largest depth."""

    false_checkins: float
    false_priority: float
    once: tuple[float, float, float]
    lasting: tuple[float, float, float]
    told_repaired: Mapping[str, tuple[float, float]]


PRINTED = {
    ("wai-sr-c", "balanced"): Printed(
        3.5, 1.0, (0.48, 0.67, 0.86), (0.68, 0.83, 0.91), {"once": (0.94, 0.98), "lasting": (0.24, 0.04)}
    ),
    ("srs-v3", "balanced"): Printed(
        3.3, 1.0, (0.52, 0.72, 0.86), (0.71, 0.85, 0.91), {"once": (0.95, 0.99), "lasting": (0.26, 0.06)}
    ),
    ("wai-sr-c", "sensitive"): Printed(4.9, 1.5, (0.54, 0.69, 0.82), (0.74, 0.84, 0.89), {}),
    ("wai-sr-c", "specific"): Printed(2.5, 0.7, (0.39, 0.61, 0.85), (0.55, 0.76, 0.92), {}),
}
"""By instrument and preset."""


def default(results: Json, policy: str = "alliance-policy/1") -> Iterator[str]:
    """The table of the clinical specification 2.6, printed there and measured anew: each depth, lasting and not."""
    for id, told in results["instruments"].items():
        yield from titled(told)
        yield from head(
            "preset",
            "false check-ins per 100: printed, measured",
            "false priority: printed, measured",
            "strain, points",
            "lasts",
            "seen at onset",
            "by +2: printed, measured",
            "told repaired: printed, measured",
        )
        for r in told["results"]:
            if r["policy"] == policy and r["stratum"] == "all":
                said = PRINTED.get((id, r["preset"]))
                yield from _like_specified(r, said, results["protocol"]["clients"] / CLIENTS_THERE)
        yield ""


def _like_specified(r: Json, said: Printed | None, ratio: float) -> Iterator[str]:
    """One preset; `ratio`: how many times as many clients were measured as are behind what is printed."""
    false, depths = r["false_alarms_per_100"], len(r["by_strain"]) // 2
    for place, strain in enumerate(r["by_strain"]):
        first, depth, lasts = place == 0, place % depths, strain["lasts"]
        seen = getattr(said, lasts)[depth] if said else None
        ends = said.told_repaired.get(lasts) if said else None
        yield row(
            r["preset"] if first else "",
            _beside(said.false_checkins if said else None, false["L2"], ratio, 1) if first else "",
            _beside(said.false_priority if said else None, false["L3"], ratio, 1) if first else "",
            f"{strain['points']:g}",
            {"once": "one session"}.get(lasts, "to the end"),
            with_interval(strain["seen_at_onset"], 2),
            _beside(seen, strain["seen_by_2"], ratio, 2),
            _beside({0: ends[0], depths - 1: ends[1]}.get(depth) if ends else None, _told(strain["repair"]), ratio, 2),
        )


def _beside(printed: float | None, figure: Json, ratio: float, places: int) -> str:
    """What is printed, and what was measured; bold where they differ by more than both errors and the rounding."""
    if printed is None:
        return f"–, {with_interval(figure, 2)}"
    error = (figure["high"] - figure["low"]) / 2 * (1 + ratio) ** 0.5 + 0.5 * 10**-places
    return f"{printed:.{places}f}, {marked(with_interval(figure, 2), abs(printed - figure['estimate']) <= error)}"


def _told(repair: Json) -> Json:
    known: Iterable[Json] = (ends["repaired"] for ends in repair.values() if ends["repaired"]["estimate"] is not None)
    return next(iter(known), {"estimate": None})
