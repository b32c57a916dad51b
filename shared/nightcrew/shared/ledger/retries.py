"""What to do after an attempt at a job: a function of its outcome, without clock or database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from nightcrew.shared.ledger.states import JobState
from nightcrew.shared.outcomes import Outcome, Status


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how late to try again.

    Parameters
    ----------
    attempts
        Number of attempts in all.
    first, longest
        Pause before the second attempt, doubled for each further one, and its limit.
    """

    attempts: int = 3
    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=10)

    def pause(self, attempts: int, spread: float) -> timedelta:
        """Return how long to wait after so many attempts; `spread` (0 to 1) takes up to a quarter off."""
        # The exponent is bounded: a policy of a thousand attempts must not overflow.
        whole = min(self.first * 2.0 ** min(attempts - 1, 30), self.longest)
        return whole * (1 - 0.25 * spread)


@dataclass(frozen=True, slots=True)
class Done:
    """The job has ended."""

    state: JobState
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Run the job again."""

    at: datetime
    reason: str


Decision: TypeAlias = Done | Retry

LEASE = timedelta(seconds=30)
"""How long a worker may be silent."""
POLICY = RetryPolicy()


class Fenced(Exception):
    """Another attempt has begun, or somebody has ended the job: what this one made is to be thrown away."""


_FINAL = {
    Status.SUCCEEDED: JobState.SUCCEEDED,
    Status.UNPROCESSABLE: JobState.UNPROCESSABLE,
    Status.FAILED: JobState.FAILED,
    Status.RESOURCE: JobState.FAILED,
}


def after(outcome: Outcome, attempts: int, policy: RetryPolicy, now: datetime, spread: float = 0.0) -> Decision:
    """Decide what becomes of a job whose attempt ended with an outcome.

    Parameters
    ----------
    outcome
        How the attempt ended.
    attempts
        Number of attempts so far, this one included.
    policy
        How often and how late to try again.
    now
        The time.
    spread
        From 0 to 1: spreads the attempts of jobs that failed together.
    """
    if outcome.status in _FINAL:
        return Done(_FINAL[outcome.status], outcome.reason)
    if attempts >= policy.attempts:
        return Done(JobState.FAILED, outcome.reason + (f" (after {attempts} attempts)" if attempts > 1 else ""))
    return Retry(now + policy.pause(attempts, spread), outcome.reason)


def after_crash(reason: str, attempts: int, policy: RetryPolicy, now: datetime, spread: float = 0.0) -> Decision:
    """Decide what becomes of a job whose attempt killed its process or lost its lease."""
    if attempts >= policy.attempts:
        return Done(JobState.SET_ASIDE, f"{reason}, {attempts} times in all; it blocks nobody, and waits for a person")
    return Retry(now + policy.pause(attempts, spread), reason)
