"""A calibration manager on the network as the planner asks it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nightcrew.shared.association import Level
from nightcrew.shared.calibration_desk import Change, Judged, Master, Turn
from nightcrew.shared.calibrations import CouldNotAsk, NotFound
from nightcrew.shared.calibrations_http.asking import request_of
from nightcrew.shared.calibrations_http.manager import ManagerClient, no_match
from nightcrew.shared.errors import NightcrewError, ServiceError
from nightcrew.shared.fits import bare_name, read_headers
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.instruments import describe, science_headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from nightcrew.shared.association import Target
    from nightcrew.shared.calibration_desk import Offer
    from nightcrew.shared.calibrations_http.cache import Cache


@dataclass(frozen=True, slots=True)
class ServerDesk:
    """A `CalibrationDesk` over `/v1`.

    Parameters
    ----------
    client
        Whom to ask.
    cache
        Where the files of masters are kept; reducers find them there under the same path.
    """

    client: ManagerClient
    cache: Cache

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:
        """Return the best master for a frame; with `relaxed`, one that breaks a rule rather than none."""
        level = Level.RELAXED if relaxed else Level.RULE
        try:
            answer = self.client.associate(request_of(target), caltype, mode=mode, max_level=level.name.lower())
            if not answer["matches"]:
                return NotFound(no_match(answer, caltype, target.name))
            return self._master(answer["matches"][0], caltype)
        except NightcrewError as error:
            return CouldNotAsk(str(error))

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:  # noqa: ARG002 (the file tells both)
        """Hand in a new master; the manager's gates decide whether it is given out."""
        try:
            return _judged(self.client.upload(path))
        except (ServiceError, OSError) as error:
            return CouldNotAsk(str(error))
        except NightcrewError as error:
            return Judged(0, certified=False, reason=str(error))

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:
        """Return what has happened since a change, oldest first."""
        try:
            return tuple(Change(**{**one, "turn": Turn(one["turn"])}) for one in self.client.changes(after))
        except NightcrewError as error:
            return CouldNotAsk(str(error))

    def _master(self, match: Mapping[str, Any], caltype: str) -> Master:
        offer = self.client.offered(match)
        path = self.cache.get(offer, caltype)
        if path is None:
            with self.client.server.stream(offer.url) as chunks:
                path = self.cache.put(offer, caltype, chunks)
        facts = FrameFacts.from_description(offer.name, describe(science_headers(read_headers(path), bare_name(path))))
        return Master(
            match["id"], offer.name, path.absolute(), offer.md5, caltype,
            replace(facts, valid=offer.valid), int(Level[match["level"].upper()]),
            tuple(match["relaxed"]) or tuple(match["reasons"]),
        )  # fmt: skip


def _judged(added: Mapping[str, Any]) -> Judged:
    record, verdict = added["record"], added["verdict"] or {"findings": []}
    if record["state"] == "certified":
        return Judged(record["id"], certified=True)
    reasons = [finding["reason"] for finding in verdict["findings"] if not finding["passed"]]
    return Judged(record["id"], certified=False, reason="; ".join(reasons) or f"it is {record['state']}")
