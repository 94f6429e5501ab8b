"""Which rights a configuration needs: the features that are switched on, and nothing else. Never to delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..config import Settings
from .scopes import Rights, joined

_COHORT: Mapping[str, Rights] = {
    "group": {"Group": "r"},
    "list": {"List": "r"},
    "search": {"Patient": "s"},
    "appointments": {"Appointment": "s"},
    "careteam": {"CareTeam": "s"},
}
_READING: Rights = {"Encounter": "rs", "QuestionnaireResponse": "rs"}
_HELPFUL: Rights = {"Patient": "rs", "PractitionerRole": "r", "Questionnaire": "rs"}
"""Merged patients, dyads by role, and weights of answers are found by these; a pass does without where it must."""
_WRITING = "crus"
"""Create and update; read before an update, and search for what became of a write."""
_LESS: Rights = {"Communication": "crs", "Provenance": "crs", "AuditEvent": "c"}
"""Never changed, and what became of an AuditEvent is not looked for."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the two identities need. Without `read` and `write` a pass cannot do its work."""

    read: Rights = field(default_factory=dict)
    helpful: Rights = field(default_factory=dict)
    write: Rights = field(default_factory=dict)

    def reader(self, *, alone: bool) -> Rights:
        """What the reader cannot do without; `alone`: it writes, too."""
        found_again = {type: "rs" for type, letters in self.write.items() if "s" in letters}
        return joined(self.read, self.write if alone else found_again)


def needs(settings: Settings, *, writes: bool = True) -> Needs:
    """The needs of a configuration.

    writes  False: of a dry run
    """
    cohort, alerts, write = settings.cohort, settings.alerts, settings.write
    excluding = {"Group": "r"} if any(entry.startswith("Group/") for entry in cohort.exclude) else {}
    helpful = dict(_HELPFUL)
    if alerts.care_team_role:
        helpful["CareTeam"] = "s"
    if alerts.missed_sessions:
        helpful["Appointment"] = "s"
    if alerts.closed_care != "none":
        helpful["EpisodeOfCare" if alerts.closed_care == "episodes" else "CareTeam"] = "s"
    if alerts.consent:
        helpful["Consent"] = "s"
    if alerts.pool:
        helpful = joined(helpful, {alerts.pool.split("/")[0]: "r"})
    if settings.read.stated_totals != "never":
        helpful = joined(helpful, {"Observation": "s"})
    # What was written is read by `reconcile`, also while nothing is.
    helpful = joined(helpful, dict.fromkeys(write.types, "rs"))
    types = write.types if write.enabled and writes else []
    return Needs(
        joined(_READING, _COHORT.get(cohort.source, {}), excluding), helpful, {t: _LESS.get(t, _WRITING) for t in types}
    )
