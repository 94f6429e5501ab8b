"""How often something was tried before it stayed in the quarantine; patients whom the EHR told us about."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns. What was set aside before was tried at least once, and told."""
    op.add_column("quarantine", sa.Column("attempts", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("quarantine", sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("patient", sa.Column("nudged", sa.String(), nullable=True))
