"""Work in a thread of its own, while the one that serves the bus goes on with that."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def beside(work: Callable[[], T], wake: Callable[[], object], meanwhile: Callable[[], bool]) -> Future[T]:
    """Do some work, and other things meanwhile; return the work, done or given up.

    Parameters
    ----------
    work
        Is called in a thread.
    wake
        Is called there when it has ended.
    meanwhile
        Is called again and again until then, and waits a while each time; False gives the work up, which goes on
        without anybody who waits for it.
    """
    future: Future[T] = Future()

    def do() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 (the border of a thread: whoever asks for the result gets it)
            future.set_exception(error)
        finally:
            wake()

    Thread(target=do, daemon=True).start()
    while not future.done() and meanwhile():
        pass
    return future
