"""The process in which jobs run: warm before it says so, one job after the other, gone with its parent.

Orders come in on standard input, events go out on standard output, a line of JSON each; whatever recipes and libraries
print goes to standard error.  The end of standard input is the end of the process, in the middle of a job too.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from nightcrew.reducer.worker.mortality import die_with

if TYPE_CHECKING:
    from nightcrew.reducer.worker.wire import Event

READILY = "500"
"""Of all processes the system is to kill this one when memory runs out, and not its parent (proc(5), oom_score_adj)."""


def main() -> None:
    """Serve the parent: the arguments are its number, and budget and threads for the first reduction."""
    parent, budget, threads = (int(argument) for argument in sys.argv[1:4])
    die_with(parent, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent is told as well, and decides
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(READILY)
    faulthandler.enable()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders), daemon=True).start()
    _serve(out, orders, budget, threads)


def _serve(out: IO[bytes], orders: queue.SimpleQueue[bytes], budget: int, threads: int) -> None:
    began = time.perf_counter()
    from nightcrew.reducer.engine.digests import Digests  # noqa: PLC0415 (slow: only once the end of the parent is seen to)
    from nightcrew.reducer.engine.tuning import tune  # noqa: PLC0415
    from nightcrew.reducer.recipes import RECIPES  # noqa: PLC0415
    from nightcrew.reducer.worker.performing import perform  # noqa: PLC0415
    from nightcrew.reducer.worker.warming import warm_up  # noqa: PLC0415
    from nightcrew.reducer.worker.wire import Order, Ready, Taken  # noqa: PLC0415

    def tell(event: Event) -> None:
        out.write(event.line())
        out.flush()

    tune()
    warm_up(budget, threads)
    names = tuple(sorted({recipe.name for recipe in RECIPES}))
    tell(Ready(recipes=names, seconds=time.perf_counter() - began))
    digests = Digests()
    while True:
        order = Order.model_validate_json(orders.get())
        tell(Taken())
        tell(perform(order, tell, digests, os.environ))


def _listen(source: IO[bytes], orders: queue.SimpleQueue[bytes]) -> None:
    for line in source:
        orders.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
