"""The planner as a service: woken by messages or by itself, over outages, keeping house."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from nightcrew.planner.remembering import RememberingDesk
from nightcrew.planner.running import in_touch
from nightcrew.planner.service import Pace, PlannerService
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker
from nightcrew.shared.ledger import LEDGER, JobState, claims, jobs, outbox
from nightcrew.shared.ledger.records import Claim
from nightcrew.shared.messages import FrameArrived, JobReady
from nightcrew.shared.relaying import Relay
from support.desks import PaperDesk
from support.ledgers import expire_leases
from support.paper_night import frame, niri_night, sequence
from support.suites import NIGHT, SCIENCE, PaperSuite, old_master

if TYPE_CHECKING:
    from datetime import date

    from nightcrew.planner.housekeeping import Kept
    from nightcrew.planner.looked import Looked
    from nightcrew.shared.database import Database


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@dataclass
class Heard:
    """A watcher that remembers."""

    looks: list[Looked] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)
    rounds: list[Kept] = field(default_factory=list)
    well: set[str] = field(default_factory=set)

    def looked(self, night: date, instrument: str, looked: Looked, seconds: float) -> None:
        self.looks.append(looked)

    def kept(self, kept: Kept) -> None:
        self.rounds.append(kept)

    def trouble(self, what: str, reason: str) -> None:
        self.troubles.append((what, reason))

    def over(self, what: str) -> None:
        self.well.add(what)


@dataclass
class Staged:
    """A planner service on a paper suite, its clock in hand."""

    suite: PaperSuite
    broker: MemoryBroker
    heard: Heard = field(default_factory=Heard)
    stop: threading.Event = field(default_factory=threading.Event)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.bus = MemoryBus(self.broker, stop=self.stop)
        self.relay = Relay(self.suite.database, self.bus, self.heard.trouble, lambda: self.heard.over("relay"))
        planner = replace(self.suite.planner, desk=RememberingDesk(self.suite.desk, clock=lambda: self.now))
        self.service = PlannerService(
            planner, self.suite.database, self.heard, self.stop, pace=Pace(), clock=lambda: self.now
        )

    def beat(self, seconds: float = 10.0) -> None:
        """Let time pass, and the service do what is due, and tell it."""
        self.now += seconds
        self.service.beat()
        self.relay.once()

    def ready(self) -> list[JobReady]:
        """Take the job messages that reducers would get."""
        stop = threading.Event()
        bus = MemoryBus(self.broker, stop=stop)
        found: list[JobReady] = []
        with bus.consume("reduce.calibration", "reduce.science", "reduce.realtime", tick=0.01) as consumer:
            for delivery in consumer:
                if delivery is None:
                    stop.set()
                elif isinstance(delivery.message, JobReady):
                    found.append(delivery.message)
                    delivery.ack()
        bus.close()
        return found


@pytest.fixture
def staged(database: Database, tmp_path) -> Staged:
    return Staged(PaperSuite(database, PaperDesk(tmp_path), tmp_path), MemoryBroker(Topology.load()))


def test_frames_whose_messages_were_lost_are_planned_all_the_same(staged):
    staged.suite.arrive(sequence(1, 3, "dark"))
    staged.beat()
    assert [name for look in staged.heard.looks for name in look.submitted] == ["dark-N20160102S0001"]
    (ready,) = staged.ready()
    with staged.suite.database.begin() as connection:
        job = jobs.get(connection, ready.job_id)
    assert job is not None
    assert job.state is JobState.QUEUED


def test_a_message_wakes_the_planner_before_its_next_round(staged):
    staged.beat()
    staged.suite.arrive(sequence(1, 3, "dark"))
    with staged.suite.database.begin() as connection:
        frame_id = connection.execute(text("SELECT id FROM ledger.frames LIMIT 1")).scalar_one()
    told = FrameArrived(
        producer="ingest", frame_id=frame_id, content_hash="ab" * 32, instrument="NIRI", kind="dark", night=NIGHT
    )
    publisher = MemoryBus(staged.broker, stop=threading.Event())
    publisher.publish(told)
    staged.now += 0.5  # less than a round
    with in_touch(staged.service, staged.bus, MemoryBus(staged.broker, stop=staged.stop)):
        worker = threading.Thread(target=staged.service.run)
        worker.start()
        for _ in range(200):
            if staged.heard.looks:
                break
            staged.stop.wait(0.05)
        staged.stop.set()
        worker.join(20)
    assert staged.heard.looks[0].submitted == ("dark-N20160102S0001",)
    assert len(staged.ready()) == 1
    publisher.close()


def test_what_the_broker_does_not_take_stays_in_the_outbox_and_goes_out_later(staged):
    staged.suite.arrive(sequence(1, 3, "dark"))
    publish, staged.bus.publish = staged.bus.publish, lambda message: Refuse("no broker")  # type: ignore[method-assign]
    staged.beat()
    assert ("relay", "no broker") in staged.heard.troubles
    with staged.suite.database.begin() as connection:
        assert outbox.pending(connection).messages == 1
    staged.bus.publish = publish  # type: ignore[method-assign]
    staged.beat()
    assert len(staged.ready()) == 1


@dataclass(frozen=True)
class Refuse:
    reason: str


def test_a_job_whose_worker_fell_silent_goes_to_another(staged):
    staged.suite.arrive(sequence(1, 3, "dark"))
    staged.beat()
    (ready,) = staged.ready()
    with staged.suite.database.begin() as connection:
        assert isinstance(claims.claim(connection, ready.job_id, "reducer-1"), Claim)
        expire_leases(connection)
    staged.beat()
    assert [job_id for kept in staged.heard.rounds for job_id, _ in kept.reaped] == [ready.job_id]
    with staged.suite.database.begin() as connection:
        connection.execute(text("UPDATE ledger.jobs SET not_before = now() WHERE state = 'retry'"))
    staged.beat()
    (again,) = staged.ready()
    assert again.job_id == ready.job_id


def test_a_finished_job_moves_its_group_without_waiting_for_the_next_round(staged):
    staged.suite.arrive(niri_night())
    for _ in range(8):
        staged.beat()
        staged.suite.work()
    staged.beat()
    assert set(staged.suite.balance().groups) == {"done"}
    assert staged.suite.balance().breaches == ()


def test_a_calibration_that_is_certified_later_serves_the_night_that_was_without_once(staged):
    staged.suite.arrive(SCIENCE)
    staged.beat()
    assert staged.suite.balance().groups == {"failed": 1}
    staged.suite.desk.offer(old_master("flat", 3, "flat.fits"))
    staged.beat()
    staged.suite.work()
    staged.beat()
    assert staged.suite.balance().groups == {"done": 1, "superseded": 1}
    assert [job.bulk for job in staged.suite.done if job.group_id] == [False]
    looks = len(staged.heard.looks)
    staged.beat()
    assert len(staged.heard.looks) == looks


def test_a_veto_is_followed_also_if_no_better_calibration_is_there_yet(staged):
    staged.suite.desk.offer(old_master("flat", 3, "bad_flat.fits"))
    staged.suite.arrive(SCIENCE)
    staged.beat()
    staged.suite.work()
    staged.beat()
    staged.suite.desk.withdraw("bad_flat.fits")
    staged.beat()
    assert staged.suite.balance().groups == {"done": 1}
    # Another process takes over, and then a good one comes.
    later = Staged(staged.suite, staged.broker)
    later.suite.desk.offer(old_master("flat", 5, "good_flat.fits"))
    later.beat()
    later.suite.work()
    later.beat()
    science = [job for job in later.suite.done if job.request["kind"] == "science"]
    flats = [next(one["path"] for one in job.request["calibrations"]) for job in science]
    assert [path.rpartition("/")[2] for path in flats] == ["bad_flat.fits", "good_flat.fits"]


def test_a_database_that_is_gone_for_a_while_is_told_and_nothing_is_lost(staged, monkeypatch):
    from nightcrew.shared.errors import ServiceError

    staged.suite.arrive([frame(n, "dark") for n in (1, 2, 3)])
    begin = staged.suite.database.begin

    def gone():
        raise ServiceError("postgresql: no answer")

    monkeypatch.setattr(staged.suite.database, "begin", gone)
    staged.beat()
    assert staged.heard.troubles == [("database", "postgresql: no answer")] * 2  # the loop, and the relay
    monkeypatch.setattr(staged.suite.database, "begin", begin)
    staged.beat()
    assert len(staged.ready()) == 1


def test_old_messages_are_pruned(staged):
    staged.suite.arrive(sequence(1, 3, "dark"))
    staged.beat()
    with staged.suite.database.begin() as connection:
        connection.execute(text("UPDATE ledger.outbox SET published_at = now() - interval '4 days'"))
    staged.beat(timedelta(hours=2).total_seconds())
    with staged.suite.database.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger.outbox")).scalar_one() == 0
