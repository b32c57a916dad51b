"""prepare: check a raw frame, give it its standard structure and headers (primitives-calibration, 3)."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy.io.fits.card import UNDEFINED

from nightcrew.reducer.coadds import for_summed_exposures
from nightcrew.reducer.engine.describing import describe_frame, of_extension
from nightcrew.reducer.engine.naming import original_name
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.pending import put_off
from nightcrew.reducer.pointing import PointingCheck
from nightcrew.shared.errors import FrameError
from nightcrew.shared.frames import Frame, ProvenanceRow
from nightcrew.shared.instruments import complaint

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.instruments import Description

BadWCS = Literal["exit", "fix", "new", "ignore"]
BAD_WCS_CHOICES = {
    "exit": "End the reduction, naming the frames.",
    "fix": "Take the pointing of a good frame of the sequence, moved by the telescope offsets.",
    "new": "Make a pointing from the target's coordinates and the telescope offsets.",
    "ignore": "List the frames and carry on.",
}


class ValidateData(Parameters):
    """Parameters of validateData."""

    suffix: str = parameter("_dataValidated", "Filename suffix")
    require_wcs: bool = parameter(True, "Require all extensions to have a defined WCS?")


class StandardizeStructure(Parameters):
    """Parameters of standardizeStructure."""

    suffix: str = parameter("_structureStandardized", "Filename suffix")
    mdf: str | None = parameter(None, "Name of MDF to attach; imaging has none")
    attach_mdf: bool = parameter(True, "Attach MDF to spectroscopic data?")


class StandardizeHeaders(Parameters):
    """Parameters of standardizeHeaders and its two parts."""

    suffix: str = parameter("_headersStandardized", "Filename suffix")


class StandardizeWCS(Parameters):
    """Parameters of standardizeWCS."""

    suffix: str = parameter("_structureStandardized", "Filename suffix")
    bad_wcs: BadWCS = parameter("exit", "Method for WCS handling", choices=BAD_WCS_CHOICES)
    debug_consistency_limit: float = parameter(30.0, "Consistency limit (arcseconds)", ge=2)
    debug_max_deadtime: float = parameter(60.0, "Maximum time between exposures of a sequence (seconds)", ge=10)


class Prepare(Parameters):
    """Parameters of prepare: those of its four steps."""

    suffix: str = parameter("_prepared", "Filename suffix")
    require_wcs: bool = parameter(True, "Require all extensions to have a defined WCS?")
    bad_wcs: BadWCS = parameter("exit", "Method for WCS handling", choices=BAD_WCS_CHOICES)
    mdf: str | None = parameter(None, "Name of MDF to attach; imaging has none")
    attach_mdf: bool = parameter(True, "Attach MDF to spectroscopic data?")
    debug_consistency_limit: float = parameter(30.0, "Consistency limit (arcseconds)", ge=2)
    debug_max_deadtime: float = parameter(60.0, "Maximum time between exposures of a sequence (seconds)", ge=10)


@all_frames("prepare", Prepare, stamp="PREPARE")
def prepare(frames: list[Frame], p: Prepare, run: Run) -> list[Frame]:
    """Check the frames, standardise structure, headers and WCS, and note where they came from.

    Raises
    ------
    FrameError
        If a frame is of another instrument, has the wrong number of extensions, or no usable WCS.
    """
    for step in (validate_data, standardize_structure, standardize_headers, standardize_wcs):
        frames = run.call(step.name, frames, **p.shared_with(step.model))
    for frame in frames:
        if frame.path is not None:
            frame.provenance.append(ProvenanceRow(run.now(), frame.path.name, run.md5(frame.path), "prepare"))
    return frames


@all_frames("validateData", ValidateData, stamp="VALDATA", once=True)
def validate_data(frames: list[Frame], p: ValidateData, run: Run) -> list[Frame]:
    """Check that the frames belong to one instrument and have what its recipes need."""
    first = run.instrument
    for frame in frames:
        about = describe_frame(frame)
        if about.instrument != first:
            raise FrameError(
                f"{frame.filename}: is {about.instrument or 'not'} data and not suitable for a {first} recipe; "
                "reduce the instruments separately"
            )
        wrong = complaint(about)
        if wrong:
            raise FrameError(wrong)
        if len(frame.planes) != 1:
            raise FrameError(
                f"{frame.filename}: has {len(frame.planes)} science extensions where raw {first} imaging has 1; "
                "take the file as the archive ships it"
            )
        if p.require_wcs and not _has_wcs(frame.planes[0].header, frame.phu):
            raise FrameError(
                f"{frame.filename}: no WCS in extension 1 (CTYPE, CRVAL, CD); repair the header or set "
                "prepare:require_wcs=False"
            )
        frame.phu.setdefault("ORIGNAME", frame.filename)
    return frames


def _has_wcs(header: Header, phu: Header) -> bool:
    return any("CRVAL1" in h and ("CD1_1" in h or "CDELT1" in h) for h in (header, phu))


@each_frame("standardizeStructure", StandardizeStructure, stamp="SDZSTRUC")
def standardize_structure(frame: Frame, p: StandardizeStructure, run: Run) -> Frame:  # noqa: ARG001
    """Give the pixels two axes, float32 and native byte order."""
    for plane in frame.planes:
        header, shape = plane.header, plane.shape
        if len(shape) == 3 and shape[0] == 1:
            _drop_third_axis(header)
        elif len(shape) != 2:
            raise FrameError(
                f"{frame.filename}: pixels of shape {shape}, imaging needs two axes; "
                "take the file as the archive ships it"
            )
        if not put_off(plane):
            plane.data = np.ascontiguousarray(plane.data.reshape(shape[-2:]), dtype=np.float32)
        if "RADECSYS" in header:
            header.rename_keyword("RADECSYS", "RADESYS")
        header["WCSAXES"] = 2
        header["WCSDIM"] = 2
        header.setdefault("RADESYS", frame.phu.get("RADESYS", "FK5"))
        for axis in (1, 2):
            header.setdefault(f"CUNIT{axis}", "deg")
    return frame


def _drop_third_axis(header: Header) -> None:
    for keyword in (
        "NAXIS3",
        "CTYPE3",
        "CRPIX3",
        "CRVAL3",
        "CUNIT3",
        "CDELT3",
        *(f"CD3_{i}" for i in (1, 2, 3)),
        "CD1_3",
        "CD2_3",
    ):
        header.remove(keyword, ignore_missing=True)
    header["NAXIS"] = 2


@all_frames("standardizeHeaders", StandardizeHeaders)
def standardize_headers(frames: list[Frame], p: StandardizeHeaders, run: Run) -> list[Frame]:
    """Write the keywords that later steps and other software rely on."""
    frames = run.call("standardizeObservatoryHeaders", frames, suffix=p.suffix)
    return run.call("standardizeInstrumentHeaders", frames, suffix=p.suffix)


@each_frame("standardizeObservatoryHeaders", StandardizeHeaders, stamp="SDZHDRSG")
def standardize_observatory_headers(frame: Frame, p: StandardizeHeaders, run: Run) -> Frame:  # noqa: ARG001
    """Say what software works on the frame, and in which units its pixels are."""
    phu = frame.phu
    phu.setdefault("ORIGNAME", frame.filename)
    phu["PROCSOFT"] = ("nightcrew", "Data Processing Software used")
    phu["PROCSVER"] = (software_version(), "nightcrew software version")
    phu["PROCMODE"] = (run.mode, "Processing Mode [sq|ql|qa]")
    for plane in frame.planes:
        plane.header["BUNIT"] = ("adu", "Physical units of the array values")
    return frame


@each_frame("standardizeInstrumentHeaders", StandardizeHeaders, stamp="SDZHDRSI")
def standardize_instrument_headers(frame: Frame, p: StandardizeHeaders, run: Run) -> Frame:  # noqa: ARG001
    """Write filter, pixel scale, gain, read noise and levels as the detector's tables have them."""
    about = describe_frame(frame)
    values = {
        name: about.get(name) for name in ("pixel_scale", "read_noise", "gain", "non_linear_level", "saturation_level")
    }
    if about.instrument == "F2":
        values |= for_summed_exposures(values, int(about.value("coadds")))
    frame.phu["FILTER"] = (about.get("filter_name", pretty=True), "Combined filter name")
    frame.phu["PIXSCALE"] = (_card(values["pixel_scale"]), "Pixel scale [arcsec/pixel]")
    exposure = about.get("exposure_time")
    for index, plane in enumerate(frame.planes):
        header = plane.header
        header["PIXSCALE"] = (_card(values["pixel_scale"]), "Pixel scale [arcsec/pixel]")
        for keyword, name, comment in DETECTOR_KEYWORDS:
            header[keyword] = (_card(of_extension(values[name], index)), comment)
            frame.phu.remove(keyword, ignore_missing=True)
        if about.instrument == "F2":
            for keyword, name in SECTION_KEYWORDS:
                header[keyword] = of_extension(about.get(name, pretty=True), index)
    if exposure is not None:
        frame.phu["EXPTIME"] = exposure
    _repair_ao_scale(frame, about)
    return frame


