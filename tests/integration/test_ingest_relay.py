"""What ingest records is published on both buses, and stays recorded while nobody takes it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import date

import pytest

from nightcrew.shared.bus import Topology
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import LEDGER, outbox
from nightcrew.shared.messages import FrameArrived, decode
from nightcrew.shared.relaying import Relay
from support.buses import MemorySite, RabbitSite, rabbit_site
from support.ingest import Station, Told, write_frame
from support.rabbitmq import rabbitmq_url

__all__ = ["rabbitmq_url"]


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture(params=["memory", "rabbitmq"])
def site(request):
    if request.param == "memory":
        yield MemorySite(Topology.load())
        return
    with rabbit_site(request.getfixturevalue("rabbitmq_url"), Topology.load()) as made:
        yield made


@contextmanager
def running(relay: Relay):
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        relay.bus.wake()
        thread.join(30)
        assert not thread.is_alive()


def taken(site, count: int) -> list[FrameArrived]:
    found: list[FrameArrived] = []
    end = time.monotonic() + 30
    while len(found) < count and time.monotonic() < end:
        letter = site.take("plan.frames")
        if letter is not None:
            message = decode(letter.body)
            assert isinstance(message, FrameArrived)
            found.append(message)
    assert site.take("plan.frames") is None
    return found


def waiting(database) -> int:
    with database.connect() as connection:
        return outbox.pending(connection).messages


def test_each_frame_is_published_once_and_in_order(site, database, tmp_path):
    station = Station(database, tmp_path / "raw")
    for number in range(1, 6):
        write_frame(station.raw, number)
    station.poll(2)
    with running(Relay(database, site.bus(), pace=0.05)):
        found = taken(site, 5)
        write_frame(station.raw, 6)
        station.poll(2)
        found += taken(site, 1)
    rows = station.frames(date(2016, 1, 1))
    assert {message.frame_id for message in found} == {row.id for row in rows.values()}
    assert [message.frame_id for message in found] == sorted(message.frame_id for message in found)
    assert {(message.instrument, message.kind, message.producer) for message in found} == {
        ("NIRI", "science", "ingest")
    }
    assert waiting(database) == 0


def test_two_relays_share_the_work(site, database, tmp_path):
    station = Station(database, tmp_path / "raw")
    for number in range(1, 21):
        write_frame(station.raw, number)
    station.poll(2)
    with running(Relay(database, site.bus(), pace=0.05)), running(Relay(database, site.bus(), pace=0.05)):
        found = taken(site, 20)
    assert len({message.message_id for message in found}) == len(found) == 20


def test_what_the_broker_does_not_take_waits_and_is_told(database, tmp_path, request):
    url = request.getfixturevalue("rabbitmq_url")
    with rabbit_site(url, Topology.load()) as site:
        assert isinstance(site, RabbitSite)
        bus, told = site.bus(), Told()
        station = Station(database, tmp_path / "raw")
        write_frame(station.raw)
        station.poll(2)
        relay = Relay(database, bus, told.trouble, pace=0.05)
        site.wire(bus).cut(refuse=True)
        assert relay.once() == 0
        assert told.troubles[0][0] == "relay"
        assert waiting(database) == 1
        site.wire(bus).mend()
        assert relay.once() == 1
        assert len(taken(site, 1)) == 1


def test_a_database_that_is_gone_is_told_and_asked_again(site, database, monkeypatch):
    told = Told()

    def gone(*_: object) -> None:
        raise ServiceError("the database is gone")

    monkeypatch.setattr(outbox, "relay", gone)
    assert Relay(database, site.bus(), told.trouble).once() == 0
    assert told.troubles == [("database", "the database is gone")]
