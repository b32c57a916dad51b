"""What only RabbitMQ and the wire to it can do to a bus."""

from __future__ import annotations

import logging
import socket
import time
from dataclasses import replace
from threading import Event, Timer
from typing import TYPE_CHECKING

import pika
import pytest

from nightcrew.shared.bus import (
    Backoff,
    BusUnavailable,
    ConsumerLost,
    Lost,
    Published,
    Refused,
    Side,
    Topology,
    TopologyError,
)
from nightcrew.shared.bus.declaring import check, declare
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.messages import JOBS
from support.buses import PATIENCE, QUICK, RabbitSite, Tally, rabbit_site, with_queue
from support.examples_messages import finished, job
from support.rabbitmq import rabbitmq_url

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["rabbitmq_url"]

REALTIME = "reduce.realtime"


@pytest.fixture
def site(rabbitmq_url: str) -> Iterator[RabbitSite]:
    with rabbit_site(rabbitmq_url, Topology.load()) as there:
        yield there


def pumped_until_lost(bus: RabbitBus) -> Lost:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (lost := bus.pump(0.02)) is not None:
            return lost
    raise AssertionError("not noticed")


def test_tools_can_tell_a_message_without_reading_it(site):
    sent = job()
    site.bus().publish(sent)
    channel = pika.BlockingConnection(site.settings.parameters()).channel()
    _, properties, _ = channel.basic_get(site.topology.physical(REALTIME), auto_ack=True)
    channel.connection.close()
    assert properties is not None
    assert (properties.message_id, properties.correlation_id, properties.type, properties.app_id) == (
        str(sent.message_id),
        str(sent.correlation_id),
        "job.ready",
        "planner",
    )
    assert (properties.delivery_mode, properties.content_type) == (2, "application/json")
    assert properties.timestamp == int(sent.timestamp.timestamp())


def test_a_channel_that_the_broker_closes_while_a_job_runs_is_noticed(site):
    bus = site.bus()
    bus.publish(job())
    with bus.consume(REALTIME, tick=PATIENCE) as consumer:
        delivery = next(consumer)
        consumer._channel.basic_ack(999)  # an unknown tag: the broker closes the channel, not the connection
        assert "406" in pumped_until_lost(bus).reason
        assert isinstance(delivery.dead_letter("too late"), Lost)
        with pytest.raises(ConsumerLost, match="unknown delivery tag"):
            next(consumer)
    assert site.take("dead") is None, "the message is another's now"
    with bus.consume(REALTIME, tick=PATIENCE) as consumer:
        again = next(consumer)
        assert again.redelivered
        again.ack()


def test_a_tag_is_good_for_one_channel_only(site):
    """The second delivery has the tag of the first: acknowledging the first again must not settle it."""
    bus = site.bus()
    bus.publish(job())
    with bus.consume(REALTIME, tick=PATIENCE) as consumer:
        stale = next(consumer)
    with bus.consume(REALTIME, tick=PATIENCE) as consumer:
        fresh = next(consumer)
        assert stale.ack() == Lost("closed")
        assert fresh.requeue() is not None
        next(consumer).ack()


def test_a_publisher_whose_connection_died_unnoticed_publishes_all_the_same(site):
    tally = Tally()
    bus = site.bus(observer=tally)
    assert bus.publish(job()) == Published()
    site.cut(bus)
    assert bus.publish(job()) == Published()
    assert tally.of(Side.PUBLISHING) == [True, False, True]


def test_an_idle_publisher_that_is_pumped_notices(site):
    tally = Tally()
    bus = site.bus(observer=tally)
    bus.publish(job())
    site.cut(bus)
    end = time.monotonic() + PATIENCE
    while tally.of(Side.PUBLISHING) == [True] and time.monotonic() < end:
        bus.pump(0.02)
    assert tally.of(Side.PUBLISHING) == [True, False]


def test_an_outage_is_an_answer_after_a_bounded_number_of_attempts(site):
    tally = Tally()
    bus = site.bus(observer=tally)
    wire = site.wire(bus)
    wire.cut(refuse=True)
    outcome = bus.publish(job())
    assert isinstance(outcome, Refused)
    assert "after 6 attempts" in outcome.reason
    assert [attempt for attempt, _, _ in tally.retries] == [1, 2, 3, 4, 5]
    with pytest.raises(BusUnavailable, match="is it running"):
        bus.consume(REALTIME)
    wire.mend()
    assert bus.publish(job()) == Published()
    with bus.consume(REALTIME, tick=PATIENCE) as consumer:
        next(consumer).ack()


