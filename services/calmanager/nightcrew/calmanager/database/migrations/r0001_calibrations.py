"""Calibrations, their history, products and tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSRANGE

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "calibration"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "calibrations",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("directory", sa.Text, nullable=False),
        sa.Column("stored", sa.Boolean, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("caltype", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("processing_rank", sa.SmallInteger, nullable=False),
        sa.Column("ut_datetime", sa.DateTime),
        sa.Column("ut_seconds", sa.BigInteger, nullable=False),
        sa.Column("columns", JSONB, nullable=False),
        sa.Column("tags", ARRAY(sa.Text), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("valid", TSRANGE),
        sa.Column("canonical", sa.Boolean, nullable=False),
        sa.Column("present", sa.Boolean, nullable=False),
        sa.Column("md5", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.CheckConstraint("state IN ('candidate', 'certified', 'vetoed', 'superseded')", name="calibrations_state"),
        sa.CheckConstraint("valid IS NULL OR NOT isempty(valid)", name="calibrations_valid_not_empty"),
        schema=SCHEMA,
    )
    op.create_index(
        "calibrations_name", "calibrations", ["name"], unique=True, schema=SCHEMA, postgresql_where=sa.text("canonical")
    )
    for column in ("md5", "sha256", "kind"):
        op.create_index(f"calibrations_{column}", "calibrations", [column], schema=SCHEMA)
    op.create_index(
        "calibrations_valid",
        "calibrations",
        ["valid"],
        schema=SCHEMA,
        postgresql_using="gist",
        postgresql_where=sa.text("canonical AND valid IS NOT NULL"),
    )
    # A range of a single text stands for equality, for which GiST has no operator without an extension.
    op.execute('CREATE TYPE calibration.textrange AS RANGE (subtype = text, collation = "C")')
    op.execute("""
        ALTER TABLE calibration.calibrations ADD CONSTRAINT calibrations_no_overlap
        EXCLUDE USING gist (valid WITH &&, calibration.textrange(kind, kind, '[]') WITH &&)
        WHERE (state = 'certified' AND valid IS NOT NULL)
    """)
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("calibration_id", sa.BigInteger, sa.ForeignKey("calibration.calibrations.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("details", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("history_calibration", "history", ["calibration_id", "id"], schema=SCHEMA)
    op.execute("""
        CREATE FUNCTION calibration.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the history of calibrations is only added to' USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER history_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON calibration.history
        FOR EACH STATEMENT EXECUTE FUNCTION calibration.refuse_change()
    """)
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("md5", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("name", "md5", name="products_name_md5"),
        schema=SCHEMA,
    )
    op.create_index("products_md5", "products", ["md5"], schema=SCHEMA)
    op.create_table(
        "product_inputs",
        sa.Column("product_id", sa.BigInteger, sa.ForeignKey("calibration.products.id"), primary_key=True),
        sa.Column("md5", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
        schema=SCHEMA,
    )
    op.create_index("product_inputs_md5", "product_inputs", ["md5"], schema=SCHEMA)
    op.create_table(
        "tokens",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Remove the tables."""
    for table in ("tokens", "product_inputs", "products", "history", "calibrations"):
        op.drop_table(table, schema=SCHEMA)
    op.execute("DROP FUNCTION calibration.refuse_change()")
    op.execute("DROP TYPE calibration.textrange")
