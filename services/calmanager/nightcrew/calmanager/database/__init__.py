"""Tables and statements of the calibration manager; each function is one statement or one transaction."""

from nightcrew.calmanager.database.tables import SCHEMA, metadata
from nightcrew.shared.database import Schema

CALIBRATION = Schema(SCHEMA, metadata, "nightcrew.calmanager.database.migrations")
"""For `nightcrew.shared.database.upgrade` and `require`."""

__all__ = ["CALIBRATION"]
