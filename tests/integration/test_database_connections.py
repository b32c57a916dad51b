"""Connections to a real PostgreSQL: what they are set to, and what is said when they fail."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from nightcrew.shared.database import Database, DatabaseSettings, open_database
from nightcrew.shared.database.embedded import EmbeddedServer
from nightcrew.shared.errors import ServiceError
from support.postgres import any_postgres, fresh_database, with_password


def test_a_session_is_in_utc_under_our_name_and_with_our_limits(postgres_url: str):
    with open_database(postgres_url, application="calmanager") as database, database.connect() as connection:
        names = ["TimeZone", "application_name", "statement_timeout", "lock_timeout"]
        names.append("idle_in_transaction_session_timeout")
        found = [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    assert found == ["UTC", "calmanager", "1min", "10s", "1min"]


def test_settings_lead_to_the_database(postgres_url: str, tmp_path: Path):
    (tmp_path / "url").write_text(postgres_url + "\n")
    with open_database(DatabaseSettings(database_url=None, database_url_file=tmp_path / "url")) as database:
        database.check()
        assert database.server is None
    with open_database(make_url(postgres_url)) as database:
        assert repr(database) == f"Database({database.safe_url()})"


def test_what_ends_well_is_committed_and_what_fails_is_not(database: Database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE public.frames (name text PRIMARY KEY)"))
        connection.execute(text("INSERT INTO public.frames VALUES ('N1')"))
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(text("INSERT INTO public.frames VALUES ('N2'), ('N1')"))
    with database.connect() as connection:
        connection.execute(text("DELETE FROM public.frames"))
    with database.connect() as connection:
        assert connection.execute(text("SELECT name FROM public.frames")).scalars().all() == ["N1"]


def test_the_programmers_mistakes_stay_what_they_are(database: Database):
    with pytest.raises(ProgrammingError), database.begin() as connection:
        connection.execute(text("SELEKT"))


def test_a_database_that_does_not_exist_is_named(postgres_url: str):
    with pytest.raises(ServiceError, match=r'no such database \(database "nowhere" does not exist\); make it'):
        open_database(make_url(postgres_url).set(database="nowhere"))


def test_a_database_without_characters_is_refused_at_once(postgres_server: URL):
    options = sql.SQL("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with (
        fresh_database(postgres_server, options) as url,
        pytest.raises(ServiceError, match=r"keeps bytes, not text \(its encoding is SQL_ASCII\); make another with"),
    ):
        open_database(url)


def test_a_port_where_nobody_listens_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        ServiceError, match=r"unreachable \(Connection refused\); start the server, or correct"
    ) as failed:
        open_database(f"postgresql://night:s3cret@127.0.0.1:{port}/crew")
    assert f"postgresql://night:***@127.0.0.1:{port}/crew: " in str(failed.value)
    assert failed.value.retryable


def test_a_server_that_says_nothing_is_not_waited_for_long():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://night:s3cret@127.0.0.1:{silent.getsockname()[1]}/crew"
        settings = DatabaseSettings.load(database_url=url, database_connect_timeout=2)
        with pytest.raises(ServiceError, match="no answer in time"):
            open_database(settings)


def test_a_wrong_password_is_told_from_a_missing_user(tmp_path: Path):
    with EmbeddedServer(tmp_path) as server:
        owner = server.url("postgres")
        with psycopg.connect(with_password(owner), autocommit=True) as connection:
            connection.execute("CREATE USER night PASSWORD 's3cret'")
            rules = "local all nightcrew trust\nlocal all all scram-sha-256\n"
            (server.directory / "data" / "pg_hba.conf").write_text(rules)
            connection.execute("SELECT pg_reload_conf()")
            until = time.monotonic() + 20  # the postmaster reads the rules a moment later
            while _fault(owner.set(username="night")) is None and time.monotonic() < until:
                time.sleep(0.02)
        assert _fault(owner.set(username="night", password="s3cret")) is None
        wrong = _fault(owner.set(username="night", password="wr0ng"))
        assert wrong is not None
        assert "wrong password or user (password authentication failed" in wrong
        assert "wr0ng" not in wrong
        assert "wrong password or user" in (_fault(owner.set(username="night")) or "")


def _fault(url: URL) -> str | None:
    try:
        open_database(url).close()
    except ServiceError as error:
        return str(error)
    return None


@pytest.fixture
def hurried(postgres_url: str) -> Iterator[Database]:
    """Return a database whose limits are short."""
    settings = DatabaseSettings.load(
        database_url=postgres_url,
        database_statement_timeout=0.4,
        database_lock_timeout=0.2,
        database_idle_timeout=0.4,
        database_pool_size=1,
    )
    with open_database(settings) as database:
        yield database


def test_a_statement_that_takes_too_long_names_its_setting(hurried: Database):
    slow = text("SELECT pg_sleep(20)")
    with pytest.raises(ServiceError, match="took too long.*see NIGHTCREW_DATABASE_ST"), hurried.begin() as connection:
        connection.execute(slow)


def test_a_lock_that_somebody_holds_is_said(hurried: Database, database: Database):
    with database.begin() as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(77)"))
        with pytest.raises(ServiceError, match="somebody else holds a lock"), hurried.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(77)"))


def test_a_transaction_left_open_is_ended_by_the_server(hurried: Database):
    def dawdle() -> None:
        with hurried.begin() as connection:
            connection.execute(text("SELECT 1"))
            # What the server says on a connection that should be silent is its goodbye.
            assert select.select([connection.connection.dbapi_connection], [], [], 20)[0]
            connection.execute(text("SELECT 1"))

    with pytest.raises(ServiceError, match="left open too long.*NIGHTCREW_DATABASE_IDLE_TIMEOUT"):
        dawdle()
    hurried.check()


def test_a_connection_that_was_cut_is_an_error_once_and_then_replaced(database: Database, postgres_url: str):
    def be_cut() -> None:
        with database.begin() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with open_database(postgres_url) as other, other.begin() as executioner:
                executioner.execute(text("SELECT pg_terminate_backend(:pid, 20000)"), {"pid": pid})
            connection.execute(text("SELECT 1"))

    with pytest.raises(ServiceError, match="the connection was lost"):
        be_cut()
    database.check()


def test_idle_connections_that_were_cut_are_replaced_unseen(database: Database, postgres_url: str):
    database.check()
    with open_database(postgres_url) as other, other.begin() as executioner:
        executioner.execute(
            text(
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    database.check()


def test_transactions_in_each_others_way_are_told_to_try_again(database: Database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE public.counts (n int)"))
        connection.execute(text("INSERT INTO public.counts VALUES (1)"))

    def overtake() -> None:
        with database.begin() as slow:
            slow.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            slow.execute(text("SELECT n FROM public.counts"))
            with database.begin() as quick:
                quick.execute(text("UPDATE public.counts SET n = 2"))
            slow.execute(text("UPDATE public.counts SET n = 3"))

    with pytest.raises(ServiceError, match="got into each other's way"):
        overtake()


def test_a_pool_that_is_used_up_names_its_setting(postgres_url: str):
    settings = DatabaseSettings.load(database_url=postgres_url, database_pool_size=1, database_connect_timeout=2)
    with open_database(settings) as database, ExitStack() as held:
        held.enter_context(database.connect())
        with pytest.raises(
            ServiceError, match="all connections of this process are in use; raise NIGHTCREW_DATABASE_POOL"
        ):
            held.enter_context(database.connect())


def test_without_any_postgresql_the_tests_end_and_say_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", "postgresql://night@localhost/crew?host=/nowhere")
    words = "need PostgreSQL: .*unreachable.*embedded: /proc/.*make setup"
    with pytest.raises(pytest.exit.Exception, match=words), any_postgres(Path("/proc/nightcrew")):
        pass


def test_where_none_is_served_the_tests_use_the_embedded_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", "postgresql://night@localhost/crew?host=/nowhere")
    with any_postgres(tmp_path) as server, fresh_database(server) as url, open_database(url) as database:
        assert database.safe_url().startswith("postgresql://nightcrew@/nightcrew_test_")  # no host: a socket
        database.check()
