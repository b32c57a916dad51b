"""A database behind HTTP: that of nightcrew's calibration manager, or an archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.cli.caldb.targets import described, needed
from nightcrew.shared.calibrations_http import Cache, ManagerClient, Server, ServerCalibrations, archive
from nightcrew.shared.calibrations_http.asking import request_for
from nightcrew.shared.calibrations_http.manager import NotAManager
from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from nightcrew.cli.caldb.configuration import Config
    from nightcrew.cli.caldb.database import Product
    from nightcrew.shared.calibrations import CalibrationSource


@dataclass(frozen=True, slots=True)
class ServerDatabase:
    """A server.

    Parameters
    ----------
    server
        Whom to ask.
    config
        Says where downloads that users share are kept.
    """

    server: Server
    config: Config

    @property
    def name(self) -> str:
        """Its address."""
        return self.server.url

    @property
    def client(self) -> ManagerClient:
        """Speaks with it, if it is a calibration manager."""
        return ManagerClient(self.server)

    def calibrations(self) -> list[dict[str, Any]]:
        """Return all calibrations by name."""
        return [{**record, "directory": self.server.url} for record in self.client.calibrations()]

    def add(self, path: Path, who: str) -> dict[str, Any]:  # noqa: ARG002 - the token says who
        """Send a file."""
        try:
            return self.client.upload(path)
        except NotAManager:
            archive.upload(self.server, path)
            return {"record": {"name": path.name, "state": "uploaded"}, "new": True, "verdict": None}

    def remove(self, name: str, who: str) -> int:
        """Refuse: what others use is vetoed, not removed."""
        raise CalibrationError(
            f"{self.server.url}: calibrations of a server are not removed from here; withdraw it with "
            f"'nightcrew caldb veto {name} --why ...' (as {who})"
        )

    def explain(self, path: Path, caltypes: Sequence[str], mode: str | None) -> list[dict[str, Any]]:
        """Tell for each type which calibration a frame would get and why, or why not."""
        description = described(path)
        request = request_for(description, description.headers.filename)
        return [self.client.explain(request, caltype, mode=mode) for caltype in caltypes or needed(description)]

    def certify(self, name: str, who: str, why: str, since: datetime | None, until: datetime | None) -> dict[str, Any]:
        """Vouch for a calibration."""
        times = {key: moment.isoformat() for key, moment in (("since", since), ("until", until)) if moment}
        return self.client.act(name, "certify", {"who": who, "why": why, **times})

    def veto(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Withdraw a calibration."""
        return self.client.act(name, "veto", {"who": who, "why": why})

    def restore(self, name: str, who: str, why: str) -> dict[str, Any]:
        """Take a veto back."""
        return self.client.act(name, "restore", {"who": who, "why": why})

    def affected(self, name: str) -> list[dict[str, Any]]:
        """Return the products that a calibration went into."""
        return self.client.affected(name)

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return what happened to a calibration."""
        return self.client.history(name)

    def record_product(self, product: Product) -> None:
        """Tell a calibration manager what a product was made of; an archive gets the product itself."""
        document = {
            "name": product.path.name,
            "path": str(product.path.absolute()),
            "md5": product.md5,
            "recipe": product.recipe,
            "made_at": product.made_at.isoformat(),
            "inputs": [{"name": name, "md5": md5, "role": role} for name, md5, role in product.inputs if md5],
        }
        try:
            self.client.record_product(document)
        except NotAManager:
            archive.upload(self.server, product.path)

    def state_of(self, name: str, md5: str) -> str:
        """Return the state of a file; that of its latest entry."""
        found = [record for record in self.client.calibrations(name=name) if record["md5"] == md5]
        return str(found[-1]["state"]) if found else ""

    def source(self, mode: str, calibrations: Path, *, provisional_masks: bool = False) -> CalibrationSource:
        """Return it as a source for reductions; an archive has no provisional calibrations."""
        cache = Cache(calibrations, self.config.system_cache, self.config.system_cache_bytes)
        relaxed = frozenset(["processed_bpm"] if provisional_masks else [])
        return ServerCalibrations(self.server, cache, mode, relaxed)

    def close(self) -> None:
        """Close the connections."""
        self.server.close()
