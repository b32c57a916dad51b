"""Nights during which something happens to broker, database, disk, files or jobs of the whole suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pika
import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.bus import Topology
from nightcrew.shared.database import open_database
from nightcrew.shared.ledger import LEDGER, JobState, jobs
from nightcrew.shared.messages import FrameArrived, JobClass, JobFinished, JobReady, decode, encode
from nightcrew.shared.outcomes import Status
from support.disks import small_disk
from support.ledgers import NIGHT
from support.observatory_suite import ALL, Suite, one_night, prepare_broker, reduce_by_hand, write
from support.own_postgres import own_postgres
from support.postgres import Tables
from support.proxy import Proxy
from support.rabbitmq import own_node
from support.reducers import Works, request_of
from support.suite_house import House, after_jobs, finish, observing, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from nightcrew.simulator import Night

BLOCK = 2880
GIGABYTES_FREE = 0.005
"""What reducers want free on the disk of the products."""


@pytest.fixture(scope="module")
def night() -> Night:
    return one_night()


@pytest.fixture(scope="module")
def by_hand(night: Night, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("hand")
    night.write(directory / "raw")
    return reduce_by_hand(directory / "raw", directory / "out")


@pytest.fixture(scope="module")
def standing(tmp_path_factory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("suite")
    with (
        own_node(tmp_path_factory.mktemp("mq")) as node,
        own_postgres() as postgres,
        Proxy("127.0.0.1", node.port) as wire,
        small_disk(directory / "products", "300m") as disk,
        open_database(postgres.url, application="tests") as database,
    ):
        tables = Tables.of(database, (LEDGER, CALIBRATION))
        prepare_broker(node.url)
        url = f"amqp://guest:guest@127.0.0.1:{wire.port}/"
        changes = {"NIGHTCREW_REDUCER_LEAST_FREE": str(GIGABYTES_FREE)}
        suite = Suite(directory, database, postgres.url, url, changes, services=(*ALL, "large"))
        suite.services["large"].environment = {
            **suite.services["large"].environment, "NIGHTCREW_REDUCER_DRAIN": "0.2", "NIGHTCREW_REDUCER_PRODUCTS":
            str(suite.products),
        }  # fmt: skip
        with suite:
            yield House(suite, postgres, node, wire, tables, disk)


@pytest.fixture
def house(standing: House) -> House:
    standing.suite.reset(standing.tables)
    return standing


# Broker


def test_a_broker_that_is_restarted_in_the_night_costs_time_only(house, night, by_hand):
    starts = started(house.suite)
    with observing(house, night):
        after_jobs(house.suite, 3)
        house.node.stop()
        time.sleep(1.0)
        house.node.start()
    finish(house, night, by_hand, starts)


def test_connections_that_break_again_and_again_cost_time_only(house, night, by_hand):
    starts = started(house.suite)
    with observing(house, night):
        for number in range(6):
            after_jobs(house.suite, number)
            house.wire.cut(refuse=number == 3)
            if number == 3:
                time.sleep(1.5)
                house.wire.mend()
    finish(house, night, by_hand, starts)


def test_messages_that_are_lost_with_their_queues_are_not_needed(house, night, by_hand):
    suite = house.suite
    starts = started(suite)
    with observing(house, night):
        after_jobs(suite, 2)
        with pika.BlockingConnection(pika.URLParameters(house.node.url)) as connection:
            for queue in Topology.load().queues:
                connection.channel().queue_delete(queue.name)
        time.sleep(1.0)
        prepare_broker(house.node.url)
    over = Event()

    def hasten() -> None:
        """Let the minute pass after which a job is announced again."""
        while not over.wait(0.5):
            suite.rows("UPDATE ledger.jobs SET announced_at = announced_at - interval '20 s' WHERE state = 'queued'"
                       " RETURNING 1")  # fmt: skip

    clock = Thread(target=hasten)
    clock.start()
    try:
        finish(house, night, by_hand, starts)
    finally:
        over.set()
        clock.join()


def test_every_message_may_come_five_times(house, night, by_hand):
    suite = house.suite
    over, seen = Event(), set[str]()

    def repeat() -> None:
        with pika.BlockingConnection(pika.URLParameters(house.node.url)) as connection:
            channel = connection.channel()
            while not over.wait(0.1):
                for row in suite.rows("SELECT id, body FROM ledger.outbox WHERE published_at IS NOT NULL"):
                    message = decode(row.body.encode())
                    assert isinstance(message, FrameArrived | JobReady | JobFinished)
                    for _ in range(0 if row.id in seen else 4):
                        channel.basic_publish(message.route.exchange, message.route.key, row.body.encode())
                    seen.add(row.id)

    thread = Thread(target=repeat)
    thread.start()
    try:
        suite.deliver(night)
        finish(house, night, by_hand)
    finally:
        over.set()
        thread.join()
    assert len(seen) >= len(night.exposures) + 2 * 15
    assert {row.attempt for row in suite.rows("SELECT attempt FROM ledger.jobs")} == {1}


def test_messages_that_nobody_can_read_stop_nobody(house, night, by_hand):
    ready = JobReady(producer="test", job_id=uuid4(), job_class=JobClass.SCIENCE)
    ended = JobFinished(producer="test", job_id=uuid4(), attempt=1, status=Status.SUCCEEDED)
    frame = FrameArrived(
        producer="test", frame_id=10**6, content_hash="ab" * 32, instrument="NIRI", kind="dark", night=NIGHT
    )
    later = encode(ready).replace(b'"version":"1.0"', b'"version":"7.0"')
    assert later != encode(ready)
    letters = [b"", b"{", b"\xff\xfe", b"[]", b'{"type": "coffee"}', b"0" * 20_000, later]
    letters += [encode(ready), encode(ended), encode(frame)]
    queues = ["plan.frames", "plan.results", *(f"reduce.{one}" for one in ("realtime", "calibration", "science"))]
    starts = started(house.suite)
    with observing(house, night, pause=0.05), pika.BlockingConnection(pika.URLParameters(house.node.url)) as broker:
        channel = broker.channel()
        for queue in queues:
            for letter in letters:
                channel.basic_publish("", queue, letter)
    finish(house, night, by_hand, starts)
    with pika.BlockingConnection(pika.URLParameters(house.node.url)) as broker:
        dead = broker.channel().queue_declare("dead", passive=True).method.message_count
        broker.channel().queue_purge("dead")
    assert dead >= 7 * len(queues)


# Database


@pytest.mark.parametrize("power_cut", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_a_database_that_is_restarted_in_the_night_costs_time_only(house, night, by_hand, power_cut):
    starts = started(house.suite)
    with observing(house, night):
        after_jobs(house.suite, 3)
        (house.postgres.kill if power_cut else house.postgres.stop)()
        time.sleep(1.0)
        house.postgres.start()
    finish(house, night, by_hand, starts)


# Disk


def test_reducers_wait_while_the_disk_is_full(house, night, by_hand):
    if not house.disk:
        pytest.skip("a full disk cannot be made: nothing can be mounted here")
    suite = house.suite

    def resize(megabytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", suite.products], check=True)

    with observing(house, night):
        after_jobs(suite, 3)
        used = shutil.disk_usage(suite.products).used
        resize(used // 1_000_000 + 3)
        done = suite.states("jobs").get("succeeded", 0)
        time.sleep(2.0)
        assert suite.states("jobs").get("succeeded", 0) <= done + 3
        resize(300)
    finish(house, night, by_hand)


# Files


def test_frames_arrive_in_every_way_that_files_do(house, night, by_hand, tmp_path):
    raw = house.suite.raw
    for exposure in night.group("target"):  # as a slow detector writes
        content = night.file(exposure)
        with (raw / exposure.filename).open("wb", buffering=0) as file:
            for begin in range(0, len(content), 4096):
                file.write(content[begin : begin + 4096])
                time.sleep(0.002)
    for exposure in night.group("sky"):
        write(tmp_path / exposure.filename, night.file(exposure))
    send(tmp_path, raw)
    for number, exposure in enumerate(night.group("standard")):  # cut, taken for hopeless, sent again
        content = night.file(exposure)
        (raw / exposure.filename).write_bytes(content[: BLOCK * (5 + 20 * number)])
    house.suite.until(lambda: house.suite.states("arrivals").get("quarantined") == 3)
    house.suite.deliver(night, ["standard"])
    for exposure in (*night.group("lamp-on"), *night.group("lamp-off")):  # renamed when it is whole
        growing = raw / f"{exposure.filename}.part"
        growing.write_bytes(night.file(exposure))
        growing.rename(raw / exposure.filename)
    for exposure in (*night.group("dark"), *night.group("short-dark")):
        (raw / exposure.filename).write_bytes(night.file(exposure))
        for again in range(100):
            os.link(raw / exposure.filename, raw / f"copy{again}-{exposure.filename}")
    finish(house, night, by_hand)
    assert house.suite.states("arrivals") == {"accepted": 21, "quarantined": 3, "duplicate": 600}
    assert house.suite.states("frames") == {"reduced": 21}


@pytest.mark.soak
def test_ten_thousand_repeats_of_a_frame_are_one_frame(house, night):
    suite = house.suite
    suite.deliver(night, ["dark"])
    first = suite.raw / night.group("dark")[0].filename
    for number in range(10_000):
        os.link(first, suite.raw / f"again{number}.fits")
    suite.until_over(3, 600)
    suite.check()
    assert suite.states("arrivals") == {"accepted": 3, "duplicate": 10_000}
    assert suite.states("frames") == {"reduced": 3}


def send(source: Path, target: Path) -> None:
    """Send files as rsync does: hidden, under another name, renamed when they are whole."""
    program = shutil.which("rsync")
    if program is not None:
        subprocess.run([program, "-a", "--bwlimit=4000", f"{source}/", f"{target}/"], check=True)
        return
    for path in sorted(source.glob("*.fits")):
        growing = target / f".{path.name}.Qx7Zk2"
        write(growing, path.read_bytes(), 0.05)
        growing.rename(target / path.name)


# Jobs


def own_job(house: House, body: str, job_class: JobClass) -> UUID:
    """Submit a job with a recipe of a user's own, for the darks of the night."""
    works = Works(house.suite.database, house.suite.directory)
    rows = house.suite.rows("SELECT id, path FROM ledger.frames WHERE kind = 'dark' ORDER BY id LIMIT 3")
    request: dict[str, Any] = request_of(
        [Path(row.path) for row in rows], [row.id for row in rows], recipe=works.user_recipe(body), product=None
    )
    key = uuid4().hex
    house.suite.by_hand.append(key)
    return works.submit(request, job_class, key)


