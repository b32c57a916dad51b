from __future__ import annotations

import socket

import pytest

from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.dead import letters
from nightcrew.shared.bus.errors import BusUnavailable
from nightcrew.shared.bus.faults import in_words
from nightcrew.shared.bus.settings import RabbitSettings
from support.rabbitmq import rabbitmq_url

__all__ = ["rabbitmq_url"]


def told(url: str) -> str:
    with pytest.raises(BusUnavailable) as raised:
        letters(RabbitSettings.load(rabbitmq_url=url), Topology.load())
    return str(raised.value)


def test_a_broker_that_is_not_there_is_told_with_the_reason_of_the_system():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert told(f"amqp://ada:secret@127.0.0.1:{port}/") == (
        f"RabbitMQ at ada@127.0.0.1:{port}/: unreachable (Connection refused); start it, or correct host and port"
    )


def test_a_wrong_password_and_a_wrong_host_are_told_apart(rabbitmq_url):
    place = rabbitmq_url.partition("@")[2].partition("/")[0]
    assert "wrong password or user" in told(f"amqp://guest:wrong@{place}/")
    assert "no such virtual host" in told(f"{rabbitmq_url.partition('@')[0]}@{place}/nowhere")
    assert "secret" not in told(f"amqp://ada:secret@{place}/")


def test_what_nobody_has_thought_of_is_shown_as_it_is():
    assert in_words("guest@mq/", ValueError("odd")) == "RabbitMQ at guest@mq/: ValueError('odd'); is it running?"
