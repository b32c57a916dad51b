"""Why a broker could not be asked, and what to do about it, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika.exceptions import ProbableAccessDeniedError, ProbableAuthenticationError

if TYPE_CHECKING:
    from collections.abc import Iterator


def in_words(address: str, error: BaseException) -> str:
    """Return a fault of a connection in one line.

    Parameters
    ----------
    address
        Of the broker, without its password.
    error
        As pika raised it: often others are wrapped in it.

    Examples
    --------
    >>> in_words("guest@localhost:5672/", ConnectionRefusedError(111, "Connection refused"))
    'RabbitMQ at guest@localhost:5672/: unreachable (Connection refused); start it, or correct host and port'
    """
    where = f"RabbitMQ at {address}"
    for one in _within(error):
        match one:
            case ProbableAuthenticationError():
                return f"{where}: wrong password or user; correct both"
            case ProbableAccessDeniedError():
                return f"{where}: no such virtual host, or it is not this user's; correct what follows the port"
            case OSError() if one.strerror:
                return f"{where}: unreachable ({one.strerror}); start it, or correct host and port"
    return f"{where}: {error!r}; is it running?"


def _within(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that are wrapped in it."""
    yield error
    inner = getattr(error, "exception", None)
    for one in (*error.args, inner, error.__cause__):
        if isinstance(one, BaseException):
            yield from _within(one)
