"""Which frames a directory holds, and which of its files are damaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.planner.core.plan import plan_descriptions
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import read_headers, verify
from nightcrew.shared.instruments import complaint, describe, no_pointing, science_headers

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.planner.core.model import Plan
    from nightcrew.shared.instruments import Description

ENDINGS = (".fits", ".fits.bz2", ".fits.gz", ".fits.fz", ".fit")
"""Of names of FITS files, in lower or upper case."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that cannot be used: its name, a short code, and one line with rule and remedy."""

    file: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Collection:
    """What was found in a directory.

    Parameters
    ----------
    plan
        What to do with the frames.
    paths
        Where each planned frame lies, by file name.
    damaged
        Every file that cannot be used.
    described
        The frames that were planned, as their headers describe them.
    """

    plan: Plan
    paths: dict[str, Path]
    damaged: tuple[Damage, ...] = field(default=())
    described: tuple[tuple[str, Description], ...] = field(default=())


def collect(directory: Path, mode: str = "sq") -> Collection:
    """Read the headers of all FITS files of a directory and plan their reduction.

    Raises
    ------
    FrameError
        If the directory cannot be read or holds no FITS files.
    """
    try:
        found = sorted(filter(_may_be_a_frame, directory.iterdir()))
    except OSError as error:
        raise FrameError(f"{directory}: cannot be read ({error.strerror}); give a directory of FITS files") from error
    if not found:
        raise FrameError(f"{directory}: no FITS files in it; give the directory of the raw frames")
    frames, paths, damaged = [], {}, []
    for path in found:
        state = verify(path, checksums=True)
        if not state.ok:
            damaged.append(Damage(path.name, str(state.reason), state.message))
            continue
        try:
            about = describe(science_headers(read_headers(path), path.name))
        except (FrameError, ServiceError) as error:
            damaged.append(Damage(path.name, error.code, str(error)))
            continue
        wrong = complaint(about) or no_pointing(about)
        if wrong:
            damaged.append(Damage(path.name, "keyword", wrong))
            continue
        frames.append((path.name, about))
        paths[path.name] = path
    return Collection(plan_descriptions(frames, mode), paths, tuple(damaged), tuple(frames))


def _may_be_a_frame(path: Path) -> bool:
    """Whether a file goes by the name of a frame, be it a link that leads nowhere; hidden ones are others' affair."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".") and not path.is_dir()
