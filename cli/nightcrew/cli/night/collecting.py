"""The frames of a directory, received into a ledger in memory; and which of its files are damaged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from nightcrew.planner.core.model import Plan
from nightcrew.planner.core.rules import rules_for
from nightcrew.planner.night import load
from nightcrew.planner.offers import Offers
from nightcrew.planner.planning import plan_night
from nightcrew.shared.errors import FrameError
from nightcrew.shared.frame_facts import FrameFacts, to_json
from nightcrew.shared.ledger.memory import MemoryLedger
from nightcrew.shared.ledger.records import NewFrame
from nightcrew.shared.reception import Damage, may_be_a_frame, receive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.planner.core.plan import Rules
    from nightcrew.shared.calibration_desk import CalibrationDesk
    from nightcrew.shared.ledger.seam import Ledger
    from nightcrew.shared.reception import Received

ONE_NIGHT = date(2000, 1, 1)
"""Under which date a directory is in its ledger: whenever its frames were taken, they are planned together."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What was found in a directory.

    Parameters
    ----------
    files
        Names of all files that go by the name of a frame.
    ledger
        Holds the frames.
    instruments
        Of the frames.
    paths
        Where each whole frame lies, by file name.
    set_aside
        File name and reason of every whole frame that is not planned: another one has its content too, or a database
        has withdrawn it.
    damaged
        Every file that cannot be used.
    """

    files: tuple[str, ...]
    ledger: Ledger
    instruments: tuple[str, ...]
    paths: dict[str, Path]
    set_aside: tuple[tuple[str, str], ...] = ()
    damaged: tuple[Damage, ...] = ()

    def plan(self, desk: CalibrationDesk, mode: str = "sq", rules: Rules = rules_for) -> Plan:
        """Return what would be done with the frames; the ledger stays as it is.

        Parameters
        ----------
        desk
            Gives the calibrations that the frames do not give.
        mode
            Processing mode.
        rules
            Gives the grouping rules of an instrument.
        """
        plans = []
        for instrument in self.instruments:
            with self.ledger.begin() as entries:
                plans.append(plan_night(load(entries, ONE_NIGHT, instrument), Offers(desk, mode), rules))
        # Masters that the desk has given are none of the night's frames, so nobody misses them in its groups.
        left_out = [pair for plan in plans for pair in plan.left_out if pair[0] in self.paths]
        return Plan(
            tuple(group for plan in plans for group in plan.groups), tuple(sorted([*left_out, *self.set_aside]))
        )


def _no_objection(_: Path) -> str:
    return ""


def collect(directory: Path, objection: Callable[[Path], str] = _no_objection) -> Collection:
    """Read the headers of all FITS files of a directory.

    Parameters
    ----------
    directory
        Of the raw frames.
    objection
        Says why a master that lies among them must not be used; empty if nobody objects.

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
    received = [(path, receive(path, hashed=True)) for path in found]
    whole = {path: one for path, one in received if not isinstance(one, Damage)}
    masters = (path for path, one in whole.items() if "PROCESSED" in one.description.tags)
    withdrawn = {path: why for path in masters if (why := objection(path))}
    new = {path: _frame(path, one) for path, one in whole.items() if path not in withdrawn}
    ledger = MemoryLedger()
    twins = _record(ledger, new)
    return Collection(
        tuple(path.name for path in found),
        ledger,
        tuple(sorted({frame.instrument for frame in new.values()})),
        {path.name: path for path in new},
        (*twins, *((path.name, why) for path, why in withdrawn.items())),
        tuple(one for _, one in received if isinstance(one, Damage)),
    )


def _frame(path: Path, received: Received) -> NewFrame:
    facts = FrameFacts.from_description(path.name, received.description)
    return NewFrame(
        received.sha256, path.name, str(path), received.identity.size, facts.instrument, "", ONE_NIGHT,
        facts.ut_datetime, to_json(facts),
    )  # fmt: skip


def _record(ledger: Ledger, new: dict[Path, NewFrame]) -> list[tuple[str, str]]:
    """Record the frames; return those whose content another one has too, and which.

    As in a plan, `copy of N1` and `N1 (2)` give way to `N1`.
    """
    names: dict[int, str] = {}
    twins = []
    with ledger.begin() as entries:
        for path in sorted(new, key=lambda path: (not path.name.partition(".")[0].isalnum(), path.name)):
            (recorded,) = entries.record_frames([new[path]])
            if recorded.new:
                names[recorded.frame_id] = path.name
            else:
                twins.append((path.name, f"the same as {names[recorded.frame_id]}"))
    return twins


def _is_offered(path: Path) -> bool:
    """Whether a file goes by the name of a frame, be it a link that leads nowhere."""
    return may_be_a_frame(path.name) and not path.is_dir()
