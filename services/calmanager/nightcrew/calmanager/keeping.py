"""What all parts of the calibration manager work with: database, files, clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightcrew.calmanager.database import records
from nightcrew.calmanager.judging import Judge
from nightcrew.calmanager.looking import Looker
from nightcrew.calmanager.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import RowMapping

    from nightcrew.calmanager.core.gates import Gates
    from nightcrew.calmanager.files import FileStore
    from nightcrew.calmanager.records import Record
    from nightcrew.shared.database import Database


def utc_now() -> datetime:
    """Return the time, UTC with zone."""
    return datetime.now(UTC)


class Keeping:
    """The means of a `CalibrationManager`, whose parts build on this; for the parameters see there."""

    def __init__(
        self,
        database: Database,
        *,
        files: FileStore | None = None,
        clock: Callable[[], datetime] = utc_now,
        gates: Gates | None = None,
    ) -> None:
        self.database = database
        self.files = files
        self._clock = clock
        self._judge = Judge(gates)
        self._looker = Looker()
        self._places = Places(files)

    def _record(self, row: RowMapping) -> Record:
        return records.as_record(row, self._places.of(row))
