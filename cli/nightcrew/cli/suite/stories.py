"""The whole story of one frame: gathered from the ledger, told in plain sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nightcrew.cli.suite import documents
from nightcrew.cli.suite.wording import clock_time, counted, duration, moment, size
from nightcrew.shared.ledger import ArrivalState, AttemptEnd, FrameState, JobState, browsing, groups, jobs, products

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from nightcrew.shared.ledger.browsing import AttemptRow
    from nightcrew.shared.ledger.records import Arrival, FrameRow, GroupRow, JobRow, ProductRow

NOTICEABLE = timedelta(seconds=2)
"""A job that was queued within this time of being written has not waited for anything."""
INDENT = "  "
BESIDE = frozenset({"preview", "measurements", "intermediate"})
"""Kinds of products that are not told of: they lie beside the others."""


@dataclass(frozen=True, slots=True)
class JobStory:
    """A job, its attempts, its products, and the path of what has taken the place of each."""

    job: JobRow
    attempts: tuple[AttemptRow, ...] = ()
    products: tuple[tuple[ProductRow, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class GroupStory:
    """A group and its jobs; whether the frame is one of its own, not borrowed."""

    group: GroupRow
    own: bool
    jobs: tuple[JobStory, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameStory:
    """One content of a frame: how it came, its quick looks, and the groups that it is or was in."""

    frame: FrameRow
    arrivals: tuple[Arrival, ...] = ()
    quick_looks: tuple[JobStory, ...] = ()
    groups: tuple[GroupStory, ...] = ()


def gather(connection: Connection, frame: FrameRow) -> FrameStory:
    """Read from the ledger what there is to tell of a frame."""
    own = jobs.of_frame(connection, frame.id)
    in_groups = [
        GroupStory(
            group,
            frame.id in group.frames,
            tuple(job_story(connection, job) for job in jobs.of_group(connection, group.id)),
        )
        for group in groups.of_frame(connection, frame.id)
    ]
    return FrameStory(
        frame,
        tuple(browsing.arrivals_of(connection, frame.id)),
        tuple(job_story(connection, job) for job in own),
        tuple(in_groups),
    )


def job_story(connection: Connection, job: JobRow) -> JobStory:
    """Read from the ledger what there is to tell of a job."""
    made = [(one, browsing.successor_of(connection, one.id)) for one in products.of_jobs(connection, [job.id])]
    return JobStory(job, tuple(browsing.attempts_of(connection, job.id)), tuple(made))


def tell(story: FrameStory) -> Iterator[str]:
    """Tell a story, a line for each thing that happened."""
    frame = story.frame
    version = "" if frame.version == 1 else f", version {frame.version}"
    taken = "" if frame.ut_datetime is None else f", taken {frame.ut_datetime:%Y-%m-%d %H:%M:%S} UTC"
    yield f"{frame.name}{version}: {frame.instrument} {frame.kind} of the night {frame.night}{taken}"
    yield from (f"{INDENT}{line}" for arrival in story.arrivals for line in _arrival(arrival, frame))
    for quick in story.quick_looks:
        yield f"{INDENT}Quick look, asked for {clock_time(quick.job.created_at)}:"
        yield from _indented(tell_job(quick), 2)
    for group in story.groups:
        yield from _indented(tell_group(group), 1)
    yield f"{INDENT}{_end(frame)}"


def _arrival(arrival: Arrival, frame: FrameRow) -> Iterator[str]:
    seen = arrival.sighting
    came = f"{seen.path} ({size(seen.size)}) was seen {moment(arrival.first_seen_at)} UTC"
    if arrival.steady_since - arrival.first_seen_at > NOTICEABLE:
        came += f", and was whole {duration(arrival.steady_since - arrival.first_seen_at)} later"
    match arrival.state:
        case ArrivalState.ACCEPTED:
            yield f"{came}; size, checksums, instrument and keywords are good"
            if frame.path != seen.path:
                yield f"It is kept at {frame.path}"
        case ArrivalState.DUPLICATE:
            yield f"{came}: the same content once more"
        case state:
            yield f"{came}: {state}" + (f", {arrival.reason}" if arrival.reason else "")


def tell_group(story: GroupStory) -> Iterator[str]:
    """Tell of a group: why it was closed, its jobs, how it ended."""
    group = story.group
    members = counted(len(group.frames | group.borrowed), "frame")
    lent = "" if story.own else ", which borrows it"
    version = "" if group.version == 1 else f", version {group.version}"
    yield f"Group {group.name}{version} ({members}){lent}, opened {clock_time(group.opened_at)}:"
    told: list[str] = []
    if group.closed_at is not None:
        told.append(f"closed {clock_time(group.closed_at)}: {group.close_reason}")
    else:
        told.append(f"{group.state}: takes frames; the last came {clock_time(group.last_arrival_at)}")
    told += [str(note) for note in group.plan.get("notes", ())]
    yield from (f"{INDENT}{line}" for line in told)
    for job in story.jobs:
        yield from _indented(tell_job(job), 1)
    if group.reason:
        yield f"{INDENT}{group.state}: {group.reason}"
    master = group.plan.get("master")
    if master:
        yield f"{INDENT}{_verdict(*master)}"


def tell_job(story: JobStory) -> Iterator[str]:
    """Tell of a job: what it waited for, with what it ran, how it ended, what it made."""
    job = story.job
    if job.state is JobState.WAITING:
        yield from (f"waits for {need.get('waits_for', need)}" for need in job.needs)
        if job.deadline is not None:
            yield f"waits until {moment(job.deadline)} UTC at the longest"
    elif job.queued_at is not None and job.attempt == 0 and job.queued_at - job.created_at > NOTICEABLE:
        yield f"waited {duration(job.queued_at - job.created_at)} for calibrations"
    elif story.attempts and story.attempts[0].started_at - job.created_at > NOTICEABLE:
        yield f"waited {duration(story.attempts[0].started_at - job.created_at)} for calibrations and a reducer"
    yield from _request(job.request)
    yield from (_attempt(attempt) for attempt in story.attempts)
    yield f"job {job.id}: {job.state}" + (f": {job.reason}" if job.reason else "")
    for product, successor in story.products:
        if product.kind not in BESIDE:
            yield _product(product, successor)
    judged = (job.outcome or {}).get(jobs.MASTER)
    if judged:
        yield _verdict(judged["id"], judged["reason"])


def _verdict(number: int | None, trouble: str) -> str:
    verdict = f"not certified: {trouble}" if trouble else f"certified, number {number} of the calibration manager"
    return f"Its product is {verdict}"


def _request(request: Mapping[str, Any]) -> Iterator[str]:
    if request.get("recipe"):
        profile = "" if request.get("profile") == "standard" else f", profile {request.get('profile')}"
        yield f"recipe {request['recipe']} (mode {request.get('mode')}{profile})"
    for one in request.get("calibrations", ()):
        provisional = "provisional: " if one.get("provisional") else ""
        name = str(one["path"]).rpartition("/")[2]
        yield f"{one['caltype']}: {name} ({provisional}{one.get('reason') or 'chosen by the plan'})"
    for one in request.get("without", ()):
        yield f"without {one['caltype']}: {one['reason']}"


def _attempt(attempt: AttemptRow) -> str:
    begun = f"attempt {attempt.attempt} by {attempt.worker}, {clock_time(attempt.started_at)}"
    if attempt.ended_at is None or attempt.ended_by is None:
        return f"{begun}: at work"
    took = duration(attempt.ended_at - attempt.started_at)
    used = "" if attempt.cpu_seconds is None else f", {attempt.cpu_seconds:.1f} s of CPU"
    ended = "" if attempt.ended_by is AttemptEnd.OUTCOME else f" {attempt.ended_by}"
    return f"{begun}:{ended} after {took}{used}" + (f": {attempt.reason}" if attempt.reason else "")


def _product(product: ProductRow, successor: str | None) -> str:
    provisional = ", provisional" if product.provisional else ""
    later = "" if successor is None else f"; superseded by {successor}"
    gone = "" if product.removed_at is None else f", and removed {moment(product.removed_at)} UTC"
    return f"made {product.path} ({product.kind}, {size(product.size)}{provisional}){later}{gone}"


def _end(frame: FrameRow) -> str:
    state = {
        FrameState.RECEIVED: "It has not been planned yet",
        FrameState.PLANNED: "It belongs to a group that is not finished",
        FrameState.LEFT_OUT: "No group takes it",
        FrameState.REDUCED: "It is reduced",
        FrameState.UNREDUCED: "It is not reduced",
        FrameState.SUPERSEDED: "Another content has taken its place",
    }[frame.state]
    return f"{state}: {frame.reason}" if frame.reason else state


def _indented(lines: Iterable[str], depth: int) -> Iterator[str]:
    return (f"{INDENT * depth}{line}" for line in lines)


def document(story: FrameStory) -> dict[str, Any]:
    """Return a story as JSON."""
    return {
        "frame": documents.of_frame(story.frame),
        "arrivals": [documents.of_arrival(one) for one in story.arrivals],
        "quick_looks": job_documents(story.quick_looks),
        "groups": [
            {**documents.of_group(one.group), "own": one.own, "jobs": job_documents(one.jobs)} for one in story.groups
        ],
    }


def job_documents(stories: Sequence[JobStory]) -> list[dict[str, Any]]:
    """Return jobs as JSON, with attempts and products."""
    return [
        {
            **documents.of_job(one.job),
            "attempts": [documents.of_attempt(attempt) for attempt in one.attempts],
            "products": [
                {**documents.of_product(product), "successor": successor} for product, successor in one.products
            ],
        }
        for one in stories
    ]
