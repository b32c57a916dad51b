"""Nights."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "nights",
        sa.Column("night_id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("telescope", sa.Text, nullable=False, unique=True),
        sa.Column("opened", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        schema="toy",
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("nights", schema="toy")
