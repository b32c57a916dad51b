"""A calibration desk whose masters lie in the store, where every reducer finds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.calibration_desk import Master
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.errors import NightcrewError

if TYPE_CHECKING:
    from nightcrew.shared.association import Target
    from nightcrew.shared.calibration_desk import CalibrationDesk, Change, Judged, Offer
    from nightcrew.shared.store.depot import Depot


@dataclass(frozen=True, slots=True)
class StoredDesk:
    """A `CalibrationDesk` that hands in masters out of the store, and gives out masters by reference.

    Parameters
    ----------
    inner
        Whom to ask.
    depot
        The store.
    """

    inner: CalibrationDesk
    depot: Depot

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:
        """Return the best master for a frame, as a file of the store."""
        offer = self.inner.find(target, caltype, mode=mode, relaxed=relaxed)
        if not isinstance(offer, Master):
            return offer
        try:
            return replace(offer, path=Path(self.depot.keep_calibration(offer.path)))
        except NightcrewError as error:
            return CouldNotAsk(str(error))

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:
        """Hand in a new master that a reducer has put into the store."""
        try:
            copy = self.depot.bring(str(path))
        except NightcrewError as error:
            return CouldNotAsk(str(error))
        return self.inner.submit(copy, caltype, why)

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:
        """Return what has happened since a change, oldest first."""
        return self.inner.changes(after)
