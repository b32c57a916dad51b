"""Messages in the ledger: published after their transaction, and handled once."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from nightcrew.shared.database import DatabaseSettings, open_database
from nightcrew.shared.ledger import (
    LEDGER,
    inbox,
    outbox,
)
from nightcrew.shared.messages import FrameArrived
from support.ledgers import (
    NIGHT,
    submitted,
)


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


def arrived_message(number: int = 1) -> FrameArrived:
    return FrameArrived(
        producer="ingest", frame_id=number, content_hash="ab" * 32, instrument="NIRI", kind="dark", night=NIGHT
    )


def test_a_message_is_published_after_its_transaction_and_only_if_that_is_committed(database):
    with database.connect() as connection:
        outbox.add(connection, arrived_message(1))
    with database.begin() as connection:
        outbox.add(connection, arrived_message(2))
    told = []
    assert outbox.relay(database, lambda message: told.append(message) or "").published == 1
    assert [message.frame_id for message in told] == [2]
    assert outbox.relay(database, lambda message: told.append(message) or "").published == 0


def test_what_the_broker_does_not_confirm_stays_and_keeps_its_identity(database):
    first, second = arrived_message(1), arrived_message(2)
    with database.begin() as connection:
        outbox.add(connection, first)
        outbox.add(connection, second)
    done = outbox.relay(database, lambda message: "" if message == first else "broker blocked")
    assert (done.published, done.stopped) == (1, "broker blocked")
    with database.connect() as connection:
        waits = outbox.pending(connection)
        assert waits.messages == 1
        assert waits.oldest_seconds >= 0
    told = []
    outbox.relay(database, lambda message: told.append(message) or "")
    assert told == [second]
    with database.begin() as connection:
        assert outbox.prune(connection, timedelta(hours=1)) == 0
        assert outbox.prune(connection, timedelta()) == 2
        assert outbox.pending(connection) == outbox.Pending(0, 0.0)


def test_a_broker_may_take_longer_than_a_transaction_may_be_idle(database, postgres_url):
    settings = DatabaseSettings(database_url=postgres_url, database_idle_timeout=0.2)
    with database.begin() as connection:
        submitted(connection)
    with open_database(settings, application="tests") as impatient:
        assert outbox.relay(impatient, lambda message: time.sleep(0.5) or "").published == 1


def test_what_cannot_be_read_back_stops_the_relay_and_says_so(database):
    with database.begin() as connection:
        connection.execute(text("INSERT INTO ledger.outbox (id, body) VALUES (gen_random_uuid(), 'junk')"))
    assert "no JSON" in outbox.relay(database, lambda message: "").stopped


def test_two_relays_at_once_publish_each_message_once(database):
    with database.begin() as connection:
        for number in range(1, 51):
            outbox.add(connection, arrived_message(number))
    told: list[int] = []

    def relay() -> None:
        while outbox.relay(database, lambda message: told.append(message.frame_id) or "", limit=5).published:
            pass

    threads = [threading.Thread(target=relay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) == list(range(1, 51))


def test_a_message_that_comes_again_has_no_effects(database):
    message = arrived_message()
    with database.begin() as connection:
        assert inbox.first_time(connection, "planner", message.message_id)
        assert inbox.first_time(connection, "console", message.message_id)
    with database.begin() as connection:
        assert not inbox.first_time(connection, "planner", message.message_id)
        assert inbox.prune(connection, timedelta()) == 2
