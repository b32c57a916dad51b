"""A database that is spoken to directly: local, or the one of a calibration manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.calmanager.records import Input, Listing, ProductRecord
from nightcrew.cli.caldb import documents
from nightcrew.cli.caldb.targets import described, needed
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.local_calibrations import MASK
from nightcrew.shared.association import Level, Target, why_not
from nightcrew.shared.calibrations import Answer, CouldNotAsk, Found, NotFound
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from nightcrew.calmanager.manager import CalibrationManager
    from nightcrew.cli.caldb.database import Product
    from nightcrew.shared.calibrations import CalibrationSource
    from nightcrew.shared.database import Database
    from nightcrew.shared.frames import Frame


@dataclass(frozen=True, slots=True)
class ManagerDatabase:
    """A calibration manager in this process.

    Parameters
    ----------
    name
        How it may be printed.
    database
        Its database; closed with it.
    manager
        Speaks with it.
    """

    name: str
    database: Database
    manager: CalibrationManager

    def calibrations(self) -> list[dict[str, Any]]:
        """Return all calibrations by name."""
        return [documents.of_record(record) for record in self.manager.list()]

    def add(self, path: Path, who: str) -> dict[str, Any]:
        """Register a file where it lies."""
        added = self.manager.add(path.absolute(), who=who)
        return {"record": documents.of_record(added.record), "new": added.new, "verdict": None}

    def remove(self, name: str, who: str) -> int:
        """Forget a calibration, not its file."""
        return self.manager.remove(name, who=who)

    def explain(self, path: Path, caltypes: Sequence[str], mode: str | None) -> list[dict[str, Any]]:
        """Tell for each type which calibration a frame would get and why, or why not."""
        description = described(path)
        target = Target.from_description(description, description.headers.filename)
        return [
            documents.of_answer(self.manager.explain(target, caltype, mode=mode))
            for caltype in caltypes or needed(description)
        ]

    def certify(self, name: str, who: str, why: str, since: datetime | None, until: datetime | None) -> dict[str, Any]:
        """Vouch for a calibration."""
        return documents.of_record(self.manager.certify(name, who=who, why=why, since=since, until=until))

    def veto(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Withdraw a calibration."""
        vetoed = self.manager.veto(name, who=who, why=why)
        return {
            "record": documents.of_record(vetoed.record),
            "affected": [documents.of_affected(product) for product in vetoed.affected],
        }

    def restore(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Take a veto back."""
        return documents.of_record(self.manager.restore(name, who=who, why=why))

    def affected(self, name: str) -> list[dict[str, Any]]:
        """Return the products that a calibration went into."""
        return [documents.of_affected(product) for product in self.manager.affected(name)]

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return what happened to a calibration."""
        return [documents.of_history(line) for line in self.manager.history(name)]

    def record_product(self, product: Product) -> None:
        """Record what a product was made of."""
        self.manager.record_product(
            ProductRecord(
                product.path.name,
                product.path.absolute(),
                product.md5,
                product.recipe,
                product.made_at,
                tuple(Input(*file) for file in product.inputs),
            )
        )

    def state_of(self, name: str, md5: str) -> str:
        """Return the state of a file; that of its latest entry."""
        found = [record for record in self.manager.list(Listing(name=name, everything=True)) if record.md5 == md5]
        return str(max(found, key=lambda record: record.id).state) if found else ""

    def source(
        self,
        mode: str,
        calibrations: Path,  # noqa: ARG002 - nothing is downloaded
        *,
        provisional_masks: bool = False,
    ) -> CalibrationSource:
        """Return it as a source for reductions."""
        return ManagerSource(self.manager, self.name, mode, provisional_masks)

    def close(self) -> None:
        """Close the connections, and leave the embedded server."""
        self.database.close()


@dataclass(frozen=True, slots=True)
class ManagerSource:
    """A calibration manager as a source of calibrations.

    Parameters
    ----------
    manager
        Whom to ask.
    name
        How it is called.
    mode
        Processing mode of the reduction.
    provisional_masks
        Whether a bad-pixel mask may break the rule.
    """

    manager: CalibrationManager
    name: str
    mode: str
    provisional_masks: bool = False

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Return the master that belongs to a frame."""
        target = Target.from_description(describe_frame(frame), frame.filename)
        level = Level.RELAXED if self.provisional_masks and caltype == MASK else Level.RULE
        try:
            answer = self.manager.associate(target, caltype, mode=self.mode, max_level=level)
        except ServiceError as error:
            return CouldNotAsk(f"{self.name}: {error}")
        best = answer.best
        if best is None or best.candidate.path is None:
            return NotFound(f"{self.name}: {why_not(answer)}")
        found = best.candidate
        caveats = tuple(f"{found.filename}: {caveat}" for caveat in best.caveats)
        reason, relaxed = "; ".join(best.reasons), "; ".join(best.relaxed)
        return Found(best.candidate.path, self.name, reason, relaxed, caveats, found.valid)
