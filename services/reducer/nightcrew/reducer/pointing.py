"""Whether the WCS of a frame agrees with its target and offsets (primitives-calibration, 3.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.naming import original_name
from nightcrew.reducer.geometry import tangent_plane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description

OFF_SKY = frozenset({"ARC", "BIAS", "DARK", "FLAT", "PINHOLE"})
F2_GOOD_UTEND = datetime(2015, 12, 1)  # noqa: DTZ001  (descriptors carry no zone: UTC)


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where the headers say that a frame points.

    Parameters
    ----------
    target
        RA, Dec in degrees.
    angle
        Position angle, degrees.
    offsets
        Detector offsets x, y in pixels.
    scale
        Arcsec per pixel.
    flipped
        Whether the image is a mirror image (NIRI on the up-looking port without adaptive optics).
    """

    target: tuple[float, float]
    angle: float
    offsets: tuple[float, float]
    scale: float
    flipped: bool

    @property
    def expected(self) -> tuple[float, float]:
        """RA, Dec of the reference pixel that target and offsets ask for, degrees."""
        x, y = self.offsets
        ra, dec = moved(*self.target, self.angle, -y * self.scale)
        return moved(ra, dec, self.angle + (90.0 if self.flipped else -90.0), -x * self.scale)


def moved(ra: float, dec: float, angle: float, distance: float) -> tuple[float, float]:
    """Move along a great circle.

    Parameters
    ----------
    ra, dec, angle
        Degrees; the angle from north through east.
    distance
        Arcsec.
    """
    a, d, theta, s = math.radians(ra), math.radians(dec), math.radians(angle), math.radians(distance / 3600.0)
    sin_dec = math.sin(d) * math.cos(s) + math.cos(d) * math.sin(s) * math.cos(theta)
    new_dec = math.asin(max(-1.0, min(1.0, sin_dec)))
    new_ra = a + math.atan2(math.sin(theta) * math.sin(s) * math.cos(d), math.cos(s) - math.sin(d) * sin_dec)
    return math.degrees(new_ra) % 360.0, math.degrees(new_dec)


