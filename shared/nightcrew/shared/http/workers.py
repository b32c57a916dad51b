"""Where blocking work is done: a bounded number of threads, fed from the event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_P = ParamSpec("_P")
_T = TypeVar("_T")

_PART = 2**20
"""Bytes of a body that are handed to a thread at once."""


class Truncated(FrameError):
    """A body that ended before it was complete."""

    code = "request"


class Workers:
    """Threads for what waits for the database or the disk.

    Parameters
    ----------
    threads
        How many; further work waits for its turn.
    name
        What they are called.
    """

    def __init__(self, threads: int, name: str = "worker") -> None:
        self._pool = ThreadPoolExecutor(threads, name)

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Do blocking work in a thread and return what it returns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))

    async def run_with_body(self, work: Callable[[Iterator[bytes]], _T], parts: AsyncIterator[bytes]) -> _T:
        """Do blocking work that reads the body of a request as it arrives; no more is taken in than it reads.

        Raises
        ------
        Truncated
            In the thread, if this is cancelled meanwhile: nobody waits for the result any more.
        """
        loop = asyncio.get_running_loop()
        left = threading.Event()

        def arriving() -> Iterator[bytes]:
            while not left.is_set():
                coming = asyncio.run_coroutine_threadsafe(_some(parts, left), loop)
                if not (part := coming.result()):
                    return
                yield part
            raise Truncated("nobody waits for this upload any more; send it again")

        try:
            return await loop.run_in_executor(self._pool, lambda: work(arriving()))
        except asyncio.CancelledError:
            left.set()
            raise

    def close(self) -> None:
        """Wait for the work that is being done."""
        self._pool.shutdown()


async def _some(parts: AsyncIterator[bytes], left: threading.Event) -> bytes:
    """Return the next bytes, small parts joined; nothing at the end."""
    gathered = bytearray()
    if left.is_set():
        raise Truncated("nobody waits for this upload any more; send it again")
    async for part in parts:
        gathered += part
        if len(gathered) >= _PART:
            break
    return bytes(gathered)
