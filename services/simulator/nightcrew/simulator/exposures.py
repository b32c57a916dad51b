"""One exposure of a night: what the observer asked for, and what the sky really did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Lamp = Literal["open", "closed"]


class Kind(StrEnum):
    """Observation type, as in OBSTYPE."""

    OBJECT = "OBJECT"
    FLAT = "FLAT"
    DARK = "DARK"


@dataclass(frozen=True, slots=True)
class Exposure:
    """A frame to be taken.

    Parameters
    ----------
    name
        File name without extension: N20160102S0270.
    group
        The sequence it belongs to, in the simulator's words: "target", "sky", "dark", ...
    kind, object_name, obsclass, program, observation, number
        OBSTYPE, OBJECT, OBSCLASS, GEMPRGID, number of the observation in the program, and of the frame in it.
    start
        Begin of the exposure, UTC.
    exptime, coadds
        Seconds per coadd, and the number of coadds summed.
    band
        Name of the filter in the camera's table.
    target
        RA and Dec of the base position, degrees.
    pa
        PA of the instrument, degrees.
    offset
        Nominal telescope offset P, Q, arcsec.
    field
        Name of the star field in view; None behind a closed cover.
    lamp
        State of the GCAL shutter with the lamp on; None without calibration unit.
    guided
        Whether a wavefront sensor guides.
    probe
        P and Q, arcsec from the base position, of the star that the peripheral wavefront sensor 2 guides on, if that is
        in the field: its arm shades it.  None if the usual sensor guides.
    background
        Light that is no object: sky or lamp, electrons/s per pixel of unit response.
    gradient
        Relative change of the background across the array, along x and along y.
    transparency
        Factor on all objects.
    pointing_error
        Pixels (x, y) by which the sky falls beside where the header says.
    wcs_error
        Arcsec (east, north) by which the header's WCS is wrong on top of that.
    trail
        Pixels (x, y) that stars moved during the exposure.
    pedestal
        ADU that the electronics add, per coadd.
    defects
        What else is wrong with it: keys of `nightcrew.simulator.defects.DEFECTS`.
    damage
        What happened to the file: key of `nightcrew.simulator.damage.DAMAGES`; None if nothing.
    """

    name: str
    group: str
    kind: Kind
    object_name: str
    obsclass: str
    program: str
    observation: int
    number: int
    start: datetime
    exptime: float
    coadds: int
    band: str
    target: tuple[float, float]
    pa: float = 0.0
    offset: tuple[float, float] = (0.0, 0.0)
    field: str | None = None
    lamp: Lamp | None = None
    guided: bool = False
    probe: tuple[float, float] | None = None
    background: float = 0.0
    gradient: tuple[float, float] = (0.0, 0.0)
    transparency: float = 1.0
    pointing_error: tuple[float, float] = (0.0, 0.0)
    wcs_error: tuple[float, float] = (0.0, 0.0)
    trail: tuple[float, float] = (0.0, 0.0)
    pedestal: float = 0.0
    defects: frozenset[str] = frozenset()
    damage: str | None = None

    @property
    def filename(self) -> str:
        """Name of the file."""
        return f"{self.name}.fits"

    @property
    def obsid(self) -> str:
        """OBSID."""
        return f"{self.program}-{self.observation}"

    @property
    def on_sky(self) -> bool:
        """Whether it looks at the sky."""
        return self.kind is Kind.OBJECT
