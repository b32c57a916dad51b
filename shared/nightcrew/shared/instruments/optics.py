"""Common descriptors: what stood in the light."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from nightcrew.shared.instruments.components import keep_id, strip_id
from nightcrew.shared.instruments.gemini_tables import (
    BAND_WAVELENGTH,
    EXTINCTION,
    FILTER_WAVELENGTH,
)
from nightcrew.shared.instruments.record import Record
from nightcrew.shared.instruments.units import METRES_PER, convert, wavelength_unit
from nightcrew.shared.instruments.view import descriptor

if TYPE_CHECKING:
    from collections.abc import Mapping

_DARK_WORDS = {"Block": "blank", "Dark": "blank", "DK": "dark"}


class Optics(Record):
    """Filters, cameras, masks and dispersers."""

    filter_wavelength: ClassVar[Mapping[str, float]] = {}
    """Effective wavelengths of the instrument's filters by pretty name, micrometres."""
    wavelength_keyword: ClassVar[tuple[str, float]] = ("CWAVE", 1e-6)
    """Keyword of the central wavelength and its unit in metres."""
    camera_keyword: ClassVar[str] = "CAMERA"
    disperser_keyword: ClassVar[str] = "DISPERSR"
    mask_keyword: ClassVar[str] = "FPMASK"

    def component(self, keyword: str, *, bare: bool) -> Any:
        """Return the component that a keyword names, with or without its identifier."""
        name = self.phu.get(keyword)
        return strip_id(name) if bare else name

    @descriptor
    def camera(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Camera."""
        return self.component(self.camera_keyword, bare=strip_id or pretty)

    @descriptor
    def decker(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Decker."""
        return self.component("DECKER", bare=strip_id or pretty)

    @descriptor
    def focal_plane_mask(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Mask or slit in the focal plane."""
        return self.component(self.mask_keyword, bare=strip_id or pretty)

    @descriptor
    def lyot_stop(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Lyot stop."""
        return self.component("LYOTSTOP", bare=strip_id or pretty)

    @descriptor
    def pupil_mask(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Mask in the pupil."""
        return self.component("PUPILMSK", bare=strip_id or pretty)

    @descriptor
    def disperser(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Grating or grism."""
        return self.component(self.disperser_keyword, bare=strip_id or pretty)

    @descriptor
    def slit(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Slit."""
        return self.component("SLIT", bare=strip_id or pretty)

    @descriptor
    def slit_width(self) -> Any:
        """Width of the slit, arcsec; None for images."""
        if "SPECT" in self.tags:
            raise NotImplementedError(f"no rule for the slit width of {self.label or 'this instrument'}")

    @descriptor
    def filter_name(self, *, strip_id: bool = False, pretty: bool = False, keep_id: bool = False) -> Any:
        """Filters in the beam, joined with ``&``."""
        names = [self.phu.get("FILTER1"), self.phu.get("FILTER2")]
        if None in names:
            return None
        if not (pretty or keep_id):
            return "&".join(_bare(names) if strip_id else names)
        bare = _with_ids(names) if keep_id else _bare(names)
        effective = [name for name in bare if not _is_clear(name)] or ["open"]
        effective += [word for mark, word in _DARK_WORDS.items() if any(mark in name for name in bare)]
        return "&".join(effective[:2])

    @descriptor
    def central_wavelength(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Central wavelength, metres unless asked otherwise."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        keyword, native = self.wavelength_keyword
        value = self.phu.get(keyword)
        return None if value is None or value < 0 else convert(float(value), native, unit)

    @descriptor
    def effective_wavelength(self, *, output_units: str | None = None) -> Any:
        """Wavelength of the filter for images, central wavelength for spectra; metres unless asked otherwise."""
        if "IMAGE" in self.tags:
            name = self.filter_name(pretty=True)
            micrometres = self.filter_wavelength.get(name, FILTER_WAVELENGTH.get(name))
        elif "SPECT" in self.tags:
            micrometres = self.central_wavelength(as_micrometers=True)
        else:
            micrometres = None
        if micrometres is None:
            return None
        return micrometres * 1e-6 / METRES_PER.get(output_units or "", 1.0)

    @descriptor
    def wavelength_band(self) -> str | None:
        """Band of the classical systems that is nearest to the effective wavelength."""
        return nearest_band(self.effective_wavelength(output_units="micrometers"))

    @descriptor
    def dispersion(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Change of wavelength from one pixel to the next, metres unless asked otherwise."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        if self.extensions and all("WDELTA" in header for header in self.extensions):
            return convert(self.header_values("WDELTA"), 1.0, unit)
        value = self.phu.get("WDELTA")
        return None if value is None else self.repeated(convert(value, 1.0, unit))

    @descriptor
    def nominal_atmospheric_extinction(self) -> float | None:
        """Extinction in excess of that at the zenith, magnitudes."""
        airmass = self.airmass()
        if airmass is None:
            return None
        per_airmass = EXTINCTION.get((self.telescope(), self.filter_name(pretty=True)), 0.0)
        return per_airmass * (airmass - 1)

    def magnitudes_to_adu(self, zeropoint: float | None, gain: float | None, *, in_adu: bool) -> float | None:
        """Turn a zero point for electrons into one for the unit of the pixels."""
        if zeropoint is None or gain is None:
            return None
        return zeropoint - (2.5 * math.log10(gain) if in_adu else 0.0)


def nearest_band(micrometres: float | None) -> str | None:
    """Return the band of the classical systems that is nearest to a wavelength."""
    if micrometres is None:
        return None
    return min(BAND_WAVELENGTH, key=lambda band: abs(BAND_WAVELENGTH[band] - micrometres))


def _bare(names: list[Any]) -> list[str]:
    return [strip_id(name) for name in names]


def _with_ids(names: list[Any]) -> list[str]:
    return [keep_id(name) for name in names]


def _is_clear(name: str) -> bool:
    lower = name.lower()
    return "open" in lower or "Clear" in name or lower.startswith("nd")
