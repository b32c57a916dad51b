"""The tangent plane: between pixels and the sky, and from frame to frame by way of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nightcrew.reducer.kernels.affine import Affine
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import ArrayLike, NDArray

    from nightcrew.shared.frames import Frame

    Numbers: TypeAlias = NDArray[np.float64]

CD = (("CD1_1", "CD1_2"), ("CD2_1", "CD2_2"))
WCS_KEYWORDS = ("CTYPE1", "CTYPE2", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", *CD[0], *CD[1])
"""What the header of an image says about its place on the sky."""
PROJECTION = "TAN"


@dataclass(frozen=True, slots=True)
class TangentPlane:
    """The gnomonic projection of FITS: what CTYPE, CRPIX, CRVAL and CD say about an image.

    Parameters
    ----------
    centre
        Right ascension and declination of the point of tangency, degrees.
    origin
        Its pixel (x, y), 0-based.
    cd
        Degrees on the tangent plane per pixel, rows first.
    """

    centre: tuple[float, float]
    origin: tuple[float, float]
    cd: tuple[tuple[float, float], tuple[float, float]]

    def sky(self, x: ArrayLike, y: ArrayLike) -> tuple[Numbers, Numbers]:
        """Return right ascension and declination, degrees, of 0-based pixels (Calabretta & Greisen 2002, 5.1.3)."""
        dx, dy = np.asarray(x, dtype=float) - self.origin[0], np.asarray(y, dtype=float) - self.origin[1]
        xi = np.radians(self.cd[0][0] * dx + self.cd[0][1] * dy)
        eta = np.radians(self.cd[1][0] * dx + self.cd[1][1] * dy)
        ra0, dec0 = np.radians(self.centre)
        along = np.cos(dec0) - eta * np.sin(dec0)
        ra = ra0 + np.arctan2(xi, along)
        dec = np.arctan2(np.sin(dec0) + eta * np.cos(dec0), np.hypot(xi, along))
        return np.degrees(ra) % 360.0, np.degrees(dec)

    def pixels(self, ra: ArrayLike, dec: ArrayLike) -> tuple[Numbers, Numbers]:
        """Return the 0-based pixels of sky positions in degrees; NaN for those more than 90 degrees away."""
        ra0, dec0 = np.radians(self.centre)
        turn, d = np.radians(np.asarray(ra, dtype=float)) - ra0, np.radians(np.asarray(dec, dtype=float))
        depth = np.sin(d) * np.sin(dec0) + np.cos(d) * np.cos(dec0) * np.cos(turn)
        depth = np.where(depth > 0, depth, np.nan)
        xi = np.degrees(np.cos(d) * np.sin(turn) / depth)
        eta = np.degrees((np.sin(d) * np.cos(dec0) - np.cos(d) * np.sin(dec0) * np.cos(turn)) / depth)
        (a, b), (c, e) = self.cd
        determinant = a * e - b * c
        return (
            self.origin[0] + (e * xi - b * eta) / determinant,
            self.origin[1] + (a * eta - c * xi) / determinant,
        )

    def onto(self, other: TangentPlane, positions: Numbers) -> Numbers:
        """Return where pixels of this image, shape (n, 2), lie in `other`: the pixels that show the same sky."""
        x, y = np.asarray(positions, dtype=float).T
        return np.column_stack(other.pixels(*self.sky(x, y)))

    def affine_onto(self, other: TangentPlane, shape: tuple[int, ...]) -> Affine:
        """Return the affine map that comes close to `onto` over an image of `shape` (ny, nx)."""
        return Affine.approximating(lambda positions: self.onto(other, positions), shape)

    def after(self, first: Affine) -> TangentPlane:
        """Return the projection that applies `first` to a pixel and then this one."""
        x, y = first.inverse()(np.array([self.origin]))[0].tolist()
        (a, b), (c, d) = (np.array(self.cd) @ first.matrix).tolist()
        return TangentPlane(self.centre, (x, y), ((a, b), (c, d)))

    @property
    def pixel_scale(self) -> float:
        """Square root of the area of a pixel, arcsec."""
        (a, b), (c, d) = self.cd
        return 3600.0 * float(np.sqrt(abs(a * d - b * c)))

    def write(self, header: Header) -> None:
        """Put the projection into the header of an image extension."""
        for index, (keywords, row) in enumerate(zip(CD, self.cd, strict=True), 1):
            header[f"CRPIX{index}"] = self.origin[index - 1] + 1.0
            header[f"CRVAL{index}"] = self.centre[index - 1]
            for keyword, value in zip(keywords, row, strict=True):
                header[keyword] = value
        header["CTYPE1"], header["CTYPE2"] = f"RA---{PROJECTION}", f"DEC--{PROJECTION}"
        for keyword in ("CDELT1", "CDELT2", "PC1_1", "PC1_2", "PC2_1", "PC2_2"):
            header.remove(keyword, ignore_missing=True)


def tangent_plane(frame: Frame, index: int = 0) -> TangentPlane:
    """Return the WCS of a plane of a frame, from the primary header where the extension has none.

    Raises
    ------
    FrameError
        If there is none, or another projection than TAN.
    """
    header = frame.planes[index].header
    source = header if "CTYPE1" in header else frame.phu
    try:
        types = [str(source[f"CTYPE{i}"]) for i in (1, 2)]
        if types != [f"RA---{PROJECTION}", f"DEC--{PROJECTION}"]:
            raise FrameError(
                f"{frame.filename}: WCS of type {types[0]}, {types[1]}; only RA---TAN, DEC--TAN can be aligned"
            )
        centre = float(source["CRVAL1"]), float(source["CRVAL2"])
        origin = float(source["CRPIX1"]) - 1.0, float(source["CRPIX2"]) - 1.0
        first, second = _matrix(source)
    except (KeyError, TypeError, ValueError) as error:
        raise FrameError(
            f"{frame.filename}: no usable WCS ({error}); correct the header or leave the frame out"
        ) from error
    if first[0] * second[1] == first[1] * second[0]:
        raise FrameError(
            f"{frame.filename}: the CD matrix of the WCS is singular; correct the header or leave the frame out"
        )
    return TangentPlane(centre, origin, (first, second))


def _matrix(header: Header) -> tuple[tuple[float, float], tuple[float, float]]:
    if any(keyword in header for row in CD for keyword in row):
        (a, b), (c, d) = (tuple(float(header.get(keyword, 0.0)) for keyword in row) for row in CD)
    else:
        (a, b), (c, d) = (
            tuple(float(header[f"CDELT{i}"]) * float(header.get(f"PC{i}_{j}", float(i == j))) for j in (1, 2))
            for i in (1, 2)
        )
    return (a, b), (c, d)


def rotated(angle: float, before: tuple[float, float], after: tuple[float, float]) -> Affine:
    """Return the map that adds `before`, turns counter-clockwise by `angle` degrees, and adds `after`."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    matrix = np.array([[c, -s], [s, c]])
    return Affine(matrix, matrix @ np.array(before) + np.array(after))


def field_centre(shape: tuple[int, ...]) -> tuple[float, float]:
    """Return the 0-based pixel (x, y) that stands for the position of a frame."""
    ny, nx = shape[-2:]
    return nx // 2 - 0.5, ny // 2 - 0.5