def separation(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the angle between two positions in degrees, as arcsec (haversine formula)."""
    (a1, d1), (a2, d2) = (tuple(math.radians(v) for v in position) for position in (first, second))
    h = math.sin((d2 - d1) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a2 - a1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(h)))) * 3600.0


def pointing_of(frame: Frame, about: Description) -> Pointing | None:
    """Return what the headers say, or None where something is missing."""
    values = [
        about.get(name)
        for name in (
            "target_ra",
            "target_dec",
            "position_angle",
            "detector_x_offset",
            "detector_y_offset",
            "pixel_scale",
        )
    ]
    if any(value is None for value in values):
        return None
    ra, dec, angle, x, y, scale = (float(v) for v in values)
    flipped = about.instrument == "NIRI" and frame.phu.get("INPORT") == 1 and not about.get("is_ao")
    return Pointing((ra, dec), angle, (x, y), scale, flipped)


@dataclass(slots=True)
class PointingCheck:
    """Goes through the frames in order and judges, and if asked mends, their WCS.

    Parameters
    ----------
    policy
        What to do with a bad one.
    limit
        Largest separation of expected and actual pointing, arcsec.
    deadtime
        Largest pause within a sequence, seconds.
    """

    policy: Literal["exit", "fix", "new", "ignore"]
    limit: float = 30.0
    deadtime: float = 60.0
    bad: list[Frame] = field(default_factory=list)
    _base: tuple[Frame, Pointing] | None = None
    _last_good: tuple[Frame, Pointing] | None = None
    _queue: list[tuple[Frame, Pointing]] = field(default_factory=list)
    _observation: str | None = None
    _ended: datetime | None = None

    def examine(self, frames: list[Frame]) -> Iterator[str]:
        """Yield what a user should know: frames that disagree, frames that were mended."""
        for frame in frames:
            about = describe_frame(frame)
            if about.tags & OFF_SKY or (
                about.instrument == "NIRI" and about.get("is_ao") and frame.phu.get("CRFOLLOW") == "no"
            ):
                continue
            pointing = pointing_of(frame, about)
            if pointing is None:
                missing = "no telescope offsets, target or pixel scale in the header"
                yield f"{original_name(frame)}: {missing}, WCS not checked from here on"
                return
            if self._starts_group(frame, about):
                yield from self._close_group()
            yield from self._judge(frame, pointing)
        yield from self._close_group()

    def _starts_group(self, frame: Frame, about: Description) -> bool:
        begin = _instant(about, frame.phu.get("UTSTART")) or about.get("ut_datetime")
        end = _instant(about, frame.phu.get("UTEND"))
        exposure = float(about.get("exposure_time") or 0.0)
        if begin is not None and (end is None or (about.instrument == "F2" and begin < F2_GOOD_UTEND)):
            end = begin + timedelta(seconds=exposure)
        new: bool = about.get("observation_id") != self._observation
        if not new and begin is not None and self._ended is not None:
            new = (begin - self._ended).seconds > self.deadtime
        self._observation, self._ended = about.get("observation_id"), end
        return new

    def _close_group(self) -> Iterator[str]:
        """Deal with frames that waited for a good pointing that never came."""
        if self._queue and self.policy == "new":
            first, pointing = self._queue.pop(0)
            _write_new(first.planes[0].header, pointing)
            yield f"{original_name(first)}: WCS made anew from target and offsets"
            self._base = (first, pointing)
            yield from self._mend_queue()
        elif self._queue and self.policy == "fix" and self._last_good is not None:
            self._base = self._last_good
            yield from self._mend_queue()
        for frame, _ in self._queue:
            missing = "no frame of its sequence or before has a good WCS to mend it by"
            yield f"{original_name(frame)}: {missing}, it stays as it is"
            self.bad.append(frame)
        self._queue = []
        self._base = None

    def _judge(self, frame: Frame, pointing: Pointing) -> Iterator[str]:
        header = frame.planes[0].header
        actual = _reference(header)
        good = actual is not None and separation(pointing.expected, actual) <= self.limit
        if good and self._base is not None:
            good = _agrees(self._base, (frame, pointing))
        if good:
            if self._base is None:
                self._base = (frame, pointing)
                yield from self._mend_queue()
            self._last_good = self._base
            return
        yield f"{original_name(frame)}: WCS inconsistent with target coordinates"
        if self.policy in {"fix", "new"}:
            self._queue.append((frame, pointing))
            if self._base is not None:
                yield from self._mend_queue()
        else:
            self.bad.append(frame)

    def _mend_queue(self) -> Iterator[str]:
        assert self._base is not None
        base, base_pointing = self._base
        for frame, pointing in self._queue:
            _copy_wcs(base.planes[0].header, frame.planes[0].header, base_pointing, pointing)
            yield f"{original_name(frame)}: WCS taken from {original_name(base)} and moved by the telescope offsets"
        self._queue = []


def _instant(about: Description, clock: Any) -> datetime | None:
    day = about.get("ut_date")
    if day is None or not isinstance(clock, str):
        return None
    try:
        hours, minutes, seconds = clock.split(":")
        moment = time(int(hours), int(minutes), int(float(seconds)), round(float(seconds) % 1 * 1e6) % 1_000_000)
    except ValueError:
        return None
    return datetime.combine(day, moment)


def _reference(header: Header) -> tuple[float, float] | None:
    try:
        return float(header["CRVAL1"]), float(header["CRVAL2"])
    except (KeyError, TypeError, ValueError):
        return None


def _pixels(frame: Frame, sky: tuple[float, float]) -> NDArray[np.float64]:
    """Return the 0-based pixel (x, y) of a sky position."""
    x, y = tangent_plane(frame).pixels(*sky)
    return np.array([float(x), float(y)])


def _agrees(base: tuple[Frame, Pointing], other: tuple[Frame, Pointing]) -> bool:
    """Tell whether the WCS moved between two frames as the offsets say."""
    centre = _reference(base[0].planes[0].header)
    if centre is None:
        return False
    observed = _pixels(other[0], centre) - _pixels(base[0], centre)
    asked = np.subtract(other[1].offsets, base[1].offsets)
    if asked @ asked > 100 and observed @ observed < asked @ asked / 4:
        return False
    return not any(abs(a) > 2 and o * a < 0 for a, o in zip(asked, observed, strict=True))


def _copy_wcs(source: Header, target: Header, base: Pointing, pointing: Pointing) -> None:
    for keyword in ("CTYPE1", "CTYPE2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        if keyword in source:
            target[keyword] = source[keyword]
    centre = _reference(source)
    assert centre is not None
    x, y = (new - old for new, old in zip(pointing.offsets, base.offsets, strict=True))
    shifted = Pointing(centre, pointing.angle, (x, y), pointing.scale, pointing.flipped).expected
    target["CRVAL1"], target["CRVAL2"] = shifted


def _write_new(header: Header, pointing: Pointing) -> None:
    """Make a WCS from target, offsets and position angle: north up and east left at angle 0, east right if flipped."""
    scale, angle = pointing.scale / 3600.0, math.radians(pointing.angle)
    east = 1.0 if pointing.flipped else -1.0
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = pointing.expected
    header["CD1_1"], header["CD1_2"] = east * scale * math.cos(angle), scale * math.sin(angle)
    header["CD2_1"], header["CD2_2"] = -east * scale * math.sin(angle), scale * math.cos(angle)
