"""The report of one strain as plain text, 72 columns wide, with what a chart of it needs (`fhir.md` D-14). Pure.

One for an episode, none for a score: it tells the headline, the numbers, what they cannot tell, and how they
came about. Where a site files scores in documents only, it lists every score of the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .derive import SeriesStory, Strain
from .explanation import Case, account, comparison, explain_text
from .model import Assessment, Change, Detection, Instrument, Point
from .wording import day

WIDTH = 72


@dataclass(frozen=True, slots=True)
class StrainNote:
    """The text, and the series that its chart shows. `title` and `scale` name the instrument, nobody; `compared` is
    the word for what its scores are compared with."""

    text: str
    title: str
    scale: str
    points: tuple[Point, ...]
    detection: Detection
    change: Change
    places: int
    compared: str = "usual"


def strain_note(story: SeriesStory, strain: Strain, *, version: str, scores: bool = False) -> StrainNote:
    """The report of a strain in its series.

    version  of this program
    scores   list every score: they stand nowhere else in the EHR
    """
    instrument = story.instrument
    case = Case(
        story.points,
        story.detection,
        instrument,
        story.by,
        episode=strain.episode,
        notices=story.subscale_notices,
        forms={a.response: score for a in story.assessments if (score := a.score("total"))},
    )
    found = account(case)
    parts = [
        explain_text(found, width=WIDTH).rstrip("\n"),
        *([_scores(story.assessments, instrument)] if scores else []),
        _made(strain, version),
    ]
    scale = instrument.scale("total")
    unit = f"{instrument.title}, {scale.title}, {scale.minimum:g} to {scale.maximum:g}"
    return StrainNote(
        text="\n\n".join(parts) + "\n",
        title="Alliance, as the client rated it",
        scale=unit,
        points=story.points,
        detection=story.detection,
        change=instrument.change,
        places=scale.places,
        compared=comparison(found),
    )


def _scores(assessments: Sequence[Assessment], instrument: Instrument) -> str:
    """A line a session: the date, and every scale that was scored."""
    lines = [f"All scores ({', '.join(scale.id for scale in instrument.scales)})"]
    for a in assessments:
        by_scale = {score.scale: score.value for score in a.scores}
        shown = [f"{by_scale[s.id]:.{s.places}f}" if s.id in by_scale else "-" for s in instrument.scales]
        lines.append(f"  {day(a.at)}  {'  '.join(shown)}")
    return "\n".join(lines)


def _made(strain: Strain, version: str) -> str:
    """Which definition, which rule, which program; and that no person has looked at it."""
    a = strain.assessment
    lines = [
        "How it was computed",
        f"  scores               {a.instrument}/{a.version}, from the client's forms",
        f"  rule                 {strain.policy}",
        f"  by                   fhir-alliance {version}",
        "  No person has reviewed this text.",
    ]
    return "\n".join(lines)
