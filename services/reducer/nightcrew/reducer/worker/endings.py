"""How an attempt may end, as the parent sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from nightcrew.shared.ledger.records import Usage
from nightcrew.shared.outcomes import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.reducer.worker.wire import Finished, Made


@dataclass(frozen=True, slots=True)
class Concluded:
    """With an outcome: that of the recipe, or one that the parent came to.

    Parameters
    ----------
    outcome
        How.
    made
        The files, if it is good.
    usage
        What it took.
    record
        All that is known of it, as JSON.
    """

    outcome: Outcome
    made: tuple[Made, ...] = ()
    usage: Usage = field(default_factory=Usage)
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crashed:
    """The child died."""

    reason: str
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The claim is not held any more: another attempt has begun, or somebody has ended the job."""

    reason: str


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The reducer was told to stop, and the job would have taken longer than that may take."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotBegun:
    """The child was dead before it had its job, which is not the job's fault."""

    reason: str


Ending: TypeAlias = Concluded | Crashed | Overtaken | HandedBack | NotBegun


def concluded(finished: Finished) -> Concluded:
    """Return the end that a child tells of."""
    outcome = finished.outcome
    usage = Usage(finished.cpu_seconds, finished.peak_rss, {k: round(v, 4) for k, v in finished.seconds.items()})
    record = {
        "status": str(outcome.status),
        "reason": outcome.reason,
        "code": outcome.code,
        "recipe": finished.recipe,
        "products": list(outcome.products),
        "caveats": list(outcome.caveats),
        "measurements": list(finished.measurements),
        "trace": finished.trace,
    }
    return Concluded(outcome, finished.made if outcome.ok else (), usage, record)


def failed(status: Status, reason: str, code: str = "", usage: Usage | None = None) -> Concluded:
    """Return an end that the parent came to."""
    outcome = Outcome(status, reason, code=code)
    record = {"status": str(status), "reason": reason, "code": code}
    return Concluded(outcome, usage=usage or Usage(), record=record)
