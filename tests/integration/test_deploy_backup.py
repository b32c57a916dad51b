"""A backup of the database, made and restored as docs/how-to/backup-and-restore.md says."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.database import DatabaseSettings, open_database, state
from nightcrew.shared.database.schema import Standing
from nightcrew.shared.ledger import LEDGER, conservation, jobs
from support.ledgers import arrived, submitted
from support.postgres import fresh_database, with_password

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.database import Database, Schema


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (LEDGER, CALIBRATION)


def run(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        pytest.fail(f"{program} is missing: install PostgreSQL's client (Debian: postgresql-client)", pytrace=False)
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_was_backed_up_is_there_again_and_queued_jobs_are_announced_anew(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    with database.begin() as connection:
        frame = arrived(connection, 1)
        job = submitted(connection, frame_id=frame)
    dump = tmp_path / "nightcrew.dump"
    run("pg_dump", f"--dbname={postgres_url}", "--format=custom", f"--file={dump}")
    with fresh_database(make_url(postgres_url)) as url:
        restored = with_password(url)
        run("pg_restore", f"--dbname={restored}", "--exit-on-error", str(dump))
        settings = DatabaseSettings(database_url=SecretStr(restored))
        with open_database(settings, application="restore") as again:
            assert {state(again, schema).standing for schema in (LEDGER, CALIBRATION)} == {Standing.CURRENT}
            with again.begin() as connection:
                balance = conservation.check(connection)
                assert balance.breaches == ()
                assert balance.frames == {"received": 1}
                # The broker's messages are gone with the broker: the planner announces what is queued once more.
                connection.execute(text("UPDATE ledger.jobs SET announced_at = now() - interval '1 hour'"))
                assert jobs.announce_forgotten(connection) == [job.id]
