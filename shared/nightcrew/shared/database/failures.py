"""What a failure of the database means, in one line: which address, what failed, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import InterfaceError, OperationalError

from nightcrew.shared.database.address import safe_url
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.exc import DBAPIError

# What the server or libpq says, and what it means; the first that fits counts.
_CONNECTING = (
    (("password authentication failed", "no password supplied", "SASL authentication failed"),
     "wrong password or user", "correct both in its address"),
    (("role ", " does not exist"), "no such user", "make the user, or correct it in the address"),
    (("database ", " does not exist"), "no such database", "make it with createdb, or correct the address"),
    (("no pg_hba.conf entry", "permission denied for database"),
     "this user may not connect from here", "add it to the server's pg_hba.conf"),
    (("too many clients", "remaining connection slots", "too many connections"),
     "the server has no free connection", "lower NIGHTCREW_DATABASE_POOL_SIZE or raise max_connections"),
    (("is starting up", "is shutting down", "recovery mode"), "the server is starting or stopping", "try again soon"),
    (("SSL", "certificate"), "no encrypted connection", "check sslmode in its address"),
    (("timeout expired", "timed out"), "no answer in time",
     "check host and port in its address, and the firewall"),
)  # fmt: skip
_ALL_NEEDED = frozenset({"role ", "database "})
_UNREACHABLE = ("unreachable", "start the server, or correct host and port in its address")

# SQLSTATE classes and codes: PostgreSQL documentation, appendix A.
_RUNNING = {
    "57014": ("a statement took too long or was cancelled", "see NIGHTCREW_DATABASE_STATEMENT_TIMEOUT"),
    "55P03": ("somebody else holds a lock", "try again, or see NIGHTCREW_DATABASE_LOCK_TIMEOUT"),
    "25P03": ("a transaction was left open too long", "see NIGHTCREW_DATABASE_IDLE_TIMEOUT"),
    "40001": ("two transactions got into each other's way", "try again"),
    "40P01": ("two transactions got into each other's way", "try again"),
    "53100": ("its disk is full", "free space there"),
    "53300": ("the server has no free connection", "lower NIGHTCREW_DATABASE_POOL_SIZE or raise max_connections"),
}


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def not_connected(url: URL, error: BaseException) -> ServiceError:
    """Return the error for a connection that did not come about."""
    said = str(error)
    meaning, remedy = _UNREACHABLE
    for marks, its_meaning, its_remedy in _CONNECTING:
        found = [mark in said for mark in marks]
        if all(found) if marks[0] in _ALL_NEEDED else any(found):
            meaning, remedy = its_meaning, its_remedy
            break
    return ServiceError(f"{safe_url(url)}: {meaning} ({reason(said)}); {remedy}")


def reason(said: str) -> str:
    """Return what the server or libpq gave as the reason, without the address that goes before it."""
    for line in said.splitlines():
        for mark in ("FATAL:", "ERROR:", "failed: "):
            if mark in line:
                return line.rsplit(mark, 1)[1].strip()
    return said.splitlines()[0].strip() if said.strip() else "no reason given"


def is_from_outside(error: DBAPIError) -> bool:
    """Tell whether a statement failed for reasons outside of it, and not because of what it says."""
    return (
        isinstance(error, OperationalError | InterfaceError)
        or error.connection_invalidated
        or _state(error) in _RUNNING
    )


def broken(url: URL, error: DBAPIError) -> ServiceError:
    """Return the error for a statement or transaction that failed for reasons outside of it."""
    state = _state(error)
    if state in _RUNNING:
        meaning, remedy = _RUNNING[state]
    elif state[:2] in {"", "08", "57"}:
        meaning, remedy = "the connection was lost", "try again; if it stays so, look at the server's log"
    else:
        meaning, remedy = "the server failed", "look at its log"
    return ServiceError(f"{safe_url(url)}: {meaning} ({_first_line(error.orig or error)}); {remedy}")


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
