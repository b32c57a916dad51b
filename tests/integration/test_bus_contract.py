"""What every bus does, tested with each: publishing, and settling what was delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightcrew.shared.bus import (
    ORIGIN,
    REASON,
    DeliveryOutcome,
    Published,
    Refused,
    Returned,
    Settled,
    Settlement,
    Topology,
)
from nightcrew.shared.bus.topology import Limits
from nightcrew.shared.messages import EVENTS, JOBS, JobClass, Route, encode
from support.bus_sites import bus, following, made, site, ticks
from support.buses import PATIENCE, Letter, Site, Tally, with_queue
from support.examples_messages import certified, finished, frame, job, vetoed
from support.rabbitmq import rabbitmq_url

if TYPE_CHECKING:
    pass


__all__ = ["bus", "rabbitmq_url", "site"]
REALTIME = "reduce.realtime"
TO_REALTIME = Route(JOBS, "realtime")


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
