"""The ledger as it began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "frames",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("supersedes", sa.BigInteger(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("ut_datetime", sa.DateTime(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('received', 'planned', 'left_out', 'reduced', 'unreduced', 'superseded')",
            name="frames_state_check",
        ),
        sa.ForeignKeyConstraint(["supersedes"], ["ledger.frames.id"], name="frames_supersedes_fkey"),
        sa.PrimaryKeyConstraint("id", name="frames_pkey"),
        sa.UniqueConstraint("name", "version", name="frames_name_version_key"),
        sa.UniqueConstraint("sha256", name="frames_sha256_key"),
        schema="ledger",
    )
    op.create_index("frames_by_night", "frames", ["night", "instrument"], unique=False, schema="ledger")
    op.create_index(
        "frames_open",
        "frames",
        ["night"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("state IN ('received', 'planned')"),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("supersedes", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_arrival_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'closed', 'submitted', 'done', 'failed', 'superseded')", name="groups_state_check"
        ),
        sa.ForeignKeyConstraint(["supersedes"], ["ledger.groups.id"], name="groups_supersedes_fkey"),
        sa.PrimaryKeyConstraint("id", name="groups_pkey"),
        schema="ledger",
    )
    op.create_index(
        "groups_by_plan",
        "groups",
        ["plan"],
        unique=False,
        schema="ledger",
        postgresql_using="gin",
        postgresql_ops={"plan": "jsonb_path_ops"},
    )
    op.create_index("groups_by_night", "groups", ["night", "instrument"], unique=False, schema="ledger")
    op.create_index(
        "groups_open",
        "groups",
        ["night"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("state IN ('open', 'closed', 'submitted')"),
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "message_id", name="inbox_pkey"),
        schema="ledger",
    )
    op.create_index("inbox_by_time", "inbox", ["handled_at"], unique=False, schema="ledger")
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="outbox_pkey"),
        schema="ledger",
    )
    op.create_index(
        "outbox_pending",
        "outbox",
        ["number"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_index(
        "outbox_published",
        "outbox",
        ["published_at"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.create_table(
        "pauses",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pauses_pkey"),
        schema="ledger",
    )
    op.create_table(
        "arrivals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=True),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("steady_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('settling', 'accepted', 'duplicate', 'quarantined', 'gone')", name="arrivals_state_check"
        ),
        sa.ForeignKeyConstraint(["frame_id"], ["ledger.frames.id"], name="arrivals_frame_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="arrivals_pkey"),
        schema="ledger",
    )
    op.create_index("arrivals_by_frame", "arrivals", ["frame_id"], unique=False, schema="ledger")
    op.create_index(
        "arrivals_by_path", "arrivals", ["path", sa.literal_column("id DESC")], unique=False, schema="ledger"
    )
    op.create_index(
        "arrivals_settling",
        "arrivals",
        ["path"],
        unique=True,
        schema="ledger",
        postgresql_where=sa.text("state = 'settling'"),
    )
    op.create_table(
        "group_frames",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("borrowed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["frame_id"], ["ledger.frames.id"], name="group_frames_frame_id_fkey"),
        sa.ForeignKeyConstraint(["group_id"], ["ledger.groups.id"], name="group_frames_group_id_fkey"),
        sa.PrimaryKeyConstraint("group_id", "frame_id", name="group_frames_pkey"),
        schema="ledger",
    )
    op.create_index("group_frames_by_frame", "group_frames", ["frame_id"], unique=False, schema="ledger")
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("job_class", sa.Text(), nullable=False),
        sa.Column("bulk", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("frame_id", sa.BigInteger(), nullable=True),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("request", postgresql.JSONB(), nullable=False),
        sa.Column("needs", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announcements", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("job_class IN ('realtime', 'calibration', 'science', 'large')", name="jobs_job_class_check"),
        sa.CheckConstraint(
            "state IN ('waiting', 'queued', 'running', 'retry', 'succeeded', 'unprocessable', "
            "'failed', 'set_aside', 'cancelled', 'superseded')",
            name="jobs_state_check",
        ),
        sa.ForeignKeyConstraint(["frame_id"], ["ledger.frames.id"], name="jobs_frame_id_fkey"),
        sa.ForeignKeyConstraint(["group_id"], ["ledger.groups.id"], name="jobs_group_id_fkey"),
        sa.ForeignKeyConstraint(["supersedes"], ["ledger.jobs.id"], name="jobs_supersedes_fkey"),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
        sa.UniqueConstraint("key", name="jobs_key_key"),
        schema="ledger",
    )
    op.create_index("jobs_by_frame", "jobs", ["frame_id"], unique=False, schema="ledger")
    op.create_index("jobs_by_group", "jobs", ["group_id"], unique=False, schema="ledger")
    op.create_index(
        "jobs_by_hand",
        "jobs",
        ["ended_at"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("group_id IS NULL AND frame_id IS NULL"),
    )
    op.create_index("jobs_by_night", "jobs", ["night", "instrument"], unique=False, schema="ledger")
    op.create_index(
        "jobs_queued",
        "jobs",
        ["job_class", "announced_at"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "jobs_retry", "jobs", ["not_before"], unique=False, schema="ledger", postgresql_where=sa.text("state = 'retry'")
    )
    op.create_index(
        "jobs_running",
        "jobs",
        ["lease_until"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "jobs_waiting",
        "jobs",
        ["deadline"],
        unique=False,
        schema="ledger",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "attempts",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=True),
        sa.Column("peak_rss", sa.BigInteger(), nullable=True),
        sa.Column("primitives", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.CheckConstraint(
            "ended_by IN ('outcome', 'crash', 'lost', 'released', 'fenced')", name="attempts_ended_by_check"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["ledger.jobs.id"], name="attempts_job_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "attempt", name="attempts_pkey"),
        schema="ledger",
    )
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("md5", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["ledger.jobs.id"], name="products_job_id_fkey"),
        sa.ForeignKeyConstraint(["superseded_by"], ["ledger.products.id"], name="products_superseded_by_fkey"),
        sa.PrimaryKeyConstraint("id", name="products_pkey"),
        sa.UniqueConstraint("job_id", "name", name="products_job_id_name_key"),
        sa.UniqueConstraint("path", name="products_path_key"),
        schema="ledger",
    )
    op.create_index("products_by_name", "products", ["name"], unique=False, schema="ledger")
    # ### end Alembic commands ###
    op.create_table(
        "marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="marks_pkey"),
        schema="ledger",
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("marks", schema="ledger")
    op.drop_table("products", schema="ledger")
    op.drop_table("attempts", schema="ledger")
    op.drop_table("jobs", schema="ledger")
    op.drop_table("group_frames", schema="ledger")
    op.drop_table("arrivals", schema="ledger")
    op.drop_table("pauses", schema="ledger")
    op.drop_table("outbox", schema="ledger")
    op.drop_table("inbox", schema="ledger")
    op.drop_table("groups", schema="ledger")
    op.drop_table("frames", schema="ledger")
