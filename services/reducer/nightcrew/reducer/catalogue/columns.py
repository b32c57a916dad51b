"""The columns of OBJCAT, in order (primitives-sky-and-stack, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.shared.frames import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

UNKNOWN = -999
"""Stands in columns that nobody has measured."""

COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("NUMBER", "i4", ""),
    ("X_IMAGE", "f4", "pix"),
    ("Y_IMAGE", "f4", "pix"),
    ("ERRX2_IMAGE", "f8", "pix2"),
    ("ERRY2_IMAGE", "f8", "pix2"),
    ("ERRXY_IMAGE", "f8", "pix2"),
    ("X_WORLD", "f8", "deg"),
    ("Y_WORLD", "f8", "deg"),
    ("ERRX2_WORLD", "f8", "deg2"),
    ("ERRY2_WORLD", "f8", "deg2"),
    ("ERRXY_WORLD", "f8", "deg2"),
    ("A_IMAGE", "f4", "pix"),
    ("B_IMAGE", "f4", "pix"),
    ("THETA_IMAGE", "f4", "deg"),
    ("ERRA_IMAGE", "f4", "pix"),
    ("ERRB_IMAGE", "f4", "pix"),
    ("ERRTHETA_IMAGE", "f4", "deg"),
    ("A_WORLD", "f4", "deg"),
    ("B_WORLD", "f4", "deg"),
    ("THETA_WORLD", "f4", "deg"),
    ("ERRA_WORLD", "f4", "deg"),
    ("ERRB_WORLD", "f4", "deg"),
    ("ERRTHETA_WORLD", "f4", "deg"),
    ("FWHM_IMAGE", "f4", "pix"),
    ("FWHM_WORLD", "f4", "deg"),
    ("FLUX_RADIUS", "f4", "pix"),
    ("ELLIPTICITY", "f4", ""),
    ("FLUX_AUTO", "f4", "count"),
    ("FLUXERR_AUTO", "f4", "count"),
    ("MAG_AUTO", "f4", "mag"),
    ("MAGERR_AUTO", "f4", "mag"),
    ("FLUX_MAX", "f4", "count"),
    ("CLASS_STAR", "f4", ""),
    ("ISOAREA_IMAGE", "i4", "pix2"),
    ("FLAGS", "i2", ""),
    ("IMAFLAGS_ISO", "i4", ""),
    ("NIMAFLAGS_ISO", "i4", ""),
    ("BACKGROUND", "f4", "count"),
    ("REF_NUMBER", "i4", ""),
    ("REF_MAG", "f4", "mag"),
    ("REF_MAG_ERR", "f4", "mag"),
    ("PROFILE_FWHM", "f4", "pix"),
    ("PROFILE_EE50", "f4", "pix"),
)  # fmt: skip
"""Name, type, unit."""


def make_catalogue(values: Mapping[str, ArrayLike], count: int) -> Table:
    """Return a catalogue of `count` rows; columns without values are `UNKNOWN`, the rows are numbered from 1."""
    rows = np.full(count, UNKNOWN, dtype=[(name, kind) for name, kind, _ in COLUMNS])
    for name, _, _ in COLUMNS:
        if name in values:
            rows[name] = values[name]
    rows["NUMBER"] = np.arange(1, count + 1)
    return Table(rows, {name: unit for name, _, unit in COLUMNS if unit})


def replaced(catalogue: Table, **values: Any) -> Table:
    """Return a catalogue with other values in some columns."""
    rows = catalogue.rows.copy()
    for name, column in values.items():
        if name in (rows.dtype.names or ()):
            rows[name] = column
    return Table(rows, catalogue.units)


def source_pixels(catalogue: Table) -> NDArray[np.float64]:
    """Return where the sources lie: 0-based pixels (x, y), float64, shape (n, 2)."""
    return np.column_stack([np.asarray(catalogue.rows[name], dtype=float) - 1.0 for name in ("X_IMAGE", "Y_IMAGE")])
