"""The states that arrivals, frames, groups and jobs go through, and which of them are an end.

::

    arrival   settling ─┬─> accepted | duplicate | quarantined | gone
    frame     received ─┬─> left_out
                        └─> planned ──> reduced | unreduced          any of them ──> superseded
    group     open ──> closed ──> submitted ──> done | failed        any of them ──> superseded
    job       waiting ──> queued ──> running ─┬─> succeeded | unprocessable | failed | set_aside
                            ^                 └─> retry ──┐          any that has not ended ──> cancelled | superseded
                            └─────────────────────────────┘
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ArrivalState(StrEnum):
    """What became of a file that was seen at a path."""

    SETTLING = "settling"
    """It is still being written, or has not been looked at yet."""
    ACCEPTED = "accepted"
    """It is a frame that was not known before."""
    DUPLICATE = "duplicate"
    """Its content is that of a frame that is known."""
    QUARANTINED = "quarantined"
    """It cannot be used; the reason says why."""
    GONE = "gone"
    """It vanished before it was whole."""


class FrameState(StrEnum):
    """How far a frame has come."""

    RECEIVED = "received"
    """It is recorded and published; the planner has not seen it yet."""
    PLANNED = "planned"
    """It belongs to a group that is not finished."""
    LEFT_OUT = "left_out"
    """No group takes it; the reason says why."""
    REDUCED = "reduced"
    """It went into a product, or was left out of one by name."""
    UNREDUCED = "unreduced"
    """Its group came to no product; the reason says why."""
    SUPERSEDED = "superseded"
    """A file of the same name with another content has taken its place."""


class GroupState(StrEnum):
    """How far a group of frames has come."""

    OPEN = "open"
    """It takes frames."""
    CLOSED = "closed"
    """It is complete; its job waits for calibrations, or for the planner's next look."""
    SUBMITTED = "submitted"
    """Its job is with the reducers."""
    DONE = "done"
    """Its products are there."""
    FAILED = "failed"
    """Its job came to no product."""
    SUPERSEDED = "superseded"
    """A later version with more frames or better calibrations has taken its place."""


class JobState(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    """For calibrations that are expected."""
    QUEUED = "queued"
    """For a reducer."""
    RUNNING = "running"
    """A reducer has it, as long as it renews its lease."""
    RETRY = "retry"
    """For its next attempt, not before the time that the job says."""
    SUCCEEDED = "succeeded"
    """Its products are there."""
    UNPROCESSABLE = "unprocessable"
    """Its input cannot be reduced as it is."""
    FAILED = "failed"
    """A defect of ours, or something that did not get better with further attempts."""
    SET_ASIDE = "set_aside"
    """Every attempt killed its worker, or lost its lease; a person has to look."""
    CANCELLED = "cancelled"
    """By hand."""
    SUPERSEDED = "superseded"
    """A later job does its work."""


class AttemptEnd(StrEnum):
    """How an attempt at a job ended."""

    OUTCOME = "outcome"
    """With an outcome, good or bad."""
    CRASH = "crash"
    """The child process died under it."""
    LOST = "lost"
    """Its worker stopped renewing the lease."""
    RELEASED = "released"
    """Its worker was told to stop, and handed the job back."""
    FENCED = "fenced"
    """It ended after another attempt had begun; what it made was thrown away."""


FRAME_OPEN = frozenset({FrameState.RECEIVED, FrameState.PLANNED})
GROUP_OPEN = frozenset({GroupState.OPEN, GroupState.CLOSED, GroupState.SUBMITTED})
JOB_OPEN = frozenset({JobState.WAITING, JobState.QUEUED, JobState.RUNNING, JobState.RETRY})
"""States that something is still to come of; all others are an end."""
JOB_ENDS = frozenset(JobState) - JOB_OPEN

JOB_STEPS: Mapping[JobState, frozenset[JobState]] = {
    JobState.WAITING: frozenset({JobState.QUEUED, JobState.UNPROCESSABLE, JobState.CANCELLED, JobState.SUPERSEDED}),
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.SUPERSEDED}),
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.RETRY, JobState.RUNNING}) | JOB_ENDS,
    JobState.RETRY: frozenset({JobState.QUEUED, JobState.RUNNING, JobState.CANCELLED, JobState.SUPERSEDED}),
    **{end: frozenset({JobState.QUEUED}) for end in (JobState.FAILED, JobState.SET_ASIDE, JobState.CANCELLED)},
    JobState.UNPROCESSABLE: frozenset({JobState.QUEUED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.SUPERSEDED: frozenset(),
}
"""Where a job may go from each state.  Ended jobs but good and superseded ones go back to the queue by hand."""
