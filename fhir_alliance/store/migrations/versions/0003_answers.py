"""What clinicians answered; alerts that a cap holds back; sessions that clients missed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "answer",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=True),
        sa.Column("since", sa.String(), nullable=False),
        sa.Column("looked", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("base", "type", "key"),
    )
    op.create_index("answer_patient", "answer", ["base", "patient"])
    op.create_table(
        "waiting",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("focus_key", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("base", "key"),
    )
    op.create_index("waiting_patient", "waiting", ["base", "patient"])
    op.create_table(
        "missed",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("appointment", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("base", "appointment", "practitioner"),
    )
    op.create_index("missed_patient", "missed", ["base", "patient"])
