"""Masters and products are made known to the configured databases as soon as they are written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.reducer.engine.reduction import Result
    from nightcrew.reducer.engine.reporting import Reporter
    from nightcrew.reducer.engine.store import Store
    from nightcrew.shared.frames import Frame


@dataclass(slots=True)
class Registering:
    """A store whose masters are entered into the databases.

    Parameters
    ----------
    inner
        Writes.
    databases
        Are told.
    reporter
        Is told too.

    Attributes
    ----------
    troubles : list of str
        What could not be entered, and why; the files are there all the same.
    """

    inner: Store
    databases: Databases
    reporter: Reporter
    troubles: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The directory of the products."""
        return self.inner.root

    def write(self, frame: Frame) -> Path:
        """Write a frame under its current name."""
        return self.inner.write(frame)

    def store(self, frame: Frame, caltype: str) -> Path:
        """Write a calibration, and enter it."""
        path = self.inner.store(frame, caltype)
        for trouble in self.databases.register(path, caltype, lambda text: self.reporter.info(text, 0)):
            self.reporter.warning(trouble, 0)
            self.troubles.append(trouble)
        return path

    def conclude(self, result: Result) -> Result:
        """Record what the products were made of; what was not entered or recorded becomes a caveat."""
        if result.outcome.ok:
            masters = {Path(path).name for path in result.stored}
            for name in result.outcome.products:
                if name not in masters:
                    self.troubles += self.databases.record(self.root / name, result.recipe)
        return with_caveats(result, self.troubles)


def with_caveats(result: Result, caveats: Sequence[str]) -> Result:
    """Return a result with more that the user should know, in front of what there is."""
    if not caveats:
        return result
    return replace(result, outcome=replace(result.outcome, caveats=(*caveats, *result.outcome.caveats)))
