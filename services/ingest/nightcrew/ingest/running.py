"""The parts of the service in one process: the loop, the relay, the answers over HTTP."""

from __future__ import annotations

import functools
import os
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvicorn

from nightcrew.ingest.http import create_app
from nightcrew.ingest.intake import Inbox
from nightcrew.ingest.service import Ingest
from nightcrew.ingest.telling import Teller
from nightcrew.shared.database import require
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.http.connections import Gate, GuardedProtocol
from nightcrew.shared.ledger import LEDGER, outbox
from nightcrew.shared.parts import Parts
from nightcrew.shared.relaying import Relay

if TYPE_CHECKING:
    import socket
    import threading
    from pathlib import Path

    from nightcrew.ingest.metrics import Metrics
    from nightcrew.ingest.settings import IngestSettings
    from nightcrew.shared.bus import Bus
    from nightcrew.shared.database import Database

STUCK = 600.0
"""Seconds without a sign of life after which the process is to be started anew: the largest frame takes less."""
LATE = 60.0
"""Seconds after which a message that nobody has published tells that the broker cannot be used."""
_END = 20.0
"""Seconds that the threads have to end."""


@dataclass(slots=True)
class Process:
    """The parts of the service, each in a thread of its own, and whether they work.

    Parameters
    ----------
    database, settings
        Where the ledger is, and what is watched.
    bus
        Takes messages; None if somebody else publishes.
    stop
        Ends all parts.
    """

    database: Database
    settings: IngestSettings
    bus: Bus | None
    stop: threading.Event
    metrics: Metrics
    teller: Teller = field(init=False)

    def __post_init__(self) -> None:
        self.teller = Teller(self.metrics)

    def run(self, listening: socket.socket) -> None:
        """Work until `stop` is set, then end what has been begun.

        Raises
        ------
        ServiceError
            If a part ended although nobody had told it to.
        """
        app = create_app(
            self.database, self.settings, self.teller, health=self.health, ready=self.ready, metrics=self.metrics.text
        )
        gate = Gate(most=256, header_bytes=32 * 2**10, header_seconds=10.0, rest_seconds=30.0)
        config = uvicorn.Config(
            app, http=functools.partial(GuardedProtocol, gate=gate),  # type: ignore[arg-type]  # a class, in effect
            ws="none", loop="asyncio", lifespan="on", log_config=None,
            access_log=False, proxy_headers=False, server_header=False, timeout_graceful_shutdown=int(_END / 2),
        )  # fmt: skip
        server = uvicorn.Server(config)
        parts = Parts("ingest", self.stop)
        parts.start("http", lambda: server.run(sockets=[listening]))
        if self.bus is not None:
            parts.start("relay", functools.partial(self._relay, self.bus))
        try:
            self._recover()
            Ingest(self.database, self.settings.watch, self.teller).run(self.stop)
        finally:
            self.stop.set()
            server.should_exit = True
            if self.bus is not None:
                self.bus.wake()
            parts.join(_END)

    def _relay(self, bus: Bus) -> None:
        """Publish, and close the bus in the thread that uses it: a broker that hangs at the end is not waited for."""
        with closing(bus):
            Relay(self.database, bus, self.teller.trouble).run(self.stop)

    def _recover(self) -> None:
        """Clear up what a process that died has left."""
        now = time.time()
        self.settings.watch.archive.sweep(now)
        if self.settings.inbox is not None:
            inbox = Inbox(self.database, self.settings.inbox, self.settings.quarantine, self.settings.max_frame)
            inbox.recover()
            inbox.sweep(now)

    def health(self) -> dict[str, str]:
        """Return whether the loop goes on."""
        silent = self.teller.clock() - self.teller.heard
        return {"loop": "ok" if silent < STUCK else f"no sign of life for {silent:.0f} s"}

    def ready(self) -> dict[str, str]:
        """Return whether everything that is needed can be used."""
        checks = {"database": "ok"}
        try:
            require(self.database, LEDGER)
        except NightcrewError as error:
            checks["database"] = " ".join(str(error).split())
        checks["directories"] = "; ".join(filter(None, map(_unlisted, self.settings.directories))) or "ok"
        if self.bus is not None:
            checks["broker"] = self._broker()
        return checks

    def _broker(self) -> str:
        """Tell whether messages go out; as long as there were none, nobody has connected."""
        try:
            with self.database.connect() as connection:
                waiting = outbox.pending(connection)
        except NightcrewError:
            return "ok"  # the database is what is wrong
        if waiting.oldest_seconds < LATE:
            return "ok"
        return f"{waiting.messages} messages wait to be published, the oldest for {waiting.oldest_seconds:.0f} s"


def _unlisted(directory: Path) -> str:
    """Return why a directory cannot be listed; empty if it can."""
    try:
        with os.scandir(directory) as entries:
            next(entries, None)
    except OSError as error:
        return f"{directory}: {error.strerror}"
    return ""
