"""Shadow mode: what would have been written on a site's history, and when, had the program run all along. Pure.

No policy looks ahead, so what it says of a score today is what it would have said on the day. As in
`sync`, a dyad has one open alert at a time, and nobody is called where there is no clinician to call;
the age of a score plays no part, for every score was new once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .derive import SeriesStory, Strain, strains
from .detection import STRAINS
from .model import UNASSIGNED, Event


@dataclass(frozen=True, slots=True)
class Would:
    """One write that did not happen. `kind` of an Observation: instrument and scale; of an alert: what it is about."""

    type: str
    patient: str
    practitioner: str
    at: datetime
    kind: str
    level: int = 0

    def to_json(self) -> dict[str, Any]:
        """As `sync --shadow --json` lists it."""
        named = {"type": self.type, "patient": self.patient, "practitioner": self.practitioner}
        return named | {"at": self.at.isoformat(), "kind": self.kind} | ({"level": self.level} if self.level else {})


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a committee wants to see before the first write.

    sessions  scored sessions in which a client rated the alliance
    alerts    "L2": every call of a clinician; "L3": severe ones from the start, and those that became so
    weekly    calls of each clinician in each week in which one of their clients was scored
    unheard   strains for which there was nobody to call, or another alert of the dyad was open
    """

    sessions: int
    alerts: Mapping[str, int]
    weekly: tuple[int, ...]
    unheard: Mapping[str, int]
    would_write: tuple[Would, ...]

    def text(self) -> str:
        """For a person; `--json` lists every write."""
        week = self.to_json()["per_clinician_week"]
        lines = [f"Shadow: nothing was written. {self.sessions} scored sessions rated by clients."]
        for level, title in (("L2", "check-ins"), ("L3", "of priority")):
            per = self._per_100(self.alerts[level])
            lines.append(f"  {title:<12} {self.alerts[level]}" + (f"  ({per:g} per 100 sessions)" if per else ""))
        lines.append(
            f"  per clinician and week of sessions: median {week['median']:g}, 90 % at most {week['p90']:g}, "
            f"most {week['max']}"
        )
        lines += [f"  {n} not raised: {why}" for why, n in sorted(self.unheard.items())]
        scores = sum(w.type == "Observation" for w in self.would_write)
        return "\n".join([*lines, f"  {scores} scores would have been written."])

    def to_json(self) -> dict[str, Any]:
        """The contract of `--shadow --json`."""
        return {
            "sessions": self.sessions,
            "alerts": dict(self.alerts),
            "per_100_sessions": {level: self._per_100(n) for level, n in self.alerts.items()},
            "per_clinician_week": {
                "median": quantile(self.weekly, 0.5),
                "p90": quantile(self.weekly, 0.9),
                "max": max(self.weekly, default=0),
            },
            "unheard": dict(self.unheard),
            "would_write": [w.to_json() for w in self.would_write],
        }

    def _per_100(self, number: int) -> float | None:
        return round(100 * number / self.sessions, 2) if self.sessions else None


def shadow(told: Iterable[SeriesStory], *, alert_type: str = "Task", pool: str = "") -> Shadow:
    """The whole history of an endpoint, from all of its series."""
    series = list(told)
    writes, rated = [], []
    for story in series:
        counts = story.instrument.highest_level(story.key.rater) == 3
        for a in story.assessments:
            writes += [
                Would("Observation", a.patient, a.practitioner, a.at, f"{a.instrument}-{s.scale}") for s in a.scores
            ]
            if counts and a.score("total"):
                rated.append((a.practitioner, a.at))
    by_patient: dict[str, list[SeriesStory]] = {}
    for story in series:
        by_patient.setdefault(story.key.patient, []).append(story)
    calls: list[Would] = []
    unheard: Counter[str] = Counter()
    for stories in by_patient.values():
        calls += _calls(strains(stories), alert_type, pool, unheard)
    first = [w for w in calls if w.kind != "persisting"]
    return Shadow(
        sessions=len(rated),
        alerts={"L2": len(first), "L3": sum(w.level == 3 for w in calls)},
        weekly=_weekly(rated, first),
        unheard=unheard,
        would_write=tuple(sorted([*writes, *calls], key=lambda w: (w.at, w.patient, w.type, w.kind))),
    )


def _calls(found: Sequence[Strain], type: str, pool: str, unheard: Counter[str]) -> list[Would]:
    """Calls about one patient, oldest first."""
    open_until: dict[tuple[str, str], datetime | None] = {}
    calls = []
    for s in found:
        onset, whom = s.episode.onset, s.key.practitioner if s.key.practitioner != UNASSIGNED else pool
        if not whom:
            unheard["no single treating practitioner"] += 1
            continue
        until = open_until.get(s.dyad, onset.at)
        if until is None or until > onset.at:
            unheard["another alert of this dyad was open"] += 1
            continue
        calls.append(_call(type, s, whom, onset))
        if s.episode.worsened:
            calls.append(_call(type, s, whom, s.episode.worsened))
        if s.episode.kind in STRAINS:
            open_until[s.dyad] = s.episode.close.at if s.episode.close else None
    return calls


def _call(type: str, s: Strain, whom: str, event: Event) -> Would:
    return Would(type, s.key.patient, whom, event.at, event.kind, event.level)


def _weekly(rated: Iterable[tuple[str, datetime]], calls: Iterable[Would]) -> tuple[int, ...]:
    weeks: dict[tuple[str, int, int], int] = {}
    for practitioner, at in rated:
        year, week, _ = at.isocalendar()
        if practitioner != UNASSIGNED:
            weeks.setdefault((practitioner, year, week), 0)
    for call in calls:
        year, week, _ = call.at.isocalendar()
        weeks[call.practitioner, year, week] = weeks.get((call.practitioner, year, week), 0) + 1
    return tuple(sorted(weeks.values()))


def quantile(ordered: Sequence[int], share: float) -> float:
    """Of sorted numbers, linear between neighbours; 0 of none."""
    if not ordered:
        return 0.0
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (place - below) * (ordered[above] - ordered[below]), 2)
