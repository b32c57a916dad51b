"""Work shared among threads: kernels let go of the interpreter's lock, so they run side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")


def in_spans(work: Callable[[int, int], None], start: int, stop: int, threads: int) -> None:
    """Do the rows `start` to `stop`, a stretch of them on each thread.

    Parameters
    ----------
    work
        Does the rows from its first argument to its second; different rows must not get in each other's way.
    start, stop
        0-based, end exclusive.
    threads
        How many.
    """
    edges = [start + (stop - start) * k // threads for k in range(threads + 1)]
    spans = [(a, b) for a, b in pairwise(edges) if b > a]
    all_of(lambda span: work(*span), spans, threads)


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Give so many items at a time, of which the last ones may be fewer."""
    for start in range(0, len(items), max(size, 1)):
        yield items[start : start + max(size, 1)]


def all_of(work: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """Return what a function makes of each item, in their order; the first error of any is raised."""
    wanted = list(items)
    if threads < 2 or len(wanted) < 2:
        return [work(item) for item in wanted]
    with ThreadPoolExecutor(min(threads, len(wanted))) as pool:
        return list(pool.map(work, wanted))
