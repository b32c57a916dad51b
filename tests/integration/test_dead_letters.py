"""Messages that nobody could use: they can be looked at as often as one likes, and sent once more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from nightcrew.cli.suite.finding import NotKnown
from nightcrew.cli.suite.troubles import named, troubles
from nightcrew.shared.bus import BusUnavailable, Topology
from nightcrew.shared.bus.dead import Unreadable, letters, replay
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.ledger import LEDGER
from nightcrew.shared.messages import JOBS, Route, Undecodable, encode
from support.buses import PATIENCE, rabbit_site
from support.examples_messages import job
from support.rabbitmq import rabbitmq_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.buses import RabbitSite

__all__ = ["rabbitmq_url"]

TO_REALTIME = Route(JOBS, "realtime")


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def site(rabbitmq_url: str) -> Iterator[RabbitSite]:
    with rabbit_site(rabbitmq_url, Topology.load()) as there:
        yield there


def dead(site: RabbitSite, body: bytes, reason: str = "no reducer knows it") -> None:
    """Let a message come to nothing."""
    before = len(letters(site.settings, site.topology))
    site.put(TO_REALTIME, body)
    bus = site.bus()
    with bus.consume("reduce.realtime", tick=0.05) as consumer:
        for delivery in consumer:
            if delivery is not None:
                delivery.dead_letter(reason)
            if len(letters(site.settings, site.topology)) > before:
                break
    bus.close()


def in_the_end(site: RabbitSite, number: int) -> list[str]:
    """Return the numbers of the dead messages, once there are so many."""
    end = time.monotonic() + PATIENCE
    while True:
        found = letters(site.settings, site.topology)
        if len(found) == number or time.monotonic() > end:
            return [letter.id for letter in found]


def test_looking_at_dead_messages_leaves_them_where_they_are(site):
    message = job()
    dead(site, encode(message))
    for _ in range(5):
        (letter,) = letters(site.settings, site.topology)
        assert letter.message == message
        assert letter.id == str(message.message_id)
        assert letter.queue.endswith("reduce.realtime")
        assert letter.reason == "no reducer knows it"


def test_a_dead_message_that_is_sent_once_more_arrives_and_is_dead_no_more(site):
    message = job()
    dead(site, encode(message))
    sent = replay(site.settings, site.topology, str(message.message_id))
    assert sent is not None
    letter = site.take("reduce.realtime", PATIENCE)
    assert letter is not None
    assert letter.body == encode(message)
    assert in_the_end(site, 0) == []
    assert replay(site.settings, site.topology, str(message.message_id)) is None


def test_what_cannot_be_read_is_shown_and_not_sent(site):
    dead(site, b"nonsense")
    (letter,) = letters(site.settings, site.topology)
    assert isinstance(letter.message, Undecodable)
    with pytest.raises(Unreadable, match="it can only be thrown away"):
        replay(site.settings, site.topology, letter.id)
    assert len(in_the_end(site, 1)) == 1


def test_a_broker_that_is_not_there_is_named_without_its_password():
    gone = RabbitSettings.load(rabbitmq_url="amqp://ana:secret@127.0.0.1:9/")
    with pytest.raises(BusUnavailable, match="RabbitMQ at ana@127.0.0.1:9") as caught:
        letters(gone, Topology.load())
    assert "secret" not in str(caught.value)


def test_dead_messages_are_among_what_needs_a_person(site, database):
    message = job()
    dead(site, encode(message))
    found = letters(site.settings, site.topology)
    with database.begin() as connection:
        (one,) = troubles(connection, found)
        assert named(connection, one.number, found) == one
        with pytest.raises(NotKnown):
            named(connection, "message-0", found)
    assert (one.number, one.what, one.name) == (f"message-{message.message_id}", "message", message.type)
    assert one.reason.endswith("no reducer knows it")
    assert one.record["readable"]
