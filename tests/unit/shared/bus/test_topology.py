from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.shared.bus import Topology, TopologyError
from nightcrew.shared.bus.topology import DEAD, DEFINITIONS, Limits, matches
from nightcrew.shared.messages import EVENTS, JOBS, JobClass
from support.examples_messages import one_of_each

DEPLOYED = Path(__file__).resolve().parents[4] / "deploy" / "rabbitmq" / "definitions.json"


def test_the_package_holds_what_is_deployed():
    assert DEPLOYED.read_text(encoding="utf-8") == DEFINITIONS.read_text(encoding="utf-8"), "run 'make docs'"
    assert Topology.load(DEPLOYED) == Topology.load()


def test_every_message_has_somewhere_to_go():
    topology = Topology.load()
    for message in one_of_each():
        (queue,) = topology.destinations(message.route.exchange, message.route.key)
        assert queue.startswith(("plan.", "reduce.")), message.type


def test_every_class_of_jobs_has_a_queue_of_its_own():
    assert {topology_queue(job_class) for job_class in JobClass} == {f"reduce.{name.value}" for name in JobClass}


def topology_queue(job_class: JobClass) -> str:
    (queue,) = Topology.load().destinations(JOBS, job_class.value)
    return queue


def test_queues_bear_no_arguments_but_their_type_and_the_single_consumer():
    topology = Topology.load()
    for queue in topology.queues:
        assert queue.arguments.items() >= {("x-queue-type", "quorum")}
        assert queue.arguments.keys() <= {"x-queue-type", "x-single-active-consumer"}
    assert [queue.name for queue in topology.queues if queue.single_active] == ["plan.frames"]


def test_queues_with_work_lose_nothing_and_set_aside_what_comes_back_too_often():
    for queue in Topology.load().queues:
        if queue.name.startswith(("plan.", "reduce.")):
            assert queue.limits == Limits(redeliveries=3, dead_letters=DEAD, length=200_000, refuses=True)


def test_dead_letters_are_never_pushed_out():
    dead = Topology.load().queue("dead")
    assert dead is not None
    assert dead.limits.refuses
    assert not dead.limits.dead_letters


def test_policies_use_no_key_that_the_oldest_broker_refuses():
    """RabbitMQ 3.10 refuses `consumer-timeout`, and `quorum_queues` as that which a policy applies to."""
    known = {"delivery-limit", "dead-letter-exchange", "dead-letter-strategy", "overflow", "max-length",
             "alternate-exchange"}  # fmt: skip
    for policy in json.loads(DEFINITIONS.read_text(encoding="utf-8"))["policies"]:
        assert policy["definition"].keys() <= known
        assert policy["apply-to"] in {"queues", "exchanges"}


def test_no_password_is_in_the_definitions():
    users = json.loads(DEFINITIONS.read_text(encoding="utf-8"))["users"]
    assert {user["password_hash"] for user in users} == {""}


def test_an_event_without_a_listener_is_kept_and_a_job_without_a_reducer_comes_back():
    topology = Topology.load()
    assert topology.destinations(EVENTS, "dome.closed") == ("unrouted",)
    assert topology.destinations(JOBS, "huge") == ()


def test_an_exchange_that_is_not_there_is_named():
    with pytest.raises(TopologyError, match=r"no exchange 'x'; there are nightcrew\.events"):
        Topology.load().destinations("x", "y")


def test_names_at_the_broker_may_have_a_prefix():
    topology = Topology.load().prefixed("test-")
    assert topology.physical("dead") == "test-dead"
    assert topology.destinations(JOBS, "large") == ("reduce.large",)


@pytest.mark.parametrize(
    ("kind", "pattern", "key", "wanted"),
    [
        ("direct", "large", "large", True),
        ("direct", "large", "larger", False),
        ("direct", "#", "large", False),
        ("fanout", "", "anything.at.all", True),
        ("topic", "frame.#", "frame.niri.dark", True),
        ("topic", "frame.#", "frame", True),
        ("topic", "frame.#", "frames.niri", False),
        ("topic", "job.finished.*", "job.finished.failed", True),
        ("topic", "job.finished.*", "job.finished", False),
        ("topic", "job.finished.*", "job.finished.failed.twice", False),
        ("topic", "#.dark", "frame.niri.dark", True),
        ("topic", "*.#.dark", "dark", False),
        ("topic", "#", "", True),
        ("topic", "*", "", True),
    ],
)
def test_bindings_want_what_amqp_says(kind, pattern, key, wanted):
    assert matches(kind, pattern, key) is wanted


@given(st.lists(st.sampled_from(["frame", "niri", "dark"]), min_size=1, max_size=6))
def test_a_pattern_without_wild_cards_wants_its_own_key(words):
    assert matches("topic", ".".join(words), ".".join(words))
    assert matches("topic", ".".join("*" * len(words)), ".".join(words))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data["bindings"][0].update(destination="nowhere"), "queue 'nowhere' is not defined"),
        (lambda data: data["bindings"][0].update(source="nowhere"), "exchange 'nowhere' is not defined"),
        (lambda data: data["policies"][3]["definition"].update({"alternate-exchange": "x"}), "exchange 'x' is not"),
        (lambda data: data.pop("queues"), "queues"),
    ],
)
def test_definitions_that_contradict_themselves_are_refused(tmp_path, change, reason):
    data = json.loads(DEFINITIONS.read_text(encoding="utf-8"))
    change(data)
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(data))
    with pytest.raises(TopologyError, match=reason) as told:
        Topology.load(file)
    assert str(file) in str(told.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(TopologyError, match=r"absent\.json"):
        Topology.load(tmp_path / "absent.json")
