"""The database as the rest of nightcrew sees it: connections and transactions, served or embedded."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from nightcrew.shared.database.address import parse_url, safe_url
from nightcrew.shared.database.failures import broken, is_from_outside, not_connected
from nightcrew.shared.database.settings import DatabaseSettings
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sqlalchemy.engine.interfaces import Dialect

    from nightcrew.shared.database.embedded import EmbeddedServer

EMBEDDED_NAME = "nightcrew"
"""The logical database that is used in the embedded server."""


class Database:
    """One PostgreSQL database: a pool of connections with our time limits, in UTC.

    Parameters
    ----------
    url
        Its address.
    settings
        Size of the pool and time limits.
    application
        What ``pg_stat_activity`` calls us, such as "calmanager".
    server
        The embedded server that the database lives in, if it does; closed with the database.

    Attributes
    ----------
    engine : sqlalchemy.Engine
        For those who need more than `connect` and `begin`.
    """

    def __init__(
        self, url: URL, settings: DatabaseSettings, *, application: str, server: EmbeddedServer | None = None
    ) -> None:
        self.url = url
        self.server = server
        self.engine = _engine(url, settings, application)
        event.listen(self.engine, "do_connect", self._connect)

    def safe_url(self) -> str:
        """Return the address as it may be shown."""
        return safe_url(self.url)

    def __repr__(self) -> str:
        return f"Database({self.safe_url()})"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Give a connection; what is not committed in the block is rolled back.

        Raises
        ------
        ServiceError
            If there is no connection, it is lost, or a time limit or lock got in the way.
        """
        with self._said(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Give a connection in a transaction, committed when the block ends well, else rolled back.

        Raises
        ------
        ServiceError
            If there is no connection, it is lost, or a time limit or lock got in the way.
        """
        with self._said(), self.engine.begin() as connection:
            yield connection

    def check(self) -> None:
        """Ask the server for a sign of life.

        Raises
        ------
        ServiceError
            If it gives none.
        """
        with self.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close the connections, and leave the embedded server."""
        self.engine.dispose()
        if self.server is not None:
            self.server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if is_from_outside(error):
                raise broken(self.url, error) from error
            raise
        except PoolTimeout as error:
            raise ServiceError(
                f"{self.safe_url()}: all connections of this process are in use; raise NIGHTCREW_DATABASE_POOL_SIZE"
            ) from error

    def _connect(self, dialect: Dialect, record: object, cargs: tuple[Any, ...], cparams: dict[str, Any]) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        try:
            connected = dialect.connect(*cargs, **cparams)
        except psycopg.Error as error:
            if self.server is None:
                raise not_connected(self.url, error) from None
        else:
            return self._with_characters(connected)
        # Somebody killed the embedded server: start it again, where its socket may be another one.
        self.server.start()
        moved = self.server.url(self.url.database or EMBEDDED_NAME)
        try:
            return dialect.connect(*cargs, **{**cparams, "host": moved.query["host"]})
        except psycopg.Error as error:
            raise not_connected(moved, error) from None

    def _with_characters(self, connected: Any) -> Any:
        """Return a connection to a database that knows what a character is: without, text comes as bytes."""
        if connected.info.parameter_status("server_encoding") == "SQL_ASCII":
            connected.close()
            raise ServiceError(
                f"{self.safe_url()}: the database keeps bytes, not text (its encoding is SQL_ASCII); "
                "make another with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
            )
        return connected


def _engine(url: URL, settings: DatabaseSettings, application: str) -> Engine:
    milliseconds = {
        "statement_timeout": settings.database_statement_timeout,
        "lock_timeout": settings.database_lock_timeout,
        "idle_in_transaction_session_timeout": settings.database_idle_timeout,
    }
    limits = [f"-c {name}={round(seconds * 1000)}" for name, seconds in milliseconds.items()]
    arguments = {
        "application_name": application,
        "connect_timeout": settings.database_connect_timeout,
        "options": " ".join([*limits, "-c TimeZone=UTC"]),
    }
    return create_engine(
        url,
        connect_args=arguments,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_connect_timeout,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def open_database(
    where: str | URL | DatabaseSettings | None = None, *, application: str = "nightcrew", check: bool = True
) -> Database:
    """Open the database, wherever it is.

    Parameters
    ----------
    where
        Its address, or settings; by default the settings of the environment.  Without an address in them the embedded
        server in the data directory is started, if it does not run, and its database `EMBEDDED_NAME` made.
    application
        What ``pg_stat_activity`` calls us.
    check
        Whether to ask the server for a sign of life at once.

    Returns
    -------
    Database
        To be closed, or used in a ``with`` block.

    Raises
    ------
    SettingsError
        If the settings make no sense.
    ServiceError
        If there is no connection: unreachable, wrong password, no such database, each in its own words.
    """
    settings = where if isinstance(where, DatabaseSettings) else DatabaseSettings.load()
    match where:
        case str():
            url: URL | None = parse_url(where)
        case URL():
            url = parse_url(where.render_as_string(hide_password=False))
        case _:
            url = settings.url()
    if url is not None:
        database = Database(url, settings, application=application)
    else:
        from nightcrew.shared.database.embedded import EmbeddedServer  # noqa: PLC0415 - served users need none of it

        server = EmbeddedServer(settings.data_dir / "postgres", linger=settings.database_linger)
        server.start()
        try:
            server.create_database(EMBEDDED_NAME)
        except BaseException:
            server.close()
            raise
        database = Database(server.url(EMBEDDED_NAME), settings, application=application, server=server)
    if check:
        try:
            database.check()
        except BaseException:
            database.close()
            raise
    return database
