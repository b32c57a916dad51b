"""What a reduction tells: the log file and the screen, laid out as the reference does (commands, 10.3 and 13)."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from logging.handlers import TimedRotatingFileHandler
from typing import TYPE_CHECKING

from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress, TaskID

INDENT = "   "
RULE = "=" * 80
LOGGER = "nightcrew.reduce"


class Level(IntEnum):
    """How much a message matters."""

    DEBUG = 10
    FULLINFO = 15
    INFO = 20
    STDINFO = 21
    STATUS = 25
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


MARKED = frozenset({Level.DEBUG, Level.WARNING, Level.ERROR, Level.CRITICAL})
"""Levels that the screen names in front of the text."""


STYLES: Mapping[int, str] = {Level.WARNING: "yellow", Level.ERROR: "bold red", Level.CRITICAL: "bold red"}


def level_name(number: int) -> str:
    """Return the name of a level, also of one that only other programs use."""
    return logging.getLevelName(number) if number not in Level.__members__.values() else Level(number).name


class LogMode(StrEnum):
    """Who gets how much."""

    STANDARD = "standard"
    QUIET = "quiet"
    """The file only."""
    VERBOSE = "verbose"
    DEBUG = "debug"
    ROTATING = "rotating"
    """The file only, a new one at midnight."""


SCREEN_LEVELS = {LogMode.STANDARD: Level.STDINFO, LogMode.VERBOSE: Level.FULLINFO, LogMode.DEBUG: Level.DEBUG}


class _FileFormat(logging.Formatter):
    """`2026-11-20 17:25:23 STDINFO  - text`, every line of a message by itself."""

    def __init__(self, *, named: bool) -> None:
        super().__init__(datefmt="%Y-%m-%d %H:%M:%S")
        self.named = named

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record, each with its time and level."""
        name = f"{record.name:<40} " if self.named else ""
        prefix = f"{self.formatTime(record, self.datefmt)} {name}{level_name(record.levelno):<8} - "
        return "\n".join(f"{prefix}{line}" for line in record.getMessage().split("\n"))


class _Screen(logging.Handler):
    """Writes to stderr; above the progress bar where there is one."""

    def __init__(self, level: Level, console: Console | None) -> None:
        super().__init__(level)
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        level = record.levelno
        text = f"{level_name(level)} - {record.getMessage()}" if level in MARKED else record.getMessage()
        if self.console is None:
            sys.stderr.write(f"{text}\n")
        else:
            from rich.text import Text

            self.console.print(Text(text, style=STYLES.get(level, "")), soft_wrap=True)


@dataclass(slots=True)
class RunLog:
    """Tells screen and file what a run does: a `Reporter` for the engine.

    Parameters
    ----------
    logger
        Its handlers are the screen and the file.
    progress
        Bar on a terminal, or None.
    """

    logger: logging.Logger
    progress: Progress | None = None
    _tasks: dict[tuple[str, int], TaskID] = field(default_factory=dict)
    _last_warning: str = ""
    _repeated: int = 0

    def tell(self, text: str, level: Level = Level.STDINFO, depth: int = 0) -> None:
        """Log a text, indented by so many primitives."""
        self.logger.log(level, "%s", "\n".join(f"{INDENT * depth}{line}" for line in text.split("\n")))

    def start(self, recipe: str) -> None:
        """Announce a recipe."""
        self.tell(f"{RULE}\nRECIPE: {recipe}\n{RULE}", Level.STATUS)

    def enter(self, primitive: str, level: int, frames: int) -> None:
        """Announce a primitive."""
        title = f"PRIMITIVE: {primitive}"
        self.tell(f"{title}\n{'-' * len(title)}", Level.STATUS, level + 1)
        if self.progress is not None and frames:
            self._tasks[primitive, level] = self.progress.add_task(primitive, total=frames)

    def advance(self, primitive: str, level: int, done: int, frames: int) -> None:
        """Move the bar."""
        task = self._tasks.get((primitive, level - 1))
        if self.progress is not None and task is not None:
            self.progress.update(task, completed=done, total=frames)

    def leave(self, primitive: str, level: int, seconds: float) -> None:
        """Close a primitive; the file also learns what it took."""
        if self.progress is not None and (primitive, level) in self._tasks:
            self.progress.remove_task(self._tasks.pop((primitive, level)))
        self.tell(f"{primitive} took {seconds:.3f} s of CPU time", Level.FULLINFO, level + 1)
        self.tell(".", Level.STATUS, level + 1)

    def info(self, text: str, level: int) -> None:
        """Log what a primitive has to say."""
        self.tell(text, Level.STDINFO, level)

    def warning(self, text: str, level: int = 0) -> None:
        """Log a warning, unless it is the last one once more."""
        if text == self._last_warning:
            self._repeated += 1
            return
        if self._repeated:
            self.tell(f"Last message repeated {self._repeated} times", Level.WARNING, level)
        self._last_warning, self._repeated = text, 0
        self.tell(text, Level.WARNING, level)

    def note(self, text: str, level: Level = Level.ERROR) -> None:
        """Write to the file alone what the user learns in another way."""
        for handler in self.logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handle(self.logger.makeRecord(LOGGER, level, "", 0, text, (), None))


@contextmanager
def open_log(mode: LogMode, file: Path, screen: Level | None = None) -> Iterator[RunLog]:
    """Open the log of a run.

    Parameters
    ----------
    mode
        Decides what goes to the screen (stderr) and to the file.
    file
        Is appended to.
    screen
        Lowest level that goes to the screen, instead of the one of the mode.

    Raises
    ------
    UsageProblem
        If the file cannot be written to.
    """
    # A logger of our own, not one of the process: nobody else's handlers can repeat what it says.
    logger = logging.Logger(LOGGER, Level.DEBUG)
    handler = file_handler(mode, file)
    logger.addHandler(handler)
    progress: Progress | None = None
    if mode in SCREEN_LEVELS:
        console = _terminal()
        logger.addHandler(_Screen(SCREEN_LEVELS[mode] if screen is None else screen, console))
        progress = None if console is None else progress_bar(console)
    try:
        with progress or nullcontext():
            yield RunLog(logger, progress)
    finally:
        handler.close()


def file_handler(mode: LogMode, file: Path, level: int | None = None, *, append: bool = True) -> logging.FileHandler:
    """Return the handler that writes a log file.

    Parameters
    ----------
    mode
        Decides on the lowest level, unless `level` does, and on a new file at midnight.
    file
        Is appended to, or begun anew.

    Raises
    ------
    UsageProblem
        If the file cannot be written to.
    """
    try:
        handler = (
            TimedRotatingFileHandler(file, when="midnight", encoding="utf-8")
            if mode is LogMode.ROTATING
            else logging.FileHandler(file, mode="a" if append else "w", encoding="utf-8")
        )
    except OSError as error:
        raise UsageProblem(
            f"--logfile {file}: cannot be written to ({error.strerror}); "
            "work in a directory that is yours, or name another file"
        ) from error
    lowest = Level.DEBUG if mode is LogMode.DEBUG else Level.FULLINFO
    handler.setLevel(lowest if level is None else level)
    handler.setFormatter(_FileFormat(named=mode is LogMode.DEBUG))
    return handler


def screen_handler(mode: LogMode) -> logging.Handler | None:
    """Return the handler that writes to the screen (stderr); None for modes that leave it alone."""
    return _Screen(SCREEN_LEVELS[mode], None) if mode in SCREEN_LEVELS else None


def _terminal() -> Console | None:
    if not sys.stderr.isatty():
        return None
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False)
