"""`gempy.utils.logutils`: where the log goes (commands, 13)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.cli.log import Level, LogMode, file_handler, screen_handler

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["config", "get_logger"]

OURS = "nightcrew"
"""Name of handlers that `config` has made: it replaces them, as it is called again."""


def config(
    mode: str = "standard",
    file_name: str | Path | None = None,
    file_lvl: int = Level.FULLINFO,
    stomp: bool = False,
    additional_handlers: logging.Handler | Sequence[logging.Handler] | None = None,
    keep_handlers: bool = False,
) -> None:
    """Set the handlers of the root logger: screen (stderr) and log file.

    Parameters
    ----------
    mode
        `standard`, `verbose`, `quiet`, `debug` or `rotating`.
    file_name
        Log file; none if None.
    file_lvl
        Lowest level that goes to the file; in mode debug everything does.
    stomp
        Whether the file is begun anew rather than appended to.
    additional_handlers
        Handlers of your own besides.
    keep_handlers
        Whether handlers that are there stay.

    Raises
    ------
    NameError
        If there is no such mode.
    """
    if mode not in list(LogMode):
        raise NameError(f"Unknown logging config mode '{mode}'; one of {', '.join(LogMode)}")
    kind = LogMode(mode)
    made: list[logging.Handler] = []
    if file_name is not None:
        made.append(file_handler(kind, Path(file_name), None if kind is LogMode.DEBUG else file_lvl, append=not stomp))
    if (screen := screen_handler(kind)) is not None:
        made.append(screen)
    for handler in made:
        handler.set_name(f"{OURS}-{type(handler).__name__}-{id(handler)}")
    root = logging.getLogger()
    if not keep_handlers:
        for handler in list(root.handlers):
            root.removeHandler(handler)
            if (handler.get_name() or "").startswith(OURS):
                handler.close()
    more = [additional_handlers] if isinstance(additional_handlers, logging.Handler) else additional_handlers or []
    for handler in (*made, *more):
        root.addHandler(handler)
    # The handlers decide, not the root's own WARNING: else what other loggers say never reaches the file.
    root.setLevel(min((handler.level for handler in made), default=logging.WARNING))


class _Logger(logging.LoggerAdapter[logging.Logger]):
    """A logger that also knows DRAGONS' levels."""

    def fullinfo(self, text: object, *args: object) -> None:
        """Log for the file."""
        self.log(Level.FULLINFO, text, *args)

    def stdinfo(self, text: object, *args: object) -> None:
        """Log for file and screen."""
        self.log(Level.STDINFO, text, *args)

    def status(self, text: object, *args: object) -> None:
        """Log where the work stands."""
        self.log(Level.STATUS, text, *args)


def get_logger(name: str) -> _Logger:
    """Return a logger with DRAGONS' levels as methods."""
    return _Logger(logging.getLogger(name))
