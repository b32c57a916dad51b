"""The NIRI night: an extended galaxy in K(prime) with offset to sky, a standard, flats and darks.

Names, numbers of frames and exposure times are those of the NIRI imaging tutorial.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from nightcrew.simulator.cameras import NIRI
from nightcrew.simulator.exposures import Kind
from nightcrew.simulator.fields import StarField, make_field
from nightcrew.simulator.night import Night
from nightcrew.simulator.planning import Sequence, plan
from nightcrew.simulator.pointing import offset_position
from nightcrew.simulator.variants import apply_variants

PROGRAM = "GN-2016A-DD-1"
TARGET = (148.9255, 69.6739)
STANDARD = (132.8327, 11.7804)
TO_SKY = (420.0, 30.0)
"""Offset to sky, arcsec: 3.5 fields of view."""

DITHER = ((0.0, 0.0), (9.0, 6.0), (-8.0, 7.0), (-6.0, -9.0), (7.0, -8.0))


def _at(day: int, hour: int, minute: int) -> datetime:
    return datetime(2016, 1, day, hour, minute, tzinfo=UTC)


SEQUENCES = (
    Sequence(
        group="target", kind=Kind.OBJECT, object_name="SN2014J", obsclass="science", observation=5,
        prefix="N20160102S", first=270, count=5, start=_at(2, 12, 20), exptime=20.001, band="Kprime",
        background=3000.0, target=TARGET, dither=DITHER, field="target", guided=True, settled=False,
    ),
    Sequence(
        group="sky", kind=Kind.OBJECT, object_name="SN2014J", obsclass="science", observation=5,
        prefix="N20160102S", first=275, count=5, start=_at(2, 12, 24), exptime=20.001, band="Kprime",
        background=3000.0, target=TARGET, base=TO_SKY, dither=DITHER, field="sky", guided=True,
    ),
    Sequence(
        group="standard", kind=Kind.OBJECT, object_name="FS 17", obsclass="partnerCal", observation=6,
        prefix="N20160102S", first=295, count=5, start=_at(2, 12, 50), exptime=3.001, coadds=2, band="Kprime",
        background=3100.0, target=STANDARD, dither=DITHER, field="standard", guided=True, settled=False,
    ),
    Sequence(
        group="lamp-off", kind=Kind.FLAT, object_name="GCALflat", obsclass="dayCal", observation=7,
        prefix="N20160102S", first=363, count=10, start=_at(2, 17, 0), exptime=6.001, band="Kprime",
        background=145.0, lamp="closed",
    ),
    Sequence(
        group="lamp-on", kind=Kind.FLAT, object_name="GCALflat", obsclass="dayCal", observation=8,
        prefix="N20160102S", first=373, count=10, start=_at(2, 17, 6), exptime=6.001, band="Kprime",
        background=5145.0, lamp="open",
    ),
    Sequence(
        group="dark", kind=Kind.DARK, object_name="Dark", obsclass="dayCal", observation=9,
        prefix="N20160102S", first=423, count=10, start=_at(2, 17, 40), exptime=20.001, band="Kprime",
    ),
    Sequence(
        group="short-dark", kind=Kind.DARK, object_name="Dark", obsclass="dayCal", observation=10,
        prefix="N20160103S", first=463, count=10, start=_at(3, 17, 40), exptime=1.001, band="Kprime",
    ),
)  # fmt: skip
"""The sequences of the night, in order."""

FIELDS = (
    StarField(
        "target", TARGET, stars=220, half_width=80, core_stars=36, core_half_width=20, brightest=14.5, faintest=20.5,
        targets=(("galaxy", (0.0, 0.0), 12.0, 4.0),),
    ),
    StarField(
        "sky", offset_position(TARGET, TO_SKY, 0.0), stars=220, half_width=80, core_stars=24, core_half_width=20,
        brightest=14.5, faintest=20.5,
    ),
    StarField(
        "standard", STANDARD, stars=180, half_width=80, core_stars=36, core_half_width=20,
        brightest=13.5, faintest=19.5, targets=(("FS 17", (0.0, 0.0), 12.274, 0.0),),
    ),
)  # fmt: skip
"""What there is to see."""


def _dithered(sequences: tuple[Sequence, ...], size: int) -> tuple[Sequence, ...]:
    """Halve the dithers of the smallest sub-array, whose frames would otherwise share too few stars."""
    scale = min(1.0, size / 512)
    return tuple(replace(s, dither=tuple((p * scale, q * scale) for p, q in s.dither)) for s in sequences)


def niri_night(seed: int = 1, *, size: int = 1024, frames: int | None = None, variants: tuple[str, ...] = ()) -> Night:
    """Make the NIRI night.

    Parameters
    ----------
    seed
        Seed of all that is random.
    size
        Pixels on a side of the central region that is read: 1024, 768, 512 or 256.
    frames
        Frames in each sequence; those of the tutorial (5, and 10 for calibrations) if None.
    variants
        Names in `nightcrew.simulator.variants.VARIANTS`.

    Raises
    ------
    SimulationError
        If the size, the number of frames or a variant is impossible.
    """
    NIRI.check_size(size)
    night = Night(
        camera=NIRI,
        seed=seed,
        size=size,
        exposures=plan(_dithered(SEQUENCES, size), NIRI, PROGRAM, seed, frames),
        fields=MappingProxyType({field.name: make_field(field, NIRI, "Kprime", seed) for field in FIELDS}),
    )
    return apply_variants(night, variants)
