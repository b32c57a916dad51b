"""A calibration desk in memory: the pure association rules over a list of masters."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING

from nightcrew.shared.association import Candidate, Level, Target, associate, reasons_of, why_not
from nightcrew.shared.calibration_desk import Change, Judged, Master, Offer, Turn
from nightcrew.shared.calibrations import CouldNotAsk, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.frame_facts import FrameFacts


@dataclass
class PaperDesk:
    """Gives out the masters that it was told of, and certifies all that are handed in, but those it is to refuse."""

    directory: Path
    masters: list[tuple[Candidate, FrameFacts]] = field(default_factory=list)
    handed_in: dict[str, Judged] = field(default_factory=dict)
    refuse: set[str] = field(default_factory=set)
    down: str = ""
    told: list[Change] = field(default_factory=list)

    def offer(self, facts: FrameFacts) -> Path:
        """Let a master be there."""
        path = self.directory / facts.file
        path.write_bytes(facts.file.encode())
        candidate = Candidate.from_target(facts.target, facts.file, path, len(self.masters), facts.processing)
        self.masters.append((candidate, facts))
        self.tell(Turn.CERTIFIED, facts.file, facts.instrument)
        return path

    def withdraw(self, name: str) -> None:
        self.masters = [one for one in self.masters if one[1].file != name]
        self.tell(Turn.WITHDRAWN, name, "NIRI")

    def tell(self, turn: Turn, name: str, instrument: str) -> None:
        number = len(self.told) + 1
        digest = md5((self.directory / name).read_bytes()).hexdigest()
        self.told.append(Change(number, turn, number, name, "processed_dark", instrument, digest))

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:
        if self.down:
            return CouldNotAsk(self.down)
        level = Level.RELAXED if relaxed else Level.RULE
        answer = associate(target, caltype, [one for one, _ in self.masters], mode=mode, max_level=level)
        if answer.best is None or answer.best.candidate.path is None:
            return NotFound(why_not(answer))
        best = answer.best
        facts = next(facts for one, facts in self.masters if one is best.candidate)
        path = best.candidate.path
        digest = md5(path.read_bytes()).hexdigest()
        return Master(
            best.candidate.entry,
            path.name,
            path,
            digest,
            caltype,
            facts,
            int(best.level),
            best.relaxed or tuple(reasons_of(best)),
        )

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:
        if self.down:
            return CouldNotAsk(self.down)
        refused = path.name in self.refuse
        judged = Judged(100 + len(self.handed_in), not refused, "median counts 9 above 5" if refused else "")
        return self.handed_in.setdefault(str(path), judged)

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:
        return CouldNotAsk(self.down) if self.down else tuple(one for one in self.told if one.number > after)
