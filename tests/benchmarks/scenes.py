"""Nights with one thing wrong each, and what it spoils: for the table of what the profile `best` buys."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchmarks.records import in_own_sky, outliers_of_frames, repairs_told, unevenness_of_frames
from nightcrew.simulator import f2_night, niri_night
from nightcrew.simulator.pointing import offset_position
from nightcrew.simulator.scene import Star

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.defects import Compared
    from benchmarks.profiling import Outcome
    from nightcrew.simulator.night import Night


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something to measure: what it is called, how it is printed, and how it is measured."""

    name: str
    form: str
    measure: Callable[[Compared, Outcome], float]


@dataclass(frozen=True, slots=True)
class Scene:
    """A night, and the steps that are to help.

    Parameters
    ----------
    title
        What is wrong.
    steps
        The primitives of the profile `best` that deal with it; without them it is reduced a third time.
    night
        Makes the night.
    quantities
        What is measured.
    kind, group
        Group of the plan that is reduced, and the simulator's name of its frames.
    drop
        Parameters of the plan that are not set.
    settings
        What `best` is told in place of leaving out the steps.
    leave_out
        Whether it is reduced a third time.
    always
        What all three are told.
    """

    title: str
    steps: tuple[str, ...]
    night: Callable[[], Night]
    quantities: tuple[Quantity, ...]
    kind: str = "science"
    group: str = "target"
    drop: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    leave_out: bool = True
    always: tuple[tuple[str, Any], ...] = ()


NOISE = Quantity("rms of the background, e⁻", "{:.1f}", lambda c, _: c.noise())
UNEVEN = Quantity("background from tile to tile, rms, e⁻", "{:.1f}", lambda c, _: c.unevenness())
PLACE = Quantity("error of the WCS, arcsec", "{:.2f}", lambda c, _: c.place_error())
SHARP = Quantity("peaks of bright stars over the truth", "{:.3f}", lambda c, _: c.sharpness())
SPOTS = Quantity("pixels 6 sigma off", "{:.0f}", lambda c, _: c.outliers())
GALAXY = Quantity("flux of the galaxy's core over the truth", "{:.3f}", lambda c, _: c.flux_of("galaxy"))
GLOW = Quantity("afterglow left at each place, e⁻", "{:.0f}", lambda c, _: c.afterglow("bright"))
TARGET = Quantity("flux of the target over the truth", "{:.3f}", lambda c, _: c.flux_of("W0340-30"))
FRAMES = Quantity("frames in the stack", "{:.0f}", lambda c, _: len(c.stack.frames))
REPAIRS = Quantity("repairs of headers told", "{:.0f}", lambda _, o: repairs_told(o))
BAD = Quantity("pixels 6 sigma off in the typical frame", "{:.0f}", lambda _, o: outliers_of_frames(o))
OWN = Quantity("frames that are in their own sky", "{:.0f}", lambda _, o: in_own_sky(o))

SINGLE = Quantity("the same of the typical frame", "{:.1f}", lambda _, o: unevenness_of_frames(o))


def dither(frames: int, *variants: str) -> Night:
    """Return a NIRI night of twice as many frames on the target, which is its own sky."""
    return niri_night(1, size=256, frames=frames, variants=("on-target", *variants))


def misplaced(night: Night, error: tuple[float, float] = (12.0, -9.0)) -> Night:
    """Make the WCS of the fourth frame of the target wrong, arcsec east and north."""
    return night.with_exposures(replace(night.group("target")[3], wcs_error=error))


def lost(night: Night) -> Night:
    """Let the telescope be 15 arcsec off in the fourth frame of the target, which neither WCS nor offsets know."""
    return night.with_exposures(replace(night.group("target")[3], pointing_error=(100.0, -80.0)))


def restless(night: Night) -> Night:
    """Let the sky over the target change within minutes: a slope of 2 per cent turns once in 40 frames."""
    turns = [2 * math.pi * i / 40 for i in range(len(night.group("target")))]
    return night.with_exposures(
        *(
            replace(frame, gradient=(0.02 * math.cos(turn), 0.02 * math.sin(turn)))
            for frame, turn in zip(night.group("target"), turns, strict=True)
        )
    )


def probe_on_target() -> Night:
    """Return an F2 night in one frame of which PWFS2 guides beside the target."""
    night = f2_night(1, frames=5)
    return night.with_exposures(replace(night.group("target")[2], probe=(4.0, -3.0)))


