"""A master dark of NIRI, a frame that needs it, and what a statement of association proposes for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightcrew.calmanager.associating import Asking
from nightcrew.calmanager.database import candidates as statements
from nightcrew.calmanager.looking import Looker
from nightcrew.shared.association import Candidate, Level, Target
from nightcrew.shared.association.facts import COMPARED

if TYPE_CHECKING:
    from nightcrew.calmanager import CalibrationManager

MOMENT = datetime(2016, 1, 2, 8, 0, 0, 250000)  # noqa: DTZ001 (UTC)


ALL = 1000


def niri(name: str = "N.fits", entry: int = 0, **columns: Any) -> Candidate:
    """Return a master dark of NIRI as it is registered, altered by `columns`."""
    usual: dict[str, Any] = {
        **dict.fromkeys(COMPARED),
        "instrument": "NIRI",
        "reduction": "PROCESSED_DARK",
        "observation_type": "DARK",
        "ut_datetime": MOMENT - timedelta(hours=1),
        "data_section": (0, 1024, 0, 1024),
        "read_mode": "Low Background",
        "well_depth_setting": "Shallow",
        "coadds": 1,
        "exposure_time": 20.0,
        "qa_state": "Undefined",
        "processing": "Science-Quality",
    }
    return Candidate(name, usual | columns, frozenset(), None, entry)


def science(**values: Any) -> Target:
    """Return a NIRI frame that needs the dark above."""
    usual = {**niri().columns, "ut_datetime": MOMENT, "detector_binning": "1x1"}
    return Target("NIRI", frozenset({"NIRI", "IMAGE"}), usual | values, "S.fits")


def proposed(
    manager: CalibrationManager, target: Target, caltype: str, howmany: int = ALL, *, relaxed: bool = False
) -> list[str]:
    """Return the names that a statement selects, in its order."""
    asking = Asking(target, caltype, None, Level.RELAXED, lambda _: None, Looker())
    assert asking.question is not None
    statement = (statements.relaxed if relaxed else statements.strict)(asking.question, howmany)
    with manager.database.connect() as connection:
        return [row.name for row in connection.exec_driver_sql(statement.text, dict(statement.parameters))]
