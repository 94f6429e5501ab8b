"""What a chart shows, as plain rows for every layer: no drawing library here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil

from .detection import STRAINS, time_order
from .detection.following import Following
from .model import Change, Detection, Episode, EpisodeState, Event, Point, Step
from .sparkline import window
from .wording import day, regained

DAY = 86_400_000
PERSONAL = 3
"""From so many baseline scores on, the usual score and its limit are drawn."""

USUAL = "usual"
UNDRAWN = frozenset({"before", "cut-off", "compared"})
"""Comparisons whose own line would say nothing: the score before is drawn already, the cut-off is the limit,
and what changes its kind is no line."""

_MOST_DATES = 8
_LABEL_ROOM = 0.10
_SHARE = 3 / 8
_FALLS = STRAINS | {"low-early", "persisting"}

Row = dict[str, float | int | str]


class View:
    """The rows of every layer of one chart. Times are milliseconds of the sessions' own clocks.

    compared  what the policy compares scores with, in a word: "usual", "before", "best", "mean", "cut-off" …
    """

    def __init__(
        self, points: Sequence[Point], detection: Detection, change: Change, places: int, compared: str = USUAL
    ) -> None:
        self.compared = compared
        self._points = sorted(points, key=time_order)
        self._detection = detection
        self._places = places
        self._steps = detection.steps
        limits = [s.limit for s in self._steps if s.limit is not None and (self._personal(s) or s.in_episode)]
        self._low, self._high = window(change, [*(s.value for s in self._steps), *limits], _SHARE)
        self._tick = (change.maximum - change.minimum) / 8
        times = [wall(p.at) for p in self._points] or [0]
        self._first, self._last = min(times[0], times[-1] - 7 * DAY), times[-1]
        self._span = self._last - self._first

    # -- the two scales ----------------------------------------------------------------------

    def times(self) -> list[int]:
        """Domain of the time axis, with room for labels on the right."""
        return [round(self._first - 0.03 * self._span), round(self._last + (0.03 + _LABEL_ROOM) * self._span)]

    def right(self) -> int:
        """Where bands and lines end that reach to now."""
        return round(self._last + 0.03 * self._span)

    def values(self) -> list[float]:
        """Domain of the value axis: footroom for a number, headroom for the word over a band."""
        room = self._high - self._low
        return [self._low - 0.10 * room, self._high + 0.15 * room]

    def ticks(self) -> list[float]:
        """Labelled values of the scale."""
        count = round((self._high - self._low) / self._tick)
        return [self._high - i * self._tick for i in range(0, count + 1, ceil(count / 6) or 1)]

    def grid(self) -> list[Row]:
        """A line for each labelled value, up to where the labels on the right begin."""
        left, right = self.times()[0], self.right()
        return [{"t": t, "v": v, "run": v} for v in self.ticks() for t in (left, right)]

    def dates(self) -> list[Row]:
        """Sessions whose date is written: first, last, and even steps between, not crowded."""
        every = ceil(len(self._points) / _MOST_DATES) or 1
        rows: list[Row] = []
        year = None
        for point in self._points[::every]:
            t = wall(point.at)
            if rows and t - int(rows[-1]["t"]) < self._span / (_MOST_DATES + 1):
                continue
            text = f"{point.at.day} {point.at:%b}"
            rows.append({"t": t, "text": text, "year": "" if point.at.year == year else str(point.at.year)})
            year = point.at.year
        return rows

    # -- layers ------------------------------------------------------------------------------

    def scores(self) -> list[Row]:
        """Every score; `run` changes where a form is missing or a long gap lies between."""
        rows: list[Row] = []
        run, previous = 1, 0
        for number, step in enumerate(self._steps):
            run += step.index != previous + 1 or (number > 0 and _apart(self._steps[number - 1], step))
            previous = step.index
            rows.append({"t": wall(step.at), "v": step.value, "run": run})
        return rows

    def dots(self) -> list[Row]:
        """The scores that no mark stands for."""
        marked = {row["t"] for row in self.marks()}
        return [row for row in self.scores() if row["t"] not in marked]

    def bridges(self) -> list[Row]:
        """The scores on both sides of missing forms, to be joined faintly; not across a long gap."""
        rows: list[Row] = []
        for before, after in pairwise(self._steps):
            if after.index != before.index + 1 and not _apart(before, after):
                rows += [{"t": wall(s.at), "v": s.value, "run": after.index} for s in (before, after)]
        return rows

    def missing(self) -> list[Row]:
        """Rows without a usable score."""
        scored = {step.index for step in self._steps}
        return [{"t": wall(p.at)} for i, p in enumerate(self._points, 1) if i not in scored]

    def usual(self) -> list[Row]:
        """The baseline, where it is personal; nothing where the comparison has no line of its own."""
        if self.compared in UNDRAWN:
            return []
        return self._level(lambda s: s.baseline if self._personal(s) else None)

    def limit(self) -> list[Row]:
        """The score that would fire, in the same places and in every episode."""
        return self._level(lambda s: s.limit if self._personal(s) or s.in_episode else None)

    def bands(self) -> list[Row]:
        """Episodes from onset to close, with a word on how they stand."""
        return [
            {
                "from": max(wall(e.onset.at) - self._half_session(), self.times()[0]),
                "to": self._band_end(e),
                "state": str(e.state),
                "word": _word(e),
            }
            for e in self._detection.episodes
            if e.kind != "low-early"
        ]

    def marks(self) -> list[Row]:
        """Onsets and closes at their scores; onsets with the score as text."""
        scored = {(s.index, s.at) for s in self._steps}
        events = [e for e in self._detection.events if (e.index, e.at) in scored]
        return [row for e in events if (row := self._mark(e))]

    def _mark(self, event: Event) -> Row | None:
        at: Row = {"t": wall(event.at), "v": event.value, "text": ""}
        if event.kind in _FALLS:
            named = "" if event.kind == "persisting" else f"{event.value:.{self._places}f}"
            text = f"{named} low start" if event.kind == "low-early" else named
            return at | {"what": "fall", "text": text}
        if event.kind == "repaired":
            return at | {"what": "recovery"}
        return None

    def _level(self, of: Callable[[Step], float | None]) -> list[Row]:
        """One plateau per session, from half-way before it to half-way after it."""
        rows: list[Row] = []
        run, last, half = 0, -2, self._half_session()
        for number, step in enumerate(self._steps):
            level = of(step)
            if level is None:
                continue
            t = wall(step.at)
            # A baseline made of other sessions altogether is a new line, not a step of the old one.
            joined = number == last + 1 and _same_line(self._steps[last], step)
            left = (wall(self._steps[last].at) + t) // 2 if joined else max(t - half, self.times()[0])
            if joined:
                rows[-1]["t"] = left
            run += not joined
            last = number
            rows += [{"t": left, "v": level, "run": run}, {"t": t + half, "v": level, "run": run}]
        if rows and last == len(self._steps) - 1:
            rows[-1]["t"] = self.right()
        return rows

    def _personal(self, step: Step) -> bool:
        """Is there something to draw? A few first scores are no usual score yet."""
        return self.compared != USUAL or len(step.base) >= PERSONAL

    def _half_session(self) -> int:
        return round(min(0.4 * self._span / max(len(self._points) - 1, 1), self._span / 20))

    def _band_end(self, episode: Episode) -> int:
        if episode.close is None:
            return self.right()
        if episode.state is EpisodeState.EXPIRED:
            within = [s.at for s in self._steps if s.in_episode and s.at < episode.close.at]
            return wall(within[-1] if within else episode.onset.at) + self._half_session()
        return min(wall(episode.close.at) + self._half_session(), self.right())


def describe(title: str, view_points: Sequence[Point], detection: Detection, scale_title: str) -> str:
    """The chart in a sentence or two, for readers who cannot see it."""
    words = [f"{title}. {scale_title}. {len(detection.steps)} scores of {len(view_points)} sessions."]
    words += [f"{day(e.onset.at)}: score {e.onset.value:g}, {_word(e)}." for e in detection.episodes]
    return " ".join(words)


def wall(at: datetime) -> int:
    """The session's own clock as milliseconds, so that a date never shifts by a zone."""
    return round(at.replace(tzinfo=UTC).timestamp() * 1000)


def _apart(before: Step, after: Step) -> bool:
    """Does so long a gap lie between two scores that a new course begins?"""
    return after.at - before.at > Following().gap


def _same_line(before: Step, after: Step) -> bool:
    """Do two scores have some of what they are compared with in common? A fixed cut-off is always the same."""
    if not before.base or not after.base:
        return not _apart(before, after)
    return after.base[0].at <= before.base[-1].at


def _word(episode: Episode) -> str:
    if episode.kind == "low-early":
        return "low in the first three sessions"
    match episode.state:
        case EpisodeState.OPEN:
            return "open, priority" if episode.level == 3 else "open"
        case EpisodeState.REPAIRED:
            return "recovered"
        case EpisodeState.UNREPAIRED:
            partly = episode.close is not None and regained(episode, episode.close.value) >= 0.5
            return "partly recovered" if partly else "not recovered"
        case EpisodeState.WITHDRAWN:
            return "withdrawn"
    return "no verdict"
