"""Nights have a seeing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("nights", sa.Column("seeing", sa.Text), schema="toy")


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_column("nights", "seeing", schema="toy")
