from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from nightcrew.shared.messages import (
    EVENTS,
    JOBS,
    KINDS,
    LIMIT,
    FrameArrived,
    JobClass,
    JobReady,
    Message,
    MessageTooLarge,
    Route,
    Undecodable,
    decode,
    encode,
)
from nightcrew.shared.outcomes import Status
from support.examples_messages import JOB, certified, finished, frame, job, one_of_each, vetoed


def as_written(message: Message, **changes: Any) -> bytes:
    """Return a message as another release may write it."""
    return json.dumps({**json.loads(encode(message)), **changes}).encode()


@pytest.mark.parametrize("message", one_of_each(), ids=lambda message: message.type)
def test_a_message_arrives_as_it_was_sent(message):
    assert decode(encode(message)) == message


def test_there_is_an_example_of_every_kind():
    assert {message.type for message in one_of_each()} == set(KINDS)


def test_the_planner_hears_of_a_frame_by_instrument_and_kind():
    assert frame(instrument="NIRI", kind="dark").route == Route(EVENTS, "frame.niri.dark")


def test_a_job_goes_to_its_class():
    assert [job(job_class).route for job_class in JobClass] == [Route(JOBS, job_class.value) for job_class in JobClass]


def test_results_and_calibrations_are_told_apart_by_their_keys():
    assert finished(Status.FAILED).route == Route(EVENTS, "job.finished.failed")
    assert certified().route == Route(EVENTS, "calibration.certified.niri")
    assert vetoed().route == Route(EVENTS, "calibration.vetoed.niri")


def test_a_message_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        job().job_class = JobClass.LARGE


def test_a_message_takes_nothing_that_its_kind_does_not_name():
    with pytest.raises(ValidationError, match="password"):
        JobReady(job_id=JOB, job_class=JobClass.LARGE, producer="planner", password="secret")


@pytest.mark.parametrize("word", ["", "a.b", "a b", "-a", "ä", "a" * 33, "a\n"])
def test_a_word_of_a_routing_key_is_one_word(word):
    with pytest.raises(ValidationError, match="instrument"):
        frame(instrument=word)


def test_a_story_is_told_under_the_name_of_its_first_message():
    first = frame()
    assert first.correlation_id == first.message_id
    second = JobReady(job_id=JOB, job_class=JobClass.LARGE, producer="planner", correlation_id=first.correlation_id)
    assert second.correlation_id == first.message_id != second.message_id


def test_a_bad_name_is_the_fault_that_is_told():
    with pytest.raises(ValidationError, match="message_id") as told:
        JobReady(message_id="x", job_id=JOB, job_class=JobClass.LARGE, producer="planner")
    assert told.value.errors()[0]["loc"] == ("message_id",)


def test_times_are_utc():
    hawaii = timezone(timedelta(hours=-10))
    message = JobReady(job_id=JOB, job_class=JobClass.LARGE, producer="planner",
                       timestamp=datetime(2016, 1, 2, 1, 30, tzinfo=hawaii))  # fmt: skip
    assert message.timestamp.tzinfo is UTC
    assert json.loads(encode(message))["timestamp"] == "2016-01-02T11:30:00Z"
    assert abs(job().timestamp - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValidationError, match="timezone"):
        JobReady(job_id=JOB, job_class=JobClass.LARGE, producer="planner", timestamp=datetime(2016, 1, 2))  # noqa: DTZ001


def test_a_message_that_carries_too_much_is_refused_by_its_sender():
    class Essay(JobReady):
        text: str = Field()

    with pytest.raises(MessageTooLarge, match="into the database"):
        encode(Essay(job_id=JOB, job_class=JobClass.LARGE, producer="planner", text="x" * LIMIT))


def test_fields_of_a_later_minor_version_are_left_out():
    sent = job()
    assert decode(as_written(sent, version="1.7", urgency=9)) == sent


def test_a_field_that_this_version_does_not_have_is_no_message_of_it():
    assert decode(as_written(job(), urgency=9)) == Undecodable(
        "urgency: Extra inputs are not permitted", "job.ready", "1.0"
    )


@pytest.mark.parametrize(
    "version", ["2.0", "0.9", "1", "1.x", "", "1.0.0", "\N{ARABIC-INDIC DIGIT ONE}.0", None, 1.0, "1." + "9" * 50]
)
def test_another_major_version_is_not_guessed_at(version):
    read = decode(as_written(job(), version=version))
    assert isinstance(read, Undecodable)
    assert read.reason.startswith("version ")
    assert read.reason.endswith("of job.ready; this release reads 1.0")


@pytest.mark.parametrize("name", ["message_id", "correlation_id", "timestamp", "producer"])
def test_a_message_that_does_not_say_who_it_is_is_none(name):
    """A made-up `message_id` would make every repeat look like a new message."""
    data = json.loads(encode(job()))
    del data[name]
    assert decode(json.dumps(data).encode()) == Undecodable(f"{name}: missing", "job.ready", "1.0")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 5000, "no JSON"),
        (b'{"type": NaN}', "no JSON"),
        (b"[]", "no JSON object"),
        (b"17", "no JSON object"),
        (b"{}", "unknown type ''"),
        (b'{"type": 5}', "unknown type ''"),
        (b'{"type": "job.eaten"}', "unknown type 'job.eaten'"),
        (b" " * (LIMIT + 1), "16385 bytes, at most 16384"),
    ],
)
def test_what_is_no_message_is_a_value_with_a_reason(body, reason):
    read = decode(body)
    assert isinstance(read, Undecodable)
    assert read.reason.startswith(reason)
    assert "\n" not in read.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frame_id": "1"}, "frame_id: "),
        ({"frame_id": 0}, "frame_id: "),
        ({"frame_id": 2**63}, "frame_id: "),
        ({"content_hash": "A" * 64}, "content_hash: "),
        ({"night": "yesterday"}, "night: "),
        ({"timestamp": "2016-01-02T00:00:00"}, "timestamp: "),
        ({"message_id": "7"}, "message_id: "),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_named_without_its_value(changes, reason):
    read = decode(as_written(frame(), **changes))
    assert isinstance(read, Undecodable)
    assert read.reason.startswith(reason)
    assert "yesterday" not in read.reason


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise(body):
    assert isinstance(decode(body), Undecodable)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FrameArrived.model_fields)), JSON)
def test_no_value_whatever_of_a_field_raises(name, value):
    assert isinstance(decode(as_written(frame(), **{name: value})), FrameArrived | Undecodable)


@given(
    frame_id=st.integers(1, 2**63 - 1),
    kind=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,31}\Z"),
    night=st.dates(),
    message_id=st.uuids(),
    timestamp=st.datetimes(min_value=datetime(1900, 1, 2), timezones=st.timezones()),  # noqa: DTZ001
)
def test_every_frame_that_can_be_sent_can_be_read(frame_id, kind, night: date, message_id: UUID, timestamp: datetime):
    sent = FrameArrived(
        frame_id=frame_id, content_hash="0" * 64, instrument="F2", kind=kind, night=night, producer="ingest",
        message_id=message_id, timestamp=timestamp,
    )  # fmt: skip
    assert decode(encode(sent)) == sent
