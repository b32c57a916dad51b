"""Which job, group or frame somebody means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.ledger import browsing, frames, groups

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightcrew.shared.ledger.records import FrameRow, GroupRow, JobRow

LEAST = 4
"""Characters of a job's number that are enough, if they are those of one job only."""


class NotKnown(NightcrewError):
    """The ledger has nothing of that name or number."""

    code = "unknown"


def job(connection: Connection, text: str) -> JobRow:
    """Return the job that a number, the beginning of one, or a name means; of several of a name the latest.

    Raises
    ------
    NotKnown
        If there is none, or the beginning of a number is that of several.
    """
    found = browsing.jobs_like(connection, text) if len(text) >= LEAST else []
    named = [one for one in found if one.request.get("name") == text]
    if named:
        return named[0]
    if not found:
        raise NotKnown(f"{text}: no such job; `nightcrew jobs list` shows them")
    if len(found) > 1:
        some = ", ".join(str(one.id) for one in found[:3])
        raise NotKnown(f"{text}: could be any of {some}; write more of the number")
    return found[0]


def group(connection: Connection, text: str) -> GroupRow:
    """Return the group that a number or a name means; of a name the latest version.

    Raises
    ------
    NotKnown
        If there is none.
    """
    found = browsing.groups_named(connection, text)
    if not found and text.isdecimal() and len(text) < 19:
        one = groups.get(connection, int(text))
        found = [] if one is None else [one]
    if not found:
        raise NotKnown(f"{text}: no such group; `nightcrew groups list` shows them")
    return found[0]


def frame_versions(connection: Connection, text: str) -> list[FrameRow]:
    """Return the contents that came under the name of a frame, the first one first.

    Parameters
    ----------
    connection
        In whose transaction.
    text
        The name; directory and ending may be there or not.

    Raises
    ------
    NotKnown
        If there are none.
    """
    name = text.rpartition("/")[2]
    for candidate in (name, *(f"{name}{ending}" for ending in (".fits", ".fits.bz2", ".fits.gz", ".fits.fz"))):
        found = frames.named(connection, candidate)
        if found:
            return found[::-1]
    raise NotKnown(f"{text}: no such frame has arrived; `nightcrew frames list` shows those that have")
