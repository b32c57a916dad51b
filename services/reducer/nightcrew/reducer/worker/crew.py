"""The warm child of a reducer, and its successor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.reducer.worker.process import Child, Died
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nightcrew.reducer.worker.limits import Share

FUTILE = 3
"""Children in a row that died before they were warm: something is wrong with the installation."""


@dataclass(slots=True)
class Crew:
    """Sees to it that there is a warm child.

    Once a child has done so many jobs, or is too large between jobs, its successor is started; the two change places
    when that one is warm, so that no job waits for it.

    Parameters
    ----------
    share
        What a child may use.
    wake
        Called whenever a child has said something.
    environment
        Variables of the parent.
    recycle_jobs, recycle_above
        Jobs, and bytes between jobs, after which a child goes.
    spare
        Whether there may be two for a while; else the old one goes first.
    """

    share: Share
    wake: Callable[[], None]
    environment: Mapping[str, str]
    recycle_jobs: int
    recycle_above: int
    spare: bool = True
    recycled: int = 0
    _child: Child | None = None
    _successor: Child | None = None
    _futile: int = field(default=0)

    def tend(self) -> Child | None:
        """Do what is due between jobs; return the warm child, or None while there is none.

        Raises
        ------
        ServiceError
            If children die again and again before they are warm.
        """
        self._child = self._alive(self._child)
        self._successor = self._alive(self._successor)
        if self._child is None:
            self._child, self._successor = self._successor or self._start(), None
        elif self._due(self._child):
            self._replace(self._child)
        child: Child | None = self._child
        return None if child is None or child.ready is None else child

    def close(self) -> None:
        """Kill whoever is there."""
        for child in (self._child, self._successor):
            if child is not None and not child.dead:
                child.destroy("the reducer ends")
        self._child = self._successor = None

    def _start(self) -> Child:
        return Child(self.share, self.wake, self.environment)

    def _due(self, child: Child) -> bool:
        if child.ready is None or not child.jobs:
            return False
        return child.jobs >= self.recycle_jobs or child.resident() > self.recycle_above

    def _replace(self, old: Child) -> None:
        if not self.spare:
            old.retire()
            self._child = self._start()
        elif self._successor is None:
            self._successor = self._start()
            return
        elif self._successor.ready is None:
            return
        else:
            old.retire()
            self._child, self._successor = self._successor, None
        self.recycled += 1

    def _alive(self, child: Child | None) -> Child | None:
        """Hear what an idle child has to say; return it unless it has died."""
        if child is None:
            return None
        for news in child.news():
            if isinstance(news, Died) and child.ready is None:
                self._futile += 1
                if self._futile >= FUTILE:
                    raise ServiceError(f"{FUTILE} processes for jobs died at the start; the last: {news.reason}")
        if child.ready is not None:
            self._futile = 0
        return None if child.dead else child
