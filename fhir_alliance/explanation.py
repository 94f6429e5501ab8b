"""Why an alert was raised, in plain words: the numbers, the sessions, and what they cannot tell. Pure.

Order and contents follow the clinical specification 4.1, so that a clinician can review the basis
of every prompt without us.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from .detection import Policy, policy
from .figures import Figures, figures
from .model import Detection, Episode, EpisodeState, Event, Instrument, Point
from .wording import LEVELS, day, describe, headline, number, regained, repair_words, sentence

_LABEL = 22


def explain_text(
    detection: Detection,
    points: Sequence[Point],
    instrument: Instrument,
    *,
    episode: Episode | None = None,
    by: Policy | None = None,
    notices: Sequence[Event] = (),
    unanswered: int | None = None,
    width: int = 72,
) -> str:
    """An episode of a series (default: the open one, else the newest) or why there is none.

    `by` is the policy that made `detection`; `notices` are added to its own (subscales);
    `unanswered` counts the items left out on the form of the onset, None when that is unknown.
    """
    by = by or policy()
    episode = episode or _newest(detection)
    told = sorted([e for e in detection.events if e.level == 1] + list(notices), key=lambda e: e.index)
    if episode is None:
        parts = [_quiet(detection, instrument, width)]
    else:
        parts = [
            headline(episode.kind),
            _wrap(sentence(instrument, episode), width),
            _numbers(instrument, episode, by, unanswered, width),
            _since(detection, instrument, episode, width),
        ]
    parts += [_noted(told, instrument, width), _limits(points, detection, instrument, episode, by, width)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _newest(detection: Detection) -> Episode | None:
    still = [e for e in detection.episodes if e.state is EpisodeState.OPEN]
    return next(reversed([*detection.episodes[-1:], *still]), None)


def _quiet(detection: Detection, instrument: Instrument, width: int) -> str:
    if detection.insufficient:
        return _wrap(f"Nothing to review yet: {detection.insufficient}.", width)
    step = detection.steps[-1]
    usual = f"; usual {number(instrument, step.baseline)}" if step.baseline is not None else ""
    return _wrap(
        f"Nothing to review: the latest score is {number(instrument, step.value)} ({day(step.at)}{usual}).", width
    )


# -- the numbers ---------------------------------------------------------------------------------


def _numbers(instrument: Instrument, episode: Episode, by: Policy, unanswered: int | None, width: int) -> str:
    onset, change = episode.onset, instrument.change
    rows = [
        ("instrument", instrument.title),
        (
            "this score",
            f"{number(instrument, onset.value)} on {day(onset.at)} ({change.minimum:g} to {change.maximum:g})",
        ),
    ]
    scores = ", ".join(f"{day(p.at)} {number(instrument, p.value)}" for p in episode.base if p.value is not None)
    if onset.baseline is None or onset.drop is None or onset.z is None or onset.spread is None:
        low = number(instrument, change.low) if change.low is not None else "not set"
        rows += [("first sessions", scores), ("low", f"a mean below {low} (our assumption, not a norm)")]
    elif episode.sigma is None:
        needs = number(instrument, change.rc99)
        rows += [
            ("compared with", f"{scores}, the score before"),
            ("drop", f"{number(instrument, onset.drop)}; needs {needs} (reliable change, 99 %)"),
            ("usual variation", f"not known yet; {change.s0:g} is assumed (s0)"),
        ]
    else:
        limit = onset.baseline - max(by.zc * onset.spread, change.rc90)
        needs = number(instrument, change.rc90)
        rows += [
            ("usual score", f"{number(instrument, onset.baseline)}, mean of {len(episode.base)} sessions: {scores}"),
            ("usual variation", f"{episode.sigma:.3g}, this client's own, drawn towards a prior of {change.s0:g} (s0)"),
            ("", f"{onset.spread:.3g} for one new score"),
            ("drop", f"{number(instrument, onset.drop)}; needs {needs} (reliable change, 90 %)"),
            ("z", f"{onset.z:.2f}; needs {by.zc:g}"),
            ("limit", f"{number(instrument, limit)}: a score at or below it fires"),
        ]
    rows.append(("level", _level(episode)))
    if unanswered is not None:
        rows.append(("items unanswered", str(unanswered)))
    rows.append(("policy", f"{by.id}, preset {by.preset}"))
    return "The numbers\n" + "\n".join(_row(label, text, width) for label, text in rows)


def _level(episode: Episode) -> str:
    if episode.level < 3:
        return LEVELS[episode.level]
    if episode.worsened:
        return f"{LEVELS[3]} since {day(episode.worsened.at)}, when the score had not come back"
    return f"{LEVELS[3]}, because the fall is large"


def _since(detection: Detection, instrument: Instrument, episode: Episode, width: int) -> str:
    """The scores after the onset, each with the share of the drop that it regains."""
    last = episode.close.at if episode.close else None
    rows = []
    latest = None
    for step in detection.steps:
        # A step without a base begins a new course: it shows that the episode expired, no more.
        if step.index <= episode.onset.index or (last and step.at > last) or not step.base:
            continue
        latest = step.value
        rows.append(_row(day(step.at), f"{number(instrument, step.value)}{_share(episode, step.value)}", width))
    words = repair_words(episode, latest)
    proof = " A score that comes back is not proof of repair." if episode.state is EpisodeState.REPAIRED else ""
    return "\n".join(["Since then", *rows, _indent(f"{words}.{proof}", width)])


def _share(episode: Episode, value: float) -> str:
    if not episode.onset.drop:
        return ""
    share = regained(episode, value)
    if share < 0:
        return ", lower still"
    return f", {min(share, 1):.0%} of the drop regained"


def _noted(told: Sequence[Event], instrument: Instrument, width: int) -> str:
    if not told:
        return ""
    lines = []
    for event in told:
        scale = f"{instrument.scale(event.scale).title}: " if event.scale else ""
        lines.append(_row(day(event.at), f"{scale}{describe(instrument, event)}", width))
    return "Also noted (never pushed)\n" + "\n".join(lines)


# -- what it cannot tell -------------------------------------------------------------------------


def _limits(
    points: Sequence[Point],
    detection: Detection,
    instrument: Instrument,
    episode: Episode | None,
    by: Policy,
    width: int,
) -> str:
    found = figures(instrument.id, by.preset, by.id)
    lines = [
        "A score is one number that the client chose to give. It does not say why it changed, and nothing "
        "here says that anybody did something wrong.",
        "Most strains leave no trace in scores: no alert is no reassurance. Nobody watches these forms for "
        "emergencies.",
        *_measured(found),
    ]
    usual = episode.onset.baseline if episode else detection.steps[-1].baseline if detection.steps else None
    if found and usual is not None and usual >= found.ceiling and (there := found.found_at_ceiling):
        elsewhere = f", {found.found_below_ceiling.estimate:.0%} elsewhere" if found.found_below_ceiling else ""
        lines.append(
            f"This client usually scores near the maximum. There, {there.estimate:.0%} of simulated falls are found at "
            f"once{elsewhere}."
        )
    missing = len(points) - len(detection.steps)
    if missing:
        lines.append(f"Forms missing or unusable: {missing} of {len(points)}. They are skipped, never counted as low.")
    return "What this cannot tell you\n" + "\n".join(_bullet(line, width) for line in lines)


def _measured(found: Figures | None) -> list[str]:
    if found is None:
        return ["How often this rule is wrong has not been measured for this instrument and preset."]
    points = "1 point" if found.fall == 1 else f"{found.fall:g} points"
    return [
        f"In simulation, {found.false_checkins.estimate:.1f} of 100 scored sessions without any strain raise a "
        f"check-in by chance, and {found.false_priority.estimate:.1f} a priority check-in.",
        f"A fall of {points} is noticed at once in {found.found_at_once.estimate:.0%} of cases; one that lasts, within "
        f"two further sessions in {found.found_lasting.estimate:.0%}.",
        f"If a visible strain begins in {_or(f'{n}' for n in found.right)} of 100 sessions, "
        f"{_or(f'{rate.estimate:.0%}' for rate in found.right.values())} of the check-ins are right.",
    ]


def _or(texts: Iterable[str]) -> str:
    *head, last = texts
    return f"{', '.join(head)} or {last}"


# -- layout --------------------------------------------------------------------------------------


def _wrap(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _indent(text: str, width: int) -> str:
    return textwrap.fill(
        text, width, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _bullet(text: str, width: int) -> str:
    return textwrap.fill(
        text, width, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _row(label: str, text: str, width: int) -> str:
    head = f"  {label}".ljust(_LABEL)
    return textwrap.fill(
        text, width, initial_indent=head, subsequent_indent=" " * _LABEL, break_long_words=False, break_on_hyphens=False
    )
