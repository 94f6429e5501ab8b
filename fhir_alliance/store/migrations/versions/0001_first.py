"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "assessment",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("rater", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("authored_at", sa.String(), nullable=False),
        sa.Column("effective", sa.String(), nullable=False),
        sa.Column("encounter", sa.String(), nullable=True),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("amended", sa.Boolean(), nullable=False),
        sa.Column("scores", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("updated", sa.String(), nullable=True),
        sa.Column("vanished", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("base", "response"),
    )
    op.create_index("assessment_patient", "assessment", ["base", "patient"])
    op.create_table(
        "checkpoint",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("base", "name"),
    )
    op.create_table(
        "lease",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("expires", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=True),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("scale", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("owned", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("attached", sa.Text(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("ledger_state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("codes", sa.Text(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("searched", sa.String(), nullable=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("updated", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ledger_key", "ledger", ["base", "type", "key"])
    op.create_index("ledger_open", "ledger", ["base", "ledger_state"])
    op.create_index("ledger_patient", "ledger", ["base", "patient", "ledger_state"])
    op.create_table(
        "meta",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "patient",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("completed", sa.String(), nullable=True),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("base", "id"),
    )
    op.create_table(
        "quarantine",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("scale", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("first_seen", sa.String(), nullable=False),
        sa.Column("last_seen", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("base", "source", "scale"),
    )
    op.create_index("quarantine_patient", "quarantine", ["base", "patient"])
    op.create_table(
        "run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("started", sa.String(), nullable=False),
        sa.Column("finished", sa.String(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "written",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("scale", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("owned", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("attached", sa.Text(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("updated", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("base", "type", "key"),
    )
    op.create_index("written_patient", "written", ["base", "patient"])
    op.create_index("written_response", "written", ["base", "response"])
