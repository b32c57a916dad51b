"""Several reducers side by side, each a process: those that die are started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.shared.bus import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

STEADY = 60.0
"""Seconds of life after which the next death counts as the first."""
GRACE = 15.0
"""Seconds beyond the drain time after which a reducer that was told to stop is killed."""
TICK = 0.2
PACE = Backoff(first=1.0, factor=2.0, ceiling=60.0, attempts=12)


@dataclass(slots=True)
class Post:
    """One of the reducers.

    Parameters
    ----------
    command
        How it is started.
    pace
        How soon it is started again.
    """

    command: tuple[str, ...]
    pace: Backoff
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    next_start: float = 0.0
    _delays: Iterator[float] = field(init=False)

    def __post_init__(self) -> None:
        self._delays = self.pace.delays()

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)  # noqa: S603 (ourselves)
        self.started = time.monotonic()

    def died(self) -> float:
        """Note its death; return after how many seconds it is to be started again."""
        self.process = None
        if time.monotonic() - self.started > STEADY:
            self._delays = self.pace.delays()
        delay = next(self._delays, self.pace.ceiling)
        self.next_start = time.monotonic() + delay
        return delay


def supervise(
    commands: list[tuple[str, ...]],
    stop: Event,
    drain: float,
    tell: Callable[[str], None],
    pace: Backoff = PACE,
) -> None:
    """Keep a process for each command running until `stop` is set, then tell them to stop and wait for them.

    Parameters
    ----------
    commands
        One for each.
    stop
        Set by a signal handler.
    drain
        Seconds that they have to finish.
    tell
        Is told of deaths.
    pace
        How soon the dead are started again.

    Notes
    -----
    Reaps whatever ends among its descendants: in a container it may be the first process.
    """
    posts = [Post(command, pace) for command in commands]
    while not stop.is_set():
        for post in posts:
            if post.process is None and time.monotonic() >= post.next_start:
                post.start()
        for post, code in _ended(posts):
            delay = post.died()
            tell(f"a reducer ended with {code}; it is started again in {delay:.1f} s")
        stop.wait(TICK)
    _signal(posts, signal.SIGTERM)
    end = time.monotonic() + drain + GRACE
    while any(post.process for post in posts):
        for post, _ in _ended(posts):
            post.process = None
        if time.monotonic() > end:
            _signal(posts, signal.SIGKILL)
        time.sleep(TICK)


def command_of(number: int, job_class: str, concurrency: int) -> tuple[str, ...]:
    """Return how reducer `number` of several is started."""
    module = "nightcrew.reducer.worker.main"
    options = ("--class", job_class, "--concurrency", str(concurrency), "--number", str(number))
    return (sys.executable, "-P", "-m", module, *options, "--parent", str(os.getpid()))


def _signal(posts: list[Post], number: signal.Signals) -> None:
    for post in posts:
        if post.process is not None:
            post.process.send_signal(number)


def _ended(posts: list[Post]) -> Iterator[tuple[Post, int]]:
    """Reap all that have ended; yield the reducers among them, and their exit codes."""
    by_pid = {post.process.pid: post for post in posts if post.process is not None}
    for post in posts:
        if post.process is not None and post.process.returncode is not None:  # noticed when it was sent a signal
            yield post, post.process.returncode
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ended = by_pid.get(pid)
        if ended is not None and ended.process is not None:
            ended.process.returncode = os.waitstatus_to_exitcode(status)
            yield ended, ended.process.returncode
