"""The detector's own effects: non-linearity, gain, noise (primitives-calibration, 6 to 8)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame, of_extension
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.kernels import pixelwise
from nightcrew.reducer.pending import treat
from nightcrew.shared.errors import FrameError
from nightcrew.shared.instruments import F2Linearity, NiriLinearity, nonlinearity

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description

LEVELS = ("SATLEVEL", "NONLINEA")
READ_MODE_KEYWORDS = "LNRS, NDAVGS"
LONGEST_EXPOSURE = 600.0
"""Seconds per coadd up to which the NIRI correction was measured."""


class NonlinearityCorrect(Parameters):
    """Parameters of nonlinearityCorrect."""

    suffix: str = parameter("_nonlinearityCorrected", "Filename suffix")


class ADUToElectrons(Parameters):
    """Parameters of ADUToElectrons."""

    suffix: str = parameter("_ADUToElectrons", "Filename suffix")


class AddVAR(Parameters):
    """Parameters of addVAR."""

    suffix: str = parameter("_varAdded", "Filename suffix")
    read_noise: bool = parameter(False, "Add read noise?")
    poisson_noise: bool = parameter(False, "Add Poisson noise?")


@each_frame("nonlinearityCorrect", NonlinearityCorrect, stamp="LINCORR")
def nonlinearity_correct(frame: Frame, p: NonlinearityCorrect, run: Run) -> Frame:  # noqa: ARG001
    """Bring the counts to what a linear detector would have recorded."""
    about = describe_frame(frame)
    coefficients = nonlinearity(about)
    if coefficients is None:
        run.warn(
            f"{frame.filename}: no non-linearity coefficients for read mode {about.get('read_mode')}, "
            f"{frame.planes[0].shape[0]} rows, well depth {about.get('well_depth_setting')}; "
            "counts are left as they are"
        )
        return frame
    coadds = int(about.value("coadds"))
    for index, plane in enumerate(frame.planes):
        gain = float(of_extension(about.value("gain"), index))
        match coefficients:
            case NiriLinearity():
                exposure = float(about.value("exposure_time")) / coadds
                if exposure > LONGEST_EXPOSURE:
                    run.warn(f"{frame.filename}: exposures of {exposure:g} s are beyond the range of the correction")
                linear = partial(
                    pixelwise.linearize_niri, gamma=coefficients.gamma, eta=coefficients.eta, gain=gain, coadds=coadds,
                    exposure=exposure, dt=coefficients.dt,
                )  # fmt: skip
                treat(plane, linear, has_variance=plane.has("variance"))
                gamma, eta = float(np.float32(coefficients.gamma)), float(np.float32(coefficients.eta))
                _map_levels(
                    plane.header, lambda c, gamma=gamma, eta=eta: c * (1.0 + c * (gamma + c * eta)), gain / coadds
                )
            case F2Linearity():
                c0, c1, c2 = coefficients.c0, coefficients.c1, coefficients.c2
                poisson = "poisson" in str(plane.header.get("VARNOISE", "")).lower()
                linear = partial(
                    pixelwise.linearize_f2, coefficients=(c0, c1, c2), gain=gain, coadds=coadds, update_variance=poisson
                )
                treat(plane, linear, has_variance=plane.has("variance"))
                _map_levels(plane.header, lambda c, k=(c0, c1, c2): c * (k[0] + c * (k[1] + c * k[2])), gain / coadds)
    return frame


def _map_levels(header: Header, polynomial: Any, per_count: float) -> None:
    """Move the detector's levels along with the counts."""
    for keyword in LEVELS:
        level = header.get(keyword)
        if isinstance(level, int | float):
            header[keyword] = round(polynomial(level * per_count) / per_count, 3)


@each_frame("ADUToElectrons", ADUToElectrons, stamp="ADUTOELE")
def adu_to_electrons(frame: Frame, p: ADUToElectrons, run: Run) -> Frame:  # noqa: ARG001
    """Turn counts into electrons.

    Raises
    ------
    FrameError
        If the gain is not known for the way the detector was read.
    """
    about = describe_frame(frame)
    if not about.value("is_in_adu"):
        run.warn(f"{frame.filename}: already in electrons, nothing is changed")
        return frame
    for index, plane in enumerate(frame.planes):
        header = plane.header
        gain = _known("gain", about, index, frame)
        treat(plane, partial(pixelwise.scale, factor=float(np.float32(gain))), has_variance=plane.has("variance"))
        for keyword in LEVELS:
            level = header.get(keyword)
            if isinstance(level, int | float):
                header[keyword] = (level * gain, header.comments[keyword].replace("ADU", "electron"))
        header["BUNIT"] = ("electron", "Physical units of the array values")
        header["GAIN"] = (1.0, "Gain [electrons/data value]")
    return frame


@each_frame("addVAR", AddVAR, stamp="ADDVAR", once=False)
def add_var(frame: Frame, p: AddVAR, run: Run) -> Frame:
    """Give every plane its variance: read noise, photon noise, or both.

    Raises
    ------
    FrameError
        If the read noise is not known for the way the detector was read.
    """
    if not (p.read_noise or p.poisson_noise):
        run.warn(f"{frame.filename}: addVAR has nothing to add; set read_noise or poisson_noise")
        return frame
    about = describe_frame(frame)
    in_adu = about.value("is_in_adu")
    for index, plane in enumerate(frame.planes):
        gain = float(of_extension(about.value("gain"), index) or 1.0) if in_adu else 1.0
        noise = _known("read_noise", about, index, frame)
        present = str(plane.header.get("VARNOISE", ""))
        wanted = [
            word
            for word, asked in (("read", p.read_noise), ("Poisson", p.poisson_noise))
            if asked and not _already(word, present, frame, run)
        ]
        if wanted:
            given = partial(
                pixelwise.with_noise,
                read_variance=(noise / gain) ** 2 if "read" in wanted else 0.0,
                poisson_gain=gain if "Poisson" in wanted else None,
            )
            treat(plane, given, has_variance=True)
            listed = ([present] if present else []) + wanted
            plane.header["VARNOISE"] = (", ".join(listed), "Types of noise included in VAR plane")
    return frame


def _already(word: str, present: str, frame: Frame, run: Run) -> bool:
    if word.lower() in present.lower():
        run.warn(f"{frame.filename}: VAR already contains {word} noise, it is not added again")
        return True
    return False


def _known(name: str, about: Description, index: int, frame: Frame) -> float:
    """Return a property of the detector, which the tables or the header must have."""
    value = of_extension(about.get(name), index)
    if value is None:
        raise FrameError(
            f"{frame.filename}: no {name.replace('_', ' ')} is known for read mode {about.get('read_mode')} of "
            f"{about.instrument}; correct the header ({READ_MODE_KEYWORDS}) or take the frame off the list"
        )
    return float(value)


PRIMITIVES = (nonlinearity_correct, adu_to_electrons, add_var)
