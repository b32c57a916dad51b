"""What a product was asked for with: enough to make it again.

The table REQUEST of a product has one fact a row, so that it can be read by eye in any table viewer:

=============  ================================  ===========================================  ======================
KIND           NAME                              VALUE                                        MD5
=============  ================================  ===========================================  ======================
recipe         name of the recipe or primitive   the user's file it comes from, or empty      of that file
mode, profile                                    `sq`, `standard`
suffix                                           ending asked for, or no row
software       package                           version
input          name of the file                                                               of the file
calibration    type                              name of the file                             of the file
parameter      as typed, `primitive:name`        as typed; a file by its name only            of the file, if it is one
=============  ================================  ===========================================  ======================

The column FRAME names the frame that a calibration was for, and is empty where it was for all.  Files go by name and
MD5, never by directory: a product does not tell on what machine it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nightcrew.shared.errors import FrameError
from nightcrew.shared.frames import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.frames import Frame

REQUEST = "REQUEST"
RECIPE, PROFILE = "NCRECIPE", "NCPROFIL"
COLUMNS = ("KIND", "NAME", "VALUE", "MD5", "FRAME")


class Named(NamedTuple):
    """A file, by name and content."""

    name: str
    md5: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration that was used: its type, its file, and the frame it was for (empty: all that asked)."""

    caltype: str
    file: Named
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter that the user gave: `primitive:name` or `name`, the text, and the MD5 if it names a file."""

    name: str
    value: str
    md5: str = ""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """The request behind a product.

    Parameters
    ----------
    recipe
        Name of the recipe, or of the primitive that was run like one.
    recipe_file
        The user's file that defines it; None for one of ours.
    mode, profile, suffix
        As asked for.
    inputs
        The files, in order.
    calibrations
        Those that were used.
    settings
        Parameters of the user.
    software
        Packages that have a say in the numbers, and their versions.
    """

    recipe: str
    recipe_file: Named | None
    mode: str
    profile: str
    suffix: str | None
    inputs: tuple[Named, ...]
    calibrations: tuple[Calibration, ...] = ()
    settings: tuple[Setting, ...] = ()
    software: tuple[tuple[str, str], ...] = ()

    def write(self, frame: Frame) -> None:
        """Put the record into a frame: the table, and recipe and profile into the primary header."""
        frame.phu[RECIPE] = (self.recipe, "Recipe that was run")
        frame.phu[PROFILE] = (self.profile, "Profile: standard or best")
        frame.tables.pop(REQUEST, None)
        frame.tables[REQUEST] = self.table()

    def table(self) -> Table:
        """Return the record as the table REQUEST."""
        rows = list(self._rows())
        widths = [max(1, *map(len, column)) for column in zip(*rows, strict=True)]
        kinds = [(name, f"U{width}") for name, width in zip(COLUMNS, widths, strict=True)]
        return Table(np.array(rows, np.dtype(kinds)))

    def _rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        file = self.recipe_file or Named("", "")
        yield "recipe", self.recipe, file.name, file.md5, ""
        yield "mode", "", self.mode, "", ""
        yield "profile", "", self.profile, "", ""
        if self.suffix is not None:
            yield "suffix", "", self.suffix, "", ""
        for package, version in self.software:
            yield "software", package, version, "", ""
        for name, md5 in self.inputs:
            yield "input", name, "", md5, ""
        for used in self.calibrations:
            yield "calibration", used.caltype, used.file.name, used.file.md5, used.frame
        for setting in self.settings:
            yield "parameter", setting.name, setting.value, setting.md5, ""


def read_record(frame: Frame) -> RequestRecord:
    """Return the record that a product carries.

    Raises
    ------
    FrameError
        If it carries none, or one that is not whole.
    """
    table = frame.tables.get(REQUEST)
    if table is None:
        raise FrameError(
            f"{frame.filename}: no table {REQUEST}, so it is not known how it was made; "
            "only products of nightcrew that have one can be reproduced"
        )
    if not set(COLUMNS) <= set(table.rows.dtype.names or ()):
        raise FrameError(f"{frame.filename}: {REQUEST} lacks columns; it needs {', '.join(COLUMNS)}")
    rows: dict[str, list[tuple[str, str, str, str]]] = {}
    for kind, *cells in zip(*(table.rows[name].tolist() for name in COLUMNS), strict=True):
        rows.setdefault(kind, []).append((cells[0], cells[1], cells[2], cells[3]))

    def single(kind: str) -> tuple[str, str, str, str]:
        if len(rows.get(kind, [])) != 1:
            raise FrameError(f"{frame.filename}: {REQUEST} must have one row of kind {kind}; take an intact copy")
        return rows[kind][0]

    recipe, file, md5, _ = single("recipe")
    return RequestRecord(
        recipe=recipe,
        recipe_file=Named(file, md5) if file else None,
        mode=single("mode")[1],
        profile=single("profile")[1],
        suffix=single("suffix")[1] if "suffix" in rows else None,
        inputs=tuple(Named(name, md5) for name, _, md5, _ in rows.get("input", [])),
        calibrations=tuple(
            Calibration(caltype, Named(name, md5), of) for caltype, name, md5, of in rows.get("calibration", [])
        ),
        settings=tuple(Setting(name, value, md5) for name, value, md5, _ in rows.get("parameter", [])),
        software=tuple((package, version) for package, version, _, _ in rows.get("software", [])),
    )
