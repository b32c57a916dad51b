"""What a file says about itself: its primary header, and those of its science extensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCIENCE = "SCI"
_NO_VERSION = (None, -1)


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that tags and descriptors are computed from.

    Parameters
    ----------
    phu
        Primary header: `astropy.io.fits.Header` or any mapping of keywords to values.
    extensions
        Headers of the science extensions, in order (see `science_headers`).
    filename
        Base name of the file; the last resort for the date of observation.
    shapes
        Shape of each science array, numpy order; from NAXISn unless given.
    """

    phu: Mapping[str, Any]
    extensions: Sequence[Mapping[str, Any]] = ()
    filename: str = ""
    shapes: Sequence[tuple[int, ...]] = ()

    def __post_init__(self) -> None:
        if not self.shapes:
            object.__setattr__(self, "shapes", tuple(array_shape(header) for header in self.extensions))


def array_shape(header: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape, numpy order, that NAXISn promise (ZNAXISn for a compressed image)."""
    z = "Z" if header.get("ZIMAGE") else ""
    axes = range(int(header.get(f"{z}NAXIS", 0) or 0), 0, -1)
    return tuple(int(header.get(f"{z}NAXIS{axis}", 0)) for axis in axes)


def science_headers(headers: Sequence[Mapping[str, Any]], filename: str) -> Headers:
    """Find the science extensions among the headers of all HDUs of a file.

    Parameters
    ----------
    headers
        Header of each HDU, in file order, the primary first.  They are not changed.
    filename
        Base name of the file.

    Returns
    -------
    Headers
        The science extensions ordered by EXTVER.  An image without EXTNAME is science, and
        one without a valid EXTVER gets the next free number; an only HDU that holds data is
        primary header and science extension at once.
    """
    if not headers:
        return Headers({}, (), filename)
    phu, *others = headers
    if not others and _holds_data(phu):
        return Headers(phu, (phu,), filename)
    highest = max((header["EXTVER"] for header in others if _is_named(header)), default=0)
    science = []
    for header in others:
        if _is_named(header):
            name, version = header["EXTNAME"], header["EXTVER"]
        elif _is_image(header):
            highest += 1
            name = header.get("EXTNAME", SCIENCE)
            version = highest if header.get("EXTVER") in _NO_VERSION else header["EXTVER"]
        else:
            continue
        if name == SCIENCE and _is_image(header):
            science.append((version, header))
    science.sort(key=lambda numbered: numbered[0])
    return Headers(phu, tuple(header for _, header in science), filename)


def _is_named(header: Mapping[str, Any]) -> bool:
    return bool(header.get("EXTNAME")) and header.get("EXTVER") not in _NO_VERSION


def _is_image(header: Mapping[str, Any]) -> bool:
    return header.get("XTENSION", "IMAGE") == "IMAGE" or bool(header.get("ZIMAGE"))


def _holds_data(header: Mapping[str, Any]) -> bool:
    shape = array_shape(header)
    return bool(shape) and 0 not in shape
