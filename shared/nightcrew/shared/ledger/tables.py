"""The tables of the ledger: what arrived, what it belongs to, what was done with it, and what is still to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from nightcrew.shared.database import Schema
from nightcrew.shared.ledger.states import ArrivalState, AttemptEnd, FrameState, GroupState, JobState
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from enum import StrEnum

METADATA = MetaData(
    schema="ledger",
    naming_convention={
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    },
)


def _state(
    states: type[StrEnum], name: str = "state", *, nullable: bool = False
) -> tuple[Column[str], CheckConstraint]:
    """Return a column that holds one of the states, and the constraint that keeps others out."""
    listed = ", ".join(f"'{state}'" for state in states)
    return Column(name, Text, nullable=nullable), CheckConstraint(f"{name} IN ({listed})", name=name)


def _moment(name: str, *, now: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=func.now() if now else None)


frames = Table(
    "frames",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("supersedes", BigInteger, ForeignKey("ledger.frames.id")),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("instrument", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("night", Date, nullable=False),
    Column("ut_datetime", DateTime(timezone=False)),
    Column("facts", JSONB, nullable=False),
    *_state(FrameState),
    Column("reason", Text, nullable=False, server_default=""),
    _moment("arrived_at", now=True),
    UniqueConstraint("name", "version"),
)
Index("frames_by_night", frames.c.night, frames.c.instrument)
Index("frames_open", frames.c.night, postgresql_where=text("state IN ('received', 'planned')"))

arrivals = Table(
    "arrivals",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    *_state(ArrivalState),
    Column("code", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("frame_id", BigInteger, ForeignKey("ledger.frames.id")),
    Column("moved_to", Text),
    _moment("first_seen_at", now=True),
    _moment("steady_since", now=True),
    _moment("ended_at"),
)
Index("arrivals_settling", arrivals.c.path, unique=True, postgresql_where=text("state = 'settling'"))
Index("arrivals_by_path", arrivals.c.path, arrivals.c.id.desc())
Index("arrivals_by_frame", arrivals.c.frame_id)

groups = Table(
    "groups",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("night", Date, nullable=False),
    Column("instrument", Text, nullable=False),
    Column("kind", Text, nullable=False),
    *_state(GroupState),
    Column("plan", JSONB, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("supersedes", BigInteger, ForeignKey("ledger.groups.id")),
    _moment("opened_at", now=True),
    _moment("last_arrival_at", now=True),
    _moment("closed_at"),
    Column("close_reason", Text, nullable=False, server_default=""),
)
Index("groups_by_night", groups.c.night, groups.c.instrument)
Index("groups_by_plan", groups.c.plan, postgresql_using="gin", postgresql_ops={"plan": "jsonb_path_ops"})
Index("groups_open", groups.c.night, postgresql_where=text("state IN ('open', 'closed', 'submitted')"))

group_frames = Table(
    "group_frames",
    METADATA,
    Column("group_id", BigInteger, ForeignKey("ledger.groups.id"), primary_key=True),
    Column("frame_id", BigInteger, ForeignKey("ledger.frames.id"), primary_key=True),
    Column("borrowed", Boolean, nullable=False, server_default=text("false")),
)
Index("group_frames_by_frame", group_frames.c.frame_id)

jobs = Table(
    "jobs",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    *_state(JobClass, "job_class"),
    Column("bulk", Boolean, nullable=False, server_default=text("false")),
    Column("night", Date, nullable=False),
    Column("instrument", Text, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("group_id", BigInteger, ForeignKey("ledger.groups.id")),
    Column("frame_id", BigInteger, ForeignKey("ledger.frames.id")),
    Column("supersedes", Uuid, ForeignKey("ledger.jobs.id")),
    Column("request", JSONB, nullable=False),
    Column("needs", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("provisional", Boolean, nullable=False, server_default=text("false")),
    *_state(JobState),
    Column("reason", Text, nullable=False, server_default=""),
    Column("attempt", SmallInteger, nullable=False, server_default=text("0")),
    Column("worker", Text),
    _moment("lease_until"),
    _moment("not_before"),
    _moment("deadline"),
    _moment("announced_at"),
    Column("announcements", Integer, nullable=False, server_default=text("0")),
    Column("outcome", JSONB),
    _moment("created_at", now=True),
    _moment("queued_at"),
    _moment("started_at"),
    _moment("ended_at"),
)
Index("jobs_running", jobs.c.lease_until, postgresql_where=text("state = 'running'"))
Index("jobs_retry", jobs.c.not_before, postgresql_where=text("state = 'retry'"))
Index("jobs_queued", jobs.c.job_class, jobs.c.announced_at, postgresql_where=text("state = 'queued'"))
Index("jobs_waiting", jobs.c.deadline, postgresql_where=text("state = 'waiting'"))
Index("jobs_by_night", jobs.c.night, jobs.c.instrument)
Index("jobs_by_group", jobs.c.group_id)
Index("jobs_by_frame", jobs.c.frame_id)
Index("jobs_by_hand", jobs.c.ended_at, postgresql_where=text("group_id IS NULL AND frame_id IS NULL"))

attempts = Table(
    "attempts",
    METADATA,
    Column("job_id", Uuid, ForeignKey("ledger.jobs.id"), primary_key=True),
    Column("attempt", SmallInteger, primary_key=True),
    Column("worker", Text, nullable=False),
    _moment("started_at", now=True),
    _moment("ended_at"),
    *_state(AttemptEnd, "ended_by", nullable=True),
    Column("reason", Text, nullable=False, server_default=""),
    Column("cpu_seconds", Double),
    Column("peak_rss", BigInteger),
    Column("primitives", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
)

products = Table(
    "products",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job_id", Uuid, ForeignKey("ledger.jobs.id"), nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False, unique=True),
    Column("sha256", Text, nullable=False),
    Column("md5", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("provisional", Boolean, nullable=False, server_default=text("false")),
    Column("superseded_by", BigInteger, ForeignKey("ledger.products.id")),
    _moment("made_at", now=True),
    _moment("removed_at"),
    UniqueConstraint("job_id", "name"),
)
Index("products_by_name", products.c.name)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(), nullable=False),
    Column("body", Text, nullable=False),
    _moment("created_at", now=True),
    _moment("published_at"),
)
Index("outbox_pending", outbox.c.number, postgresql_where=text("published_at IS NULL"))
Index("outbox_published", outbox.c.published_at, postgresql_where=text("published_at IS NOT NULL"))

inbox = Table(
    "inbox",
    METADATA,
    Column("consumer", Text, primary_key=True),
    Column("message_id", Uuid, primary_key=True),
    _moment("handled_at", now=True),
)
Index("inbox_by_time", inbox.c.handled_at)

pauses = Table(
    "pauses",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    _moment("since", now=True),
)

marks = Table(
    "marks",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

LEDGER = Schema(name="ledger", metadata=METADATA, scripts="nightcrew.shared.ledger.migrations")
