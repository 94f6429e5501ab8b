"""Settings of what is written: scores, alerts, and the two keys that must be turned before anything is."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal

from pydantic import Field, model_validator

from .config_types import Code, Duration, Pause, Secret, Section, WebUrl


class ScoreWriting(Section):
    """Where scores go."""

    sink: Literal["observation", "flowsheet", "document", "none"] = Field(
        "observation",
        description="observation; flowsheet (a vital-signs row for each mapped scale, never changed afterwards); "
        "document (no resource for a score: each strain's DocumentReference lists the series); none (they stay here)",
    )
    flowsheet_rows: dict[str, Code] = Field(
        {},
        description='for flowsheet: "<instrument>/<scale>" = "system|code" of the row; what is not named is not filed',
        examples=[{"wai-sr-c/total": "urn:oid:1.2.3.4.5|1234"}],
    )

    @model_validator(mode="after")
    def _rows(self) -> ScoreWriting:
        if self.sink == "flowsheet" and not self.flowsheet_rows:
            raise ValueError("sink = flowsheet needs flowsheet_rows")
        if wrong := [name for name in self.flowsheet_rows if not re.fullmatch(r"[^/\s]+/[^/\s]+", name)]:
            raise ValueError(f'a row is named "<instrument>/<scale>", like "wai-sr-c/total", not {wrong[0]!r}')
        return self


Writable = Literal[
    "Observation", "Task", "Flag", "Communication", "DocumentReference", "Device", "Provenance", "AuditEvent"
]


class Write(Section):
    """Nothing is written unless `enabled` is true and the type is listed."""

    enabled: bool = Field(False, description="the main switch, off by default. `serve` looks at it anew on SIGHUP")
    shadow: bool = Field(
        False, description="write nothing whatever `enabled` says; `status --shadow` tells what would have been written"
    )
    types: list[Writable] = Field(
        [],
        description="Observation, Task, Flag, Communication, DocumentReference; Device, Provenance and AuditEvent "
        "tell who did it",
    )
    max_per_run: int = Field(2000, ge=1, description="a pass ends (exit 3) when it has written this many")
    max_alert_share: float = Field(
        0.05, ge=0, le=1, description="of dyads with a baseline, from 20 dyads up; beyond it nothing is pushed (exit 6)"
    )
    shape: Literal["flat", "panel", "components"] = Field(
        "flat",
        description="of scores with subscales. flat: one Observation per scale; panel: these, and one without a value "
        "that lists them; components: one Observation, a component per subscale",
    )
    inferred_encounter: bool = Field(False, description="write encounter links that we inferred")
    security_labels: list[str] = Field(
        [], description='labels to add to what we write, as "system|code"; source labels are always copied'
    )
    snomed: bool = Field(
        False, description="write the SNOMED CT code of a total beside ours; needs the site's SNOMED CT licence"
    )
    reconcile_after: Duration = Field(
        timedelta(seconds=60), description="between the two searches that prove that a write did not happen"
    )
    scores: ScoreWriting = Field(default_factory=ScoreWriting)


class Webhook(Section):
    """A small JSON to a system of the site's own: references, no names, no numbers."""

    url: WebUrl | None = Field(
        None, description="https, or http on this machine", examples=["https://hooks.example.org/alliance"]
    )
    secret: Secret | None = Field(
        None, description="of the HMAC-SHA256 signature of each message", examples=[{"env": "ALLIANCE_WEBHOOK_SECRET"}]
    )
    timeout: Pause = Field(timedelta(seconds=10), description="for an answer")


class DocumentSettings(Section):
    """The DocumentReference of a strain."""

    type: Code | None = Field(
        None, description="the site's document type; many EHRs want one", examples=["http://loinc.org|11506-3"]
    )
    category: Code | None = Field(
        None,
        description="a category, where the EHR wants one",
        examples=["http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category|clinical-note"],
    )
    status: Literal["preliminary", "final"] = Field("preliminary", description="docStatus; preliminary is a draft")
    pdf: bool = Field(False, description="attach the chart as PDF, after the text")


class Alerts(Section):
    """Who hears of a possible strain, and when."""

    sinks: list[Literal["task", "flag", "communication", "document", "webhook", "log"]] = Field(
        ["task"],
        description="task, flag (shown to everyone), communication (a message to the clinician), document (a text "
        "per strain), webhook, log (a line per event)",
    )
    follow_ups: list[Literal["worse", "recovered"]] = Field(
        ["worse"], description="for communication: what a further message tells; a withdrawn alert is always told"
    )
    sender: str = Field(
        "", description="sender of a Communication, where the EHR wants one", examples=["Practitioner/12"]
    )
    webhook: Webhook = Field(default_factory=Webhook)
    document: DocumentSettings = Field(default_factory=DocumentSettings)
    audience: Literal["dyad"] = Field("dyad", description="the treating practitioner only")
    pool: str = Field("", description='owner when the dyad has none: "CareTeam/1", "Organization/2", …; empty = nobody')
    care_team_role: str = Field("", description='role code ("system|code" or code) that names the treating clinician')
    close_on_repair: bool = Field(False, description="end a Flag when its strain is repaired")
    max_age: Duration = Field(timedelta(days=21), description="older strains are recorded, never pushed")
    since: date | None = Field(
        None, description="go-live date: nothing before it is pushed", examples=[date(2026, 1, 31)]
    )
    due: Duration = Field(timedelta(days=7), description="due date of a Task, from its creation")
    max_per_day: int = Field(
        3,
        ge=0,
        description="new alerts to one clinician in a day; the others wait for the next days, and one Task says how "
        "many. Priority check-ins always come. 0: no such cap",
    )

    missed_sessions: bool = Field(
        False,
        description="read the Appointments of clients with an open alert: a session that the client missed, or "
        "cancelled within 24 hours, makes it urgent",
    )

    closed_care: Literal["none", "episodes", "careteam"] = Field(
        "none",
        description="nothing is told about a client whose care is closed. episodes: some EpisodeOfCare is finished or "
        "cancelled and none is open; careteam: some CareTeam is inactive and none is open; none: not asked",
    )
    consent: str = Field(
        "",
        description="nothing is told about a client without an active Consent of this category or policy "
        '("system|code", code or URI) that permits it; empty: the site vouches for it',
        examples=["https://clinic.example/consent|alliance"],
    )

    @model_validator(mode="after")
    def _pool(self) -> Alerts:
        # A Task may not be owned by a Group; a message may go to one (Oracle Health's pools are Groups).
        kinds = "CareTeam|Organization|HealthcareService|PractitionerRole" + "|Group" * ("task" not in self.sinks)
        if self.pool and not re.fullmatch(rf"({kinds})/[A-Za-z0-9\-._]+", self.pool):
            raise ValueError(f"pool is {kinds.replace('|', ', ')} and an id, like CareTeam/12")
        kinds = "Practitioner|PractitionerRole|Organization|HealthcareService|Device"
        if self.sender and not re.fullmatch(rf"({kinds})/[A-Za-z0-9\-._]+", self.sender):
            raise ValueError(f"sender is {kinds.replace('|', ', ')} and an id, like Practitioner/12")
        if "webhook" in self.sinks and not (self.webhook.url and self.webhook.secret):
            raise ValueError("the sink webhook needs [alerts.webhook] with url and secret")
        return self
