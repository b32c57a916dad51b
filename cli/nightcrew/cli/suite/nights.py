"""What became of a night: status in a few lines, report in full."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.cli.suite import documents
from nightcrew.cli.suite.stories import BESIDE
from nightcrew.cli.suite.wording import GAP, GROUP_COLUMNS, balance, columns, counted, group_cells, job_name, why
from nightcrew.shared.ledger import FrameState, GroupState, JobState, browsing, conservation, pausing, products
from nightcrew.shared.ledger.browsing import Wanted
from nightcrew.shared.ledger.states import GROUP_OPEN, JOB_OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sqlalchemy import Connection

    from nightcrew.shared.ledger.conservation import Balance
    from nightcrew.shared.ledger.pausing import Pause
    from nightcrew.shared.ledger.records import Arrival, FrameRow, GroupRow, JobRow, ProductRow

QUICK_LOOK = "quick-look"
EVERYTHING = 100_000
"""Rows of a night that are looked at, at most."""


@dataclass(frozen=True, slots=True)
class NightView:
    """A night as the ledger has it; without a date, if nothing has arrived yet.

    Parameters
    ----------
    night
        The date that names it.
    frames, groups, jobs
        Of this night; superseded ones are among them.
    made
        Products of its jobs that nothing has taken the place of, what lies beside them excepted.
    quarantined
        Files that cannot be used, of whatever night.
    pauses
        What is paused.
    whole
        The balance of the whole ledger.
    """

    night: date | None
    frames: tuple[FrameRow, ...]
    groups: tuple[GroupRow, ...]
    jobs: tuple[JobRow, ...]
    made: tuple[ProductRow, ...]
    quarantined: tuple[Arrival, ...]
    pauses: tuple[Pause, ...]
    whole: Balance

    @property
    def good(self) -> bool:
        """Whether everything adds up."""
        return not self.whole.breaches

    @property
    def finished(self) -> bool:
        """Whether nothing is still to come of it."""
        return not any(group.state in GROUP_OPEN for group in self.groups) and not any(
            job.state in JOB_OPEN for job in self.jobs
        )


def view(connection: Connection, night: date | None, instrument: str | None = None) -> NightView:
    """Read a night; the latest one if none is named."""
    night = night or browsing.latest_night(connection)
    wanted = Wanted(night, instrument, limit=EVERYTHING)
    known = night is not None
    jobs = browsing.list_jobs(connection, wanted) if known else []
    made = products.of_jobs(connection, [job.id for job in jobs])
    return NightView(
        night,
        tuple(browsing.list_frames(connection, wanted)[::-1] if known else ()),
        tuple(browsing.list_groups(connection, wanted)[::-1] if known else ()),
        tuple(jobs[::-1]),
        tuple(one for one in made if one.superseded_by is None and one.kind not in BESIDE),
        tuple(browsing.quarantined(connection)),
        tuple(pausing.paused(connection)),
        conservation.check(connection),
    )


def status_lines(seen: NightView) -> Iterator[str]:
    """Tell in a few lines how a night stands."""
    if seen.night is None:
        yield "nothing has arrived yet"
    else:
        state = "finished" if seen.finished else "under way"
        yield f"night {seen.night}: {state}"
        yield f"{GAP}{counted(len(seen.frames), 'frame')}: {balance(Counter(str(one.state) for one in seen.frames))}"
        yield f"{GAP}{counted(len(seen.groups), 'group')}: {balance(Counter(str(one.state) for one in seen.groups))}"
        yield f"{GAP}{counted(len(seen.jobs), 'job')}: {balance(Counter(str(one.state) for one in seen.jobs))}"
        for job in seen.jobs:
            if job.state in {JobState.RUNNING, JobState.RETRY, JobState.WAITING}:
                yield f"{GAP}{job.state}: {job_name(job)}: {why(job)}"
    if seen.quarantined:
        yield f"{GAP}{counted(len(seen.quarantined), 'file')} in quarantine: `nightcrew dead list`"
    for pause in seen.pauses:
        yield f"{GAP}{pause.scope} is paused by {pause.who}" + (f": {pause.why}" if pause.why else "")
    yield from _adding_up(seen)


def report_lines(seen: NightView) -> Iterator[str]:
    """Tell in full what became of a night: groups, their products, what was left out and why."""
    yield from status_lines(seen)
    current = [group for group in seen.groups if group.state is not GroupState.SUPERSEDED]
    if current:
        yield ""
        yield from columns(GROUP_COLUMNS, map(group_cells, current))
    made = [one for one in seen.made if one.kind != QUICK_LOOK]
    if made:
        yield ""
        rows = [(one.name, one.kind, "provisional" if one.provisional else "", one.path) for one in made]
        yield from columns(("product", "kind", "", "file"), rows)
    without = [one for one in seen.frames if one.state in {FrameState.LEFT_OUT, FrameState.UNREDUCED}]
    if without:
        yield ""
        rows = [(one.name, str(one.state), "", one.reason) for one in without]
        yield from columns(("frame", "state", "", "why"), rows)
    if seen.quarantined:
        yield ""
        files = [(one.sighting.path, one.code, "", one.reason) for one in seen.quarantined]
        yield from columns(("file", "quarantined", "", "why"), files)


def _adding_up(seen: NightView) -> Iterator[str]:
    whole = seen.whole
    arrived = sum(whole.arrivals.values())
    yield f"all nights: {counted(arrived, 'arrival')} ({balance(whole.arrivals)}); frames: {balance(whole.frames)}"
    if seen.good:
        yield "it adds up: whatever came in is open, or has come to an end that says why"
    yield from (str(breach) for breach in whole.breaches)


def document(seen: NightView) -> dict[str, Any]:
    """Return a night as JSON."""
    return {
        "night": None if seen.night is None else str(seen.night),
        "finished": seen.finished,
        "frames": [documents.of_frame(one) for one in seen.frames],
        "groups": [documents.of_group(one) for one in seen.groups],
        "jobs": [documents.of_job(one) for one in seen.jobs],
        "products": [documents.of_product(one) for one in seen.made],
        "quarantined": [documents.of_arrival(one) for one in seen.quarantined],
        "paused": [{"scope": one.scope, "who": one.who, "why": one.why, "since": one.since} for one in seen.pauses],
        "balance": documents.of_balance(seen.whole),
    }


def status_document(seen: NightView) -> dict[str, Any]:
    """Return how a night stands, in numbers."""
    whole = document(seen)
    counts = {
        name: dict(Counter(str(one.state) for one in rows))
        for name, rows in (("frames", seen.frames), ("groups", seen.groups), ("jobs", seen.jobs))
    }
    kept = ("night", "finished", "paused", "balance")
    return {**{name: whole[name] for name in kept}, **counts, "quarantined": len(seen.quarantined)}
