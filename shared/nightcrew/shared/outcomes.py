"""How a piece of work ended: a value with a reason, never an exception that got away."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """The ends that a reduction can come to."""

    SUCCEEDED = "succeeded"
    """Products were written; `caveats` tell what the user should know about them."""
    WAITING = "waiting"
    """Something that is expected to come is not there yet."""
    UNPROCESSABLE = "unprocessable"
    """The input cannot be reduced, now or later, as it is."""
    RETRYABLE = "retryable"
    """Broker, database or disk failed; trying again may help."""
    FAILED = "failed"
    """A defect of ours, or an input that we did not foresee."""
    RESOURCE = "resource"
    """Memory, disk or time ran out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a reduction.

    Parameters
    ----------
    status
        How it ended.
    reason
        One line for the user: what, and what to do about it.  Empty for a plain success.
    products
        Names of the files written, final products last.
    caveats
        What the user should know about a success: warnings, deviations, missing inputs.
    code
        `NightcrewError.code` of the error behind it, if there was one.
    """

    status: Status
    reason: str = ""
    products: tuple[str, ...] = ()
    caveats: tuple[str, ...] = field(default=())
    code: str = ""

    @property
    def ok(self) -> bool:
        """Whether products were made."""
        return self.status is Status.SUCCEEDED
