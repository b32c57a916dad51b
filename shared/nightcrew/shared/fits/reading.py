"""Frames from disk."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nightcrew.shared.fits import cards, tables
from nightcrew.shared.fits.blocks import Hdu, printable, walk
from nightcrew.shared.fits.containers import Container, HeldFile, PlainFile, open_container
from nightcrew.shared.fits.faults import DamagedFile, Reason
from nightcrew.shared.fits.pixels import Encoding, FilePixels
from nightcrew.shared.fits.tiles import TilePixels, tiled_header, tiled_shape
from nightcrew.shared.frames import Frame, Plane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from astropy.io.fits import Header

    from nightcrew.shared.fits.blocks import ReadBytes
    from nightcrew.shared.frames import PixelSource, PlaneName

_SCIENCE = "SCI"
_COMPANIONS: dict[str, tuple[PlaneName, np.dtype[Any] | None]] = {
    "VAR": ("variance", None),
    "DQ": ("dq", np.dtype("u2")),
    "OBJMASK": ("objmask", np.dtype("u1")),
    "REJMAP": ("rejmap", np.dtype("i2")),
    "EXPMAP": ("expmap", None),
}
"""Images that go with a science extension: EXTNAME, array of the plane, type it is converted to."""

_UNNAMED = frozenset(["", "COMPRESSED_IMAGE"])
"""EXTNAMEs that are none; the second is what fpack gives to an image without."""
_UNNUMBERED = (None, -1)
_ENDINGS = re.compile(r"(\.(?:bz2|gz|fz))*$", re.IGNORECASE)


class _Extension(NamedTuple):
    hdu: Hdu
    name: str
    version: int | None


def bare_name(path: Path | str) -> str:
    """Return the name of a frame: that of the file, without directory and compression, ending in `.fits`."""
    name = _ENDINGS.sub("", Path(path).name, count=1)
    return name if name.endswith(".fits") else re.sub(r"\.(?:fits?|fts)$", "", name, flags=re.IGNORECASE) + ".fits"


def read_headers(path: Path | str) -> list[Header]:
    """Read the header of every HDU, and no pixels.

    Parameters
    ----------
    path
        A FITS file, plain or compressed (bzip2, gzip, tiles).

    Returns
    -------
    list of Header
        In file order, the primary first; that of a compressed image is as it was before compression.

    Raises
    ------
    FrameError
        If the file is not FITS, or not whole; bytes after the last HDU are no hindrance.
    ServiceError
        If the disk fails.
    """
    container = open_container(Path(path))
    with container.opened() as read:
        hdus = walk(read, container.size, container.path)
    return headers_of(hdus, container)


def headers_of(hdus: list[Hdu], container: Container) -> list[Header]:
    """Return the header of every HDU of a file, as `read_headers` does, where the HDUs have been found already."""
    return [_header(hdu, container) for hdu in _counted(hdus)]


def open_frame(path: Path | str) -> Frame:
    """Open a frame: headers and tables are read, pixels when they are asked for.

    Parameters
    ----------
    path
        A raw file or a product, plain or compressed (bzip2, gzip, tiles).

    Returns
    -------
    Frame
        One plane for each science extension, ordered by EXTVER.  An image without EXTNAME is
        science; one without EXTVER gets the next free number; the pixels of a file that has
        one HDU only become a science extension whose header is a copy of the primary
        (instruments, 1.1).  Images that belong to no plane are not carried along.

    Raises
    ------
    FrameError
        If the file is not FITS, or not whole; bytes after the last HDU are no hindrance.
    ServiceError
        If the disk fails.
    """
    return _frame(open_container(Path(path)))


def open_frame_hashed(path: Path | str) -> tuple[Frame, str]:
    """Open a frame and compute the MD5 of the file on disk, reading it once.

    Returns
    -------
    frame, md5
        The frame keeps the bytes that were read until each of its arrays has been asked for.
    """
    disk = PlainFile(Path(path))
    raw = disk.whole()
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return _frame(HeldFile(disk, raw)), digest


def _hdus(container: Container) -> list[Hdu]:
    with container.opened() as read:
        return _counted(walk(read, container.size, container.path))


def _counted(hdus: list[Hdu]) -> list[Hdu]:
    # Only extensions can be compressed: the image of a file of one HDU got a primary header for company.
    alone = len(hdus) == 2 and hdus[1].is_compressed_image and hdus[1].cards.get("ZSIMPLE") is True
    return hdus[1:] if alone else hdus


def _header(hdu: Hdu, container: Container) -> Header:
    return tiled_header(container, hdu.index) if hdu.is_compressed_image else cards.parse(hdu.cards.raw)


def _frame(container: Container) -> Frame:
    hdus = _hdus(container)
    phu = _header(hdus[0], container)
    frame = Frame(phu, [], bare_name(container.path), container.path)
    if len(hdus) == 1 and hdus[0].data_length:
        frame.planes = [Plane(_copied(phu), _pixels(hdus[0], container))]
    else:
        extensions = list(_assigned(hdus[1:]))
        frame.planes = list(_planes(extensions, container))
        with container.opened() as read:
            _attach_tables(frame, extensions, read, container.path)
    if "ORIGNAME" not in phu:
        name = printable(frame.filename.encode("utf-8", "replace"))
        phu["ORIGNAME"] = (name, "Original filename prior to processing")
    return frame


def _copied(phu: Header) -> Header:
    header = phu.copy()
    for keyword in ("SIMPLE", "EXTEND"):
        header.remove(keyword, ignore_missing=True)
    _name(header, _SCIENCE, 1)
    return header


def _name(header: Header, name: str, version: int) -> None:
    if header.get("EXTNAME") != name:
        header["EXTNAME"] = (name, "extension name")
    if header.get("EXTVER") != version:
        header["EXTVER"] = (version, "extension version")


def _is_image(hdu: Hdu) -> bool:
    return hdu.kind == "IMAGE" or hdu.is_compressed_image


def _assigned(hdus: Iterable[Hdu]) -> Iterator[_Extension]:
    """Give each HDU after the primary its name and version (instruments, 1.1)."""
    stated = [_stated(hdu) for hdu in hdus]
    highest = max((given.version for given in stated if given.name and given.version is not None), default=0)
    for hdu, name, version in stated:
        if _is_image(hdu) and (not name or version is None):
            if version is None:
                highest += 1
            yield _Extension(hdu, name or _SCIENCE, highest if version is None else version)
        else:
            yield _Extension(hdu, name, version)


def _stated(hdu: Hdu) -> _Extension:
    name, version = hdu.cards.get("EXTNAME"), hdu.cards.get("EXTVER")
    text = "" if name is None or name in _UNNAMED else str(name)
    number = version if isinstance(version, int) and version not in _UNNUMBERED else None
    return _Extension(hdu, text, number)


def _planes(extensions: list[_Extension], container: Container) -> Iterator[Plane]:
    images = [extension for extension in extensions if _is_image(extension.hdu) and extension.hdu.data_length]
    science = [image for image in images if image.name == _SCIENCE]
    companions = {(image.version, image.name): image.hdu for image in images}
    for hdu, name, version in sorted(science, key=lambda extension: extension.version or 0):
        assert version is not None
        header = _header(hdu, container)
        _name(header, name, version)
        arrays: dict[str, PixelSource] = {
            array: _pixels(companions[version, extname], container, cast)
            for extname, (array, cast) in _COMPANIONS.items()
            if (version, extname) in companions
        }
        yield Plane(
            header,
            _pixels(hdu, container),
            arrays.get("variance"),
            arrays.get("dq"),
            arrays.get("objmask"),
            rejmap=arrays.get("rejmap"),
            expmap=arrays.get("expmap"),
        )


def _pixels(hdu: Hdu, container: Container, cast: np.dtype[Any] | None = None) -> PixelSource:
    blank = hdu.cards.get("BLANK")
    bitpix, shape = tiled_shape(hdu, container.path) if hdu.is_compressed_image else (hdu.bitpix, hdu.shape)
    encoding = Encoding(
        bitpix,
        _number(hdu, "BSCALE", container.path, 1),
        _number(hdu, "BZERO", container.path, 0),
        # An array that is cast to integers has no place for NaN.
        blank if isinstance(blank, int) and cast is None else None,
    )
    if hdu.is_compressed_image:
        return TilePixels(container, hdu.index, shape, encoding.dtype if cast is None else cast)
    return FilePixels(container, hdu.data_start, shape, encoding, cast)


def _number(hdu: Hdu, keyword: str, path: Path, default: float) -> float:
    value = hdu.cards.get(keyword)
    if value is None:
        return default
    if isinstance(value, int | float):
        return value
    raise DamagedFile(path, Reason.NOT_FITS, f"{keyword} of {hdu.label} is {value!r}, not a number")


def _attach_tables(frame: Frame, extensions: list[_Extension], read: ReadBytes, path: Path) -> None:
    planes = {plane.header["EXTVER"]: plane for plane in reversed(frame.planes)}
    for hdu, name, version in extensions:
        if hdu.kind != "BINTABLE" or hdu.is_compressed_image:
            continue
        table = tables.read_table(hdu, read(hdu.data_length, hdu.data_start), path)
        if name == "OBJCAT" and version in planes:
            planes[version].objcat = table
        elif name == tables.PROVENANCE:
            frame.provenance = tables.provenance_rows(table)
        elif name in (tables.HISTORY, tables.OLD_HISTORY):
            frame.history = tables.history_rows(table)
        else:
            frame.tables[name or f"TABLE{hdu.index}"] = table
