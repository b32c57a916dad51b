"""Common descriptors: where the telescope looked."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from nightcrew.shared.instruments.astrometry import to_icrs
from nightcrew.shared.instruments.components import angle
from nightcrew.shared.instruments.detector import Detector
from nightcrew.shared.instruments.times import decimal_year
from nightcrew.shared.instruments.view import descriptor
from nightcrew.shared.instruments.wcs import LinearWcs, read_wcs


class Pointing(Detector):
    """Coordinates, offsets, pixel scale."""

    rotation: ClassVar[float] = 0.0
    """Position angle of the y axis of the detector where PA is 0, degrees."""

    def wcs(self) -> list[LinearWcs | None]:
        """Return the WCS of each extension, from the primary header where it has none."""
        known: list[LinearWcs | None] | None = self.computed.get("wcs()")
        if known is None:
            known = self.computed["wcs()"] = [read_wcs(header) or read_wcs(self.phu) for header in self.extensions]
        return known

    @descriptor
    def pixel_scale(self) -> float | None:
        """Pixel scale, arcsec per pixel."""
        if any(len(shape) < 2 for shape in self.shapes):
            return None
        scales = [wcs.scale for wcs in self.wcs() if wcs is not None and wcs.scale is not None]
        return sum(scales) / len(scales) if scales else None

    def in_pixels(self, keyword: str, *, negative: bool = False) -> float | None:
        """Turn an offset in arcsec into pixels; None if it, or the scale, is not known."""
        offset, scale = self.phu.get(keyword), self.pixel_scale()
        if offset is None or scale is None:
            return None
        return float((-offset if negative else offset) / scale)

    @property
    def on_side_port_1(self) -> bool:
        """Whether the instrument sits on the up-looking port, which does not mirror the image."""
        return bool(self.phu.get("INPORT") == 1)

    @descriptor
    def detector_x_offset(self) -> Any:
        """Offset of the telescope along x of the detector, pixels."""
        return self.in_pixels("POFFSET", negative=self.on_side_port_1)

    @descriptor
    def detector_y_offset(self) -> Any:
        """Offset of the telescope along y of the detector, pixels."""
        return self.in_pixels("QOFFSET")

    @descriptor
    def telescope_x_offset(self) -> Any:
        """Offset of the telescope along x of the focal plane, arcsec."""
        return self.phu.get("XOFFSET")

    @descriptor
    def telescope_y_offset(self) -> Any:
        """Offset of the telescope along y of the focal plane, arcsec."""
        return self.phu.get("YOFFSET")

    @descriptor
    def position_angle(self) -> Any:
        """Position angle of the y axis of the detector, degrees."""
        angle = self.phu["PA"]
        return (angle + self.rotation) % 360 if self.rotation else angle

    def reference_coordinates(self) -> tuple[float | None, float | None]:
        """Return the sky coordinates of the reference pixel of the first extension, degrees, ICRS."""
        known: tuple[float | None, float | None] | None = self.computed.get("reference_coordinates()")
        if known is not None:
            return known
        wcs = self.wcs()[0]
        ra, dec = (None, None) if wcs is None else (wcs.longitude, wcs.latitude)
        if ra is not None and dec is not None and "NON_SIDEREAL" in self.tags:
            ra, dec = to_icrs("APPT", ra, dec, self.moment())
        self.computed["reference_coordinates()"] = ra, dec
        return ra, dec

    @descriptor
    def wcs_ra(self) -> float | None:
        """Right ascension of the reference pixel, degrees."""
        return self.reference_coordinates()[0]

    @descriptor
    def wcs_dec(self) -> float | None:
        """Declination of the reference pixel, degrees."""
        return self.reference_coordinates()[1]

    def keyword_ra(self) -> float | None:
        """Right ascension of the target that the header records, degrees."""
        return angle(self.phu.get("RA"), hours=True)

    def keyword_dec(self) -> float | None:
        """Declination of the target that the header records, degrees."""
        return angle(self.phu.get("DEC"))

    @descriptor
    def ra(self) -> float | None:
        """Right ascension of the field, degrees."""
        ra = self.wcs_ra()
        return self.keyword_ra() if ra is None else ra

    @descriptor
    def dec(self) -> float | None:
        """Declination of the field, degrees."""
        dec = self.wcs_dec()
        return self.keyword_dec() if dec is None else dec

    @descriptor
    def target_ra(self, *, offset: bool = False, pm: bool = True, icrs: bool = False) -> float | None:
        """Right ascension of the target, degrees, with its offset and proper motion, in ICRS, as asked."""
        if icrs:
            return self._target_icrs(offset=offset, pm=pm)[0]
        ra = self.keyword_ra()
        if ra is None:
            return None
        if offset:
            arcsec = self.phu.get("RAOFFSET", 0) + self.phu.get("RATRGOFF", 0)
            dec = self.target_dec(offset=True)
            assert dec is not None
            ra += arcsec / 3600 / math.cos(math.radians(dec))
        if pm and (seconds := self.phu.get("PMRA", 0)):
            ra += seconds * self._years_since_epoch() * 15 / 3600
        return ra

    @descriptor
    def target_dec(self, *, offset: bool = False, pm: bool = True, icrs: bool = False) -> float | None:
        """Declination of the target, degrees, with its offset and proper motion, in ICRS, as asked."""
        if icrs:
            return self._target_icrs(offset=offset, pm=pm)[1]
        dec = self.keyword_dec()
        if dec is None:
            return None
        if offset:
            dec += (self.phu.get("DECOFFSE", 0) + self.phu.get("DECTRGOF", 0)) / 3600
        if pm and (arcsec := self.phu.get("PMDEC", 0)):
            dec += arcsec * self._years_since_epoch() / 3600
        return dec

    def _years_since_epoch(self) -> float:
        moment = self.moment()
        if moment is None:
            raise TypeError(f"{self.filename}: a proper motion needs a date of observation")
        return decimal_year(moment) - float(self.phu.get("EPOCH", 2000.0))

    def _target_icrs(self, *, offset: bool, pm: bool) -> tuple[float, float]:
        key = ("target_icrs()", offset, pm)
        if key not in self.computed:
            ra, dec = self.target_ra(offset=offset, pm=pm), self.target_dec(offset=offset, pm=pm)
            if ra is None or dec is None:
                raise TypeError(f"{self.filename}: no target coordinates to convert to ICRS")
            self.computed[key] = to_icrs(str(self.phu.get("FRAME", "FK5")), ra, dec, self.moment())
        coordinates: tuple[float, float] = self.computed[key]
        return coordinates
