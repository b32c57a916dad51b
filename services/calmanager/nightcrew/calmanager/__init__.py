"""Keeps calibrations, judges new masters, and answers which of them belongs to a frame."""

from nightcrew.calmanager.manager import CalibrationManager
from nightcrew.calmanager.records import (
    Added,
    Affected,
    HistoryLine,
    Input,
    Listing,
    ProductRecord,
    Record,
    Swept,
    Vetoed,
)

__all__ = [
    "Added",
    "Affected",
    "CalibrationManager",
    "HistoryLine",
    "Input",
    "Listing",
    "ProductRecord",
    "Record",
    "Swept",
    "Vetoed",
]
