"""The command `nightcrew-ingest`: watch directories until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

from nightcrew.ingest.metrics import Metrics
from nightcrew.ingest.running import Process
from nightcrew.ingest.settings import PREFIX, IngestSettings
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.backoff import BRIEF
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.http.listening import listen
from nightcrew.shared.starting import open_ledger, run_command, set_at

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 done, 1 failed, 2 usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    given = {"host": options.host, "port": options.port, "directories": tuple(options.directory) or None}
    return run_command("nightcrew-ingest", IngestSettings, given, _serve)


def _serve(settings: IngestSettings) -> None:
    if not settings.directories:
        raise SettingsError(f"nothing to watch: name directories, or set {PREFIX}DIRECTORIES")
    if not settings.loopback and not settings.tokens():
        raise SettingsError(
            f"{settings.host} can be reached from other machines, and there is no token: name a file in "
            f"{PREFIX}TOKEN_FILE, or listen at 127.0.0.1"
        )
    log = structlog.stdlib.get_logger("nightcrew.ingest")
    stop, metrics = set_at(signal.SIGTERM), Metrics()
    with ExitStack() as stack:
        database = stack.enter_context(open_ledger("ingest"))
        bus = None
        if settings.relay:
            bus = RabbitBus(RabbitSettings.load(), Topology.load(), stop=stop, observer=metrics.bus, backoff=BRIEF)
        listening = stack.enter_context(listen(settings.host, settings.port))
        host, port = listening.getsockname()[:2]
        log.info(
            "watching",
            directories=[str(path) for path in settings.directories],
            mode=str(settings.mode),
            url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
            database=database.safe_url(),
        )
        Process(database, settings, bus, stop, metrics).run(listening)
        log.info("ended")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nightcrew-ingest",
        description="Watches directories for raw frames, and records and announces each of them once.",
        epilog="Settings: NIGHTCREW_DATABASE_URL, NIGHTCREW_RABBITMQ_URL and NIGHTCREW_INGEST_*, see "
        "docs/reference/settings.md.",
    )
    parser.add_argument("--version", action="version", version=f"nightcrew-ingest {version('nightcrew-ingest')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="watch until SIGTERM or Control-C")
    serve.add_argument("directory", nargs="*", help="directory to watch (default: NIGHTCREW_INGEST_DIRECTORIES)")
    serve.add_argument("--host", help="address to listen at (default 127.0.0.1; others need a token)")
    serve.add_argument("--port", type=int, help="port to listen at (default 8101; 0: any free one)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
