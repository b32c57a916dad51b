"""What the services rely on, of RabbitMQ and of the bus within a process alike."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Event, Timer
from typing import TYPE_CHECKING

import pytest

from nightcrew.shared.bus import (
    ORIGIN,
    REASON,
    Backoff,
    ConsumerLost,
    DeliveryOutcome,
    Lost,
    Published,
    PublishOutcome,
    Refused,
    Returned,
    Settled,
    Settlement,
    Side,
    Topology,
    serve,
)
from nightcrew.shared.bus.topology import Limits
from nightcrew.shared.messages import EVENTS, JOBS, JobClass, Route, encode
from support.buses import PATIENCE, QUICK, Letter, MemorySite, Site, Tally, rabbit_site, with_queue
from support.examples_messages import certified, finished, frame, job, vetoed
from support.rabbitmq import rabbitmq_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.shared.bus import Bus, Consumer, Delivery

__all__ = ["rabbitmq_url"]

REALTIME = "reduce.realtime"
TO_REALTIME = Route(JOBS, "realtime")


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


def letters(site: Site, queue: str, number: int = 1) -> list[Letter]:
    """Take so many messages out of a queue, and see that there are no others."""
    found = [site.take(queue, PATIENCE) for _ in range(number)]
    assert site.take(queue) is None
    return [letter for letter in found if letter is not None]


def test_a_job_comes_to_the_reducers_of_its_class_as_it_was_sent(site, bus):
    sent = {JobClass.REALTIME: "reduce.realtime", JobClass.CALIBRATION: "reduce.calibration",
            JobClass.SCIENCE: "reduce.science", JobClass.LARGE: "reduce.large"}  # fmt: skip
    for job_class, queue in sent.items():
        message = job(job_class)
        assert bus.publish(message) == Published()
        with bus.consume(queue, tick=0.05) as consumer:
            delivery = following(consumer)
            assert (delivery.message, delivery.queue, delivery.redelivered, delivery.returns) == (
                message,
                queue,
                False,
                0,
            )
            assert delivery.ack() == Settled(Settlement.ACKED)


def test_the_planner_hears_of_frames_by_one_queue_and_of_results_by_another(site, bus):
    arrived, *results = sent = (frame(), finished(), certified(), vetoed())
    assert [bus.publish(message) for message in sent] == [Published()] * 4
    assert [letter.body for letter in letters(site, "plan.frames")] == [encode(arrived)]
    assert [letter.body for letter in letters(site, "plan.results", 3)] == [encode(message) for message in results]


def test_one_consumer_may_listen_to_several_queues(bus):
    sent = {"plan.frames": frame(), "plan.results": finished()}
    for message in sent.values():
        bus.publish(message)
    with bus.consume(*sent, tick=0.05) as consumer:
        while sent:
            delivery = following(consumer)
            assert sent.pop(delivery.queue) == delivery.message
            delivery.ack()


def test_a_queue_that_is_never_empty_starves_no_other(bus):
    for number in range(1, 9):
        bus.publish(frame(number))
    bus.publish(result := finished())
    with bus.consume("plan.frames", "plan.results", tick=0.05) as consumer:
        first = []
        for _ in range(4):
            first.append((delivery := following(consumer)).message)
            delivery.ack()
    assert result in first


def test_what_is_acknowledged_does_not_come_again(site, bus):
    bus.publish(job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        following(consumer).ack()
    assert site.take(REALTIME) is None


def test_a_job_that_no_reducer_would_get_goes_back_to_the_planner(bus):
    outcome = bus.publish(job(), Route(JOBS, "huge"))
    assert isinstance(outcome, Returned)
    assert "'huge'" in outcome.reason


def test_an_event_that_nobody_listens_to_is_kept_apart(site, bus):
    sent = job()
    assert bus.publish(sent, Route(EVENTS, "dome.closed")) == Published()
    assert [letter.body for letter in letters(site, "unrouted")] == [encode(sent)]


def test_a_missing_exchange_is_an_answer_and_the_bus_lives_on(bus):
    outcome = bus.publish(job(), Route("nightcrew.nothing", "x"))
    assert isinstance(outcome, Refused)
    assert "nightcrew.nothing" in outcome.reason
    assert bus.publish(job()) == Published()


@pytest.mark.parametrize("kind", ["memory", "rabbit"])
def test_a_full_queue_refuses_rather_than_forgets(kind, request):
    full = with_queue(Topology.load(), REALTIME, limits=Limits(length=3, refuses=True))
    with made(kind, request, full) as site:
        bus = site.bus()
        outcomes = [bus.publish(job()) for _ in range(12)]
        kept = len(letters(site, REALTIME, outcomes.count(Published())))
        bus.close()
    assert outcomes.count(Published()) == kept
    assert 3 <= kept < 12  # a quorum queue notices a little late
    assert isinstance(outcomes[-1], Refused)
    assert "full" in outcomes[-1].reason


@pytest.mark.parametrize("kind", ["memory", "rabbit"])
def test_a_queue_may_forget_its_oldest_if_its_limits_say_so(kind, request):
    short = with_queue(Topology.load(), "unrouted", limits=Limits(length=2))
    with made(kind, request, short) as site:
        bus = site.bus()
        sent = [finished() for _ in range(6)]
        assert [bus.publish(message, Route(EVENTS, "dome.closed")) for message in sent] == [Published()] * 6
        bus.close()
        assert [letter.body for letter in letters(site, "unrouted", 2)] == [encode(message) for message in sent[-2:]]


def test_what_a_worker_did_not_settle_comes_again_marked(bus):
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        following(consumer)
    with bus.consume(REALTIME, tick=0.05) as consumer:
        again = following(consumer)
        assert (again.message, again.redelivered, again.returns) == (sent, True, 1)
        again.ack()


def test_a_message_that_kills_its_workers_is_set_aside_after_three_returns(site, bus):
    bus.publish(sent := job())
    for returns in range(4):
        with bus.consume(REALTIME, tick=0.05) as consumer:
            assert following(consumer).returns == returns
    with bus.consume(REALTIME, tick=0.05) as consumer:
        assert ticks(consumer) == [None] * 5
    (letter,) = letters(site, "dead")
    assert letter.body == encode(sent)
    assert (letter.headers["x-first-death-reason"], letter.headers["x-first-death-queue"][-len(REALTIME) :]) == (
        "delivery_limit",
        REALTIME,
    )


def test_a_message_handed_back_comes_again(bus):
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        assert following(consumer).requeue() == Settled(Settlement.REQUEUED)
        again = following(consumer)
        assert (again.message, again.redelivered) == (sent, True)
        again.ack()


def test_a_dead_letter_says_why_and_where_it_was(site, bus):
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        assert following(consumer).dead_letter("no such job") == Settled(Settlement.DEAD_LETTERED, "no such job")
    assert letters(site, "dead") == [Letter(encode(sent), {REASON: "no such job", ORIGIN: REALTIME})]
    assert site.take(REALTIME) is None


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        (b"\xff\x00 not JSON", "no JSON"),
        (b'{"type": "job.ready", "version": "7.0"}', "version '7.0'"),
        (b'{"type": "job.eaten", "version": "1.0"}', "unknown type 'job.eaten'"),
        (b"x" * 100_000, "100000 bytes"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_its_reason_and_blocks_nobody(site, poison, reason):
    tally = Tally()
    bus = site.bus(observer=tally)
    site.put(TO_REALTIME, poison)
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        delivery = following(consumer)
        assert delivery.message == sent
        delivery.ack()
    bus.close()
    (letter,) = letters(site, "dead")
    assert (letter.body, letter.headers[ORIGIN]) == (poison, REALTIME)
    assert reason in letter.headers[REASON]
    assert tally.deliveries == [(REALTIME, DeliveryOutcome.INVALID), (REALTIME, DeliveryOutcome.ACKED)]


def test_without_a_place_for_dead_letters_nothing_is_dropped(site, bus):
    site.delete("dead")
    bus.publish(sent := job())
    with bus.consume(REALTIME, tick=0.05) as consumer:
        outcome = following(consumer).dead_letter("no such job")
        assert isinstance(outcome, Settled)
        assert outcome.how is Settlement.REQUEUED
        assert "no place for dead letters" in outcome.reason
        again = following(consumer)
        assert again.message == sent
        again.ack()


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


def pumped_until_lost(bus: Bus) -> Lost | None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (lost := bus.pump(0.02)) is not None:
            return lost
    return None


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
