"""Shadow mode: what would have been written on a site's history, and when, had the program run all along. Pure.

Scores are planned as in any pass, each at its session; alerts are played through (`replay`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any

from .alerting import BUSY, plan_alerts
from .corroboration import Missed
from .decide import Rulebook
from .derive import SeriesStory, strains
from .filing import filed
from .past import Past, by_patient
from .plan import Action, Op, score_contents
from .replay import Replay, Would

EARLY = "before alerts.since"
CLOSED = "closed while it waited for another day"
WAITS = "still waits for another day"


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a committee wants to see before the first write.

    sessions  scored sessions in which a client rated the alliance, since alerts.since
    alerts    "L2": every call of a clinician; "L3": severe ones from the start, and those that became so
    weekly    calls of each clinician in each week in which one of their clients was scored
    unheard   strains that would have called nobody, by reason
    """

    sessions: int = 0
    alerts: Mapping[str, int] = field(default_factory=lambda: {"L2": 0, "L3": 0})
    weekly: tuple[int, ...] = ()
    unheard: Mapping[str, int] = field(default_factory=dict)
    would_write: tuple[Would, ...] = ()

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
        counts = Counter(f"{w.type} {w.op}" for w in self.would_write)
        said = ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) or "nothing"
        return "\n".join([*lines, f"  would have been written: {said}"])

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
            "would_write": [_line(w) for w in self.would_write],
        }

    def _per_100(self, number: int) -> float | None:
        return round(100 * number / self.sessions, 2) if self.sessions else None


def _line(w: Would) -> dict[str, Any]:
    named = {"type": w.type, "op": str(w.op), "patient": w.patient or None, "practitioner": w.practitioner}
    return named | {"at": w.at.isoformat(), "kind": w.kind} | ({"level": w.level} if w.level else {})


def shadow(
    told: Iterable[SeriesStory],
    rules: Rulebook,
    *,
    most: int,
    zone: tzinfo,
    changes: Callable[[Action], bool],
    missed: Iterable[Missed] = (),
) -> Shadow:
    """The whole history of an endpoint, from all of its series; the rest as in `Replay`."""
    pasts = by_patient(told, missed)
    played = Replay(pasts, rules, most, zone, changes).play()
    scores = [w for past in pasts.values() for w in _scores(past, rules)]
    since = rules.alerts.since
    rated = [
        (rules.alerts.owner(a.practitioner), a.at)
        for past in pasts.values()
        for story in past.stories
        if story.instrument.highest_level(story.key.rater) == 3
        for a in story.assessments
        if a.score("total") and (since is None or a.at >= since)
    ]
    return Shadow(
        sessions=len(rated),
        alerts={"L2": len(played.called), "L3": len(played.urgent)},
        weekly=_weekly(rated, played.called.values(), zone),
        unheard=Counter(why for past in pasts.values() for why in _unheard(past, played)),
        would_write=tuple(sorted([*scores, *played.writes], key=lambda w: (w.at, w.patient, w.type, w.kind))),
    )


def _scores(past: Past, rules: Rulebook) -> Iterator[Would]:
    """Scores as they are filed, each at its session."""
    if not rules.write_scores:
        return
    assessments = {a.response: a for story in past.stories for a in story.assessments}
    inferred = rules.alerts.inferred_encounter
    flat = score_contents(assessments.values(), rules.instruments, rules.keys, inferred_encounter=inferred)
    for content in filed(flat, rules.filing, rules.keys)[0].values():
        a = assessments[content.response]
        kind = f"{content.instrument}-{content.scale}"
        yield Would("Observation", Op.CREATE, a.patient, a.practitioner, a.at, kind)


def _unheard(past: Past, played: Replay) -> Iterator[str]:
    """Why strains would have called nobody."""
    keys, alerts = played.rules.keys, played.rules.alerts
    for final in strains(past.stories):
        key, onset = keys.alert(*final.dyad, final.assessment.response), final.episode.onset.at
        if key in played.called:
            continue
        if key in played.waited:
            yield WAITS if key in played.waiting else CLOSED
        elif alerts.since is not None and onset < alerts.since:
            yield EARLY
        else:
            then = next(s for s in past.strains(onset) if (s.key, s.assessment) == (final.key, final.assessment))
            _, silent = plan_alerts("Task", [then], (), keys, replace(alerts, now=onset))
            yield next(iter(silent), BUSY)


def _weekly(rated: Iterable[tuple[str, datetime]], calls: Iterable[Would], zone: tzinfo) -> tuple[int, ...]:
    weeks: dict[tuple[str, int, int], int] = {}
    for whom, at in rated:
        if whom:
            weeks.setdefault(_week(whom, at, zone), 0)
    for call in calls:
        week = _week(call.practitioner, call.at, zone)
        weeks[week] = weeks.get(week, 0) + 1
    return tuple(sorted(weeks.values()))


def _week(whom: str, at: datetime, zone: tzinfo) -> tuple[str, int, int]:
    year, week, _ = at.astimezone(zone).isocalendar()
    return whom, year, week


def quantile(ordered: Sequence[int], share: float) -> float:
    """Of sorted numbers, linear between neighbours; 0 of none."""
    if not ordered:
        return 0.0
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (place - below) * (ordered[above] - ordered[below]), 2)
