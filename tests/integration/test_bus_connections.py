"""What every bus does, tested with each: connections that are cut, and services that go on."""

from __future__ import annotations

import time
from threading import Event, Timer
from typing import TYPE_CHECKING

import pytest

from nightcrew.shared.bus import (
    Backoff,
    ConsumerLost,
    DeliveryOutcome,
    Lost,
    Settled,
    Settlement,
    Side,
    serve,
)
from support.bus_sites import bus, following, pumped_until_lost, site, ticks
from support.buses import QUICK, Tally
from support.examples_messages import job
from support.rabbitmq import rabbitmq_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.shared.bus import Delivery


__all__ = ["bus", "rabbitmq_url", "site"]
REALTIME = "reduce.realtime"


def test_a_cut_connection_costs_no_job_and_no_worker(site):
    tally = Tally()
    bus = site.bus(observer=tally)
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        held = following(consumer)
        site.cut(bus)
        assert pumped_until_lost(bus) is not None
        assert isinstance(held.ack(), Lost)
        with pytest.raises(ConsumerLost):
            next(consumer)
    with bus.consume(REALTIME, tick=0.05) as consumer:
        again = following(consumer)
        assert (again.message, again.redelivered) == (sent, True)
        assert again.ack() == Settled(Settlement.ACKED)
    bus.close()
    assert tally.deliveries == [(REALTIME, DeliveryOutcome.LOST), (REALTIME, DeliveryOutcome.ACKED)]
    assert tally.of(Side.CONSUMING) == [True, False, True, False]


def test_an_idle_consumer_notices_that_its_connection_is_cut(site, bus):
    with bus.consume(REALTIME, tick=0.05) as consumer:
        ticks(consumer, 1)
        site.cut(bus)
        with pytest.raises(ConsumerLost, match="connection lost"):
            ticks(consumer, 100)


def test_a_pump_without_a_connection_takes_its_time(site, bus):
    with bus.consume(REALTIME, tick=0.05):
        site.cut(bus)
        assert pumped_until_lost(bus) is not None
        start = time.monotonic()
        assert isinstance(bus.pump(0.2), Lost)
        assert time.monotonic() - start >= 0.19, "a worker that waits for its job would spin"


def test_a_connection_cut_between_two_consumers_is_made_again(site, bus):
    bus.consume(REALTIME).close()
    site.cut(bus)
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        assert delivery.message == sent
        delivery.ack()


def test_a_cut_that_nobody_noticed_loses_nothing(site, bus):
    """Whatever `ack` says, a message that the broker did not hear of comes again."""
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        site.cut(bus)
        delivery.ack()
    with bus.consume(REALTIME, tick=0.05) as consumer:
        again = following(consumer)
        assert (again.message, again.redelivered) == (sent, True)
        again.ack()


def test_a_service_whose_connection_is_cut_can_close_it(site, bus):
    bus.publish(job())
    consumer = bus.consume(REALTIME)
    following(consumer)
    site.cut(bus)
    consumer.close()
    bus.close()
    bus.close()


def stopping_after(number: int, stop: Event, then: Callable[[], object] = lambda: None) -> Callable[[Delivery], None]:
    """Return a handler that acknowledges, does something after the first, and stops after so many."""
    handled: list[Delivery] = []

    def handle(delivery: Delivery) -> None:
        handled.append(delivery)
        delivery.ack()
        if len(handled) == 1:
            then()
        if len(handled) == number:
            stop.set()

    return handle


def test_a_service_goes_on_after_its_connection_was_cut(site):
    stop, tally = Event(), Tally()
    bus = site.bus(stop=stop, observer=tally)
    for _ in range(3):
        bus.publish(job())
    serve(bus, REALTIME, handle=stopping_after(3, stop, lambda: site.cut(bus)), stop=stop, tick=0.05, backoff=QUICK)
    bus.close()
    assert tally.of(Side.CONSUMING).count(True) >= 2


def test_an_idle_service_does_something_else(site):
    stop = Event()
    bus = site.bus(stop=stop)
    serve(bus, REALTIME, handle=lambda _: None, stop=stop, idle=stop.set, tick=0.01)
    bus.close()


def test_an_idle_service_may_have_nothing_else_to_do(site):
    stop = Event()
    bus = site.bus(stop=stop)
    Timer(0.1, stop.set).start()
    serve(bus, REALTIME, handle=lambda _: None, stop=stop, tick=0.01)
    bus.close()


def test_a_service_without_its_queue_gives_up_in_the_end(site):
    site.delete(REALTIME)
    stop = Event()
    bus = site.bus(stop=stop)
    with pytest.raises(ConsumerLost, match=REALTIME):
        serve(bus, REALTIME, handle=lambda _: None, stop=stop, backoff=Backoff(first=0.001, attempts=3))
    bus.close()


def test_a_worker_that_breaks_leaves_its_job_to_the_next(site, bus):
    def broken(delivery: Delivery) -> None:
        raise ZeroDivisionError

    bus.publish(sent := job())
    with pytest.raises(ZeroDivisionError):
        serve(bus, REALTIME, handle=broken, stop=Event(), tick=0.05)
    with bus.consume(REALTIME, tick=0.05) as consumer:
        again = following(consumer)
        assert (again.message, again.redelivered) == (sent, True)
        again.ack()
