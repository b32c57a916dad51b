"""A planned group becomes products: the same for a night in the foreground and for a worker that takes jobs."""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import Request, Result, reduce
from nightcrew.reducer.engine.reporting import Reporter, Silent
from nightcrew.reducer.engine.run import Surroundings, UserParameter, utc_now
from nightcrew.reducer.engine.store import Directory
from nightcrew.reducer.preview import write_preview
from nightcrew.shared.calibrations import Chain, Chosen
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.fits import Scratch, open_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from nightcrew.reducer.engine.recipe import Mode, Profile
    from nightcrew.reducer.engine.store import Store
    from nightcrew.shared.calibrations import CalibrationSource

PLANNED = "calibrations of the plan"
"""Who has chosen the calibrations of a planned group."""


@dataclass(frozen=True, slots=True)
class PlannedReduction:
    """What is to be reduced, and with what.

    Parameters
    ----------
    files
        Inputs in order.
    recipe
        Name of the recipe, or None for the default one.
    settings
        Parameters by `primitive:name` or `name`.
    mode, profile
        See `Request`.
    calibrations
        Files by type.
    reasons
        Why these, by type.
    suffix
        See `Request`.
    """

    files: tuple[Path, ...]
    recipe: str | None
    settings: Mapping[str, Any]
    mode: Mode = "sq"
    profile: Profile = "standard"
    calibrations: Mapping[str, Path] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    suffix: str | None = None

    def request(self) -> Request:
        """Return it as the engine takes it."""
        # In one order, since a ledger keeps them in none: they are written into the product.
        user = tuple(UserParameter(*_split(name), value) for name, value in sorted(self.settings.items()))
        return Request(self.files, self.recipe, user, self.mode, self.suffix, self.profile)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where reductions are made.

    Parameters
    ----------
    out
        Directory of the products, and of what does not fit into memory.
    budget
        Bytes of memory for the process.
    threads
        Threads for the kernels.
    clock
        Tells the time, UTC.
    digests
        Remembers the md5 of files from one reduction to the next.
    """

    out: Path
    budget: int
    threads: int = 1
    clock: Callable[[], datetime] = utc_now
    digests: Digests = field(default_factory=Digests)

    def store(self) -> Directory:
        """Return a store that writes everything into the one directory."""
        return Directory(self.out, keep_calibrations=False)

    def reduce(
        self,
        planned: PlannedReduction,
        reporter: Reporter | None = None,
        store: Store | None = None,
        others: Iterable[CalibrationSource] = (),
    ) -> Result:
        """Reduce; what goes wrong becomes the outcome.

        Parameters
        ----------
        planned
            What.
        reporter
            Listens.
        store
            Takes the products, if not `store()`.
        others
            Asked for calibrations that were not planned.
        """
        chosen = Chosen(dict(planned.calibrations), PLANNED, dict(planned.reasons))
        with Scratch(self.out) as scratch:
            around = Surroundings(
                Chain((chosen, *others)), store or self.store(), Memory(self.budget, scratch), reporter or Silent(),
                self.clock, threads=self.threads, digests=self.digests,
            )  # fmt: skip
            return reduce(planned.request(), around)


def draw(names: Sequence[str], directory: Path, warnings: list[str]) -> tuple[str, ...]:
    """Draw a picture beside each product, and return their names; what cannot be drawn becomes a warning."""
    drawn = []
    for name in names:
        path = directory / name
        target = path.with_suffix(".png")
        try:
            write_preview(open_frame(path).planes[0], target)
        except NightcrewError as error:
            warnings.append(str(error))
        else:
            drawn.append(target.name)
    return tuple(drawn)


def forget_peak() -> None:
    """Let `peak_memory` begin with what this process holds now, where the system has a way (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory() -> int:
    """Return the largest resident size that this process has had since `forget_peak`, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _split(name: str) -> tuple[str, str]:
    primitive, _, parameter = name.rpartition(":")
    return primitive, parameter
