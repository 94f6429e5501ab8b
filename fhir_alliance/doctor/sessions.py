"""What scores and alerts hang on: is a form's session known, was it held, and whose client is it?"""

from __future__ import annotations

from collections.abc import Sequence

from ..config import Settings
from ..model import Session
from .findings import Section


def try_sessions(settings: Settings, sessions: Sequence[Session], forms: int, linked: int, section: Section) -> None:
    """One patient's encounters, and of the mapped forms how many name theirs."""
    _held(settings, sessions, section)
    _links(settings, forms, linked, section)
    _clinicians(settings, sessions, section)


def _held(settings: Settings, sessions: Sequence[Session], section: Section) -> None:
    statuses = settings.read.encounter_statuses
    if sessions and not any(session.status in statuses for session in sessions):
        met = ", ".join(sorted({session.status for session in sessions}))
        section.warn(
            "sessions",
            f"None of {len(sessions)} encounters counts as held: their status is {met}.",
            "A form of a session that was not held waits.",
            "If they were held, add that status to read.encounter_statuses.",
        )


def _links(settings: Settings, forms: int, linked: int, section: Section) -> None:
    """Every mapped form is put to a session: the one that it names, else one that fits by its time."""
    if not forms:
        return
    needed = settings.write.scores.sink == "flowsheet" and not settings.write.inferred_encounter
    if linked < forms and needed:
        section.warn(
            "sessions",
            f"{forms - linked} of {forms} forms do not name their encounter.",
            "A flowsheet row needs one, and one that is inferred from the time is not written by default.",
            "Set write.inferred_encounter = true if the site agrees; else these scores are not filed.",
        )
    elif linked < forms:
        section.ok("sessions", f"{linked} of {forms} forms name their encounter; of the others it is inferred by time.")
    else:
        section.ok("sessions", f"{linked} of {forms} forms name their encounter.")


def _clinicians(settings: Settings, sessions: Sequence[Session], section: Section) -> None:
    """Who is told of a strain: the only clinician of the session, the one in the care team, else the pool."""
    if not sessions:
        return
    known = sum(len(s.pprf or s.atnd or s.untyped) == 1 for s in sessions)
    otherwise = settings.alerts.care_team_role or settings.alerts.pool
    told = f"{known} of {len(sessions)} encounters name one treating clinician"
    if known == len(sessions):
        section.ok("clinician", f"{told}: alerts go there.")
    elif known or otherwise:
        rest = "the care team's, or the pool" if otherwise else "nobody is told, and status counts them"
        section.ok("clinician", f"{told}; of the others: {rest}.")
    else:
        section.warn(
            "clinician",
            f"{told}.",
            "Scores are kept without a clinician, and nobody is told of a strain.",
            "Ask for Encounter.participant; or set alerts.care_team_role, if care teams name them, or alerts.pool.",
        )
