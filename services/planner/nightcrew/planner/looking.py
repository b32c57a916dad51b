"""One look at a night: plan it anew, compare with the ledger, and write what follows, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightcrew.planner.books import Books
from nightcrew.planner.core.closing import Patience
from nightcrew.planner.ending import end_groups, note_withdrawn
from nightcrew.planner.handing_in import finished, hand_in, note_verdicts
from nightcrew.planner.looked import Looked
from nightcrew.planner.night import load
from nightcrew.planner.offers import Offers
from nightcrew.planner.planning import digests, plan_night
from nightcrew.planner.quick_looks import submit_quick_looks
from nightcrew.planner.stepping import close_groups, mark_frames, regroup
from nightcrew.planner.submitting import AskedAgain, Ended, Submitted, Submitting
from nightcrew.shared.calibrations import CouldNotAsk

if TYPE_CHECKING:
    from datetime import date

    from nightcrew.planner.handing_in import Verdict
    from nightcrew.shared.calibration_desk import CalibrationDesk
    from nightcrew.shared.ledger.seam import Ledger


@dataclass(slots=True)
class Planner:
    """Looks at nights.

    Parameters
    ----------
    ledger
        Holds the nights.
    desk
        Gives calibrations out and takes new ones in.
    patience
        How long to wait for frames and calibrations.
    mode, profile
        With which groups are reduced.
    quick_looks
        Whether frames of the sky get a quick look at once.
    """

    ledger: Ledger
    desk: CalibrationDesk
    patience: Patience = field(default_factory=Patience)
    mode: str = "sq"
    profile: str = "standard"
    quick_looks: bool = True

    def look(self, night: date, instrument: str, withdrawn: frozenset[str] = frozenset()) -> Looked:
        """Bring the ledger to where the frames of a night want it to be.

        Parameters
        ----------
        night, instrument
            Which frames.
        withdrawn
            MD5 of calibrations that have been vetoed or replaced since the last look.

        Raises
        ------
        ServiceError
            If the ledger cannot be reached; nothing is written then.

        Notes
        -----
        The night is loaded once, and once more after each thing that has to be done outside of the transaction:
        masters handed in, calibrations asked for when the time was up.
        """
        said: dict[int, Verdict | CouldNotAsk] = {}
        looked = Looked(again=True)
        while looked.again:
            with self.ledger.begin() as entries:
                books = Books(entries, load(entries, night, instrument))
                note_verdicts(books.night, said)
                new = [master for master in finished(books.night) if master.group_id not in said]
                if not new:
                    looked += self._take(books, withdrawn)
            said |= hand_in(self.desk, new)
        refused = [verdict.reason for verdict in said.values() if isinstance(verdict, CouldNotAsk)]
        return replace(looked, unasked=looked.unasked or "".join(refused[:1]))

    def _take(self, books: Books, withdrawn: frozenset[str]) -> Looked:
        """Take a look, its parts in order."""
        night, offers = books.night, Offers(self.desk, self.mode)
        if night.empty:
            return Looked()
        note_withdrawn(night, withdrawn)
        ended = list(end_groups(books))
        made = plan_night(night, offers)
        opened = tuple(regroup(books, made, digests(night, offers)))
        closed = tuple(close_groups(books, made, self.patience))
        mark_frames(books, made)
        ours = books.ours(made)
        quick = tuple(submit_quick_looks(books, ours, offers)) if self.quick_looks else ()
        submitting = Submitting(books, offers, self.patience, self.profile)
        came = {group.name: submitting.submit(group) for group in ours}
        books.write_notes()
        ended += [name for name, what in came.items() if isinstance(what, Ended)]
        submitted = tuple(name for name, what in came.items() if isinstance(what, Submitted))
        again = any(isinstance(what, AskedAgain) for what in came.values())
        taken = tuple(group for group in ours if isinstance(came[group.name], Submitted | Ended))
        return Looked(opened, closed, submitted, quick, tuple(ended), offers.unasked, again, taken, made)
