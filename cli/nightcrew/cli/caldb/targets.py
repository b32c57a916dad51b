"""Frames on disk that need calibrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.shared.association import Target, applicable
from nightcrew.shared.fits import bare_name, read_headers
from nightcrew.shared.instruments import describe, science_headers

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.instruments import Description


def described(path: Path) -> Description:
    """Return tags and descriptors of a file, from its headers.

    Raises
    ------
    FrameError
        If it cannot be read, or is not FITS.
    """
    return describe(science_headers(read_headers(path), bare_name(path)))


def needed(description: Description) -> list[str]:
    """Return the types of masters that a frame may need, each once."""
    types = dict.fromkeys(applicable(Target.from_description(description)))
    return [caltype for caltype in types if caltype.startswith("processed_")]
