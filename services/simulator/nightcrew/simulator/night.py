"""A night: exposures, the sky above them and the detector behind them."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from astropy.io import fits

from nightcrew.simulator import headers_f2, headers_niri, truth, writing
from nightcrew.simulator.cameras import SimulationError
from nightcrew.simulator.damage import DAMAGES
from nightcrew.simulator.defects import DEFECTS, cosmic_rays
from nightcrew.simulator.detector import Detector, make_detector
from nightcrew.simulator.exposures import Exposure, Kind
from nightcrew.simulator.planning import random
from nightcrew.simulator.pointing import offset_position
from nightcrew.simulator.probe import probe_shade
from nightcrew.simulator.scene import Moffat, Source, paint_sources
from nightcrew.simulator.sky import background_image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nightcrew.simulator.cameras import Camera
    from nightcrew.simulator.truth import Truth
    from nightcrew.simulator.writing import Pace

    Image: TypeAlias = NDArray[np.float32]

AFTERGLOW = "afterglow"
AFTERGLOW_TIME, AFTERGLOW_LASTS = 150.0, 300.0
"""Seconds in which the afterglow of saturated pixels falls by e, and after which nothing of it is left."""

_HEADERS = {"NIRI": headers_niri.headers, "F2": headers_f2.headers}


@dataclass(frozen=True)
class Night:
    """A night that can be looked at frame by frame or written as files.

    Parameters
    ----------
    camera
        The camera in use.
    seed
        Seed of all that is random: equal nights come out equal to the byte.
    size
        Pixels on a side.
    exposures
        What was taken, in order.
    fields
        Sources by the name of their field.
    variants
        Names of the variants that were applied.
    """

    camera: Camera
    seed: int
    size: int
    exposures: tuple[Exposure, ...]
    fields: Mapping[str, tuple[Source, ...]]
    variants: tuple[str, ...] = ()

    @cached_property
    def detector(self) -> Detector:
        """The pixels that are read."""
        return make_detector(self.camera, self.seed).central(self.size)

    @property
    def psf(self) -> Moffat:
        """The seeing."""
        return Moffat(self.camera.seeing)

    def group(self, name: str) -> tuple[Exposure, ...]:
        """Return the exposures of a sequence: "target", "sky", "standard", "lamp-on", "dark", ..."""
        return tuple(exposure for exposure in self.exposures if exposure.group == name)

    def exposure(self, name: str) -> Exposure:
        """Return the exposure of a file name, with or without extension.

        Raises
        ------
        SimulationError
            If the night has no such frame.
        """
        for exposure in self.exposures:
            if exposure.name == name.removesuffix(".fits"):
                return exposure
        msg = f"{name}: no such frame in this night; `group` lists those of a sequence"
        raise SimulationError(msg)

    def with_exposures(self, *changed: Exposure) -> Night:
        """Return the night with exposures replaced by those of the same name."""
        new = {exposure.name: exposure for exposure in changed}
        return replace(self, exposures=tuple(new.get(exposure.name, exposure) for exposure in self.exposures))

    def light(self, exposure: Exposure) -> Image | float:
        """Return what falls on the detector: electrons/s of a pixel of unit response, before defects."""
        shape = self.detector.shape
        if exposure.kind is Kind.DARK:
            return 0.0
        light = background_image(exposure.background, exposure.gradient, shape)
        if exposure.field is not None:
            wcs = self.camera.true_wcs(exposure, self.size)
            sources = self.fields[exposure.field]
            painted = paint_sources(shape, sources, wcs, self.camera.pixel_scale, self.psf, exposure.trail)
            light += painted * np.float32(exposure.transparency)
        return light if exposure.probe is None else light * self._shade(exposure, exposure.probe)

    def _shade(self, exposure: Exposure, star: tuple[float, float]) -> Image:
        """Return the shadow of the guide probe."""
        wcs, shape = self.camera.true_wcs(exposure, self.size), self.detector.shape
        tip = wcs.pixel(*offset_position(exposure.target, star, exposure.pa))
        middle = (shape[1] - 1) / 2, (shape[0] - 1) / 2
        return probe_shade(shape, tip, middle, self.camera.pixel_scale)

    def _afterglow(self, exposure: Exposure) -> Image:
        """Return the electrons that pixels release which earlier exposures have saturated: 2 per cent, decaying."""
        released = np.zeros(self.detector.shape, np.float32)
        for earlier in self.exposures:
            age = (exposure.start - earlier.start).total_seconds()
            if earlier.on_sky and 0 < age < AFTERGLOW_LASTS:
                full = self.detector.flat * self.light(earlier) * np.float32(earlier.exptime) > self.camera.full_well
                released += full * np.float32(0.02 * self.camera.full_well * np.exp(-age / AFTERGLOW_TIME))
        return released

    def pixels(self, exposure: Exposure) -> Image:
        """Return the raw counts: sum over the coadds, whole ADU, float32, (ny, nx)."""
        rng = random(self.seed, "frame", exposure.name)
        shape, detector = self.detector.shape, self.detector
        light = self.light(exposure)
        bias: Image | float = exposure.pedestal
        defects = [DEFECTS[name] for name in sorted(exposure.defects)]
        for defect in defects:
            if defect.bias is not None:
                bias = bias + defect.bias(shape, rng)
        rays = cosmic_rays(shape, exposure.exptime * exposure.coadds, rng)
        if AFTERGLOW in exposure.defects:
            glow = self._afterglow(exposure)
            rays = glow if rays is None else rays + glow
        counts = detector.expose(light, exposure.exptime, exposure.coadds, rng, rays, bias)
        for defect in defects:
            if defect.spoil is not None:
                defect.spoil(counts, rng)
        return counts

    def headers(self, exposure: Exposure) -> tuple[fits.Header, fits.Header]:
        """Return primary and extension header, without the keywords that describe the arrays."""
        wcs = self.camera.header_wcs(exposure, self.size)
        return _HEADERS[self.camera.instrument](exposure, self.camera, wcs, self.size)

    def hdus(self, exposure: Exposure | str) -> fits.HDUList:
        """Return a frame as the telescope would write it."""
        if isinstance(exposure, str):
            exposure = self.exposure(exposure)
        primary, extension = self.headers(exposure)
        data: NDArray[Any] = self.pixels(exposure)
        if self.camera.instrument == "F2":
            data = data.astype(np.int32)[None]
        return fits.HDUList([fits.PrimaryHDU(header=primary), fits.ImageHDU(data, header=extension)])

    def file(self, exposure: Exposure | str) -> bytes:
        """Return the bytes of a frame's file, damage included."""
        if isinstance(exposure, str):
            exposure = self.exposure(exposure)
        buffer = io.BytesIO()
        self.hdus(exposure).writeto(buffer)
        content = buffer.getvalue()
        return DAMAGES[exposure.damage].apply(content) if exposure.damage else content

    def truth(self) -> Truth:
        """Return what is true of the night."""
        return truth.tell(self)

    def write(self, directory: Path, *, pace: Pace | None = None, workers: int | None = None) -> Truth:
        """Write all frames and the truth into `directory`, which is made if need be.

        Parameters
        ----------
        pace
            Writes the frames one by one in pieces, as a telescope does; as fast as possible if None.
        workers
            Number of threads; has no influence on the bytes.

        Returns
        -------
        Truth
            What is true of the night.
        """
        directory.mkdir(parents=True, exist_ok=True)
        told = self.truth()  # also grows the detector before the threads start
        told.write(directory)
        if pace is None:
            writing.write_at_once(self, directory, workers)
        else:
            writing.write_slowly(self, directory, pace)
        return told
