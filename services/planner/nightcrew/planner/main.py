"""The command `nightcrew-planner`."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

from nightcrew.planner.looking import Planner
from nightcrew.planner.metrics import Metrics
from nightcrew.planner.remembering import RememberingDesk
from nightcrew.planner.running import in_touch
from nightcrew.planner.service import PlannerService
from nightcrew.planner.settings import PREFIX, PlannerSettings
from nightcrew.planner.telling import LogWatcher
from nightcrew.planner.vitals import Vitals
from nightcrew.planner.watching import StateWatch, watching
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.backoff import BRIEF
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.calibrations_http import Cache, ManagerClient, Server, ServerDesk
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.ledger.postgres import PostgresLedger
from nightcrew.shared.starting import open_ledger, run_command, set_at
from nightcrew.shared.store import StoreSettings, open_depot
from nightcrew.shared.store.desk import StoredDesk
from nightcrew.shared.telemetry import Pulse, serve_probes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from nightcrew.shared.calibration_desk import CalibrationDesk

COPIES = ".cache"
"""Directory below that of the masters for copies of what lies in the store of products."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 stopped as told, 1 failed, 2 usage."""
    options = _parser().parse_args(arguments)
    stop = set_at(signal.SIGTERM, signal.SIGINT)
    given = {"host": options.host, "port": options.port, "calmanager_url": options.calmanager}
    return run_command("nightcrew-planner", PlannerSettings, given, lambda settings: _plan(settings, stop))


def _plan(settings: PlannerSettings, stop: Event) -> None:
    if settings.calibrations is None:
        raise SettingsError(f"{PREFIX}CALIBRATIONS: name a directory for copies of masters, which reducers can read")
    log = structlog.stdlib.get_logger("nightcrew.planner")
    metrics, pulse = Metrics(), Pulse(waits_for="the database")
    with ExitStack() as stack:
        database = stack.enter_context(open_ledger("nightcrew-planner"))
        port = stack.enter_context(
            serve_probes(settings.host, settings.port, metrics.text, pulse, setting=f"{PREFIX}PORT")
        )
        server = Server(settings.calmanager_url.rstrip("/"), settings.token())
        stack.callback(server.close)
        desk: CalibrationDesk = ServerDesk(ManagerClient(server), Cache(settings.calibrations.absolute()))
        depot = open_depot(StoreSettings.load(), settings.calibrations / COPIES)
        if depot is not None:
            desk = StoredDesk(desk, depot)
        rabbit, topology = RabbitSettings.load(), Topology.load()
        listening, telling = (
            RabbitBus(rabbit, topology, stop=stop, observer=metrics.bus, backoff=BRIEF) for _ in range(2)
        )
        watcher = Vitals(pulse, (LogWatcher(log), metrics))
        stack.enter_context(watching(StateWatch(database, metrics, watcher.waiting)))
        planner = Planner(
            PostgresLedger(database),
            RememberingDesk(desk),
            settings.patience,
            profile=settings.profile,
            quick_looks=settings.quick_looks,
        )
        service = PlannerService(planner, database, watcher, stop, telling.wake, settings.pace, settings.policy)
        log.info("planner starts", port=port, database=database.safe_url(), calmanager=settings.calmanager_url)
        with in_touch(service, listening, telling):
            service.run()
        log.info("planner stopped")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nightcrew-planner",
        description="Group the frames that arrive, and have them reduced.",
        epilog="Settings: NIGHTCREW_DATABASE_URL, NIGHTCREW_RABBITMQ_URL and NIGHTCREW_PLANNER_*, see "
        "docs/reference/settings.md.",
    )
    parser.add_argument("--calmanager", metavar="URL", help="calibration manager (default: http://127.0.0.1:8100)")
    parser.add_argument("--host", help="address of /metrics, /healthz and /readyz (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="their port (default: 8110; 0: any free one)")
    parser.add_argument("--version", action="version", version=f"nightcrew-planner {version('nightcrew-planner')}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
