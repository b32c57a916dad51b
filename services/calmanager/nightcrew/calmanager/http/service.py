"""What the handlers of one app share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from nightcrew.calmanager.http.security import Guard
    from nightcrew.calmanager.manager import CalibrationManager
    from nightcrew.calmanager.metrics import Metrics
    from nightcrew.calmanager.settings import CalmanagerSettings
    from nightcrew.shared.http.workers import Workers

_HOST = re.compile(r"[A-Za-z0-9_.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Service:
    """The calibration manager, and how it is served.

    Parameters
    ----------
    manager
        Who decides.
    settings
        How it is served.
    guard
        Who may do what.
    questions
        Threads that say which calibration belongs to a frame. They compute more than they wait: more of them would
        answer no faster, and keep each other waiting.
    workers
        Threads for what else asks the database or the disk.
    uploads
        Threads for uploads: clients that send slowly keep nobody from asking.
    metrics
        Who counts.
    """

    manager: CalibrationManager
    settings: CalmanagerSettings
    guard: Guard
    questions: Workers
    workers: Workers
    uploads: Workers
    metrics: Metrics

    def base(self, request: Request) -> str:
        """Return the address under which the client reaches the service, for links."""
        if self.settings.public_url:
            return self.settings.public_url
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            address, port = request.scope.get("server") or (self.settings.host, self.settings.port)
            host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return f"{request.url.scheme}://{host}"
