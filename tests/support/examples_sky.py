"""Worked examples of sky, alignment and stacking (`sky.json`)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from nightcrew.reducer.kernels.affine import Affine, Grid, corners, union_grid
from nightcrew.reducer.kernels.matching import match_catalogues
from nightcrew.reducer.kernels.resample import resample
from support.examples_io import Report, difference, first_problem

FIRST_PASS, MATCH_RADIUS, MIN_SOURCES = 5.0, 0.5, 3
"""Defaults of adjustWCSToReference: arcsec, arcsec, pairs."""


def run(content: dict[str, Any]) -> Report:
    """Run all examples of a file."""
    report = Report()
    conventions = content["conventions"]
    for example in content["examples"]:
        name = f"{example['id']} ({example['kind']})"
        runner = KINDS.get(example["kind"]) or _later(example["kind"])
        report.record(name, runner(example, conventions) if runner else "no such kind of example is known")
    return report


def _later(kind: str) -> Any:
    """Return the runner of a kind whose primitives live in a module of their own."""
    modules = {"separateSky": "support.examples_separation", "associateSky": "support.examples_separation"}
    if kind not in modules:
        return None
    try:
        return import_module(modules[kind]).KINDS[kind]
    except ModuleNotFoundError as error:
        problem = f"cannot be run: {error}"
        return lambda _example, _conventions: problem


def header(frame: dict[str, Any], scale: float, shape: tuple[int, int]) -> Any:
    """Return the WCS keywords of a frame of the examples as an astropy header."""
    from astropy.io.fits import Header

    pa = np.radians(frame.get("pa", 0.0))
    cd = scale / 3600.0 * np.array([[-np.cos(pa), np.sin(pa)], [np.sin(pa), np.cos(pa)]])
    ny, nx = shape
    return Header({
        "NAXIS": 2, "NAXIS1": nx, "NAXIS2": ny, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN",
        "CRVAL1": 150.0 + frame["p"] / 3600.0 / np.cos(np.radians(2.0)), "CRVAL2": 2.0 + frame["q"] / 3600.0,
        "CRPIX1": (nx + 1) / 2, "CRPIX2": (ny + 1) / 2,
        "CD1_1": cd[0, 0], "CD1_2": cd[0, 1], "CD2_1": cd[1, 0], "CD2_2": cd[1, 1],
    })  # fmt: skip


def _wcs(frame: dict[str, Any], scale: float, shape: tuple[int, int]) -> Any:
    from astropy.wcs import WCS

    return WCS(header(frame, scale, shape))


def _between(first: Any, second: Any) -> Any:
    """Return the function from pixels of the first WCS to pixels of the second."""
    return lambda positions: second.all_world2pix(first.all_pix2world(positions, 0), 0)


def _interpolate(example: dict[str, Any], _conventions: dict[str, Any]) -> str | None:
    data = np.array(example["input"], np.float32)
    moved = resample(
        data, None, None, None, Affine.shift(*example["shift_xy"]), Grid((0, 0), data.shape),
        interpolant=example["interpolant"], conserve=False,
    )  # fmt: skip
    worst = float(np.abs(moved.data - np.array(example["expect"]["output"])).max())
    return None if worst < 2e-3 else f"off by up to {worst:.4f}"


def _resample(example: dict[str, Any], conventions: dict[str, Any]) -> str | None:
    scale, shape = conventions["pixel_scale"][example["instrument"]], tuple(example["shape"])
    systems = [_wcs(frame, scale, shape) for frame in example["frames"]]
    maps = [Affine.shift(0, 0)] + [Affine.approximating(_between(w, systems[0]), shape) for w in systems[1:]]
    trimmed = example["params"].get("trim_data", False)
    grid = Grid((0, 0), shape) if trimmed else union_grid(maps, [shape] * len(maps))
    expected = example["expect"]
    problems = [difference("shape", grid.shape, expected["shape"], 0.0)]
    corner = systems[0].all_pix2world([grid.origin], 0)[0]
    for index, (to_reference, wanted) in enumerate(zip(maps, expected["outputs"], strict=True)):
        dq = np.zeros(shape, np.uint16)
        dq[10, 20], dq[11, 20] = 1, 16
        made = resample(
            np.full(shape, 100 + index, np.float32), np.full(shape, 4, np.float32), dq, None, to_reference, grid
        )
        area = corners(to_reference, shape) - np.array(grid.origin) + 1
        measured = {
            "n_no_data": np.count_nonzero(made.dq & 16), "n_bad_bit1": np.count_nonzero(made.dq & 1),
            "sum": made.data[made.dq == 0].sum(dtype=np.float64), "jfactor": made.jacobian,
        }  # fmt: skip
        tolerances = {"n_no_data": 0.0, "n_bad_bit1": 0.0, "sum": 1e-5, "jfactor": 1e-9}
        fragile = wanted.get("fragile", [])
        problems += [
            difference(f"{wanted['name']} {key}", value, wanted[key], tolerances[key])
            for key, value in measured.items() if key not in fragile
        ]  # fmt: skip
        problems.append(difference(f"{wanted['name']} area", np.round(area, 3), wanted["area"], 1e-9))
        off = float(np.abs(corner - np.array(wanted["wcs_at_pixel_0_0_deg"])).max())
        problems.append(None if off < 1e-8 else f"{wanted['name']} WCS: off by {off:g} degrees")
    return first_problem(*problems)


def _adjust(example: dict[str, Any], conventions: dict[str, Any]) -> str | None:
    scale, shape = conventions["pixel_scale"][example["instrument"]], tuple(example["shape"])
    reference, frame = (_wcs(f, scale, shape) for f in example["frames"])
    theirs, ours = (np.array(example[k], np.float32).astype(np.float64) - 1 for k in ("refcat_1based", "cat_1based"))
    expected = example["expect"]
    at = np.array([[511.5, 511.5]])
    method, pairs = "offsets", 0
    if min(len(theirs), len(ours)) >= MIN_SOURCES:
        wanted = _between(reference, frame)(theirs)
        match = match_catalogues(ours, wanted, search=FIRST_PASS / scale, radius=MATCH_RADIUS / scale)
        pairs = len(match.pairs)
        if pairs >= MIN_SOURCES:
            method, landed = "sources", _between(frame, reference)(match.transform(at))
    if method == "offsets":
        first, second = example["frames"]
        # NIRI, INPORT 3: x offset = POFFSET / scale, y offset = -QOFFSET / scale (section 1).
        landed = at + np.array([first["p"] - second["p"], second["q"] - first["q"]]) / scale
    off = float(np.abs(landed - np.array(expected["frame2_pixel_511.5_511.5_in_reference_pixels_0based"])).max())
    problems = [
        None if method == expected["method_used"] else f"method {method} instead of {expected['method_used']}",
        None if off < expected["tolerance_pix"] else f"off by {off:.4f} pixels",
    ]
    if "n_matched" in expected:
        problems.append(difference("pairs", pairs, expected["n_matched"], 0.0))
        problems.append(difference("shift", match.shift, expected["fitted_shift_pix"], 1e-5))
    return first_problem(*problems)


KINDS = {"resampleToCommonFrame": _resample, "adjustWCSToReference": _adjust, "interpolate": _interpolate}
