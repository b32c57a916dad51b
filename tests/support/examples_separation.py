"""Worked examples of separateSky and associateSky, run through the primitives themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from astropy.io.fits import Header

from nightcrew.reducer.engine.naming import stem
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.frames import Frame, Plane
from support.examples_io import first_problem
from support.runs import running

START = datetime(2020, 3, 1, 8)  # noqa: DTZ001  (descriptors carry no zone: UTC)
INSTRUMENT = {
    "NIRI": {"INSTRUME": "NIRI", "TELESCOP": "Gemini-North", "CAMERA": "f6", "FILTER1": "J_G0202"},
    "F2": {
        "INSTRUME": "F2",
        "TELESCOP": "Gemini-South",
        "LYOT": "f/16_G5830",
        "FILTER1": "J_G0802",
        "MASKNAME": "None",
    },
}
GUIDERS = ("PWFS1_ST", "PWFS2_ST", "OIWFS_ST")


def frame_of(entry: dict[str, Any], number: int, instrument: str, scale: float, shape: tuple[int, int]) -> Frame:
    """Make the frame that an example describes."""
    start = START + timedelta(seconds=entry.get("t", 60.0 * number))
    phu = Header({
        **INSTRUMENT[instrument], "OBSTYPE": "OBJECT", "OBSCLASS": "science", "RA": 150.0, "DEC": 2.0, "FRAME": "FK5",
        "POFFSET": entry["p"], "QOFFSET": entry["q"], "PA": entry.get("pa", 0.0), "INPORT": 3, "COADDS": 1,
        "EXPTIME": entry.get("exptime", 30.0), "DATE-OBS": f"{start:%Y-%m-%d}", "UT": f"{start:%H:%M:%S.%f}"[:-4],
        "ORIGNAME": f"{entry['name']}.fits", "PREPARE": "2020-03-02T00:00:00",
    })  # fmt: skip
    if entry.get("guide_keywords_present", True):
        for keyword in GUIDERS:
            phu[keyword] = "parked"
        if entry.get("guiding", True):
            phu["PWFS2_ST"] = "guiding"
    if entry.get("header_flag"):
        phu[entry["header_flag"]] = "TRUE"
    ny, nx = shape
    pa = np.radians(entry.get("pa", 0.0))
    cd = scale / 3600.0 * np.array([[-np.cos(pa), np.sin(pa)], [np.sin(pa), np.cos(pa)]])
    sci = Header({
        "NAXIS": 2, "NAXIS1": nx, "NAXIS2": ny, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN",
        "CRVAL1": 150.0 + entry["p"] / 3600.0 / np.cos(np.radians(2.0)), "CRVAL2": 2.0 + entry["q"] / 3600.0,
        "CRPIX1": (nx + 1) / 2, "CRPIX2": (ny + 1) / 2,
        "CD1_1": cd[0, 0], "CD1_2": cd[0, 1], "CD2_1": cd[1, 0], "CD2_2": cd[1, 1],
    })  # fmt: skip
    return Frame(phu, [Plane(sci, np.broadcast_to(np.float32(0), shape))], f"{entry['name']}.fits")


def root(frame: Frame) -> str:
    """Return the name of a frame without suffix."""
    return stem(frame.filename).partition("_")[0]


def _user(primitive: str, example: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{primitive}:{name}={value}" for name, value in example["params"].items())


def _frames(example: dict[str, Any], conventions: dict[str, Any], shape: tuple[int, int]) -> list[Frame]:
    instrument = example["instrument"]
    scale = conventions["pixel_scale"][instrument]
    return [frame_of(entry, number, instrument, scale, shape) for number, entry in enumerate(example["frames"])]


def _same(what: str, ours: Any, expected: Any) -> str | None:
    return None if ours == expected else f"{what}: {ours} instead of {expected}"


def _separate(example: dict[str, Any], conventions: dict[str, Any]) -> str | None:
    ny, nx = conventions["separateSky_shape"][example["instrument"]]
    frames = _frames(example, conventions, (ny, nx))
    expected = example["expect"]
    with (
        TemporaryDirectory() as directory,
        running(Path(directory), *frames, user=_user("separateSky", example)) as run,
    ):
        try:
            run.step("separateSky", {})
        except NightcrewError as error:
            return None if "error" in expected else str(error)
        return first_problem(
            _same("groups", [frame.phu["EXPGROUP"] for frame in frames], expected["groups"]),
            _same("objects", [root(frame) for frame in run.stream("main")], expected["objects"]),
            _same("skies", [root(frame) for frame in run.stream("sky")], expected["skies"]),
        )


def _associate(example: dict[str, Any], conventions: dict[str, Any]) -> str | None:
    ny, nx = conventions["associateSky_shape"]
    frames = _frames(example, conventions, (ny, nx))
    by_name = {root(frame): frame for frame in frames}
    science, skies = ([by_name[name] for name in example["lists"][which]] for which in ("science", "skies"))
    expected = example["expect"]
    ordered = list if example.get("order") != "unspecified" else sorted
    with (
        TemporaryDirectory() as directory,
        running(Path(directory), *frames, user=_user("associateSky", example)) as run,
    ):
        run.streams["main"], run.streams["sky"] = list(science), list(skies)
        try:
            run.step("associateSky", {})
        except NightcrewError as error:
            return None if "error" in expected else str(error)
        if "error" in expected:
            return None if example["params"].get("min_skies", 0) is None else f"no {expected['error']}"
        problems = []
        for name, wanted in expected.get("tables", {}).items():
            table = by_name[name].tables.get("SKYTABLE")
            ours = None if table is None else [str(sky).partition("_")[0] for sky in table.rows["SKYNAME"]]
            both = [None if names is None else ordered(names) for names in (ours, wanted)]
            problems.append(_same(f"skies of {name}", *both))
        if "main_after" in expected:
            problems.append(_same("main", [root(frame) for frame in run.stream("main")], expected["main_after"]))
        if "no_skies_after" in expected:
            problems.append(_same("no_skies", [root(f) for f in run.stream("no_skies")], expected["no_skies_after"]))
        return first_problem(*problems)


KINDS = {"separateSky": _separate, "associateSky": _associate}
