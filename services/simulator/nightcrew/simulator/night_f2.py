"""The Flamingos-2 night: an on-target dither in Y, flats and darks.

Names and exposure times follow the F2 imaging tutorial; six frames of each calibration.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

from nightcrew.simulator.cameras import F2
from nightcrew.simulator.exposures import Kind
from nightcrew.simulator.fields import StarField, make_field
from nightcrew.simulator.night import Night
from nightcrew.simulator.planning import Sequence, plan
from nightcrew.simulator.variants import apply_variants

PROGRAM = "GS-2013B-Q-15"
TARGET = (55.05, -29.95)

DITHER = tuple(
    (15.0 * p, 15.0 * q) for p, q in ((0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
)


def _at(day: int, hour: int, minute: int) -> datetime:
    return datetime(2013, 11, day, hour, minute, tzinfo=UTC)


SEQUENCES = (
    Sequence(
        group="target", kind=Kind.OBJECT, object_name="W0340-30", obsclass="science", observation=39,
        prefix="S20131128S", first=75, count=9, start=_at(28, 3, 0), exptime=120.0, band="Y",
        background=54.0, target=TARGET, dither=DITHER, field="target", guided=True,
    ),
    Sequence(
        group="lamp-on", kind=Kind.FLAT, object_name="GCALflat", obsclass="dayCal", observation=40,
        prefix="S20131129S", first=320, count=6, start=_at(29, 13, 0), exptime=20.0, band="Y",
        background=1165.0, lamp="open",
    ),
    Sequence(
        group="lamp-off", kind=Kind.FLAT, object_name="GCALflat", obsclass="dayCal", observation=41,
        prefix="S20131129S", first=326, count=6, start=_at(29, 13, 10), exptime=20.0, band="Y",
        background=9.5, lamp="closed",
    ),
    Sequence(
        group="short-dark", kind=Kind.DARK, object_name="Dark", obsclass="dayCal", observation=42,
        prefix="S20131129S", first=369, count=6, start=_at(29, 14, 0), exptime=2.0, band="Y",
    ),
    Sequence(
        group="dark", kind=Kind.DARK, object_name="Dark", obsclass="dayCal", observation=43,
        prefix="S20131129S", first=380, count=6, start=_at(29, 14, 10), exptime=120.0, band="Y",
    ),
)  # fmt: skip
"""The sequences of the night, in order."""

FIELDS = (
    StarField(
        "target", TARGET, stars=450, half_width=220, core_stars=0, core_half_width=0, brightest=16.0, faintest=22.5,
        targets=(("galaxy", (-40.0, 30.0), 16.5, 2.0), ("W0340-30", (0.0, 0.0), 17.5, 0.0)),
    ),
)  # fmt: skip
"""What there is to see."""


def f2_night(seed: int = 1, *, size: int = 2048, frames: int | None = None, variants: tuple[str, ...] = ()) -> Night:
    """Make the Flamingos-2 night.

    Parameters
    ----------
    seed
        Seed of all that is random.
    size
        Pixels on a side; F2 always reads all 2048.
    frames
        Frames in each sequence; 9 of the target and 6 of each calibration if None.
    variants
        Names in `nightcrew.simulator.variants.VARIANTS`.

    Raises
    ------
    SimulationError
        If the size, the number of frames or a variant is impossible.
    """
    F2.check_size(size)
    night = Night(
        camera=F2,
        seed=seed,
        size=size,
        exposures=plan(SEQUENCES, F2, PROGRAM, seed, frames),
        fields=MappingProxyType({field.name: make_field(field, F2, "Y", seed) for field in FIELDS}),
    )
    return apply_variants(night, variants)