def star_in_sky(peak: float = 5.0) -> Night:
    """Return a NIRI night with a star, `peak` times as bright as saturates, in the middle of one of its sky frames."""
    night = niri_night(1, size=256, frames=5)
    frame = night.group("sky")[2]
    alpha = night.psf.alpha / night.camera.pixel_scale
    flux = peak * night.camera.full_well / frame.exptime * math.pi * alpha**2 / (night.psf.beta - 1)
    ra, dec = offset_position(offset_position(frame.target, frame.offset, frame.pa), (3.0, -4.0), frame.pa)
    star = Star("bright", "sky with a star", ra, dec, 10.0, flux)
    fields = MappingProxyType({**night.fields, "sky with a star": (*night.fields["sky"], star)})
    return replace(night, fields=fields).with_exposures(replace(frame, field="sky with a star"))


SCENES: tuple[Scene, ...] = (
    Scene(
        "frames and flats by hand, no mask named",
        ("a mask that is made, kept and found",), lambda: niri_night(1, size=256), (BAD, SPOTS),
        kind="standard", group="standard", always=(("skyCorrect__write_outputs", "True"),),
        drop=("addDQ:user_bpm",), settings=(("addDQ__static_bpm", "None"),),
    ),
    Scene(
        "sky drifts, and is subtracted unscaled",
        ("levelFrames",), lambda: niri_night(1, size=256), (UNEVEN, NOISE, SHARP),
    ),
    Scene(
        "30 frames on target, one trailed, WCS of the first used 5 arcsec wrong",
        ("chooseReferenceFrame", "excludeMisregistered"),
        lambda: dither(15, "trailed", "shifted-wcs"), (PLACE, SHARP, FRAMES),
    ),
    Scene(
        "6 frames on target, one trailed",
        ("excludeMisregistered",), lambda: dither(3, "trailed"), (SHARP, FRAMES),
    ),
    Scene(
        "6 frames on target, WCS of one 15 arcsec wrong",
        ("`adjustWCSToReference`, twice",), lambda: misplaced(dither(3)), (SPOTS, SHARP, FRAMES), leave_out=False,
    ),
    Scene(
        "6 frames on target, the telescope 15 arcsec off in one",
        ("excludeMisregistered",), lambda: lost(dither(3)), (SPOTS, SHARP, FRAMES),
    ),
    Scene(
        "30 frames on target, sky from a running window",
        ("balanceSkies",), lambda: dither(15), (UNEVEN, SINGLE, NOISE, OWN),
        always=(("skyCorrect__write_outputs", "True"),),
    ),
    Scene(
        "30 frames on target, a sky that changes within minutes",
        ("balanceSkies",), lambda: restless(dither(15)), (UNEVEN, SINGLE, NOISE),
        always=(("skyCorrect__write_outputs", "True"),),
    ),
    Scene(
        "30 frames on target, halos in the skies",
        ("growObjectMask",), lambda: dither(15), (UNEVEN, GALAXY),
    ),
    Scene(
        "a sky frame with a bright star",
        ("growObjectMask",), star_in_sky, (UNEVEN, GALAXY),
    ),
    Scene(
        "pattern noise",
        ("cleanPatternNoise",), lambda: niri_night(1, variants=("pattern-noise",)), (NOISE,),
    ),
    Scene(
        "no pattern noise",
        ("cleanPatternNoise",), lambda: niri_night(1), (NOISE,),
    ),
    Scene(
        "WCS of a frame 5 arcmin wrong, `reduce` by hand",
        ("prepare:bad_wcs=fix",), lambda: niri_night(1, size=256, variants=("bad-wcs",)), (PLACE, FRAMES, REPAIRS),
        drop=("prepare:bad_wcs",), settings=(("prepare__bad_wcs", "exit"),),
    ),
    Scene(
        "F2: guide probe on the target in one of 5 frames",
        ("flagGuideProbe",), probe_on_target, (TARGET, UNEVEN),
    ),
    Scene(
        "F2: a star saturates and glows on",
        ("addDQ:latency=True",), lambda: f2_night(1, frames=5, variants=("persistence",)), (GLOW,),
        settings=(("addDQ__latency", "False"),),
    ),
)  # fmt: skip
"""All scenes, in the order of the table."""
