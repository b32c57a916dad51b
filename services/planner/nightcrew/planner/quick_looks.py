"""A quick look at every new frame of the sky, with the best calibrations at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.planner.core.requests import quick_look_request
from nightcrew.planner.offers import SKY
from nightcrew.shared.ledger import FrameState
from nightcrew.shared.ledger.records import NewJob
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nightcrew.planner.books import Books
    from nightcrew.planner.core.model import Group
    from nightcrew.planner.night import Night
    from nightcrew.planner.offers import Offers


def new_frames(night: Night, ours: Iterable[Group]) -> list[str]:
    """Return the frames of the sky that nobody has planned before."""
    return [
        file
        for group in ours
        if group.kind in SKY
        for file in group.owned
        if night.frames[file].state is FrameState.RECEIVED
    ]


def submit_quick_looks(books: Books, ours: Iterable[Group], offers: Offers) -> Iterator[str]:
    """Submit a quick look at each new frame; yield those that are looked at."""
    night = books.night
    for name in new_frames(night, ours):
        used = offers.at_hand(night.seen[name].facts)
        request = quick_look_request(name, night.file(name), used)
        _, new = books.entries.submit(
            NewJob(
                key=f"quick-look/{night.frames[name].id}",
                job_class=JobClass.REALTIME,
                night=night.night,
                instrument=night.instrument,
                recipe=request["recipe"],
                request=request,
                frame_id=night.frames[name].id,
                provisional=any(one.provisional for one in used),
            ),
        )
        if new:
            yield name
