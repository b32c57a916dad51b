"""Requests and answers of `/v1`, as JSON."""

from nightcrew.calmanager.http.wire.asking import AssociateIn, AssociateOut, LevelName, associate_out, level_of
from nightcrew.calmanager.http.wire.calibrations import AddedOut, ListOut, RecordOut, added_out, record_out
from nightcrew.calmanager.http.wire.deciding import CertifyIn, SupersedeIn, VetoedOut, VetoIn
from nightcrew.calmanager.http.wire.happening import ChangesOut, HistoryOut, changes_out, history_out
from nightcrew.calmanager.http.wire.products import AffectedOut, ProductIn, affected_out
from nightcrew.calmanager.http.wire.telling import ErrorOut, StatusOut

__all__ = [
    "AddedOut",
    "AffectedOut",
    "AssociateIn",
    "AssociateOut",
    "CertifyIn",
    "ChangesOut",
    "ErrorOut",
    "HistoryOut",
    "LevelName",
    "ListOut",
    "ProductIn",
    "RecordOut",
    "StatusOut",
    "SupersedeIn",
    "VetoIn",
    "VetoedOut",
    "added_out",
    "affected_out",
    "associate_out",
    "changes_out",
    "history_out",
    "level_of",
    "record_out",
]
