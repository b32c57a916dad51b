"""What was really there: the answer beside the riddle.

`truth.json` holds one object::

    schema       "nightcrew-simulator-truth/1"
    version      of the simulator
    instrument, seed, size, variants
    detector     gain, read_noise, full_well, pixel_scale, dead_time, non-linearity, file of `arrays`
    seeing       profile "moffat", fwhm (arcsec), beta
    frames       one per file, in the order of the night:
                 file, group, kind, start, exptime, coadds, band, field,
                 offset            nominal P, Q, arcsec
                 shift             pixels (x, y) by which the base position really lies beside the reference pixel
                 pointing_error    pixels (x, y): true place on the detector minus that by the header's WCS
                                   (before wcs_error)
                 wcs_error         arcsec (east, north) by which the header's CRVAL is wrong besides
                 background        electrons/s per pixel of unit response at the centre: sky or lamp
                 gradient          its relative change across the array (x, y)
                 transparency      factor on all objects
                 pedestal          ADU per coadd
                 trail             pixels (x, y)
                 probe             arcsec (P, Q) from the base position of the star that PWFS2 guides on in the field,
                                   or null
                 defects, damage   names; see `nightcrew simulate --help`
    objects      name, field, kind, profile, ra, dec (degrees), magnitude, flux (electrons/s at transparency 1),
                 for galaxies half_light_radius (arcsec, semi-major axis, before the seeing), axis_ratio, position_angle

`truth.npz` holds, for the pixels read, `flat` (float32, response, median 1 over good lit pixels),
`dark_current` (float32, electrons/s), `bad_pixels` and `illuminated` (bool).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.simulator.detector import Detector
    from nightcrew.simulator.night import Night

SCHEMA = "nightcrew-simulator-truth/1"
VERSION = "1"
JSON_NAME, ARRAYS_NAME = "truth.json", "truth.npz"


@dataclass(frozen=True, slots=True)
class Truth:
    """What a night was made of.

    Parameters
    ----------
    facts
        The content of `truth.json`.
    detector
        The pixels.
    """

    facts: dict[str, Any]
    detector: Detector

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The frames, in the order of the night."""
        frames: list[dict[str, Any]] = self.facts["frames"]
        return frames

    @property
    def objects(self) -> list[dict[str, Any]]:
        """All stars and galaxies."""
        objects: list[dict[str, Any]] = self.facts["objects"]
        return objects

    def frame(self, name: str) -> dict[str, Any]:
        """Return the facts of one frame, by file name with or without extension."""
        return next(frame for frame in self.frames if frame["file"].removesuffix(".fits") == name.removesuffix(".fits"))

    def write(self, directory: Path) -> None:
        """Write `truth.json` and `truth.npz`."""
        (directory / JSON_NAME).write_text(json.dumps(self.facts, indent=1) + "\n")
        np.savez(
            directory / ARRAYS_NAME,
            flat=self.detector.flat,
            dark_current=self.detector.dark,
            bad_pixels=self.detector.bad,
            illuminated=self.detector.lit,
        )


def tell(night: Night) -> Truth:
    """Collect what is true of a night."""
    camera, response = night.camera, night.camera.response(night.size)
    return Truth(
        facts={
            "schema": SCHEMA,
            "version": VERSION,
            "instrument": camera.instrument,
            "seed": night.seed,
            "size": night.size,
            "variants": list(night.variants),
            "detector": {
                "gain": camera.gain,
                "read_noise": camera.read_noise,
                "full_well": camera.full_well,
                "pixel_scale": camera.pixel_scale,
                "dead_time": response.dead_time,
                "nonlinearity": [response.linear, response.quadratic, response.cubic],
                "bad_pixels": int(night.detector.bad.sum()),
                "arrays": ARRAYS_NAME,
            },
            "seeing": {"profile": "moffat", "fwhm": night.psf.fwhm, "beta": night.psf.beta},
            "frames": [_frame_facts(night, index) for index in range(len(night.exposures))],
            "objects": [source.describe() for field in night.fields.values() for source in field],
        },
        detector=night.detector,
    )


def _frame_facts(night: Night, index: int) -> dict[str, Any]:
    exposure, camera = night.exposures[index], night.camera
    x, y = camera.true_wcs(exposure, night.size).pixel(*exposure.target)
    centre = camera.centre_of_field(night.size)
    return {
        "file": exposure.filename,
        "group": exposure.group,
        "kind": exposure.kind.value,
        "start": exposure.start.isoformat(),
        "exptime": exposure.exptime,
        "coadds": exposure.coadds,
        "band": exposure.band,
        "field": exposure.field,
        "offset": list(exposure.offset),
        "shift": [round(x + 1 - centre[0], 6), round(y + 1 - centre[1], 6)],
        "pointing_error": [round(e, 6) for e in exposure.pointing_error],
        "wcs_error": list(exposure.wcs_error),
        "background": exposure.background,
        "gradient": list(exposure.gradient),
        "transparency": exposure.transparency,
        "pedestal": exposure.pedestal,
        "trail": list(exposure.trail),
        "probe": None if exposure.probe is None else list(exposure.probe),
        "defects": sorted(exposure.defects),
        "damage": exposure.damage,
    }
