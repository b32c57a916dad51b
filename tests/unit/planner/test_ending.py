"""Where the job of a group leads the group."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightcrew.planner.ending import followed
from nightcrew.shared.ledger import GroupState, JobState
from nightcrew.shared.ledger.states import JOB_OPEN
from support.reducers import JOB

BAD = JobState.FAILED
WHY = "failed: the stack is empty"


@pytest.mark.parametrize(
    ("group", "job", "leads"),
    [
        (GroupState.SUBMITTED, JobState.SUCCEEDED, (GroupState.DONE, "")),
        (GroupState.SUBMITTED, BAD, (GroupState.FAILED, WHY)),
        (GroupState.CLOSED, BAD, (GroupState.FAILED, WHY)),
        (GroupState.FAILED, JobState.SUCCEEDED, (GroupState.DONE, "")),
        (GroupState.FAILED, JobState.QUEUED, (GroupState.SUBMITTED, "")),
        (GroupState.FAILED, BAD, None),
        (GroupState.DONE, JobState.SUCCEEDED, None),
        (GroupState.DONE, BAD, None),
        (GroupState.OPEN, JobState.SUCCEEDED, None),
        *((GroupState.SUBMITTED, state, None) for state in sorted(JOB_OPEN)),
    ],
)
def test_a_group_follows_its_job(group, job, leads):
    assert followed(group, replace(JOB, state=job, reason="the stack is empty")) == leads
