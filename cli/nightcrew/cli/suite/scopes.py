"""What can be paused: everything, an instrument, a class of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.suite import documents
from nightcrew.cli.suite.wording import moment
from nightcrew.planner.core.rules import INSTRUMENTS
from nightcrew.shared.ledger.pausing import ALL
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nightcrew.shared.ledger.pausing import Pause


def scope_of(text: str) -> str:
    """Return the scope that somebody means.

    Parameters
    ----------
    text
        `all`, `NIRI`, `science`, or in full `instrument:NIRI`, `class:science`.

    Raises
    ------
    UsageProblem
        If it is none of them.
    """
    prefix, _, name = text.rpartition(":")
    if text.lower() == ALL:
        return ALL
    if prefix in ("", "class") and name.lower() in list(JobClass):
        return f"class:{name.lower()}"
    if prefix in ("", "instrument") and name.upper() in INSTRUMENTS:
        return f"instrument:{name.upper()}"
    known = ", ".join([ALL, *INSTRUMENTS, *JobClass])
    raise UsageProblem(f"{text}: nothing that could be paused; one of {known}")


def tell_pauses(paused: Sequence[Pause], *, as_json: bool) -> Iterator[str]:
    """Tell what is paused, by whom, since when and why."""
    for one in paused:
        if as_json:
            yield documents.line({"scope": one.scope, "who": one.who, "why": one.why, "since": one.since.isoformat()})
        else:
            yield f"{one.scope}: paused by {one.who}, {moment(one.since)} UTC" + (f": {one.why}" if one.why else "")
    if not paused and not as_json:
        yield "nothing is paused"