def ended(suite: Suite, job_id: UUID) -> Any:
    with suite.database.begin() as connection:
        job = jobs.get(connection, job_id)
    assert job is not None
    return job if job.ended_at is not None else None


def running(suite: Suite, job_class: str) -> bool:
    query = "SELECT 1 FROM ledger.jobs WHERE state = 'running' AND job_class = :job_class"
    return bool(suite.rows(query, job_class=job_class))


RUNNING = "    if type(p).__name__ == 'Running':\n        "


def test_a_frame_that_kills_whoever_reduces_it_is_set_aside_and_blocks_nobody(house, night, by_hand):
    suite = house.suite
    suite.deliver(night, ["dark"])
    suite.until(lambda: suite.open()["known"] == 3)
    poisoned = own_job(house, f"{RUNNING}os.kill(os.getpid(), 11)", JobClass.CALIBRATION)
    suite.deliver(night, [one.name for one in night.exposures if one.group != "dark"])
    finish(house, night, by_hand)
    job = ended(suite, poisoned)
    assert (job.state, job.attempt) == (JobState.SET_ASIDE, 3)
    assert "SIGSEGV" in job.reason


@pytest.mark.soak
def test_a_job_may_last_longer_than_its_lease(house, night):
    suite = house.suite
    suite.deliver(night, ["dark"])
    suite.until(lambda: suite.open()["known"] == 3)
    long = own_job(house, f"{RUNNING}time.sleep(5)", JobClass.SCIENCE)
    suite.until_over(3)
    suite.check()
    job = ended(suite, long)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


