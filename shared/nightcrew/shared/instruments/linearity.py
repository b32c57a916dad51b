"""Coefficients of the nonlinearity of the detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from nightcrew.shared.instruments import f2_tables, niri_tables

if TYPE_CHECKING:
    from nightcrew.shared.instruments.describe import Description


class NiriLinearity(NamedTuple):
    """Coefficients for NIRI (instruments, 6.4).

    With c electrons per coadd, linear electrons are ``c * (1 + gamma * c + eta * c**2)``; the
    time that the array really integrates is longer by `dt` than the exposure of a coadd.
    """

    max_counts: float
    """Electrons up to which the coefficients were measured."""
    dt: float
    """Seconds."""
    gamma: float
    """Per electron."""
    eta: float
    """Per electron squared."""


class F2Linearity(NamedTuple):
    """Coefficients for F2 (instruments, 7.4): linear electrons are ``c0 * c + c1 * c**2 + c2 * c**3``."""

    c0: float
    c1: float
    """Per electron."""
    c2: float
    """Per electron squared."""


Linearity: TypeAlias = NiriLinearity | F2Linearity


def nonlinearity(description: Description) -> Linearity | None:
    """Return the coefficients for the first extension of a frame.

    Returns
    -------
    NiriLinearity, F2Linearity or None
        None if none were measured for the instrument, read mode, size and well depth.
    """
    mode = description.get("read_mode")
    if description.instrument == "NIRI":
        size = description.headers.shapes[0][-2] if description.headers.shapes else None
        well = description.get("well_depth_setting")
        niri = niri_tables.LINEARITY.get((mode, size, well))  # type: ignore[arg-type]
        return None if niri is None else NiriLinearity(*niri)
    if description.instrument == "F2" and mode in f2_tables.READ_NOISE:
        return F2Linearity(*f2_tables.LINEARITY)
    return None
