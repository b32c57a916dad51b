"""What time it is for a command: the machine's, or the one that SOURCE_DATE_EPOCH says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nightcrew.cli.errors import UsageProblem
from nightcrew.reducer.engine.clock import clock as clock_of
from nightcrew.shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def clock() -> Callable[[], datetime]:
    """Return the clock of a run.

    Raises
    ------
    UsageProblem
        If the variable is no whole number.
    """
    try:
        return clock_of(os.environ)
    except SettingsError as error:
        raise UsageProblem(str(error)) from error