DETECTOR_KEYWORDS = (
    ("RDNOISE", "read_noise", "Estimated read noise [electrons]"),
    ("GAIN", "gain", "Gain [electrons/data value]"),
    ("NONLINEA", "non_linear_level", "Non-linear regime [ADU]"),
    ("SATLEVEL", "saturation_level", "Saturation level [ADU]"),
)
SECTION_KEYWORDS = (("ARRAYSEC", "array_section"), ("DATASEC", "data_section"), ("DETSEC", "detector_section"))


def _card(value: Any) -> Any:
    return UNDEFINED if value is None else value


def _repair_ao_scale(frame: Frame, about: Description) -> None:
    """Bring the CD matrix of an F2 frame behind adaptive optics to the nominal pixel scale."""
    if about.instrument != "F2" or not about.get("is_ao"):
        return
    nominal = frame.phu.get("PIXSCALE")
    for plane in frame.planes:
        header = plane.header
        cd = [[float(header.get(f"CD{i}_{j}", 0.0)) for j in (1, 2)] for i in (1, 2)]
        measured = 3600.0 * float(np.sqrt(abs(np.linalg.det(np.array(cd)))))
        if nominal and measured > 0:
            for i in (1, 2):
                for j in (1, 2):
                    header[f"CD{i}_{j}"] = cd[i - 1][j - 1] * float(nominal) / measured


