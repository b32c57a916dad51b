"""What becomes of a job after an attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.shared.ledger.retries import Done, Retry, RetryPolicy, after, after_crash
from nightcrew.shared.ledger.states import JOB_ENDS, JOB_OPEN, JOB_STEPS, JobState
from nightcrew.shared.outcomes import Outcome, Status

NOW = datetime(2016, 1, 2, 9, tzinfo=UTC)
POLICY = RetryPolicy(attempts=3, first=timedelta(seconds=4), longest=timedelta(seconds=10))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (Status.SUCCEEDED, JobState.SUCCEEDED),
        (Status.UNPROCESSABLE, JobState.UNPROCESSABLE),
        (Status.FAILED, JobState.FAILED),
        (Status.RESOURCE, JobState.FAILED),
    ],
)
def test_what_will_not_get_better_is_not_tried_again(status, state):
    assert after(Outcome(status, "so it is"), 1, POLICY, NOW) == Done(state, "so it is")


def test_what_may_get_better_is_tried_again_later_and_later():
    told = Outcome(Status.RETRYABLE, "database unreachable")
    assert after(told, 1, POLICY, NOW) == Retry(NOW + timedelta(seconds=4), "database unreachable")
    assert after(told, 2, POLICY, NOW) == Retry(NOW + timedelta(seconds=8), "database unreachable")
    assert after(told, 3, POLICY, NOW) == Done(JobState.FAILED, "database unreachable (after 3 attempts)")


def test_a_job_that_kills_its_worker_each_time_is_set_aside():
    assert isinstance(after_crash("killed by signal 9", 2, POLICY, NOW), Retry)
    done = after_crash("killed by signal 9", 3, POLICY, NOW)
    assert isinstance(done, Done)
    assert done.state is JobState.SET_ASIDE
    assert "killed by signal 9, 3 times in all" in done.reason


@given(
    st.sampled_from(Status),
    st.integers(1, 10_000),
    st.integers(1, 10_000),
    st.floats(0, 1),
)
def test_every_job_comes_to_an_end_and_no_pause_is_longer_than_the_longest(status, attempts, allowed, spread):
    policy = RetryPolicy(attempts=allowed)
    for decision in (
        after(Outcome(status, "reason"), attempts, policy, NOW, spread),
        after_crash("reason", attempts, policy, NOW, spread),
    ):
        if isinstance(decision, Retry):
            assert attempts < allowed
            assert timedelta() < decision.at - NOW <= policy.longest
        else:
            assert decision.state in JOB_ENDS


def test_states_are_open_or_an_end_and_only_ends_that_a_person_may_change_lead_on():
    assert set(JobState) == JOB_OPEN | JOB_ENDS
    assert not JOB_OPEN & JOB_ENDS
    assert set(JOB_STEPS) == set(JobState)
    assert {state for state in JOB_ENDS if JOB_STEPS[state]} == {
        JobState.FAILED,
        JobState.SET_ASIDE,
        JobState.CANCELLED,
        JobState.UNPROCESSABLE,
    }
