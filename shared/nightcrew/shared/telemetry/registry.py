"""The registry of a process: what it is, what it uses, and the text that Prometheus reads."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import generate_latest

from nightcrew.shared.telemetry.revisions import revision

INSTRUMENTS = ("NIRI", "F2")
"""Instruments that series are told apart by; all others count as `other`."""
OTHER = "other"


def new_registry(service: str) -> CollectorRegistry:
    """Return a registry with `nightcrew_build_info` and what the system knows of this process.

    Parameters
    ----------
    service
        As in the name of its distribution, `nightcrew-<service>`.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # else each counter has a second series
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Gauge("nightcrew_build_info", "What runs here", ["service", "version", "revision"], registry=registry)
    distribution = f"nightcrew-{service}"
    build.labels(service, version(distribution), revision(distribution)).set(1)
    return registry


def instrument_label(instrument: str) -> str:
    """Return the label of an instrument; the set of labels is closed."""
    return instrument if instrument in INSTRUMENTS else OTHER


def exposition(registry: CollectorRegistry) -> bytes:
    """Return everything in Prometheus' text format."""
    return generate_latest(registry)
