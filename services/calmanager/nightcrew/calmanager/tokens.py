"""Who may ask and who may write: bearer tokens, of which only the digest is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from nightcrew.calmanager.database import tokens
from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import RowMapping

    from nightcrew.shared.database import Database

PREFIX = "nightcrew_"
"""What tokens begin with, so that tools that look for secrets in texts find them."""

_BYTES = 32
_LONGEST = 512
_LONGEST_NAME = 100


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    """Ask for calibrations, list them, fetch their files."""
    WRITE = "write"
    """Upload, certify, veto, supersede, record products."""


class TokenError(CalibrationError):
    """A token that cannot be made or revoked."""

    code = "token"


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; `revoked_at` is None as long as it is good.  Times are UTC, with zone."""

    name: str
    scopes: frozenset[Scope]
    created_at: datetime | None = None
    revoked_at: datetime | None = None


def new_secret() -> str:
    """Return a token that nobody can guess: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def digest_of(secret: str) -> bytes:
    """Return what is kept of a token.  It is random, so that a plain SHA-256 needs no salt."""
    return hashlib.sha256(secret.encode()).digest()


class Tokens:
    """The tokens of the database, and those of a file.

    Parameters
    ----------
    database
        Where their digests are.
    bootstrap
        Tokens of a file, which may read and write.
    """

    def __init__(self, database: Database, bootstrap: Iterable[str] = ()) -> None:
        self._database = database
        self._bootstrap = tuple(digest_of(secret) for secret in bootstrap)

    def verify(self, secret: str) -> Token | None:
        """Return the token that is good under this secret, or None.

        The secret is looked up by its digest, and digests are compared in constant time, so that the time of an
        answer tells nothing about tokens that exist.
        """
        if not secret or len(secret) > _LONGEST:
            return None
        digest = digest_of(secret)
        good = False
        for known in self._bootstrap:
            good |= hmac.compare_digest(known, digest)
        if good:
            return Token("token file", frozenset(Scope))
        with self._database.connect() as connection:
            row = tokens.by_digest(connection, digest)
        return _token(row) if row is not None and hmac.compare_digest(bytes(row["digest"]), digest) else None

    def exist(self) -> bool:
        """Whether there is a token that is good."""
        return bool(self._bootstrap) or any(token.revoked_at is None for token in self.list())

    def create(self, name: str, scopes: Collection[Scope]) -> str:
        """Make a token and return its secret, which is kept nowhere.

        Raises
        ------
        TokenError
            If a good token has the name, the name is none, or the token would allow nothing.
        """
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise TokenError(f"a token needs a name of 1 to {_LONGEST_NAME} printable characters: who uses it")
        if not scopes:
            raise TokenError(f"token {name}: give it a scope, read or write")
        if any(token.name == name and token.revoked_at is None for token in self.list()):
            raise TokenError(f"token {name}: there is one already; revoke it, or choose another name")
        secret = new_secret()
        with self._database.begin() as connection:
            tokens.insert(connection, name, digest_of(secret), [scope.value for scope in scopes], datetime.now(UTC))
        return secret

    def list(self) -> list[Token]:
        """Return all tokens of the database, revoked ones too, oldest first."""
        with self._database.connect() as connection:
            return [_token(row) for row in tokens.listed(connection)]

    def revoke(self, name: str) -> None:
        """Make the tokens of a name void at once.

        Raises
        ------
        TokenError
            If no good token has the name.
        """
        with self._database.begin() as connection:
            if not tokens.revoke(connection, name, datetime.now(UTC)):
                raise TokenError(f"token {name}: there is none; see `nightcrew-calmanager token list`")


def _token(row: RowMapping) -> Token:
    scopes = frozenset(Scope(scope) for scope in row["scopes"])
    return Token(row["name"], scopes, row["created_at"], row["revoked_at"])
