"""How file names change from primitive to primitive (commands, 12.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.shared.frames import Frame


def original_name(frame: Frame) -> str:
    """Return the name of the raw file, which the user knows, whatever primitives have made of it."""
    return str(frame.phu.get("ORIGNAME", frame.filename))


def stem(filename: str) -> str:
    """Return a file name without `.fits` and compression endings."""
    for ending in (".bz2", ".gz", ".fz"):
        filename = filename.removesuffix(ending)
    return filename.removesuffix(".fits")


def with_suffix(filename: str, original: str, suffix: str | None) -> str:
    """Replace the last suffix of a file name.

    Parameters
    ----------
    filename
        Current name.
    original
        ORIGNAME, the name of the raw file: a prefix before it is kept, and so is what follows it up to its last
        underscore.
    suffix
        New suffix with its underscore; empty removes the last one, None leaves the name alone.

    Examples
    --------
    >>> with_suffix("N1_dqAdded.fits", "N1.fits", "_varAdded")
    'N1_varAdded.fits'
    >>> with_suffix("N1_ql_dark.fits", "N1.fits", "_flat")
    'N1_ql_flat.fits'
    """
    name, root = stem(filename), stem(original)
    if suffix is None:
        return f"{name}.fits"
    prefix, found, tail = name.partition(root) if root else (name, "", "")
    if found:
        return f"{prefix}{root}{tail.rpartition('_')[0]}{suffix}.fits"
    head, underscore, _ = name.rpartition("_")
    return f"{head if underscore else name}{suffix}.fits"
