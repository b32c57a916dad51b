"""Tables of the schema `calibration`, as the migrations leave them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSRANGE

SCHEMA = "calibration"

metadata = sa.MetaData(schema=SCHEMA)

calibrations = sa.Table(
    "calibrations",
    metadata,
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
    sa.Index("calibrations_name", "name", unique=True, postgresql_where=sa.text("canonical")),
    sa.Index("calibrations_md5", "md5"),
    sa.Index("calibrations_sha256", "sha256"),
    sa.Index("calibrations_kind", "kind"),
    sa.Index(
        "calibrations_valid",
        "valid",
        postgresql_using="gist",
        postgresql_where=sa.text("canonical AND valid IS NOT NULL"),
    ),
)
"""One row an entry; the entry with the larger number came later.  `ut_datetime` and `valid` are UTC without zone,
`ut_seconds` whole seconds since 2000 (calibrations, 1), `modified` nanoseconds, `directory` empty for stored files."""

history = sa.Table(
    "history",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("calibration_id", sa.BigInteger, sa.ForeignKey("calibration.calibrations.id"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Index("history_calibration", "calibration_id", "id"),
)
"""What happened; a trigger refuses to change or delete rows."""

products = sa.Table(
    "products",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("md5", sa.Text, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("name", "md5", name="products_name_md5"),
    sa.Index("products_md5", "md5"),
)
"""What was made, masters among it."""

product_inputs = sa.Table(
    "product_inputs",
    metadata,
    sa.Column("product_id", sa.BigInteger, sa.ForeignKey("calibration.products.id"), primary_key=True),
    sa.Column("md5", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Index("product_inputs_md5", "md5"),
)
"""Which files went into what."""

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
)
"""Who may ask and write; `digest` is the SHA-256 of the token, which is kept nowhere."""
