"""A calibration database as the command line sees it, wherever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from nightcrew.shared.calibrations import CalibrationSource


@dataclass(frozen=True, slots=True)
class Product:
    """A file that a reduction made.

    Parameters
    ----------
    path
        Where it lies.
    md5
        Of the file.
    recipe
        What made it.
    made_at
        UTC without zone.
    inputs
        Name, md5 and user of each file that went into it, as its table PROVENANCE has them.
    """

    path: Path
    md5: str
    recipe: str
    made_at: datetime
    inputs: tuple[tuple[str, str, str], ...]


class CalibrationDatabase(Protocol):
    """What can be asked of a calibration database, and done in it; answers are JSON documents.

    Every method raises ServiceError if the database cannot be asked now, and CalibrationError or FrameError, in one
    line, if it refuses.
    """

    @property
    def name(self) -> str:
        """How it may be printed."""

    def calibrations(self) -> list[dict[str, Any]]:
        """Return all calibrations by name; `directory` tells where the file is."""

    def add(self, path: Path, who: str) -> dict[str, Any]:
        """Enter a file: its record, whether it is new, and what the quality gates say."""

    def remove(self, name: str, who: str) -> int:
        """Forget a calibration, not its file; return how many had the name."""

    def explain(self, path: Path, caltypes: Sequence[str], mode: str | None) -> list[dict[str, Any]]:
        """Tell for each type which calibration a frame would get and why, or why not; by default for all it needs."""

    def certify(self, name: str, who: str, why: str, since: datetime | None, until: datetime | None) -> dict[str, Any]:
        """Vouch for a calibration and return its record."""

    def veto(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Withdraw a calibration: its record, and the products that it went into."""

    def restore(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Take a veto back and return the record."""

    def affected(self, name: str) -> list[dict[str, Any]]:
        """Return the products that a calibration went into."""

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return what happened to a calibration, oldest first."""

    def record_product(self, product: Product) -> None:
        """Record what a product was made of."""

    def state_of(self, name: str, md5: str) -> str:
        """Return the state of a file by name and content; empty if it is not known here."""

    def source(self, mode: str, calibrations: Path, *, provisional_masks: bool = False) -> CalibrationSource:
        """Return it as a source for reductions.

        Parameters
        ----------
        mode
            Processing mode.
        calibrations
            Directory for downloads.
        provisional_masks
            Whether a bad-pixel mask may be one that was made of frames taken after the frame that it is for.
        """

    def close(self) -> None:
        """Close the connections."""
