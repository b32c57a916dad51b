"""The configured databases, as the planner asks for calibrations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightcrew.shared.calibration_desk import Judged, Master
from nightcrew.shared.calibrations import Chain, CouldNotAsk, Found, NotFound
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.fits import open_frame, read_headers
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.instruments import describe, science_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nightcrew.reducer.engine.digests import Digests
    from nightcrew.shared.association import Target
    from nightcrew.shared.calibration_desk import Change, Offer
    from nightcrew.shared.calibrations import Answer, CalibrationSource

_RULES_FULFILLED, _RULE_BROKEN = 1, 2
"""Levels of a master."""


@dataclass(slots=True)
class DatabaseDesk:
    """A `CalibrationDesk` of databases, for the frames of a directory.

    Each question is asked once: what a database says of a frame does not change while a night is reduced.

    Parameters
    ----------
    sources
        The databases, in order.
    paths
        The frames of the directory, by file name.
    digests
        Tells the md5 of masters.
    mode
        Processing mode: a quick look (`ql`) does without what could not be asked for.
    unasked
        Why a calibration could not be asked for, by the file that leads the group, and type.
    """

    sources: Sequence[CalibrationSource]
    paths: Mapping[str, Path]
    digests: Digests
    mode: str
    unasked: dict[tuple[str, str], str] = field(default_factory=dict)
    _answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    _masters: dict[Path, Master] = field(default_factory=dict)

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:  # noqa: ARG002 (that of the sources)
        """Return the best master for a frame; with `relaxed`, one that breaks a rule rather than none."""
        question = target.name, caltype
        if question not in self._answers:
            self._answers[question] = self._ask(target.name, caltype)
        match self._answers[question]:
            case Found() as found if found.path.name in self.paths:
                return NotFound(f"{found.path.name} is one of the frames, and no {caltype} for {target.name}")
            case Found(relaxed=broken) if broken and not relaxed:
                return NotFound(broken)
            case Found() as found:
                return self._master(found, caltype)
            case CouldNotAsk(reason) as answer:
                self.unasked[question] = reason
                return answer if self.mode == "sq" else NotFound(reason)
            case answer:
                return answer

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:  # noqa: ARG002
        """Let what the night makes serve the night; its databases were told when it was written."""
        return Judged(0, certified=True)

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:  # noqa: ARG002
        """Return nothing: nobody tells."""
        return ()

    def _ask(self, file: str, caltype: str) -> Answer:
        """Ask the databases; what cannot be used of an answer is no answer."""
        if not self.sources:
            return NotFound(f"no database to ask for a {caltype}")
        try:
            frame = open_frame(self.paths[file])
        except NightcrewError as error:  # its group will come to no product, whatever is found
            return NotFound(str(error))
        answer = Chain(tuple(self.sources)).find(frame, caltype)
        if isinstance(answer, Found) and answer.path.name not in self.paths:
            try:
                self._master(answer, caltype)
            except NightcrewError as error:
                return CouldNotAsk(str(error))
        return answer

    def _master(self, found: Found, caltype: str) -> Master:
        if found.path not in self._masters:
            name = found.path.name
            facts = FrameFacts.from_description(name, describe(science_headers(read_headers(found.path), name)))
            facts = replace(facts, valid=found.valid)
            level = _RULE_BROKEN if found.relaxed else _RULES_FULFILLED
            reasons = tuple(filter(None, (found.reason, found.relaxed, *found.caveats, f"from {found.origin}")))
            md5 = self.digests.md5(found.path)
            self._masters[found.path] = Master(0, name, found.path, md5, caltype, facts, level, reasons)
        return self._masters[found.path]
