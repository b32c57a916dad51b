"""What every bus does, tested with each: consumers of one queue and of several, and their ends."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Event, Timer
from typing import TYPE_CHECKING

import pytest

from nightcrew.shared.bus import (
    ConsumerLost,
    Lost,
    Published,
    PublishOutcome,
    Settled,
    Settlement,
    Side,
)
from nightcrew.shared.messages import JOBS, JobClass, Route
from support.bus_sites import bus, following, pumped_until_lost, site, ticks
from support.buses import PATIENCE, Tally
from support.examples_messages import finished, frame, job
from support.rabbitmq import rabbitmq_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.bus import Bus, Consumer, Delivery


__all__ = ["bus", "rabbitmq_url", "site"]
REALTIME = "reduce.realtime"


def test_an_idle_consumer_ticks(bus):
    with bus.consume(REALTIME, tick=0.01) as consumer:
        assert ticks(consumer, 3) == [None] * 3


def test_one_worker_holds_one_job_and_leaves_the_next_to_another(site, bus):
    other = site.bus()
    for _ in range(2):
        bus.publish(job())
    with bus.consume(REALTIME, tick=0.05) as mine, other.consume(REALTIME, tick=0.05) as theirs:
        first, second = following(mine), following(theirs)
        assert first.message.message_id != second.message.message_id
        first.ack()
        second.ack()
    other.close()


def test_who_takes_from_several_queues_holds_one_job_of_all_and_leaves_the_next_to_another(site, bus):
    other = site.bus()
    queues = (REALTIME, "reduce.science")
    with bus.pull(*queues, tick=0.05) as mine, other.pull(*queues, tick=0.05) as theirs:
        bus.publish(job())
        first = following(mine)
        bus.publish(job(JobClass.SCIENCE))
        bus.publish(job())
        second = following(theirs)
        first.ack()
        third = following(mine)
        assert {second.queue, third.queue} == set(queues)
        second.ack()
        third.ack()
        assert ticks(mine, 2) + ticks(theirs, 2) == [None] * 4
    other.close()


def test_a_class_whose_jobs_never_end_starves_no_other(bus):
    for _ in range(8):
        bus.publish(job())
    bus.publish(rare := job(JobClass.SCIENCE))
    taken = []
    with bus.pull(REALTIME, "reduce.science", tick=0.05) as consumer:
        for _ in range(3):
            taken.append((delivery := following(consumer)).message)
            delivery.ack()
    assert rare in taken


def test_what_was_taken_from_several_queues_and_not_settled_comes_again_marked(site, bus):
    bus.publish(sent := job())
    with bus.pull(REALTIME, "reduce.science", tick=0.05) as consumer:
        following(consumer)
    with bus.pull("reduce.science", REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        assert (delivery.message, delivery.queue, delivery.redelivered) == (sent, REALTIME, True)
        delivery.ack()
    assert site.take(REALTIME) is None


def test_a_service_that_takes_from_several_queues_goes_on_after_its_connection_was_cut(site):
    stop, tally = Event(), Tally()
    bus = site.bus(stop=stop, observer=tally)
    for _ in range(3):
        bus.publish(job())
    handled: list[Delivery] = []
    while len(handled) < 3:
        try:
            with bus.pull(REALTIME, "reduce.science", tick=0.05) as consumer:
                while len(handled) < 3:
                    delivery = following(consumer)
                    if isinstance(delivery.ack(), Settled):
                        handled.append(delivery)
                    if len(handled) == 1:
                        site.cut(bus)
        except ConsumerLost:
            continue
    bus.close()
    assert tally.of(Side.CONSUMING).count(True) >= 2


def test_a_queue_that_goes_missing_among_several_ends_the_taking(site, bus):
    with bus.pull(REALTIME, "reduce.science", tick=0.05) as consumer:
        assert ticks(consumer, 1) == [None]
        site.delete(REALTIME)
        with pytest.raises(ConsumerLost, match="deleted|NOT_FOUND"):
            ticks(consumer, 100)


def test_who_takes_from_several_queues_ends_when_told_to(site):
    stop = Event()
    bus = site.bus(stop=stop)
    with bus.pull(REALTIME, "reduce.science", tick=0.02) as consumer:
        for delivery in consumer:
            assert delivery is None
            stop.set()
    bus.close()


def test_frames_go_to_one_planner_and_to_the_next_when_it_leaves(site, bus):
    standby = site.bus()
    with standby_after(bus.consume("plan.frames", tick=0.05), standby) as (active, waiting):
        for number in (1, 2):
            bus.publish(frame(number))
        first = following(active)
        assert ticks(waiting, 3) == [None] * 3
        first.ack()
        active.close()
        taken_over = following(waiting)
        assert taken_over.message.frame_id == 2
        taken_over.ack()
    standby.close()


@contextmanager
def standby_after(active: Consumer, bus: Bus) -> Iterator[tuple[Consumer, Consumer]]:
    with active, bus.consume("plan.frames", tick=0.05) as waiting:
        yield active, waiting


def test_a_consumer_whose_queue_is_deleted_is_lost_not_finished(site, bus):
    with bus.consume(REALTIME, tick=0.05) as consumer:
        assert ticks(consumer, 1) == [None]
        site.delete(REALTIME)
        with pytest.raises(ConsumerLost, match="deleted"):
            ticks(consumer, 100)


def test_a_queue_deleted_while_a_job_runs_is_noticed_by_the_pump(site, bus):
    bus.publish(job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        assert bus.pump(0.01) is None
        site.delete(REALTIME)
        assert pumped_until_lost(bus) is not None
        assert isinstance(delivery.ack(), Lost)


def test_a_queue_that_is_not_there_is_named(bus):
    with pytest.raises(ConsumerLost, match="reduce.nothing"):
        bus.consume("reduce.nothing")


@pytest.mark.parametrize("way", ["before", "idle"])
def test_a_consumer_ends_when_it_is_told_to(site, way):
    stop = Event()
    bus = site.bus(stop=stop)
    if way == "before":
        stop.set()
    with bus.consume(REALTIME, tick=0.02) as consumer:
        for delivery in consumer:
            assert delivery is None
            stop.set()
    bus.close()


def test_a_worker_told_to_stop_takes_no_job_that_it_would_only_hand_back(site, bus):
    bus.publish(job())
    stop = Event()
    stop.set()
    stopped = site.bus(stop=stop)
    assert list(stopped.consume(REALTIME)) == []
    stopped.close()
    with bus.consume(REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        assert not delivery.redelivered
        delivery.ack()


def test_a_worker_told_to_stop_still_settles_what_it_holds(site):
    stop = Event()
    bus = site.bus(stop=stop)
    bus.publish(job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        stop.set()
        assert bus.pump(0.01) is None
        assert bus.publish(finished()) == Published()
        assert delivery.ack() == Settled(Settlement.ACKED)
        assert list(consumer) == []
    bus.close()
    assert site.take(REALTIME) is None


def test_a_running_job_can_end_the_pump(bus):
    with bus.consume(REALTIME, tick=0.05):
        start = time.monotonic()
        Timer(0.05, bus.wake).start()
        assert bus.pump(PATIENCE) is None
        assert time.monotonic() - start < PATIENCE / 2


def test_a_bus_that_only_publishes_can_be_woken_too(bus):
    bus.wake()
    start = time.monotonic()
    assert bus.pump(PATIENCE) is None
    assert time.monotonic() - start < PATIENCE / 2


def test_mistakes_of_a_worker_are_told_at_once(bus):
    for _ in range(2):
        bus.publish(job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        with pytest.raises(RuntimeError, match="was not settled"):
            next(consumer)
        delivery.ack()
        with pytest.raises(RuntimeError, match="settled already"):
            delivery.ack()
        with pytest.raises(RuntimeError, match="has a consumer already"):
            bus.consume("reduce.science")
        following(consumer).ack()


def test_publications_are_counted(site):
    tally = Tally()
    bus = site.bus(observer=tally)
    bus.publish(job())
    bus.publish(job(), Route(JOBS, "huge"))
    bus.publish(job(), Route("nightcrew.nothing", "x"))
    bus.close()
    assert tally.publications == [
        (JOBS, PublishOutcome.CONFIRMED),
        (JOBS, PublishOutcome.RETURNED),
        ("nightcrew.nothing", PublishOutcome.NACKED),
    ]
