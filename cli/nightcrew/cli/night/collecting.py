"""Which frames a directory holds, and which of its files are damaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.planner.core.plan import plan_descriptions
from nightcrew.planner.core.rules import rules_for
from nightcrew.shared.errors import FrameError
from nightcrew.shared.reception import Damage, may_be_a_frame, receive

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.planner.core.model import Plan
    from nightcrew.planner.core.plan import Rules
    from nightcrew.shared.instruments import Description


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


def collect(directory: Path, mode: str = "sq", rules: Rules = rules_for) -> Collection:
    """Read the headers of all FITS files of a directory and plan their reduction.

    Parameters
    ----------
    directory
        Of the raw frames.
    mode
        Processing mode.
    rules
        Gives the grouping rules of an instrument.

    Raises
    ------
    FrameError
        If the directory cannot be read or holds no FITS files.
    """
    try:
        found = sorted(filter(_is_offered, directory.iterdir()))
    except OSError as error:
        raise FrameError(f"{directory}: cannot be read ({error.strerror}); give a directory of FITS files") from error
    if not found:
        raise FrameError(f"{directory}: no FITS files in it; give the directory of the raw frames")
    frames, paths, damaged = [], {}, []
    for path in found:
        received = receive(path)
        if isinstance(received, Damage):
            damaged.append(received)
            continue
        frames.append((path.name, received.description))
        paths[path.name] = path
    return Collection(plan_descriptions(frames, mode, rules), paths, tuple(damaged), tuple(frames))


def _is_offered(path: Path) -> bool:
    """Whether a file goes by the name of a frame, be it a link that leads nowhere."""
    return may_be_a_frame(path.name) and not path.is_dir()
