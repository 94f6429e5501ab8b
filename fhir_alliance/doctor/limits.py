"""What keeps alerts few and fitting (clinical specification 2.6, limits): each with its setting, its value, and what
it goes by. All of it can be said without the EHR; whether a source can be read is said where /metadata is compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ..config import Settings, format_duration
from ..permission import CARE
from .findings import Section


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `setting` "" : it is fixed. `source`: what it goes by. `says`: what that means here."""

    limit: str
    setting: str
    value: str
    source: str
    says: str

    @property
    def text(self) -> str:
        """All of it, in sentences."""
        said = f"{self.setting} = {self.value}" if self.setting else self.value
        return f"{said}. {self.says} Goes by: {self.source}."


def limits(settings: Settings) -> Iterator[Limit]:
    """Every limit of what is pushed, as it is set."""
    alerts, cohort = settings.alerts, settings.cohort
    yield Limit(
        "age of score",
        "alerts.max_age",
        format_duration(alerts.max_age),
        "the session's start, else the form's date",
        "An older strain is recorded and calls nobody; the first pass over a long history is the reason.",
    )
    yield Limit(
        "go-live date",
        "alerts.since",
        alerts.since.isoformat() if alerts.since else "not set",
        "the same",
        "Nothing before that day is told."
        if alerts.since
        else "Set the day on which clinicians were told of this program, so that nothing older reaches them.",
    )
    yield Limit(
        "one open alert",
        "",
        "Always, for a client and practitioner",
        "our store, and the clinician's answers in the EHR",
        "Another form becomes a note on it until somebody has ended it.",
    )
    yield Limit(
        "alerts in a day",
        "alerts.max_per_day",
        str(alerts.max_per_day),
        "our store",
        "The others wait, one Task (digest) says how many, priority check-ins always come."
        if alerts.max_per_day
        else "There is no such cap: a busy clinician may get many at once.",
    )
    yield Limit(
        "missed sessions",
        "alerts.missed_sessions",
        str(alerts.missed_sessions).lower(),
        "Appointment: noshow, or called off by the client within 24 hours",
        "One since the onset makes an open alert urgent."
        if alerts.missed_sessions
        else "Not asked. Switch it on where Appointments name the practitioner.",
    )
    yield _consent(settings)
    yield _closed(settings)
    yield Limit(
        "opt-outs",
        "cohort.exclude",
        f"{len(cohort.exclude)} entries",
        "ids, and Groups of the EHR",
        "Nobody in them is read or written about. A Group that staff keep needs no change here.",
    )


def _consent(settings: Settings) -> Limit:
    code = settings.alerts.consent
    says = "Without an active Consent of it that permits nothing is told; scores are written all the same."
    if not code:
        says = "Not asked: you vouch that every client of the cohort knows who sees the scores, and agreed."
    source = "Consent: active, category or policy, provision permit, in force"
    return Limit("consent", "alerts.consent", f'"{code}"', source, says)


def _closed(settings: Settings) -> Limit:
    how = settings.alerts.closed_care
    source = f"{CARE.get(how, 'EpisodeOfCare or CareTeam')}: one ended, and none open"
    says = "Of a client whose care is closed nothing is told; scores are written all the same."
    if how == "none":
        says = 'Not asked. Set "episodes" or "careteam", whichever your staff closes when care ends.'
    return Limit("closed care", "alerts.closed_care", f'"{how}"', source, says)


def tell_limits(settings: Settings) -> Section:
    """One line for each."""
    section = Section("Limits of what reaches a clinician")
    section.facts["limits"] = [asdict(limit) for limit in limits(settings)]
    for limit in limits(settings):
        section.ok(limit.limit, limit.text)
    return section