@all_frames("standardizeWCS", StandardizeWCS, stamp="SDZWCS", once=True)
def standardize_wcs(frames: list[Frame], p: StandardizeWCS, run: Run) -> list[Frame]:
    """Compare the WCS of every on-sky frame with target, offsets and position angle; mend or list what disagrees."""
    check = PointingCheck(p.bad_wcs, p.debug_consistency_limit, p.debug_max_deadtime)
    for text in check.examine(frames):
        run.warn(text)
    if check.bad and p.bad_wcs == "exit":
        raise FrameError(
            f"{', '.join(original_name(frame) for frame in check.bad)}: WCS inconsistent with target coordinates and "
            "telescope offsets; set prepare:bad_wcs=fix (or new, ignore)"
        )
    return frames


class CheckWCS(Parameters):
    """checkWCS has no parameters."""


@all_frames("checkWCS", CheckWCS)
def check_wcs(frames: list[Frame], p: CheckWCS, run: Run) -> list[Frame]:  # noqa: ARG001
    """Report frames whose WCS disagrees with target and offsets; change nothing."""
    if any("PREPARE" in frame.phu for frame in frames) or len({describe_frame(f).instrument for f in frames}) > 1:
        raise FrameError("checkWCS needs raw frames of one instrument; give it the files as the archive ships them")
    check = PointingCheck("ignore")
    for text in check.examine([frame.copy() for frame in frames]):
        run.warn(text)
    return frames


def software_version() -> str:
    """Return the version of nightcrew that writes the product."""
    try:
        return version("nightcrew-reducer")
    except PackageNotFoundError:
        return "unknown"


PRIMITIVES = (
    prepare,
    validate_data,
    standardize_structure,
    standardize_headers,
    standardize_observatory_headers,
    standardize_instrument_headers,
    standardize_wcs,
    check_wcs,
)
