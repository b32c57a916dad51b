"""The bus in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

from nightcrew.shared.bus import DeliveryOutcome, PublishOutcome, Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry


class BusMetrics:
    """Counts what a bus does; an `Observer` of it.

    Parameters
    ----------
    registry
        Where the numbers are kept.
    service
        Whose bus it is.
    queues
        Those that it consumes, counted for from 0.
    exchanges
        Those that it publishes to, counted for from 0.
    """

    def __init__(
        self, registry: CollectorRegistry, service: str, queues: Iterable[str] = (), exchanges: Iterable[str] = ()
    ) -> None:
        self._service = service
        self._connected = Gauge(
            "nightcrew_amqp_connected", "Whether there is a connection to the broker", ["service"], registry=registry
        )
        self._reconnects = Counter(
            "nightcrew_amqp_reconnects_total", "Attempts to connect again", ["service"], registry=registry
        )
        self._messages = Counter(
            "nightcrew_messages_total",
            "Messages taken, by what became of them",
            ["service", "queue", "outcome"],
            registry=registry,
        )
        self._published = Counter(
            "nightcrew_published_messages_total",
            "Messages published, by what the broker said",
            ["service", "exchange", "outcome"],
            registry=registry,
        )
        self._up: set[Side] = set()
        self._connected.labels(service).set(0)
        self._reconnects.labels(service)
        for queue in queues:
            for settled in DeliveryOutcome:
                self._messages.labels(service, queue, str(settled))
        for exchange in exchanges:
            for published in PublishOutcome:
                self._published.labels(service, exchange, str(published))

    def connected(self, side: Side, up: bool) -> None:
        """Note that a connection was made, or is gone; one of the two is enough to be connected."""
        (self._up.add if up else self._up.discard)(side)
        self._connected.labels(self._service).set(bool(self._up))

    def reconnecting(self, side: Side, attempt: int, delay: float, reason: str) -> None:  # noqa: ARG002 (as observers are called)
        """Count an attempt to connect."""
        self._reconnects.labels(self._service).inc()

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Count a publication."""
        self._published.labels(self._service, exchange, str(outcome)).inc()

    def settled(self, queue: str, outcome: DeliveryOutcome) -> None:
        """Count a delivery."""
        self._messages.labels(self._service, queue, str(outcome)).inc()
