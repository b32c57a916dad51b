"""The whole suite in one process: each service in a thread, jobs in child processes, one database, one bus."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.desk import ManagerDesk
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.manager import CalibrationManager
from nightcrew.cli.suite.all_classes import AllClasses
from nightcrew.ingest.metrics import Metrics as IngestMetrics
from nightcrew.ingest.service import Ingest
from nightcrew.ingest.settings import IngestSettings
from nightcrew.ingest.telling import Teller
from nightcrew.planner.looking import Planner
from nightcrew.planner.remembering import RememberingDesk
from nightcrew.planner.running import in_touch
from nightcrew.planner.service import PlannerService
from nightcrew.planner.settings import PlannerSettings
from nightcrew.planner.telling import LogWatcher
from nightcrew.reducer.worker.crew import Crew
from nightcrew.reducer.worker.journal import Journal
from nightcrew.reducer.worker.main import COPIES
from nightcrew.reducer.worker.metrics import Metrics as ReducerMetrics
from nightcrew.reducer.worker.parent import Reducer
from nightcrew.reducer.worker.settings import ReducerSettings
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker
from nightcrew.shared.database import DatabaseSettings, open_database, upgrade
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import LEDGER, jobs
from nightcrew.shared.ledger.postgres import PostgresLedger
from nightcrew.shared.store import StoreSettings, open_depot
from nightcrew.shared.store.desk import StoredDesk
from nightcrew.shared.telemetry import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nightcrew.shared.bus import Bus
    from nightcrew.shared.calibration_desk import CalibrationDesk
    from nightcrew.shared.database import Database
    from nightcrew.shared.store import Depot

LOCK = 7283_05_01
"""Advisory lock of the database: one suite with the bus of its own process at a time."""
BEAT = 0.5
GRACE = 20.0
"""Seconds that services have to end, beyond what a job at work has."""
SPARE_CONNECTIONS = 9


@dataclass(frozen=True, slots=True)
class Settings:
    """What is to be run.

    Parameters
    ----------
    raw
        Directory in which frames arrive.
    out
        Directory of the products.
    archive
        Directory to which raw frames are linked by date; None: they stay where they are.
    reducers
        Jobs at a time.
    profile
        `standard` or `best`.
    database
        Address; None: that of the environment, else the embedded server.
    rabbitmq
        Address of a broker; None: the bus of this process.
    port
        Where the calibration manager answers over HTTP, on this machine only; None: it does not.
    """

    raw: Path
    out: Path
    archive: Path | None = None
    reducers: int = 1
    profile: str = "standard"
    database: str | None = None
    rabbitmq: str | None = None
    port: int | None = None


@dataclass(slots=True)
class Suite:
    """The services at work.

    Frames and jobs are taken until `stop` is set; then jobs at work are seen to their end, and the planner takes a last
    look at what came of them.

    Parameters
    ----------
    settings
        What is run.
    database
        Where; its tables are of this version.
    """

    settings: Settings
    database: Database
    stop: threading.Event = field(default_factory=threading.Event)
    failed: str = ""
    _planning: threading.Event = field(default_factory=threading.Event)
    _buses: list[Bus] = field(default_factory=list)
    _make_bus: Callable[[threading.Event], Bus] = field(init=False)
    _log: structlog.stdlib.BoundLogger = field(default_factory=lambda: structlog.stdlib.get_logger("nightcrew.up"))

    def __post_init__(self) -> None:
        self._make_bus = _buses(self.settings.rabbitmq)

    def run(self, beat: Callable[[], object]) -> None:
        """Run until `stop` is set, calling `beat` twice a second.

        Raises
        ------
        ServiceError
            If one of the services gave up.
        """
        manager = CalibrationManager.open(self.database, files=FileStore(_calibrations()))
        planner = PlannerSettings.load(profile=self.settings.profile)
        reducers = ReducerSettings.load(products=self.settings.out, concurrency=self.settings.reducers)
        planning = [self._thread("planner", lambda: self._plan(manager, planner))]
        working = [self._thread("ingest", self._ingest)]
        working += [
            self._thread(f"reducer-{number}", lambda: self._reduce(reducers))
            for number in range(1, self.settings.reducers + 1)
        ]
        with self._served(manager):
            while not self.stop.wait(BEAT):
                beat()
            self._log.info("stopping: jobs at work are finished or handed back")
            for some, ends in ((working, reducers.drain + GRACE), (planning, GRACE)):
                for thread in some:
                    thread.join(ends)
                self._planning.set()
                for bus in tuple(self._buses):
                    bus.wake()
        if self.failed:
            raise ServiceError(self.failed)

    def _ingest(self) -> None:
        mode = {} if self.settings.archive is None else {"archive": self.settings.archive, "mode": "link"}
        settings = IngestSettings.load(directories=(self.settings.raw,), **mode)
        Ingest(self.database, settings.watch, Teller(IngestMetrics())).run(self.stop)

    def _plan(self, manager: CalibrationManager, settings: PlannerSettings) -> None:
        planner = Planner(
            PostgresLedger(self.database), RememberingDesk(_desk(manager, self._depot())), settings.patience,
            profile=settings.profile, quick_looks=settings.quick_looks,
        )  # fmt: skip
        stop = self._planning
        listening, telling = self._make_bus(stop), self._make_bus(stop)
        service = PlannerService(
            planner, self.database, LogWatcher(), stop, telling.wake, settings.pace, settings.policy
        )
        with in_touch(service, listening, telling):
            service.run()
            service.beat()

    def _reduce(self, settings: ReducerSettings) -> None:
        share, name = settings.share(), f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        journal = Journal(ReducerMetrics("reduce"), Pulse(), self.settings.out)
        with self._bus(self.stop) as own:
            bus, above = AllClasses(own), settings.recycle_above(share)
            crew = Crew(share, bus.wake, os.environ, settings.recycle_jobs, above, settings.spare)
            Reducer(name, settings, self.database, bus, self.stop, crew, journal, self._depot()).run()

    def _depot(self) -> Depot | None:
        return open_depot(StoreSettings.load(), self.settings.out / COPIES)

    @contextmanager
    def _served(self, manager: CalibrationManager) -> Iterator[None]:
        """Let the calibration manager answer over HTTP, if that is asked for."""
        if self.settings.port is None:
            yield
            return
        from nightcrew.calmanager.http.app import create_app
        from nightcrew.calmanager.serve import server_for
        from nightcrew.calmanager.settings import CalmanagerSettings

        settings = CalmanagerSettings.load(host="127.0.0.1", port=self.settings.port)
        server = server_for(create_app(manager, settings), settings)
        with _listening(settings.host, settings.port) as listening:
            self._log.info("calibrations", url=f"http://{settings.host}:{listening.getsockname()[1]}")
            thread = self._thread("calibrations", lambda: server.run(sockets=[listening]))
            try:
                yield
            finally:
                server.should_exit = True
                thread.join(GRACE)

    @contextmanager
    def _bus(self, stop: threading.Event) -> Iterator[Bus]:
        """Give a bus to the thread that asks for it."""
        bus = self._make_bus(stop)
        self._buses.append(bus)
        try:
            yield bus
        finally:
            self._buses.remove(bus)
            bus.close()

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Start a service; the end of one is the end of all."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001  (the border of a thread: nobody else could tell)
                self.failed = self.failed or f"{name}: {error}"
                self._log.exception("a service gave up", service=name)
            finally:
                self.stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread


@contextmanager
def opened(settings: Settings) -> Iterator[Suite]:
    """Open the database, bring its tables to this version, and give a suite that is ready to run.

    Raises
    ------
    ServiceError
        If the database or the broker cannot be used, or another suite works on this database.
    """
    with ExitStack() as stack:
        given = {"database_pool_size": SPARE_CONNECTIONS + 2 * settings.reducers}
        chosen = DatabaseSettings.load(**given, **({"database_url": settings.database} if settings.database else {}))
        database = stack.enter_context(open_database(chosen, application="nightcrew up"))
        upgrade(database, [LEDGER, CALIBRATION])
        if settings.rabbitmq is None:
            stack.enter_context(_alone(database))
            with database.begin() as connection:  # an earlier suite has taken its bus, and the messages in it, with it
                jobs.announce_queued(connection)
        yield Suite(settings, database)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keep a second suite from a database: each would take jobs that the other one's reducers are told of."""
    with database.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not alone.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}).scalar():
            raise ServiceError(
                f"{database.safe_url()}: another `nightcrew up` works on this database; end that one, or give this one "
                "another (--database, NIGHTCREW_DATA_DIR)"
            )
        try:
            yield
        finally:
            alone.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})


def _buses(rabbitmq: str | None) -> Callable[[threading.Event], Bus]:
    """Return what makes a bus for a thread.

    Raises
    ------
    ServiceError
        If the broker cannot be reached, or exchanges and queues are not there.
    """
    topology = Topology.load()
    if rabbitmq is None:
        broker = MemoryBroker(topology)
        return lambda stop: MemoryBus(broker, stop=stop)
    from nightcrew.shared.bus.declaring import check
    from nightcrew.shared.bus.rabbit import RabbitBus
    from nightcrew.shared.bus.settings import RabbitSettings

    settings = RabbitSettings.load(rabbitmq_url=rabbitmq)
    check(settings, topology)
    return lambda stop: RabbitBus(settings, topology, stop=stop)


def _desk(manager: CalibrationManager, depot: Depot | None) -> CalibrationDesk:
    return ManagerDesk(manager) if depot is None else StoredDesk(ManagerDesk(manager, copies=True), depot)


def _calibrations() -> Path:
    from nightcrew.calmanager.settings import CalmanagerSettings

    return CalmanagerSettings.load().directory


def _listening(host: str, port: int) -> socket.socket:
    from nightcrew.shared.http.listening import listen

    return listen(host, port)
