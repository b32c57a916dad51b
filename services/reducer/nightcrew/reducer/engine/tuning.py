"""Settings of the interpreter and the C library that suit a process which moves large arrays; they change no result."""

from __future__ import annotations

import atexit
import ctypes
import gc

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
"""Parameters of glibc's mallopt (malloc.h)."""
MALLOC = ((M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, 1 << 30), (M_TOP_PAD, 64 << 20), (M_ARENA_MAX, 1))
"""Keep freed planes of 4 or 16 MB for the next one, whichever thread wants it: the kernel need not give, clear and take
them each time."""
COLLECT_AFTER = 200_000
"""Objects made before the collector looks for cycles: header cards are many, and no cycles."""


def tune() -> None:
    """Settle the process for a reduction; where the C library is not glibc, memory is left as it is."""
    gc.set_threshold(COLLECT_AFTER, 50, 1000)
    # The interpreter looks for cycles again before it ends, in vain: what is left goes with the process.
    atexit.register(gc.freeze)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in MALLOC:
            mallopt(parameter, value)
