"""Single frames, for whoever wants one at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nightcrew.simulator.night_niri import niri_night

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

    from nightcrew.simulator.exposures import Lamp
    from nightcrew.simulator.night import Night


def dark_frame(exptime: float = 20.001, *, number: int = 1, size: int = 256, seed: int = 1, **change: Any) -> HDUList:
    """Return a raw NIRI dark.

    Parameters
    ----------
    exptime
        Seconds per coadd.
    number
        Which frame of its sequence, from 1: another number is another frame of the same detector.
    size, seed
        As in `niri_night`.
    **change
        Any other field of `Exposure`.
    """
    return _frame(niri_night(seed, size=size, frames=number), "dark", exptime=exptime, **change)


def flat_frame(lamp: Lamp = "open", *, number: int = 1, size: int = 256, seed: int = 1, **change: Any) -> HDUList:
    """Return a raw NIRI lamp flat; parameters as in `dark_frame`."""
    group = "lamp-on" if lamp == "open" else "lamp-off"
    return _frame(niri_night(seed, size=size, frames=number), group, **change)


def science_frame(
    offset: tuple[float, float] = (0.0, 0.0), *, number: int = 2, size: int = 256, seed: int = 1, **change: Any
) -> HDUList:
    """Return a raw NIRI frame of the target, P and Q `offset` arcsec away; parameters as in `dark_frame`."""
    return _frame(niri_night(seed, size=size, frames=number), "target", offset=offset, **change)


def _frame(night: Night, group: str, **change: Any) -> HDUList:
    return night.hdus(replace(night.group(group)[-1], **change))
