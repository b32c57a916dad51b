"""What time it is: the machine's, or the one that SOURCE_DATE_EPOCH says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.run import utc_now
from nightcrew.shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "SOURCE_DATE_EPOCH"
"""Seconds since 1970 that reproducible builds take for the time; see reproducible-builds.org."""


def clock(environment: Mapping[str, str]) -> Callable[[], datetime]:
    """Return the clock of a run: with SOURCE_DATE_EPOCH it stands still, and the same request gives the same bytes.

    Parameters
    ----------
    environment
        Variables by name.

    Raises
    ------
    SettingsError
        If the variable is no whole number.
    """
    text = environment.get(VARIABLE)
    if text is None:
        return utc_now
    try:
        moment = datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(f"{VARIABLE}={text}: expecting whole seconds since 1970; correct it or unset it") from error
    return lambda: moment
