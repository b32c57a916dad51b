"""addReferenceCatalog and determineAstrometricSolution (primitives-sky-and-stack, 15)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nightcrew.reducer.catalogue.columns import UNKNOWN, replaced, source_pixels
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.kernels.matching import match_catalogues
from nightcrew.reducer.quality.reference_stars import read_reference_stars, refcat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.engine.run import Run
    from nightcrew.reducer.geometry import TangentPlane
    from nightcrew.shared.frames import Frame, Plane, Table

    Values = NDArray[np.float64]

BRIGHTEST_REFERENCES = 100
"""So many at most are matched outside science quality."""
FEWEST_SOURCES = 10
"""So many of the brightest sources are matched at least, if there are as many."""
SURVEYS = frozenset({"2mass", "sdss9", "ukidss9", "gmos"})
"""What the reference asks a server for."""


class AddReferenceCatalog(Parameters):
    """Parameters of addReferenceCatalog."""

    suffix: str = parameter("_refcatAdded", "Filename suffix")
    radius: float = parameter(0.033, "Search radius (degrees)", ge=0.0)
    source: str | None = parameter(None, "File of reference stars: FITS table, or text with a line of names")


class DetermineAstrometricSolution(Parameters):
    """Parameters of determineAstrometricSolution."""

    suffix: str = parameter("_astrometryCorrected", "Filename suffix")
    initial: float = parameter(5.0, "Search radius for cross-correlation (arcsec)", ge=1.0)
    final: float = parameter(1.0, "Search radius for object matching (arcsec)", ge=0.0)
    rotate: bool = parameter(False, "Allow rotation?")
    scale: bool = parameter(False, "Allow magnification?")


@all_frames("addReferenceCatalog", AddReferenceCatalog, stamp="ADDRECAT")
def add_reference_catalog(frames: list[Frame], p: AddReferenceCatalog, run: Run) -> list[Frame]:
    """Add the stars of a table that lie in the field of each frame, as REFCAT.

    No server is asked: the stars come from a file.

    Raises
    ------
    FrameError
        If the file cannot be read, or has no positions.
    """
    if p.source is None or p.source in SURVEYS:
        what = "no reference stars are given" if p.source is None else f"{p.source} is a server, which is not asked"
        run.warn(f"{what}; name a table of them with addReferenceCatalog:source=FILE")
        return frames
    stars = read_reference_stars(Path(p.source))
    for frame in frames:
        ra, dec = tangent_plane(frame).centre
        near = stars.within(ra, dec, p.radius)
        if not len(near.ra):
            run.warn(f"{frame.filename}: none of the stars of {p.source} lies within {p.radius:g} degrees")
            frame.tables.pop("REFCAT", None)
            continue
        table = refcat(near, describe_frame(frame).get("filter_name", pretty=True))
        frame.tables["REFCAT"] = table
        known = "" if "filtermag" in (table.rows.dtype.names or ()) else ", without magnitudes in its filter"
        run.info(f"{frame.filename}: {len(table.rows)} reference stars{known}")
    return frames


class Solution(NamedTuple):
    """Where the reference stars lie, relative to the sources that are they: arcsec, east and north."""

    plane: TangentPlane
    pairs: NDArray[np.intp]
    east: Values
    north: Values


@each_frame("determineAstrometricSolution", DetermineAstrometricSolution, stamp="ASTRMTRY", once=False)
def determine_astrometric_solution(frame: Frame, p: DetermineAstrometricSolution, run: Run) -> Frame:
    """Correct the WCS so that sources lie on the reference stars that they are, and note which these are.

    One star is enough.  REF_NUMBER, REF_MAG and REF_MAG_ERR of the catalogue are filled in.
    """
    if "REFCAT" not in frame.tables:
        run.warn(f"{frame.filename}: no reference catalogue, its WCS stays as it is")
        return frame
    stars = frame.tables["REFCAT"]
    richest_first = sorted(range(len(frame.planes)), key=lambda i: -_count(frame.planes[i]))
    for index in richest_first:
        plane = frame.planes[index]
        if plane.objcat is None:
            run.warn(f"{frame.filename}: no sources, its WCS stays as it is")
            continue
        solution = _solve(tangent_plane(frame, index), plane, plane.objcat, stars, p, run)
        if solution is None:
            run.warn(f"{frame.filename}: no source is a reference star, its WCS stays as it is")
            continue
        solution.plane.write(plane.header)
        plane.objcat = _identified(plane.objcat, stars, solution)
        run.info(
            f"{frame.filename}: {len(solution.pairs)} reference stars, WCS moved by "
            f"{np.mean(solution.east):.2f} +/- {np.std(solution.east):.2f} arcsec to the east, "
            f"{np.mean(solution.north):.2f} +/- {np.std(solution.north):.2f} arcsec to the north"
        )
    return frame


def _count(plane: Plane) -> int:
    return 0 if plane.objcat is None else len(plane.objcat.rows)


def _solve(
    wcs: TangentPlane, plane: Plane, catalogue: Table, stars: Table, p: DetermineAstrometricSolution, run: Run
) -> Solution | None:
    """Match the sources with the reference stars; None if no pair is found."""
    scale = wcs.pixel_scale
    expected = np.column_stack(wcs.pixels(stars.rows["RAJ2000"], stars.rows["DEJ2000"]))
    chosen = _in_field(expected, plane.shape, p.initial / scale)
    if run.mode != "sq" and len(chosen) > BRIGHTEST_REFERENCES:
        chosen = chosen[np.argsort(_magnitudes(stars)[chosen], kind="stable")[:BRIGHTEST_REFERENCES]]
    if not len(chosen):
        return None
    number = max(2 * len(chosen), min(FEWEST_SOURCES, len(catalogue.rows)))
    bright = np.argsort(-np.asarray(catalogue.rows["FLUX_AUTO"], float), kind="stable")[:number]
    positions = source_pixels(catalogue)
    match = match_catalogues(
        positions[bright], expected[chosen], search=p.initial / scale, radius=p.final / scale,
        rotate=p.rotate, scale=p.scale,
    )  # fmt: skip
    if not len(match.pairs):
        return None
    pairs = np.column_stack([bright[match.pairs[:, 0]], chosen[match.pairs[:, 1]]])
    before = wcs.sky(*positions[pairs[:, 0]].T)
    there = [np.asarray(stars.rows[name], float)[pairs[:, 1]] for name in ("RAJ2000", "DEJ2000")]
    turn = (there[0] - before[0] + 180.0) % 360.0 - 180.0
    east = 3600.0 * turn * np.cos(np.radians(before[1]))
    return Solution(wcs.after(match.transform), pairs, east, 3600.0 * (there[1] - before[1]))


def _in_field(expected: Values, shape: tuple[int, ...], margin: float) -> NDArray[np.intp]:
    """Return which positions lie on the array, or near it."""
    ny, nx = shape[-2:]
    x, y = expected.T
    inside = (x >= -margin) & (x <= nx - 1 + margin) & (y >= -margin) & (y <= ny - 1 + margin)
    return np.flatnonzero(inside)


def _magnitudes(stars: Table) -> Values:
    """Return the magnitudes in the filter of the frame, or in any band; unknown ones count as faint."""
    names = stars.rows.dtype.names or ()
    name = next((n for n in ("filtermag", "kmag", "hmag", "jmag") if n in names), None)
    if name is None:
        return np.zeros(len(stars.rows))
    values = np.asarray(stars.rows[name], float)
    return np.where(np.isfinite(values), values, np.inf)


def _identified(catalogue: Table, stars: Table, solution: Solution) -> Table:
    """Return the catalogue with new positions on the sky, and what is known of the sources that were identified."""
    ra, dec = solution.plane.sky(*source_pixels(catalogue).T)
    ours, theirs = solution.pairs.T
    known: dict[str, NDArray[np.float64]] = {}
    names = stars.rows.dtype.names or ()
    for column, source in (("REF_NUMBER", "Id"), ("REF_MAG", "filtermag"), ("REF_MAG_ERR", "filtermag_err")):
        known[column] = np.full(len(catalogue.rows), float(UNKNOWN))
        if source in names:
            values = np.asarray(stars.rows[source], float)[theirs]
            known[column][ours] = np.where(np.isfinite(values), values, UNKNOWN)
    return replaced(catalogue, X_WORLD=ra, Y_WORLD=dec, **known)


PRIMITIVES = (add_reference_catalog, determine_astrometric_solution)
