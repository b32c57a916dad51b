"""The command `nightcrew-calmanager`: serve calibrations over HTTP, and keep the tokens of those who may ask."""

from __future__ import annotations

import argparse
import functools
import gc
import resource
import signal
import sys
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
import uvicorn

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.http.app import create_app
from nightcrew.calmanager.manager import CalibrationManager
from nightcrew.calmanager.settings import PREFIX, CalmanagerSettings
from nightcrew.calmanager.tokens import Scope, Tokens
from nightcrew.shared.database import Database, DatabaseSettings, open_database, require
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.http.connections import Gate, GuardedProtocol
from nightcrew.shared.http.listening import listen
from nightcrew.shared.starting import run_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from fastapi import FastAPI

_SPARE_FILES = 128
"""File descriptors that are kept for the database, the store and the log."""

_BACKLOG = 2048


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 failed, 2 usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    given = {name: getattr(options, name, None) for name in ("host", "port", "store")}
    run = {"serve": _serve, "token": _token}[options.command]
    return run_command("nightcrew-calmanager", CalmanagerSettings, given, lambda settings: run(settings, options))


def settle() -> None:
    """Keep the collector of garbage off what is there by now and stays: it would stop all answers for 0.1 s."""
    gc.collect()
    gc.freeze()


def server_for(app: FastAPI, settings: CalmanagerSettings) -> uvicorn.Server:
    """Return the server of an application: one process, within the limits of the settings."""
    gate = Gate(
        most=_connections(settings.connections),
        header_bytes=settings.max_header,
        header_seconds=settings.header_timeout,
        rest_seconds=settings.body_timeout,
    )
    config = uvicorn.Config(
        app,
        http=functools.partial(GuardedProtocol, gate=gate),  # type: ignore[arg-type]  # a class, in effect
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.drain,
    )
    return uvicorn.Server(config)


def _serve(settings: CalmanagerSettings, _options: argparse.Namespace) -> None:
    log = structlog.stdlib.get_logger("nightcrew.calmanager")
    with ExitStack() as stack:
        database = stack.enter_context(_database(settings))
        manager = CalibrationManager.open(database, files=FileStore(settings.directory))
        app = create_app(manager, settings)
        if not settings.loopback and not Tokens(database, settings.bootstrap_tokens()).exist():
            raise SettingsError(
                f"{settings.host} can be reached from other machines, and there is no token: make one with "
                f"`nightcrew-calmanager token create NAME`, name a file in {PREFIX}TOKEN_FILE, or listen at 127.0.0.1"
            )
        swept = manager.sweep()
        settle()
        listening = stack.enter_context(listen(settings.host, settings.port))
        host, port = listening.getsockname()[:2]
        log.info(
            "listening",
            url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
            database=database.safe_url(),
            store=str(settings.directory),
            orphans=len(swept.orphans),
            missing=len(swept.missing),
        )
        signal.signal(signal.SIGTERM, _end_quietly)
        server_for(app, settings).run(sockets=[listening])
        log.info("ended")


def _end_quietly(_signal: int, _frame: FrameType | None) -> None:
    """Take the signal that uvicorn raises once more when it has shut down: the exit code is then 0."""


def _database(settings: CalmanagerSettings) -> Database:
    chosen = DatabaseSettings.load()
    if "database_pool_size" not in chosen.model_fields_set:
        chosen = DatabaseSettings.load(database_pool_size=settings.database_connections)
    return open_database(chosen, application="calmanager")


def _connections(wanted: int) -> int:
    """Return how many connections can be served: as many again may be on their way out (`Gate.most`)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft in (resource.RLIM_INFINITY, needed) or soft > needed else max(1, (soft - _SPARE_FILES) // 2)


def _token(settings: CalmanagerSettings, options: argparse.Namespace) -> None:
    with _database(settings) as database:
        require(database, CALIBRATION)
        tokens = Tokens(database)
        match options.action:
            case "create":
                print(tokens.create(options.name, [Scope(scope) for scope in options.scope or ["read", "write"]]))  # noqa: T201
                print("This is shown once; only its digest is kept.", file=sys.stderr)  # noqa: T201
            case "revoke":
                tokens.revoke(options.name)
            case _:
                for token in tokens.list():
                    state = f"revoked {token.revoked_at:%Y-%m-%d}" if token.revoked_at else "good"
                    made = f"{token.created_at:%Y-%m-%d}" if token.created_at else ""
                    print(f"{token.name:30} {','.join(sorted(token.scopes)):12} {made}  {state}")  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nightcrew-calmanager",
        description="Keeps calibrations and answers which of them belongs to a frame.",
        epilog="Settings: NIGHTCREW_DATABASE_URL and NIGHTCREW_CALMANAGER_*, see docs/reference/settings.md.",
    )
    parser.add_argument(
        "--version", action="version", version=f"nightcrew-calmanager {version('nightcrew-calmanager')}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="answer over HTTP until SIGTERM or Control-C")
    serve.add_argument("--host", help="address to listen at (default 127.0.0.1; others need a token)")
    serve.add_argument("--port", type=int, help="port to listen at (default 8100; 0: any free one)")
    serve.add_argument("--store", help="directory for uploaded calibrations")
    token = commands.add_parser("token", help="who may ask and who may write")
    actions = token.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a token and print it, once")
    create.add_argument("name", help="who or what uses it")
    create.add_argument(
        "--scope", action="append", choices=["read", "write"], help="what it allows; may be repeated (default: both)"
    )
    actions.add_parser("list", help="list tokens, without their secrets")
    revoke = actions.add_parser("revoke", help="make a token void at once")
    revoke.add_argument("name", help="its name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
