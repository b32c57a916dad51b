"""Where the contract of the bus is tested: one in memory, and one at a broker."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from nightcrew.shared.bus import Lost, Topology
from support.buses import PATIENCE, MemorySite, Site, rabbit_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.bus import Bus, Consumer, Delivery


@contextmanager
def made(kind: str, request: pytest.FixtureRequest, topology: Topology) -> Iterator[Site]:
    if kind == "memory":
        yield MemorySite(topology)
        return
    with rabbit_site(request.getfixturevalue("rabbitmq_url"), topology) as site:
        yield site


@pytest.fixture(params=["memory", "rabbit"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with made(request.param, request, Topology.load()) as there:
        yield there


@pytest.fixture
def bus(site: Site) -> Iterator[Bus]:
    connected = site.bus()
    yield connected
    connected.close()


def following(consumer: Consumer) -> Delivery:
    """Return the next delivery."""
    end = time.monotonic() + PATIENCE
    for delivery in consumer:
        if delivery is not None:
            return delivery
        assert time.monotonic() < end, "nothing was delivered"
    raise AssertionError("the consumer ended")


def ticks(consumer: Consumer, number: int = 5) -> list[Delivery | None]:
    """Return what comes in the next few ticks."""
    return [next(consumer) for _ in range(number)]


def pumped_until_lost(bus: Bus) -> Lost | None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (lost := bus.pump(0.02)) is not None:
            return lost
    return None
