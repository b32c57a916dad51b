"""Where products go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nightcrew.shared.downloads import forget_download
from nightcrew.shared.errors import RecipeError
from nightcrew.shared.fits import write_frame
from nightcrew.shared.fits.output import whole_file, writing

if TYPE_CHECKING:
    from nightcrew.shared.frames import Frame


class Store(Protocol):
    """Takes the files that a recipe makes."""

    @property
    def root(self) -> Path:
        """Directory of the products."""

    def write(self, frame: Frame) -> Path:
        """Write a frame under its current name."""

    def store(self, frame: Frame, caltype: str) -> Path:
        """Write a calibration where those of its type are kept."""


@dataclass(slots=True)
class Directory:
    """Products lie in a directory, calibrations also in `calibrations/CALTYPE` below it, as the reference has it.

    Parameters
    ----------
    root
        The directory, usually the one the user stands in.
    keep_calibrations
        Whether calibrations get their second copy.
    """

    root: Path
    keep_calibrations: bool = True
    written: dict[str, Path] = field(default_factory=dict)

    def write(self, frame: Frame) -> Path:
        """Write a frame under its current name; a calibration just stored is copied, not written again."""
        target = self.root / Path(frame.filename).name
        stored = self.written.get(frame.filename)
        if stored is None:
            write_frame(frame, target)
        elif stored != target:
            with whole_file(target) as number, stored.open("rb") as source, open(number, "wb", closefd=False) as copy:
                shutil.copyfileobj(source, copy)
        return target

    def store(self, frame: Frame, caltype: str) -> Path:
        """Write a calibration below `calibrations/`."""
        folder = self.root / "calibrations" / caltype if self.keep_calibrations else self.root
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        target = folder / Path(frame.filename).name
        write_frame(frame, target)
        forget_download(target)
        self.written[frame.filename] = target
        return target


@dataclass(frozen=True, slots=True)
class Sparing:
    """A store that takes everything but what would overwrite an input of the run.

    Parameters
    ----------
    inner
        Where products go.
    inputs
        Files to spare, as `Path.resolve` has them.
    """

    inner: Store
    inputs: frozenset[Path]

    @property
    def root(self) -> Path:
        """The directory of the products."""
        return self.inner.root

    def write(self, frame: Frame) -> Path:
        """Write a frame under its current name."""
        target = self.root / Path(frame.filename).name
        if target.resolve() in self.inputs:
            raise RecipeError(
                f"{target}: is an input of this run and would be overwritten; choose another suffix, or work in "
                "another directory"
            )
        return self.inner.write(frame)

    def store(self, frame: Frame, caltype: str) -> Path:
        """Write a calibration where those of its type are kept."""
        return self.inner.store(frame, caltype)
