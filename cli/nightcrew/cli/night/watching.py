"""How a night is followed: a bar on a terminal, lines elsewhere, everything in the log."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from nightcrew.cli.progress import progress_bar

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from nightcrew.cli.night.reports import GroupReport
    from nightcrew.planner.core.model import Group
    from nightcrew.reducer.engine.reporting import Reporter


@dataclass(slots=True)
class NightWatcher:
    """Shows what is going on, and writes it to a log.

    Parameters
    ----------
    console
        Where people look; a bar is drawn if it is a terminal.
    log
        Where every line goes.
    """

    console: Console
    log: IO[str]
    _bar: Progress | None = None
    _task: TaskID | None = None
    _title: str = ""
    _primitives: list[str] = field(default_factory=list)

    def __enter__(self) -> NightWatcher:
        if self.console.is_terminal:
            self._bar = progress_bar(self.console)
            self._bar.start()
            self._task = self._bar.add_task("", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def reporter(self) -> Reporter:
        """Return the listener for the primitives: this object."""
        return self

    def begin(self, group: Group, number: int, groups: int) -> None:
        """Show which group is taken up."""
        self._title = f"{number}/{groups} {group.name} ({group.recipe})"
        self._write(f"{self._title}: {len(group.inputs)} frames")
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=groups, completed=number - 1, description=self._title)

    def end(self, report: GroupReport) -> None:
        """Show how it ended."""
        outcome = report.outcome
        told = ", ".join(outcome.products) or outcome.reason
        line = f"{self._title}: {outcome.status} in {report.seconds:.2f} s: {told}"
        self._write(line)
        if report.trace:
            self._write(report.trace)
        if self._bar is None:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        elif self._task is not None:
            self._bar.advance(self._task)

    def enter(self, primitive: str, level: int, frames: int) -> None:
        """Show which primitive starts."""
        self._write(f"{'   ' * level}PRIMITIVE: {primitive} ({frames} frames)")
        if self._bar is not None and self._task is not None and level == 0:
            self._bar.update(self._task, description=f"{self._title} {primitive}")

    def advance(self, primitive: str, level: int, done: int, frames: int) -> None:
        """Ignore single frames: they take milliseconds."""

    def leave(self, primitive: str, level: int, seconds: float) -> None:
        """Log what a primitive took."""
        self._write(f"{'   ' * level}. {primitive} {seconds:.3f} s")

    def info(self, text: str, level: int) -> None:
        """Log a remark."""
        self._write(f"{'   ' * level}{text}")

    def warning(self, text: str, level: int) -> None:
        """Log a warning; it is in the table of the night, too."""
        self._write(f"{'   ' * level}WARNING - {text}")

    def _write(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        for line in text.splitlines():
            self.log.write(f"{stamp} {line}\n")
