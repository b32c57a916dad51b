"""Whether something that is to stay secret stands anywhere."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection


def leaks(secrets: Iterable[str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return the places in which one of the secrets stands, as it is or in another writing."""
    writings = {form for secret in secrets for form in _writings(secret)}
    return [name for name, content in places if any(form in content for form in writings)]


def _writings(secret: str) -> set[bytes]:
    plain = secret.encode()
    return {plain, quote(secret, safe="").encode(), base64.b64encode(plain).rstrip(b"="), plain.hex().encode()}


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Give all files below a directory."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_bytes()


def rows(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """Give all rows of all our tables, messages that were sent included: they stay in the outbox."""
    names = connection.execute(
        text("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('calibration', 'ledger')")
    )
    for name in names.scalars().all():
        found = connection.execute(text(f"SELECT string_agg(t::text, E'\\n') FROM {name} AS t")).scalar_one()
        yield f"table {name}", (found or "").encode()


def processes(numbers: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Give the command lines of processes and of those that they have started."""
    for number in numbers:
        yield f"command line of {number}", Path(f"/proc/{number}/cmdline").read_bytes()
        children = [task.read_text().split() for task in Path(f"/proc/{number}/task").glob("*/children")]
        yield from processes(int(child) for one in children for child in one)
