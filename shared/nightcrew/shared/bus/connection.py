"""One connection to RabbitMQ: made when it is needed, made again when it broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from nightcrew.shared.bus.errors import BusUnavailable

if TYPE_CHECKING:
    from threading import Event

    from pika.adapters.blocking_connection import BlockingConnection

    from nightcrew.shared.bus.backoff import Backoff
    from nightcrew.shared.bus.observer import Observer, Side
    from nightcrew.shared.bus.settings import RabbitSettings

CONNECT_FAULTS = (AMQPError, AMQPConnectorException, OSError)
"""What pika raises when it cannot connect: a connector's time-out is no AMQPError."""


class Link:
    """A connection that comes back.

    Parameters
    ----------
    side
        Which of the two it is.
    settings
        Where the broker is.
    backoff
        How often and when to try.
    stop
        Once set, nothing is waited for: one attempt is made.
    observer
        Told of connections made and lost.
    """

    def __init__(self, side: Side, settings: RabbitSettings, backoff: Backoff, stop: Event, observer: Observer) -> None:
        self._side = side
        self._parameters = settings.parameters()
        self._address = settings.address
        self._backoff = backoff
        self._stop = stop
        self._observer = observer
        self._connection: BlockingConnection | None = None
        self.reason = ""

    def connect(self) -> BlockingConnection:
        """Return the connection; make it if there is none.

        Raises
        ------
        BusUnavailable
            After the last attempt.
        """
        if self._connection is not None and not self._connection.is_open:
            self.drop("closed by the broker")
        if self._connection is None:
            self._connection = self._made()
            self._observer.connected(self._side, True)
        return self._connection

    def _made(self) -> BlockingConnection:
        delays = self._backoff.delays()
        attempt = 0
        while True:
            attempt += 1
            try:
                return pika.BlockingConnection(self._parameters)
            except CONNECT_FAULTS as error:
                reason = repr(error)
                delay = next(delays, None)
                if delay is None or self._stop.is_set():
                    raise BusUnavailable(
                        f"RabbitMQ at {self._address}: {reason} after {attempt} attempts; "
                        "is it running, and are user, password and vhost right?"
                    ) from error
            self._observer.reconnecting(self._side, attempt, delay, reason)
            self._stop.wait(delay)

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None

    def serve(self, seconds: float) -> None:
        """Answer heartbeats and take in what comes, for some seconds or until something came."""
        if self._connection is None:
            return
        try:
            self._connection.process_data_events(time_limit=seconds)
        except AMQPError as error:
            self.drop(repr(error))

    def wake(self) -> None:
        """End a `serve` that is going on; from any thread."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.add_callback_threadsafe(_nothing)
        except AMQPError:
            return  # it has just broken, which ends a `serve` as well

    def drop(self, reason: str) -> None:
        """Forget the connection; the next `connect` makes another."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self.reason = reason
        try:
            if connection.is_open:
                connection.close()
        except AMQPError as error:
            self.reason = f"{reason}; {error!r}"
        self._observer.connected(self._side, False)

    def close(self) -> None:
        """Close the connection."""
        self.drop("closed")


def _nothing() -> None:
    return None