def test_a_reducer_told_to_stop_finishes_its_job_or_hands_it_back(house, night):
    suite = house.suite
    suite.deliver(night, ["dark"])
    suite.until(lambda: suite.open()["known"] == 3)
    patient = own_job(house, f"{RUNNING}time.sleep(2)", JobClass.SCIENCE)
    impatient = own_job(house, f"{RUNNING}time.sleep(3)", JobClass.LARGE)
    for name in ("science", "large"):
        suite.until(
            lambda name=name: suite.rows(f"SELECT 1 FROM ledger.jobs WHERE state = 'running' AND job_class = '{name}'")
        )
        suite.services[name].process.terminate()
    suite.until_over(3)
    suite.check()
    assert [(ended(suite, one).state, ended(suite, one).attempt) for one in (patient, impatient)] == [
        (JobState.SUCCEEDED, 1), (JobState.SUCCEEDED, 1),
    ]  # fmt: skip
    assert suite.log("large").count("job taken") == 2
    assert suite.log("large").count("reducer stopped") == 1


# Two of a kind


def test_two_planners_and_two_ingests_do_the_work_once(house, night, by_hand):
    suite = house.suite
    twins = [suite.another(f"second-{name}", name) for name in ("planner", "ingest")]
    try:
        suite.until(
            lambda: '"watching"' in suite.log("second-ingest") and "planner starts" in suite.log("second-planner")
        )
        suite.deliver(night, pause=0.02)
        finish(house, night, by_hand)
        # An ingest may note a file anew that the other has brought to its end that very moment: a repeat, no frame.
        assert set(suite.states("arrivals")) <= {"accepted", "duplicate"}
        assert suite.states("frames") == {"reduced": 21}
        assert {row.attempt for row in suite.rows("SELECT attempt FROM ledger.jobs")} == {1}
        assert suite.states("groups") == {"done": 6}
    finally:
        for one in twins:
            one.end()
            del suite.services[one.name]
