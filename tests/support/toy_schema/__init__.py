"""Tables of an owner that does not exist: what a schema and its migrations look like."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Identity, Integer, MetaData, Table, Text, func

from nightcrew.shared.database import Schema

METADATA = MetaData(schema="toy")

nights = Table(
    "nights",
    METADATA,
    Column("night_id", Integer, Identity(), primary_key=True),
    Column("telescope", Text, nullable=False, unique=True),
    Column("opened", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("seeing", Text),
)

TOY = Schema(name="toy", metadata=METADATA, scripts="support.toy_schema.migrations")
