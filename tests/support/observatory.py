"""Reductions that can be repeated to the byte: the clock stands still, threads and memory are as asked for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import Request, reduce
from nightcrew.reducer.engine.run import Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import Chosen
from nightcrew.shared.fits import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.engine.recipe import Mode, Profile


def at_new_year() -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Observatory:
    """Raw frames, their masters, and a way to reduce them under a clock that stands still.

    Parameters
    ----------
    raw, products
        Directories of the raw frames and of the masters.
    prefix
        What the names of the raw frames begin with.
    calibrations
        The masters, by type.
    """

    raw: Path
    products: Path
    prefix: str
    calibrations: dict[str, Path] = field(default_factory=dict)

    def files(self, *spans: tuple[int, int]) -> list[Path]:
        return [self.raw / f"{self.prefix}{n:04d}.fits" for first, last in spans for n in range(first, last + 1)]

    def reduce(
        self,
        files: list[Path],
        out: Path,
        *user: str,
        profile: Profile = "standard",
        threads: int = 1,
        budget: int = 1 << 30,
        recipe: str | None = None,
        mode: Mode = "sq",
    ) -> Path:
        shutil.rmtree(out, ignore_errors=True)
        return self._reduce(
            files, out, *user, profile=profile, threads=threads, budget=budget, recipe=recipe, mode=mode
        )

    def _reduce(self, files, out, *user, profile, threads, budget, recipe, mode) -> Path:
        out.mkdir(parents=True, exist_ok=True)
        with Scratch(out) as scratch:
            around = Surroundings(
                Chosen(self.calibrations), Directory(out, keep_calibrations=False), Memory(budget, scratch),
                clock=at_new_year, threads=threads,
            )  # fmt: skip
            request = Request(tuple(files), recipe, tuple(user_parameters(user)), mode, profile=profile)
            result = reduce(request, around)
        assert result.outcome.ok, result
        return out / result.outcome.products[-1]

    def keep(self, *spans: tuple[int, int], **options) -> Path:
        given = {"profile": "standard", "threads": 1, "budget": 1 << 30, "recipe": None, "mode": "sq"} | options
        return self._reduce(self.files(*spans), self.products, **given)
