"""What is kept locally: ids, hashes, numbers and times. No names, no answers, no free text.

Times are UTC texts of one fixed form, so that they sort; every key includes the endpoint's base
URL, because the same patient id at another base is another person.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text, true

HEAD = "0004"
"""The newest migration; compared at start so that migrations are loaded only when needed."""

metadata = MetaData()

meta = Table("meta", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))

lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("holder", String, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("expires", String, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("started", String, nullable=False),
    Column("finished", String),
    Column("exit_code", Integer),
    Column("complete", Boolean, nullable=False, default=False),
    Column("report", Text),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("base", String),
    Column("name", String),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("base", "name"),
)

patient = Table(
    "patient",
    metadata,
    Column("base", String),
    Column("id", String),
    Column("completed", String),
    Column("due", Boolean, nullable=False, default=True),
    Column("nudged", String),
    PrimaryKeyConstraint("base", "id"),
)

assessment = Table(
    "assessment",
    metadata,
    Column("base", String),
    Column("response", String),
    Column("patient", String, nullable=False),
    Column("practitioner", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("version", String, nullable=False),
    Column("key", String, nullable=False),
    Column("rater", String, nullable=False),
    Column("at", String, nullable=False),
    Column("authored_at", String, nullable=False),
    Column("effective", String, nullable=False),
    Column("encounter", String),
    Column("link", String, nullable=False),
    Column("amended", Boolean, nullable=False),
    Column("scores", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("content", String, nullable=False),
    Column("updated", String),
    Column("vanished", Boolean, nullable=False, default=False),
    PrimaryKeyConstraint("base", "response"),
    Index("assessment_patient", "base", "patient"),
)

_RESOURCE = (
    ("type", String, False),
    ("key", String, False),
    ("patient", String, False),
    ("practitioner", String, False),
    ("response", String, False),
    ("scale", String, False),
    ("resource_id", String, False),
    ("version_id", String, False),
    ("fingerprint", String, False),
    ("owned", String, False),
    ("state", String, False),
    ("level", Integer, False),
    ("attached", Text, False),
)


def _resource_columns() -> list[Column[object]]:
    return [Column(name, kind, nullable=nullable) for name, kind, nullable in _RESOURCE]


written = Table(
    "written",
    metadata,
    Column("base", String),
    *_resource_columns(),
    Column("standing", String, nullable=False),
    Column("created", String, nullable=False),
    Column("updated", String, nullable=False),
    PrimaryKeyConstraint("base", "type", "key"),
    Index("written_patient", "base", "patient"),
    Index("written_response", "base", "response"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("base", String, nullable=False),
    Column("run", String, nullable=False),
    *_resource_columns(),
    Column("op", String, nullable=False),
    Column("ledger_state", String, nullable=False),
    Column("reason", String, nullable=False, default=""),
    Column("status", Integer),
    Column("codes", Text, nullable=False, default=""),
    Column("expected", String, nullable=False, default=""),
    Column("searched", String),
    Column("at", String, nullable=False),
    Column("updated", String, nullable=False),
    Index("ledger_open", "base", "ledger_state"),
    Index("ledger_key", "base", "type", "key"),
    Index("ledger_patient", "base", "patient", "ledger_state"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("base", String),
    Column("source", String),
    Column("scale", String),
    Column("patient", String),
    Column("code", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("content", String, nullable=False),
    Column("first_seen", String, nullable=False),
    Column("last_seen", String, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("told", Boolean, nullable=False, server_default=true()),
    PrimaryKeyConstraint("base", "source", "scale"),
    Index("quarantine_patient", "base", "patient"),
)

answer = Table(
    "answer",
    metadata,
    Column("base", String),
    Column("type", String),
    Column("key", String),
    Column("patient", String, nullable=False),
    Column("practitioner", String, nullable=False),
    Column("said", String, nullable=False),
    Column("until", String),
    Column("since", String, nullable=False),
    Column("looked", String, nullable=False),
    PrimaryKeyConstraint("base", "type", "key"),
    Index("answer_patient", "base", "patient"),
)

waiting = Table(
    "waiting",
    metadata,
    Column("base", String),
    Column("key", String),
    Column("patient", String, nullable=False),
    Column("practitioner", String, nullable=False),
    Column("response", String, nullable=False),
    Column("focus_key", String, nullable=False),
    Column("since", String, nullable=False),
    PrimaryKeyConstraint("base", "key"),
    Index("waiting_patient", "base", "patient"),
)

missed = Table(
    "missed",
    metadata,
    Column("base", String),
    Column("appointment", String),
    Column("practitioner", String),
    Column("patient", String, nullable=False),
    Column("at", String, nullable=False),
    Column("how", String, nullable=False),
    PrimaryKeyConstraint("base", "appointment", "practitioner"),
    Index("missed_patient", "base", "patient"),
)

read_row = Table(
    "read_row",
    metadata,
    Column("base", String),
    Column("type", String),
    Column("id", String),
    Column("patient", String, nullable=False),
    Column("at", String, nullable=False),
    Column("version", String, nullable=False),
    PrimaryKeyConstraint("base", "type", "id"),
)
