"""`nightcrew simulate`: write a night that never was."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from nightcrew.cli.options import Debug  # noqa: TC001  (Typer reads the annotations)


class Instrument(StrEnum):
    """Cameras whose nights can be simulated."""

    NIRI = "niri"
    F2 = "f2"


VARIANT_HELP = """A change of the night; give it several times for several changes.

\b
Sky and scene
  offset-sky      the target has sky frames of its own, 7 arcmin off (niri; the default)
  on-target       the sky frames dither on the target instead (niri)
  unguided-sky    the guide probe is frozen in the sky frames (niri)
  saturated       a star in the target field saturates
  persistence     a star in the target field saturates, and glows on in the next frames
  no-sources      nothing but sky in all fields

\b
Missing or mixed frames
  no-standard     no standard star was taken (niri)
  missing-darks   the darks of the science exposure time are missing
  mixed-filters   the last target frame was taken in J

\b
Faulty frames
  bad-wcs         the second target frame's WCS is 5 arcmin wrong
  shifted-wcs     the second target frame's WCS is 5 arcsec wrong
  trailed         stars are trailed in the third target frame
  pattern-noise   vertical pattern noise in all frames on the sky (niri)
  nan-pixels      the second target frame has pixels that are not numbers (niri)
  guide-probe     the guide probe's shadow lies in all frames on the sky (f2)

\b
Faulty files
  truncated       the last dark was copied to 60 per cent
  trailing-bytes  777 bytes follow the last block of the last lamp-on flat
  empty-file      the last lamp-off flat is a name without content
  not-fits        the last short dark is a web page
"""


def simulate(
    instrument: Annotated[Instrument, typer.Argument(metavar="INSTRUMENT", help="Camera: niri or f2.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the frames; made if need be.")],
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal bytes.")] = 1,
    size: Annotated[
        int | None, typer.Option(help="Pixels on a side: 1024 (default), 768, 512 or 256 for niri; 2048 for f2.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Frames in each sequence; those of the tutorials if absent.")
    ] = None,
    variant: Annotated[list[str] | None, typer.Option(metavar="NAME", help=VARIANT_HELP)] = None,
    cadence: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds between frames, which then grow in pieces, as from a telescope."),
    ] = None,
    accelerate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Deliver at the night's own times, or at --cadence, so many times faster."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write a raw night of a telescope that does not exist, and the truth about it.

    The NIRI night has the names of the imaging tutorial: 5 frames on a galaxy in K(prime), 5 on
    the sky beside it, a standard star, lamp flats, darks and short darks, 55 in all. The F2 night
    is a dither of 9 frames in Y with 6 of each calibration.

    Beside the frames lie truth.json (pointing, sky, transparency of every frame; every star and
    galaxy) and truth.npz (flat, dark current, bad pixels).
    """
    import json
    import time

    from nightcrew.shared.errors import ServiceError
    from nightcrew.simulator import Pace, SimulationError, f2_night, niri_night

    make = {Instrument.NIRI: niri_night, Instrument.F2: f2_night}[instrument]
    full = {Instrument.NIRI: 1024, Instrument.F2: 2048}[instrument]
    try:
        night = make(seed, size=full if size is None else size, frames=frames, variants=tuple(variant or ()))
    except SimulationError as error:
        raise typer.BadParameter(str(error)) from error
    paced = cadence is not None or accelerate is not None
    started = time.monotonic()
    try:
        truth = night.write(directory, pace=Pace(cadence, accelerate or 1.0) if paced else None)
    except OSError as error:
        msg = f"{directory}: cannot write the night ({error.strerror}); choose a directory with room that is yours"
        raise ServiceError(msg) from error
    seconds = time.monotonic() - started
    names = [frame["file"] for frame in truth.frames]
    if as_json:
        report = {
            "instrument": night.camera.instrument,
            "directory": str(directory),
            "seed": seed,
            "size": night.size,
            "variants": list(night.variants),
            "frames": names,
            "truth": str(directory / "truth.json"),
            "seconds": round(seconds, 3),
        }
        typer.echo(json.dumps(report, indent=2))
    else:
        typer.echo(f"{len(names)} frames, {names[0]} to {names[-1]}, in {directory} ({seconds:.1f} s)")
