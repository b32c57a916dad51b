"""What the calibration manager learns of a file before it takes it: columns, type, digests, what it was made of."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nightcrew.calmanager.core.validity import kind_key
from nightcrew.calmanager.errors import BadName, NotACalibration
from nightcrew.calmanager.records import Input
from nightcrew.shared.association import Candidate, rules_for
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import Reason, open_frame, verify
from nightcrew.shared.fits.containers import reading
from nightcrew.shared.instruments import Headers, describe

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.association.ruleset import Rule, Variant
    from nightcrew.shared.frames import Frame

CHUNK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@=-]{0,190}\.fits(\.(bz2|gz|fz))?")


@dataclass(frozen=True, slots=True)
class Digests:
    """MD5 and SHA-256 of a file, hexadecimal, its size in bytes and time of modification in nanoseconds."""

    md5: str
    sha256: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that may become a calibration.

    Parameters
    ----------
    frame
        The frame; its pixels are read when asked for.
    candidate
        What association compares.
    caltype
        What it would be given out as.
    kind
        Text that calibrations share if one could stand for the other.
    digests
        Of the file on disk.
    inputs
        What it was made of, as its table PROVENANCE tells.
    """

    frame: Frame
    candidate: Candidate
    caltype: str
    kind: str
    digests: Digests
    inputs: tuple[Input, ...]

    def at(self, path: Path) -> Incoming:
        """Return the same, at another place."""
        return replace(self, candidate=replace(self.candidate, path=path))


def checked_name(name: str) -> str:
    """Return a name if a calibration may have it.

    Raises
    ------
    BadName
        If it is not a base name of a FITS file in plain characters.
    """
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 60 else f"{name[:57]}..."
        raise BadName(
            f"{shown!r} cannot be the name of a calibration; it must be a base name such as N20150404S0872_dark.fits"
        )
    return name


def digests_of(path: Path) -> Digests:
    """Read a file once and return its digests.

    Raises
    ------
    FrameError
        If it cannot be read.
    ServiceError
        If the disk fails.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with reading(path), path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        while chunk := stream.read(CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
    return Digests(md5.hexdigest(), sha256.hexdigest(), status.st_size, status.st_mtime_ns)


def examine(path: Path, name: str, digests: Digests) -> Incoming:
    """Read what must be known of a file before it is taken.

    Parameters
    ----------
    path
        The file.
    name
        Name that it will have.
    digests
        Of the file.

    Raises
    ------
    FrameError
        If it is not whole FITS, or of no instrument that we know.
    NotACalibration
        If no rule would give it to any frame.
    ServiceError
        If the disk fails.
    """
    integrity = verify(path)
    if integrity.reason is not Reason.OK:
        kind = ServiceError if integrity.reason is Reason.UNREADABLE else FrameError
        raise kind(integrity.message.replace(str(path), name))
    frame = open_frame(path)
    planes = [plane.header for plane in frame.planes]
    description = describe(Headers(frame.phu, planes, name, [plane.shape for plane in frame.planes]))
    candidate = Candidate.from_description(description, name, path, header=frame.phu)
    caltype = caltype_of(candidate)
    if caltype is None:
        what = candidate.columns.get("reduction")
        raise NotACalibration(
            f"{name}: no rule gives such a frame ({candidate.columns.get('instrument')}, {what}, "
            f"{candidate.columns.get('observation_type')}) to another; only calibrations can be entered"
        )
    inputs = tuple(Input(row.filename, row.md5, row.added_by) for row in frame.provenance)
    return Incoming(frame, candidate, caltype, _kind(candidate, caltype), digests, inputs)


def caltype_of(candidate: Candidate) -> str | None:
    """Return the type that a calibration is given out as, `processed_dark` or `dark`; None if no rule wants it.

    If several rules would take it, the one that asks most of it counts.
    """
    rules = rules_for(str(candidate.columns.get("instrument")))
    best: tuple[int, str] | None = None
    for name, rule in rules.items():
        for prefix, form in (("processed_", rule.processed), ("", rule.raw)):
            asked = _asks(candidate, rule, form) if form else 0
            if asked and (best is None or asked > best[0]):
                best = asked, prefix + name
    return best[1] if best else None


def _kind(candidate: Candidate, caltype: str) -> str:
    instrument = str(candidate.columns.get("instrument"))
    rule = rules_for(instrument).get(caltype.removeprefix("processed_"))
    return kind_key(instrument, caltype, candidate.columns, rule)


def _asks(candidate: Candidate, rule: Rule, form: Variant) -> int:
    """Return how many conditions of a kind a candidate fulfils; 0 if one fails."""
    columns = candidate.columns
    if form.tag is not None and form.tag not in candidate.tags:
        return 0
    if not all(allowed.holds(columns.get(column)) for column, allowed in form.where.items()):
        return 0
    others = {column: allowed for column, allowed in rule.where.items() if column not in form.where}
    fulfilled = sum(allowed.holds(columns.get(column)) for column, allowed in others.items())
    return 1 + len(form.where) + bool(form.tag) + (fulfilled == len(others))
