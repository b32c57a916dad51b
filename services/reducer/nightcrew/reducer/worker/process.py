"""The parent's end of a child process."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from nightcrew.reducer.worker.limits import oom_kills, resident
from nightcrew.reducer.worker.wire import Event, Finished, Order, Ready, read_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

    from nightcrew.reducer.worker.limits import Share

SECRET = ("NIGHTCREW_DATABASE_URL", "NIGHTCREW_RABBITMQ_URL", "NIGHTCREW_STORE_", "AWS_")
"""Recipes may be anybody's code: what begins so is not for them."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Threads are those of the kernels, as many as the reducer says."""
MODULE = "nightcrew.reducer.worker.child"
PATIENCE = 10.0
"""Seconds that a process may take to end once its pipe is closed."""


@dataclass(frozen=True, slots=True)
class Died:
    """The child has ended; `reason` says how, with the name of the signal."""

    reason: str


News: TypeAlias = Event | Died


class Child:
    """A child process; belongs to the thread that made it.

    Parameters
    ----------
    share
        What it may use.
    wake
        Called, from another thread, whenever it has said something.
    environment
        Variables of the parent.

    Attributes
    ----------
    ready : Ready or None
        What it said when it was warm.
    jobs : int
        How many it was given.
    peak : int
        Largest resident size that was seen, bytes.
    """

    def __init__(self, share: Share, wake: Callable[[], None], environment: Mapping[str, str]) -> None:
        self.share = share
        self.ready: Ready | None = None
        self.busy = False
        self.jobs = 0
        self.peak = 0
        self._wake = wake
        self._killed = ""
        self._news: queue.SimpleQueue[News | None] = queue.SimpleQueue()
        self._died: Died | None = None
        self._kills = oom_kills()
        self._process = subprocess.Popen(  # noqa: S603 (ourselves)
            [sys.executable, "-P", "-m", MODULE, str(os.getpid()), str(share.budget), str(share.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(environment),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def dead(self) -> bool:
        """Whether its end has been noticed."""
        return self._died is not None

    def give(self, order: Order) -> None:
        """Give it a job; if it has died meanwhile, the news say so."""
        assert self._process.stdin is not None
        self.busy = True
        self.jobs += 1
        with suppress(BrokenPipeError):
            self._process.stdin.write(order.line())
            self._process.stdin.flush()

    def news(self) -> Iterator[News]:
        """Yield what it has said since the last time, without waiting; its death comes last, and once."""
        while self._died is None:
            try:
                event = self._news.get_nowait()
            except queue.Empty:
                return
            if event is None:
                self._died = self._obituary()
                yield self._died
                return
            if isinstance(event, Ready):
                self.ready = event
            elif isinstance(event, Finished):
                self.busy = False
            yield event

    def resident(self) -> int:
        """Return its resident size, bytes."""
        size = resident(self.pid)
        self.peak = max(self.peak, size)
        return size

    def kill(self, reason: str) -> None:
        """Kill it, and everything that it has started; `reason` is why, and is remembered."""
        self._killed = self._killed or reason
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def retire(self) -> None:
        """Let it go: the end of its input is its own."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill("it did not end")
            self._process.wait()
        self._collect()

    def destroy(self, reason: str) -> None:
        """Kill it, and wait until it is gone."""
        self.kill(reason)
        self._process.wait()
        self._collect()

    def _collect(self) -> None:
        """Release what the system holds for it."""
        self._died = self._died or Died(self._killed or "it was let go")
        self._reader.join(PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _obituary(self) -> Died:
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill("it closed its pipe and went on")
            code = self._process.wait()
        reason = self._killed or how_it_ended(code, out_of_memory=oom_kills() > self._kills)
        self._collect()
        return Died(reason)

    def _read(self) -> None:
        assert self._process.stdout is not None
        stream: IO[bytes] = self._process.stdout
        with suppress(OSError, ValueError):  # the pipe was closed under us: the child was let go
            for line in stream:
                try:
                    event = read_event(line)
                except ValueError:
                    self.kill(f"it said what cannot be understood: {line[:80]!r}")
                    continue
                self._news.put(event)
                if isinstance(event, Ready | Finished):  # what it tells on the way is heard at the next look
                    self._wake()
        self._news.put(None)
        self._wake()


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a child: no secrets, and no threads that nobody asked for."""
    kept = {name: value for name, value in environment.items() if not name.startswith(SECRET)}
    return ONE_THREAD | kept


def how_it_ended(code: int, *, out_of_memory: bool = False) -> str:
    """Say how a process ended: `code` is its exit code, or less than zero for a signal."""
    if code >= 0:
        return f"the process of the job exited with {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if out_of_memory and -code == signal.SIGKILL:
        return f"the process of the job was killed by {name}: the system ran out of memory"
    return f"the process of the job was killed by {name}"
