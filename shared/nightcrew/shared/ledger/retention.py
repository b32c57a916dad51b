"""Which products nobody needs any more: superseded for long, used by nothing that is kept, no master in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from nightcrew.shared.ledger import marks
from nightcrew.shared.ledger.jobs import job_row
from nightcrew.shared.ledger.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, timedelta
    from uuid import UUID

    from sqlalchemy import Connection

    from nightcrew.shared.ledger.records import JobRow

_TURN = text("SELECT pg_try_advisory_xact_lock(hashtextextended('ledger.retention ' || :name, 0))")
_NOW = text("SELECT CAST(extract(epoch FROM now()) AS bigint)")
_SUPERSEDED = text("""
    SELECT p.id, p.name, p.path, p.size, j.night
    FROM ledger.products p JOIN ledger.jobs j ON j.id = p.job_id LEFT JOIN ledger.groups g ON g.id = j.group_id
    WHERE p.removed_at IS NULL
      AND (p.superseded_by IS NOT NULL OR j.group_id IS NULL)
      AND EXISTS (
        SELECT FROM ledger.products later
        WHERE later.made_at < now() - CAST(:kept AS interval) AND (
            later.id = p.superseded_by
            OR later.name = p.name AND later.id > p.id AND later.superseded_by IS NULL AND later.removed_at IS NULL))
      AND NOT ((p.kind LIKE 'processed\\_%' OR p.kind = 'bpm')
               AND coalesce(j.outcome #>> '{master,id}', g.plan #>> '{master,0}', '0') <> '0')
    ORDER BY p.id
""")
_USED = text("""
    SELECT DISTINCT used.path
    FROM ledger.jobs j CROSS JOIN LATERAL (
        SELECT jsonb_path_query(j.request, '$.calibrations[*].path') #>> '{}' AS path
        UNION ALL SELECT jsonb_path_query(j.request, '$.files[*].path') #>> '{}'
        UNION ALL SELECT jsonb_path_query(j.request, '$.parameters.* ? (@.type() == "string")') #>> '{}') AS used
    WHERE used.path LIKE '%/%' AND (
        j.state IN ('waiting', 'queued', 'running', 'retry')
        OR EXISTS (SELECT FROM ledger.products p WHERE p.job_id = j.id AND p.removed_at IS NULL))
""")
_REMOVED = text("UPDATE ledger.products SET removed_at = now() WHERE id = :id AND removed_at IS NULL")


@dataclass(frozen=True, slots=True)
class Superseded:
    """A product that a later one has superseded.

    Parameters
    ----------
    id, name, path, size
        The product.
    night
        In which directory it had its public name.
    """

    id: int
    name: str
    path: str
    size: int
    night: date


def in_turn(connection: Connection, name: str, every: timedelta) -> bool:
    """Whether something is due that one of many does every so often; whoever is told so does it, and nobody else."""
    if not connection.execute(_TURN, {"name": name}).scalar():
        return False
    now: int = connection.execute(_NOW).scalar_one()
    if now - marks.reached(connection, name) < every.total_seconds():
        return False
    marks.set_mark(connection, name, now)
    return True


def superseded(connection: Connection, kept: timedelta) -> list[Superseded]:
    """Return the products whose successors are older than `kept` and that nothing needs which is kept.

    A product is superseded by that of the job which took the place of its own; those of quick looks, and of jobs that
    people submitted, by a later one of the same name.  Not among them are

    - inputs of open jobs, and of products that are kept: these go first, and set their inputs free;
    - masters that the calibration manager knows, which may lie where they were made: to remove those is its business.

    Notes
    -----
    Reads jobs and products as a whole: for once a day.
    """
    found = [Superseded(**row._mapping) for row in connection.execute(_SUPERSEDED, {"kept": kept})]
    if not found:
        return []
    used = {_tail(path) for path in connection.execute(_USED).scalars()}
    return [one for one in found if not used & {_tail(one.path), (f"{one.night:%Y%m%d}", one.name)}]


def note_removed(connection: Connection, product_id: int) -> bool:
    """Note that a product is not on disk any more; False if that is known (primary key)."""
    return connection.execute(_REMOVED, {"id": product_id}).rowcount == 1


def jobs_of(connection: Connection, ids: Collection[UUID]) -> dict[UUID, JobRow]:
    """Return jobs by number, as many of them as there are (primary key)."""
    return {row.id: job_row(row) for row in connection.execute(select(jobs).where(jobs.c.id.in_(ids)))}


def _tail(path: str) -> tuple[str, str]:
    """Return directory and name: an attempt's directory has a name of its own, whatever lies above it."""
    directory, _, name = path.rpartition("/")
    return directory.rpartition("/")[2], name