def test_an_outage_in_the_middle_of_a_publication_is_an_answer(site):
    bus = site.bus(backoff=Backoff(attempts=1))
    assert bus.publish(job()) == Published()
    site.wire(bus).cut(refuse=True)
    outcome = bus.publish(job())
    assert isinstance(outcome, Refused)
    assert "after 1 attempts" in outcome.reason


def test_a_service_told_to_stop_does_not_wait_for_a_broker(site):
    stop = Event()
    bus = site.bus(stop=stop, backoff=Backoff(first=PATIENCE, ceiling=PATIENCE))
    site.wire(bus).cut(refuse=True)
    Timer(0.1, stop.set).start()
    assert list(bus.consume(REALTIME)) == []
    assert isinstance(bus.publish(finished()), Refused)


def test_a_connection_outlives_a_job_of_several_heartbeats(site):
    bus = site.bus(query="heartbeat=1")
    bus.publish(job())
    with bus.consume(REALTIME, tick=PATIENCE) as consumer:
        delivery = next(consumer)
        assert bus.pump(2.5) is None
        assert not isinstance(delivery.ack(), Lost)


def test_a_wrong_password_is_told_without_the_password(site, caplog):
    caplog.set_level(logging.DEBUG)
    parameters = site.settings.parameters()
    url = f"amqp://guest:sesame@{parameters.host}:{parameters.port}/"
    bus = RabbitBus(RabbitSettings.load(rabbitmq_url=url), site.topology, stop=Event(), backoff=QUICK)
    outcome = bus.publish(job())
    assert isinstance(outcome, Refused)
    assert "guest@" in outcome.reason
    assert "sesame" not in outcome.reason + repr(RabbitSettings.load(rabbitmq_url=url)) + caplog.text


def test_a_server_that_never_answers_is_given_up(site):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"amqp://guest:guest@127.0.0.1:{deaf.getsockname()[1]}/?stack_timeout=0.3"
        bus = RabbitBus(RabbitSettings.load(rabbitmq_url=url), site.topology, stop=Event(), backoff=Backoff(attempts=1))
        assert isinstance(bus.publish(job()), Refused)


def test_a_name_that_nobody_knows_is_given_up(site):
    settings = RabbitSettings.load(rabbitmq_url="amqp://guest:guest@nowhere.invalid:5672/")
    with pytest.raises(BusUnavailable, match=r"nowhere\.invalid"):
        check(settings, site.topology)


def test_what_is_there_is_found_there(site):
    check(site.settings, site.topology)
    declare(site.settings, site.topology)


def test_all_that_is_missing_is_named_at_once(site):
    site.delete(REALTIME)
    site.delete("dead")
    with pytest.raises(TopologyError) as told:
        check(site.settings, site.topology)
    for name in (REALTIME, "dead"):
        assert f"queue {site.topology.physical(name)!r} is missing" in str(told.value)
    assert "definitions.json" in str(told.value)


def test_a_queue_of_another_kind_is_named_with_the_difference(site):
    there = site.topology.queue(REALTIME)
    other = with_queue(site.topology, REALTIME, arguments={**there.arguments, "x-single-active-consumer": True})
    with pytest.raises(TopologyError, match=r"realtime' is another one .*'x-single-active-consumer'.*delete it"):
        declare(site.settings, other)


def test_what_the_broker_refuses_is_told_in_its_words(site):
    reserved = replace(site.topology, prefix="amq.")
    with pytest.raises(TopologyError, match="403 ACCESS_REFUSED"):
        declare(site.settings, reserved)


def test_foreign_properties_of_poison_do_no_harm(site):
    """A user id that is not ours would close the channel by which the dead letter goes."""
    properties = pika.BasicProperties(user_id="guest", expiration="60000", headers={"x-delivery-count": 1})
    site._channel.basic_publish(site.topology.physical(JOBS), "realtime", b"poison", properties)
    bus = site.bus()
    bus.publish(job())
    with bus.consume(REALTIME, tick=PATIENCE) as consumer:
        next(consumer).ack()
    letter = site.take("dead")
    assert letter is not None
    assert letter.body == b"poison"
