"""A server as a source of calibrations for reductions."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.shared.calibrations import Answer, CouldNotAsk, Found, NotFound
from nightcrew.shared.calibrations_http import archive
from nightcrew.shared.calibrations_http.asking import Offer, description_of, request_for
from nightcrew.shared.calibrations_http.manager import ManagerClient, NotAManager
from nightcrew.shared.errors import NightcrewError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.shared.calibrations_http.cache import Cache
    from nightcrew.shared.calibrations_http.server import Server
    from nightcrew.shared.frames import Frame

PATIENCE = 60.0
"""Seconds for which a server that cannot be reached is not asked again."""


@dataclass(slots=True)
class ServerCalibrations:
    """Answers with what a server chooses, once the file lies on our disk and is whole.

    A server that does not speak `/v1` is asked as an archive is.

    Parameters
    ----------
    server
        Whom to ask.
    cache
        Where files are kept.
    mode
        Processing mode of the reduction: sq, ql or qa.
    relaxed
        Types for which a calibration that breaks a rule is better than none.
    monotonic
        Tells seconds.
    """

    server: Server
    cache: Cache
    mode: str = "sq"
    relaxed: frozenset[str] = frozenset()
    monotonic: Callable[[], float] = time.monotonic
    _is_archive: bool = field(default=False, init=False)
    _down: CouldNotAsk | None = field(default=None, init=False)
    _ask_again: float = field(default=0.0, init=False)

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Return the calibration that the server chooses for a frame."""
        if self._down is not None and self.monotonic() < self._ask_again:
            return self._down
        self._down = None
        request = request_for(description_of(frame), frame.filename)
        try:
            offer = self._ask(request, caltype)
        except ServiceError as error:
            self._down, self._ask_again = CouldNotAsk(str(error)), self.monotonic() + PATIENCE
            return self._down
        except NightcrewError as error:
            return CouldNotAsk(str(error))
        if isinstance(offer, str):
            return NotFound(offer)
        try:
            path = self._have(offer, caltype)
        except NightcrewError as error:
            return CouldNotAsk(str(error))
        return Found(path, self.server.url, offer.reason, offer.relaxed, offer.caveats, offer.valid)

    def _ask(self, request: dict[str, object], caltype: str) -> Offer | str:
        if not self._is_archive:
            try:
                return ManagerClient(self.server).ask(
                    request, caltype, self.mode, "relaxed" if caltype in self.relaxed else None
                )
            except NotAManager:
                self._is_archive = True
        return archive.ask(self.server, request, caltype, self.mode)

    def _have(self, offer: Offer, caltype: str) -> Path:
        """Return our copy of a file; fetch it if we have none."""
        known = self.cache.get(offer, caltype)
        if known is not None:
            return known
        with self.server.stream(offer.url) as chunks:
            return self.cache.put(offer, caltype, chunks)
