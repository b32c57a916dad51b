"""Variants of a night: what a user, the weather or a disk does to it, as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from nightcrew.simulator.cameras import SimulationError
from nightcrew.simulator.damage import DAMAGES
from nightcrew.simulator.planning import random
from nightcrew.simulator.pointing import offset_position
from nightcrew.simulator.scene import Star

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nightcrew.simulator.exposures import Exposure
    from nightcrew.simulator.night import Night

    Change: TypeAlias = Callable[[Exposure], Exposure]

NIRI_ONLY, F2_ONLY = ("NIRI",), ("F2",)


@dataclass(frozen=True, slots=True)
class Variant:
    """A change of a night.

    Parameters
    ----------
    summary
        What is different, and in which frames.
    apply
        Makes the changed night.
    instruments
        Cameras that it is for.
    """

    summary: str
    apply: Callable[[Night], Night]
    instruments: tuple[str, ...] = ("NIRI", "F2")


def apply_variants(night: Night, names: tuple[str, ...]) -> Night:
    """Apply variants in order.

    Raises
    ------
    SimulationError
        If a variant does not exist, or not for this camera.
    """
    instrument = night.camera.instrument
    for name in names:
        if name not in VARIANTS:
            msg = f"no variant {name!r}: choose from {', '.join(VARIANTS)}"
            raise SimulationError(msg)
        if instrument not in VARIANTS[name].instruments:
            msg = f"variant {name!r} is for {', '.join(VARIANTS[name].instruments)}, not for {instrument}"
            raise SimulationError(msg)
        night = VARIANTS[name].apply(night)
    return replace(night, variants=names)


def _in_one(group: str, index: int, change: Change) -> Callable[[Night], Night]:
    """Return what changes one exposure of a sequence, if it is there."""

    def apply(night: Night) -> Night:
        exposures = night.group(group)
        return night.with_exposures(change(exposures[index])) if -len(exposures) <= index < len(exposures) else night

    return apply


def _in_all(which: Callable[[Exposure], bool], change: Change) -> Callable[[Night], Night]:
    """Return what changes every exposure of a kind."""

    def apply(night: Night) -> Night:
        return night.with_exposures(*(change(exposure) for exposure in night.exposures if which(exposure)))

    return apply


def _on_sky(exposure: Exposure) -> bool:
    return exposure.on_sky


def _without(group: str) -> Callable[[Night], Night]:
    """Return what drops a sequence."""

    def apply(night: Night) -> Night:
        return replace(night, exposures=tuple(e for e in night.exposures if e.group != group))

    return apply


def _defect(name: str) -> Change:
    return lambda exposure: replace(exposure, defects=exposure.defects | {name})


def _damage(name: str) -> Change:
    return lambda exposure: replace(exposure, damage=name)


def _on_target(night: Night) -> Night:
    """Point the sky frames at the target, with its dithers."""
    offsets = [exposure.offset for exposure in night.group("target")]
    return night.with_exposures(
        *(
            replace(exposure, group="target", field="target", offset=offsets[i % len(offsets)])
            for i, exposure in enumerate(night.group("sky"))
        )
    )


def _with_afterglow(night: Night) -> Night:
    """Let a star saturate, and the pixels remember it."""
    return _in_all(_on_sky, _defect("afterglow"))(_with_bright_star(night))


def _with_bright_star(night: Night) -> Night:
    """Put a star into the target field whose light would fill the central pixel five times."""
    camera = night.camera
    first = night.group("target")[0]
    peak = 5 * camera.full_well / first.exptime  # electrons/s in the central pixel
    alpha = night.psf.alpha / camera.pixel_scale
    flux = peak * math.pi * alpha**2 / (night.psf.beta - 1)
    where = random(night.seed, "bright star").uniform(4.0, 8.0, 2)
    ra, dec = offset_position(first.target, (float(where[0]), float(where[1])), 0.0)
    magnitude = camera.filters[first.band].zero_point - 2.5 * math.log10(flux)
    star = Star("bright", "target", ra, dec, magnitude, flux)
    return replace(night, fields=MappingProxyType({**night.fields, "target": (*night.fields["target"], star)}))


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "offset-sky": Variant(
            "the target has sky frames of its own, 7 arcmin off (the default)",
            lambda night: night,
            NIRI_ONLY,
        ),
        "on-target": Variant(
            "the sky frames dither on the target instead",
            _on_target,
            NIRI_ONLY,
        ),
        "unguided-sky": Variant(
            "the guide probe is frozen in the sky frames",
            _in_all(lambda e: e.group == "sky", lambda e: replace(e, guided=False)),
            NIRI_ONLY,
        ),
        "no-standard": Variant(
            "no standard star was taken",
            _without("standard"),
            NIRI_ONLY,
        ),
        "missing-darks": Variant(
            "the darks of the science exposure time are missing",
            _without("dark"),
        ),
        "bad-wcs": Variant(
            "the second target frame's WCS is 5 arcmin wrong",
            _in_one("target", 1, lambda e: replace(e, wcs_error=(240.0, 180.0))),
        ),
        "shifted-wcs": Variant(
            "the second target frame's WCS is 5 arcsec wrong",
            _in_one("target", 1, lambda e: replace(e, wcs_error=(4.0, 3.0))),
        ),
        "trailed": Variant(
            "stars are trailed in the third target frame",
            _in_one("target", 2, lambda e: replace(e, trail=(18.0, 11.0))),
        ),
        "pattern-noise": Variant(
            "vertical pattern noise in all frames on the sky",
            _in_all(_on_sky, _defect("pattern-noise")),
            NIRI_ONLY,
        ),
        "nan-pixels": Variant(
            "the second target frame has pixels that are not numbers",
            _in_one("target", 1, _defect("nan-pixels")),
            NIRI_ONLY,
        ),
        "mixed-filters": Variant(
            "the last target frame was taken in J",
            _in_one("target", -1, lambda e: replace(e, band="J")),
        ),
        "guide-probe": Variant(
            "PWFS2 guides on a star in the field: its shadow lies in all frames on the sky",
            _in_all(_on_sky, lambda e: replace(e, probe=(45.0, 25.0))),
            F2_ONLY,
        ),
        "saturated": Variant(
            "a star in the target field saturates",
            _with_bright_star,
        ),
        "persistence": Variant(
            "a star in the target field saturates, and glows on in the next frames",
            _with_afterglow,
        ),
        "no-sources": Variant(
            "nothing but sky in all fields",
            lambda night: replace(night, fields=MappingProxyType(dict.fromkeys(night.fields, ()))),
        ),
        "truncated": Variant(
            f"the last dark: {DAMAGES['truncated'].summary}",
            _in_one("dark", -1, _damage("truncated")),
        ),
        "trailing-bytes": Variant(
            f"the last lamp-on flat: {DAMAGES['trailing-bytes'].summary}",
            _in_one("lamp-on", -1, _damage("trailing-bytes")),
        ),
        "empty-file": Variant(
            f"the last lamp-off flat: {DAMAGES['empty-file'].summary}",
            _in_one("lamp-off", -1, _damage("empty-file")),
        ),
        "not-fits": Variant(
            f"the last short dark: {DAMAGES['not-fits'].summary}",
            _in_one("short-dark", -1, _damage("not-fits")),
        ),
    }
)
"""The variants by name."""
