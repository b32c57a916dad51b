"""A RabbitMQ set up as `deploy/rabbitmq/` says, and stopped and started under a service."""

from __future__ import annotations

import subprocess
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from nightcrew.shared.bus import Backoff, BusUnavailable, ConsumerLost, Published, Refused, Side, Topology, serve
from nightcrew.shared.bus.declaring import check
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.messages import JobClass
from support.buses import PATIENCE, Tally
from support.examples_messages import certified, finished, frame, job
from support.rabbitmq import own_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.rabbitmq import Node

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "rabbitmq"
USERS = ("ingest", "planner", "calmanager", "reducer", "console")
TOPOLOGY = Topology.load(DEPLOY / "definitions.json")
PERSISTENT = Backoff(first=0.2, ceiling=0.5, attempts=1000)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with our configuration, definitions and passwords."""
    configuration = (DEPLOY / "rabbitmq.conf").read_text()
    assert "/etc/rabbitmq/definitions.json" in configuration
    configuration = configuration.replace("/etc/rabbitmq/definitions.json", str(DEPLOY / "definitions.json"))
    with own_node(tmp_path_factory.mktemp("node"), configuration) as started:
        set_passwords(started, tmp_path_factory.mktemp("passwords"))
        yield started


def set_passwords(node: Node, directory: Path) -> None:
    for user in USERS:
        ending = "" if user == "ingest" else "\n"
        (directory / user).write_text(f"{user}'s own{ending}")
    subprocess.run([DEPLOY / "set-passwords", directory], env=node.environment, check=True, timeout=PATIENCE * 6)


def settings(node: Node, user: str) -> RabbitSettings:
    word = quote(f"{user}'s own")
    return RabbitSettings.load(rabbitmq_url=f"amqp://{user}:{word}@127.0.0.1:{node.port}/nightcrew")


@pytest.fixture
def connect(node: Node) -> Iterator[Callable[..., RabbitBus]]:
    """Connect a service, until the test has ended."""
    made = []

    def connected(user: str, **options: Any) -> RabbitBus:
        options = {"stop": Event(), "backoff": PERSISTENT, **options}
        made.append(RabbitBus(settings(node, user), TOPOLOGY, **options))
        return made[-1]

    yield connected
    for bus in made:
        bus.close()


def test_every_service_finds_what_the_definitions_name(node):
    for user in USERS:
        check(settings(node, user), TOPOLOGY)


def test_the_limits_are_in_force_on_every_queue(node):
    listed = dict(line.split("\t") for line in node.control("list_queues", "-p", "nightcrew", "name", "policy",
                                                            "--no-table-headers").splitlines())  # fmt: skip
    assert {name: policy for name, policy in listed.items() if policy != "work"} == {
        "dead": "dead",
        "unrouted": "unrouted",
    }
    assert listed.keys() == {queue.name for queue in TOPOLOGY.queues}
    (timeout,) = node.control("eval", "application:get_env(rabbit, consumer_timeout).").splitlines()
    assert timeout == "{ok,9000000}"


def test_each_service_may_do_what_it_must_and_no_more(connect):
    may = {
        ("ingest", frame()): True,
        ("planner", job()): True,
        ("reducer", finished()): True,
        ("calmanager", certified()): True,
        ("ingest", job()): False,
        ("reducer", job()): False,
        ("calmanager", job()): False,
    }
    for (user, message), allowed in may.items():
        bus = connect(user)
        assert isinstance(bus.publish(message), Published if allowed else Refused), (user, message.type)
        bus.close()
    queues = {"ingest": [], "planner": ["plan.frames", "plan.results"], "calmanager": [], "reducer": ["reduce.large"],
              "console": ["dead"]}  # fmt: skip
    for user, readable in queues.items():
        for queue in ("plan.frames", "plan.results", "reduce.large", "dead"):
            bus = connect(user)
            if queue in readable:
                bus.consume(queue).close()
            else:
                with pytest.raises(ConsumerLost, match="403"):
                    bus.consume(queue)
            bus.close()


def test_poison_is_set_aside_by_those_who_meet_it(connect):
    connect("planner").publish(sent := job(JobClass.SCIENCE))
    with connect("reducer").consume("reduce.science", tick=PATIENCE) as consumer:
        next(consumer).dead_letter("no such job")
    with connect("console").consume("dead", tick=PATIENCE) as consumer:
        dead = next(consumer)
        assert dead.message == sent
        dead.ack()


def test_what_comes_back_too_often_is_set_aside_by_the_policy(connect):
    connect("planner").publish(sent := job(JobClass.CALIBRATION))
    reducer = connect("reducer")
    for _ in range(4):
        with reducer.consume("reduce.calibration", tick=PATIENCE) as consumer:
            next(consumer)
    with connect("console").consume("dead", tick=PATIENCE) as consumer:
        dead = next(consumer)
        assert dead.message == sent
        dead.ack()


def test_passwords_are_set_for_all_or_for_none(node, tmp_path):
    (tmp_path / "ingest").write_text("secret\n")
    done = subprocess.run(
        [DEPLOY / "set-passwords", tmp_path], env=node.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"set-passwords: {tmp_path}/planner is missing")


def test_a_restart_of_the_broker_loses_no_job_and_no_service(node, connect, tmp_path):
    """One job is in hand and one waits when the broker stops; both are done after it has come back."""
    planner, stop, tally = connect("planner"), Event(), Tally()
    sent = {message.message_id: message for message in (job(JobClass.LARGE), job(JobClass.LARGE))}
    for message in sent.values():
        assert planner.publish(message) == Published()
    held, going_on, done = Event(), Event(), []

    def handle(delivery):
        held.set()
        while not going_on.is_set():
            worker.pump(0.05)
        done.append((delivery.message, delivery.redelivered, delivery.ack()))
        if {message.message_id for message, _, _ in done} == sent.keys() and len(done) == 3:
            stop.set()

    worker = connect("reducer", stop=stop, observer=tally)
    thread = Thread(target=serve, args=(worker, "reduce.large"),
                    kwargs={"handle": handle, "stop": stop, "tick": 0.1, "backoff": PERSISTENT})  # fmt: skip
    thread.start()
    assert held.wait(PATIENCE)
    node.stop()
    going_on.set()
    node.start()
    with pytest.raises(BusUnavailable):  # definitions come without passwords
        check(settings(node, "planner"), TOPOLOGY)
    set_passwords(node, tmp_path)
    thread.join(PATIENCE * 6)
    assert not thread.is_alive()
    assert planner.publish(job()) == Published()
    (first, _, lost), *others = done
    assert lost.reason
    assert sorted(message.message_id for message, _, _ in others) == sorted(sent)
    assert {again for message, again, _ in others if message == first} == {True}
    assert tally.of(Side.CONSUMING) == [True, False, True]
    assert tally.retries
