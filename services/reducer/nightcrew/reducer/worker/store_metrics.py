"""What a reducer counts and measures of the store of products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Summary

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from nightcrew.shared.store.observing import Operation


class StoreMetrics:
    """Observes a store; without one there are no series.

    Parameters
    ----------
    registry
        Takes the metrics.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Summary(
            "nightcrew_store_seconds", "Time of operations of the store of products", ["operation"], registry=registry
        )
        self._bytes = Counter(
            "nightcrew_store_bytes_total", "Bytes that went to the store and came from it", ["operation"],
            registry=registry,
        )  # fmt: skip
        self._refused = Counter(
            "nightcrew_store_errors_total", "Times that the store could not be asked", ["operation"], registry=registry
        )

    def done(self, operation: Operation, seconds: float, size: int) -> None:
        """Note that something was done with so many bytes."""
        self._seconds.labels(operation).observe(seconds)
        self._bytes.labels(operation).inc(size)
        self._refused.labels(operation)

    def refused(self, operation: Operation) -> None:
        """Note that the store could not be asked."""
        self._refused.labels(operation).inc()
