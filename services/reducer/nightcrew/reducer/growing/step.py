"""One frame on its way into a growing stack: judged, placed, added, written down."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.alignment.registration import misshapen
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.growing.canvas import begun, grown, shape_of
from nightcrew.reducer.growing.header import describe_growth
from nightcrew.reducer.growing.ledger import Ledger, Seen, Status
from nightcrew.reducer.growing.placing import Field, Misplaced, Placed, place
from nightcrew.reducer.growing.verdict import Added, Excluded, Verdict
from nightcrew.reducer.growing.window import SkyWindow

if TYPE_CHECKING:
    from nightcrew.reducer.growing.settings import Settings, Tools
    from nightcrew.reducer.growing.shelf import Shelf
    from nightcrew.shared.frames import Frame


@dataclass(slots=True)
class Step:
    """A stack and one frame that is shown to it.

    Parameters
    ----------
    shelf, tools, settings
        As those of the stack.
    ledger, stack
        What is known before the frame; after `show`, with it.
    dismissed
        Frames that were in the stack and, by what this one shows, do not belong there.
    """

    shelf: Shelf
    tools: Tools
    settings: Settings
    ledger: Ledger
    stack: Frame | None
    dismissed: list[Seen] = field(default_factory=list)

    def show(self, frame: Frame, seen: Seen) -> Verdict:
        """Add a frame if it belongs into the stack, let it serve as sky, and write down what became of it."""
        if seen.added:
            seen = self._judged(frame, seen)
        names = tuple(row.name for row in self.ledger.kept)
        if seen.status != Status.UNSETTLED:
            names = self._window.enter(frame, seen)
        self.ledger = self.ledger.with_row(seen).keeping(names)
        self._commit(changed=seen.added or bool(self.dismissed))
        self.shelf.tidy(names, len(self.ledger), product=self.stack is not None)
        product, count = self.shelf.product if self.stack is not None else "", len(self.ledger.added)
        if seen.added:
            return Added(seen, product, count, tuple(self.dismissed))
        return Excluded(seen, seen.reason, product, count)

    @property
    def _window(self) -> SkyWindow:
        return SkyWindow(self.shelf, self.ledger, self.settings.window)

    @property
    def _sole(self) -> Seen | None:
        """The only frame in the stack; None if there are more or none."""
        added = self.ledger.added
        return added[0] if len(added) == 1 else None

    def _judged(self, frame: Frame, seen: Seen) -> Seen:
        """Add a frame of the target to the stack, or return why it does not belong there."""
        shown = [row for row in self.ledger if row.of_target]
        verdicts = {v.index: v.reason for v in misshapen([*(r.looks for r in shown), seen.looks], self.settings.shapes)}
        if len(shown) in verdicts:
            return replace(seen, status=Status.MISSHAPEN, reason=verdicts[len(shown)])
        if seen.sources and seen.ellipticity > self.settings.ellipticity:
            reason = f"stars are trailed, ellipticity {seen.ellipticity:.2f} (limit {self.settings.ellipticity:.2f})"
            return replace(seen, status=Status.MISSHAPEN, reason=reason)
        if self.stack is None:
            return self._begin(frame, seen)
        if self._sole is not None and shown.index(self._sole) in verdicts:
            return self._begin_anew(frame, seen, Status.MISSHAPEN, verdicts[shown.index(self._sole)])
        return self._placed(frame, seen, self.stack)

    def _placed(self, frame: Frame, seen: Seen, stack: Frame) -> Seen:
        """Add a frame whose stars look as they should where it belongs; by its WCS if the stack shows no sources."""
        few = self.settings.placing.sources
        here, there = _field(frame), _field(stack)
        if len(there.sources(few)) < few:
            if self._sole is not None and len(here.sources(few)) >= few:
                return self._begin_anew(frame, seen, Status.EMPTY, self._too_few(self._sole))
            return self._add(frame, seen, stack, Placed(here.plane))
        if len(here.sources(few)) < few:
            return replace(seen, status=Status.EMPTY, reason=self._too_few(seen))
        placed = self._wrong_wcs(seen) or place(here, there, self.settings.placing)
        if isinstance(placed, Placed):
            return self._add(frame, seen, stack, placed)
        ally = self._ally(here, seen) if self._sole is not None else None
        if ally is not None:
            return self._side_with(ally, frame, seen)
        return replace(seen, status=Status.MISPLACED, reason=placed.reason)

    def _too_few(self, seen: Seen) -> str:
        return f"only {seen.sources} well-detected sources, {self.settings.placing.sources} are needed to align it"

    def _wrong_wcs(self, seen: Seen) -> Misplaced | None:
        """Say so if the WCS of a frame disagrees with its target and offsets otherwise than those in the stack do."""
        usual = np.median([(row.east, row.north) for row in self.ledger.added], axis=0)
        error, limit = math.hypot(seen.east - usual[0], seen.north - usual[1]), self.settings.placing.wcs_error
        if not error > limit:
            return None
        return Misplaced(
            f"its WCS disagrees with target and telescope offsets by {error:.1f} arcsec more than those of the frames "
            f"in the stack (limit {limit:g}; addToGrowingStack:max_wcs_error)"
        )

    def _ally(self, here: Field, seen: Seen) -> Frame | None:
        """Return a frame that was left out for its place, is still kept, and agrees with a new one about it."""
        for row in self.ledger.kept:
            if math.hypot(row.east - seen.east, row.north - seen.north) > self.settings.placing.wcs_error:
                continue
            other = self.shelf.kept(row.name) if row.status == Status.MISPLACED else None
            if other is not None and isinstance(place(here, _field(other), self.settings.placing), Placed):
                return other
        return None

    def _side_with(self, ally: Frame, frame: Frame, seen: Seen) -> Seen:
        """Two frames agree with each other and not with the only one in the stack: let it consist of them."""
        before = self.ledger.find(original_name(ally))
        assert before is not None
        reason = f"{before.name} and {seen.name} agree about where their sources lie, and not with it"
        first = replace(before, status=Status.ADDED, reason="")
        first = self._begin_anew(ally, first, Status.MISPLACED, reason)
        self.ledger = self.ledger.with_row(first)
        assert self.stack is not None
        self.shelf.label(self.stack, self.ledger)
        self.stack = self.tools.finish(self.stack, first.sky)
        placed = place(_field(frame), _field(self.stack), self.settings.placing)
        if isinstance(placed, Misplaced):
            return replace(seen, status=Status.MISPLACED, reason=placed.reason)
        return self._add(frame, seen, self.stack, placed)

    def _begin_anew(self, frame: Frame, seen: Seen, status: Status, reason: str) -> Seen:
        """Begin with a frame instead of the only one that is in the stack."""
        assert self._sole is not None
        out = replace(self._sole, status=status, reason=reason)
        self.dismissed.append(out)
        self.ledger = self.ledger.with_row(out)
        return self._begin(frame, seen)

    def _begin(self, frame: Frame, seen: Seen) -> Seen:
        flat, skies = self._without_sky(frame, seen)
        self.stack = begun(flat, _seconds(seen))
        return replace(seen, skies=skies, dx=0.0, dy=0.0, transparency=1.0, variance_factor=1.0, contradiction=0.0)

    def _add(self, frame: Frame, seen: Seen, stack: Frame, placed: Placed) -> Seen:
        """Add a frame, unless too much of it contradicts what is there."""
        flat, skies = self._without_sky(frame, seen)
        made = grown(stack, len(self.ledger.added), flat, placed, _seconds(seen), self.settings.clipping)
        part = made.addition.contradiction
        seen = replace(
            seen, skies=skies, matched=placed.matched, dx=placed.shift[0], dy=placed.shift[1], rms=placed.rms,
            transparency=placed.transparency, contradiction=part, variance_factor=made.variance_factor,
        )  # fmt: skip
        if part > self.settings.contradiction:
            limit = f"limit {100 * self.settings.contradiction:.0f} %"
            reason = f"{100 * part:.0f} % of its pixels contradict the stack ({limit})"
            return replace(seen, status=Status.CONTRARY, reason=reason)
        self.stack = made.stack
        return seen

    def _without_sky(self, frame: Frame, seen: Seen) -> tuple[Frame, int]:
        """Return a frame without its sky, and the number of frames that this was made of."""
        flat = frame.copy()
        skies = self._window.subtract(flat, seen)
        return (flat, skies) if skies else (self.tools.flatten(flat), 0)

    def _commit(self, *, changed: bool) -> None:
        """Write the product, or what is known so far if there is none."""
        if self.stack is None:
            self.shelf.note(self.ledger)
            return
        describe_growth(self.stack, self.ledger)
        self.shelf.label(self.stack, self.ledger)
        if changed:
            levels = [row.sky for row in self.ledger.added if math.isfinite(row.sky)]
            self.stack = self.tools.finish(self.stack, float(np.mean(levels)) if levels else 0.0)
        self.tools.write(self.stack)


def original_name(frame: Frame) -> str:
    """Return the name of the raw frame."""
    return str(frame.phu.get("ORIGNAME", frame.filename))


def _field(frame: Frame) -> Field:
    return Field(frame.planes[0].objcat, tangent_plane(frame), shape_of(frame.planes[0]))


def _seconds(seen: Seen) -> float:
    """Return the exposure; frames that do not tell it weigh the same."""
    return seen.seconds if seen.seconds > 0 else 1.0
