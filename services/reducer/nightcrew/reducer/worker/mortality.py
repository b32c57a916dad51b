"""Processes that do not outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal

PR_SET_PDEATHSIG = 1
"""From Linux' prctl.h: the signal that a process gets when the thread that started it ends."""


def die_with(parent: int, number: signal.Signals) -> None:
    """Let this process get a signal when its parent dies; exit at once if it has died already.

    Where the system is not Linux, only the second is done.

    Parameters
    ----------
    parent
        Number of the process that started this one.
    number
        The signal.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
