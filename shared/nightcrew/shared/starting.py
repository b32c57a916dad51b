"""How the command of a service begins and ends: settings, log, signals, a line for what went wrong, exit codes.

What only a service that runs needs is imported when it does: help and usage errors are told at once.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from nightcrew.shared.errors import NightcrewError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nightcrew.shared.database import Database
    from nightcrew.shared.settings import ServiceSettings

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

_Settings = TypeVar("_Settings", bound="ServiceSettings")


def run_command(
    name: str, settings: type[_Settings], given: Mapping[str, object], work: Callable[[_Settings], object]
) -> int:
    """Run a service, and return the exit code of its command.

    Parameters
    ----------
    name
        Of the command, for the line that says what went wrong.
    settings
        Class of its settings.
    given
        What the command line says, by setting; None leaves it to the environment.
    work
        What is to be done; its log is that of the settings.

    Returns
    -------
    int
        0 done, 1 failed, 2 usage, 130 interrupted.
    """
    from nightcrew.shared.logs import configure_logs  # noqa: PLC0415

    try:
        loaded = settings.load(**{setting: value for setting, value in given.items() if value is not None})
        configure_logs(loaded.log_format, loaded.log_level)
        work(loaded)
    except NightcrewError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 (the command's own voice)
        return USAGE if isinstance(error, SettingsError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def set_at(*numbers: signal.Signals) -> Event:
    """Return an event that signals set: whoever works looks at it, and ends in order."""
    stop = Event()
    for number in numbers:
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def open_ledger(application: str) -> Iterator[Database]:
    """Give the database of the environment while the block runs, once the ledger in it is known to be of this version.

    Raises
    ------
    ServiceError
        If it cannot be reached, or its tables are missing or of another version.
    """
    from nightcrew.shared.database import open_database, require  # noqa: PLC0415
    from nightcrew.shared.ledger import LEDGER  # noqa: PLC0415

    with open_database(application=application) as database:
        require(database, LEDGER)
        yield database
