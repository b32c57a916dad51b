"""What a run tells about a frame that was shown to a growing stack."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nightcrew.reducer.growing.verdict import Added

if TYPE_CHECKING:
    from nightcrew.reducer.growing.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Growth:
    """A frame that was shown to a growing stack, as a measurement.

    Parameters
    ----------
    frame
        Name of the raw file.
    added, duplicate
        Whether it is in the stack now; whether it was shown before.
    status, reason
        What became of it (`growing.ledger.Status`) and, where it was not added, why.
    product, frames
        Name of the stack, and how many frames are in it.
    skies, matched, shift, rms, transparency, contradiction
        As in `growing.ledger.Seen`; None where it does not apply.
    dismissed
        Frames that were in the stack before and do not belong there, and why.
    """

    kind: ClassVar[str] = "growth"
    frame: str
    added: bool
    duplicate: bool
    status: str
    reason: str
    product: str
    frames: int
    skies: int
    matched: int
    shift: tuple[float, float] | None
    rms: float | None
    transparency: float | None
    contradiction: float | None
    dismissed: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, verdict: Verdict) -> Growth:
        """Put a verdict into words and numbers."""
        row, added = verdict.frame, isinstance(verdict, Added)
        return cls(
            row.name, added, not isinstance(verdict, Added) and verdict.duplicate, str(row.status),
            "" if isinstance(verdict, Added) else verdict.reason, verdict.product, verdict.frames, row.skies,
            row.matched, None if _known(row.dx) is None else (row.dx, row.dy), _known(row.rms),
            _known(row.transparency), _known(row.contradiction),
            tuple((gone.name, gone.reason) for gone in verdict.dismissed) if isinstance(verdict, Added) else (),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON has it: names, numbers, text, None."""
        return {"kind": self.kind, **asdict(self)}

    def to_json(self) -> str:
        """Return the measurement as one line of JSON."""
        return json.dumps(self.as_dict(), allow_nan=False)

    def __str__(self) -> str:
        if not self.added:
            return f"{self.frame}: not added to the stack: {self.reason}"
        sky = f"sky from {self.skies} frames" if self.skies else "background from itself"
        place = f", {self.matched} sources matched" if self.matched else ""
        return f"{self.frame}: added to {self.product}, {self.frames} frames now ({sky}{place})"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
