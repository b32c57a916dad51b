from __future__ import annotations

from threading import Event

import pytest

from nightcrew.shared.bus import ConsumerLost, Lost, Published, Returned, Settled, Settlement, Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker, Session, Stored
from nightcrew.shared.bus.topology import Limits
from nightcrew.shared.messages import JOBS, JobClass, Route
from support.buses import with_queue
from support.examples_messages import job

REALTIME = "reduce.realtime"
TO_REALTIME = Route(JOBS, "realtime")


def subscribed(broker: MemoryBroker, *queues: str) -> Session:
    session = Session()
    broker.subscribe(session, queues)
    return session


def test_without_an_exchange_for_dead_letters_too_many_returns_are_the_end():
    broker = MemoryBroker(with_queue(Topology.load(), REALTIME, limits=Limits(redeliveries=1)))
    broker.publish(TO_REALTIME, Stored(b"poison"))
    session = subscribed(broker, REALTIME)
    for _ in range(2):
        stored = broker.take(session, 0)
        assert stored is not None
        assert broker.settle(session, stored, back=True) == ""
    assert broker.take(session, 0) is None


def test_without_a_queue_for_dead_letters_they_stay_where_they_are():
    broker = MemoryBroker(
        with_queue(Topology.load(), REALTIME, limits=Limits(redeliveries=0, dead_letters="nightcrew.dlx"))
    )
    broker.delete("dead")
    broker.publish(TO_REALTIME, Stored(b"poison"))
    session = subscribed(broker, REALTIME)
    for returns in range(3):
        stored = broker.take(session, 0)
        assert stored is not None
        assert stored.returns == returns
        broker.settle(session, stored, back=True)


def test_what_a_lost_consumer_held_is_no_longer_its_own():
    broker = MemoryBroker(Topology.load())
    broker.publish(TO_REALTIME, Stored(b"work"))
    session = subscribed(broker, REALTIME)
    stored = broker.take(session, 0)
    assert stored is not None
    broker.leave(session, "connection lost")
    assert broker.take(session, 0) is None
    assert broker.settle(session, stored, back=False) == "connection lost"
    assert broker.take(subscribed(broker, REALTIME), 0) is not None


def test_a_message_held_from_a_queue_that_is_deleted_is_gone_and_others_come_back():
    broker = MemoryBroker(Topology.load())
    bus = MemoryBus(broker, stop=Event())
    bus.publish(job(JobClass.REALTIME))
    with bus.consume(REALTIME, "reduce.large", tick=0) as consumer:
        held = next(consumer)
        assert held is not None
        broker.delete(REALTIME)
        assert isinstance(held.ack(), Lost)
        with pytest.raises(ConsumerLost):
            next(consumer)
    assert bus.publish(job(JobClass.LARGE)) == Published()
    assert isinstance(bus.publish(job(JobClass.REALTIME)), Returned)
    with bus.consume("reduce.large", tick=0) as consumer:
        delivery = next(consumer)
        assert delivery is not None
        assert delivery.ack() == Settled(Settlement.ACKED)


def test_a_bus_that_never_consumed_has_nothing_to_cut_or_close():
    bus = MemoryBus(MemoryBroker(Topology.load()), stop=Event())
    bus.cut()
    bus.close()
    assert bus.publish(job()) == Published()
