"""Client of nightcrew's calibration manager: its interface `/v1`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

from nightcrew.shared.calibrations_http.asking import Offer
from nightcrew.shared.calibrations_http.server import Refused
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import md5_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nightcrew.shared.association.facts import Validity
    from nightcrew.shared.calibrations_http.server import Server

_NOT_OURS = frozenset({404, 405, 501})
PAGE = 500
"""Calibrations that a listing asks for at once."""


class NotAManager(ServiceError):
    """The server does not speak `/v1`: it is another one, an archive perhaps."""

    code = "protocol"


@dataclass(frozen=True, slots=True)
class ManagerClient:
    """Speaks with a calibration manager; answers are the JSON documents that it sends.

    Every method raises ServiceError if the server cannot be asked now, `Refused` with the server's reason if it will
    not, and `NotAManager` if it is no calibration manager.
    """

    server: Server

    def associate(
        self, request: Mapping[str, Any], caltype: str, *, mode: str | None = None, max_level: str | None = None
    ) -> dict[str, Any]:
        """Return which calibrations belong to a frame, best first, and what came near."""
        return self._document("POST", "/v1/associate", json=_question(request, caltype, mode, max_level))

    def explain(
        self, request: Mapping[str, Any], caltype: str, *, mode: str | None = None, max_level: str | None = None
    ) -> dict[str, Any]:
        """Return the same, with everything that was left out and why."""
        return self._document("POST", "/v1/explain", json=_question(request, caltype, mode, max_level))

    def ask(self, request: Mapping[str, Any], caltype: str, mode: str, max_level: str | None = None) -> Offer | str:
        """Return the best calibration for a frame, or in words why there is none."""
        answer = self.associate(request, caltype, mode=mode, max_level=max_level)
        if answer["matches"]:
            return self.offered(answer["matches"][0])
        return no_match(answer, caltype, str(request["name"]))

    def offered(self, match: Mapping[str, Any]) -> Offer:
        """Return a match of an answer as an offer."""
        return Offer(
            name=match["name"],
            url=urljoin(f"{self.server.url}/", match["url"]),
            md5=match["md5"],
            sha256=match.get("sha256") or "",
            reason="; ".join(match.get("reasons") or ()),
            relaxed=", ".join(match.get("relaxed") or ()),
            caveats=tuple(match.get("caveats") or ()),
            valid=_validity(match),
        )

    def calibrations(self, **wanted: str | None) -> Iterator[dict[str, Any]]:
        """Yield the calibrations that there are, by name; `instrument`, `caltype`, `state`, `name` narrow it down."""
        after: Any = None
        while True:
            asked = {
                key: value for key, value in {**wanted, "after": after, "limit": PAGE}.items() if value is not None
            }
            page = self._json("GET", "/v1/calibrations", params=asked)
            yield from page["calibrations"]
            after = page.get("next")
            if after is None:
                return

    def named(self, name: str) -> dict[str, Any]:
        """Return the calibration that a name means, or a number."""
        if name.isdecimal():
            return self._document("GET", f"/v1/calibrations/{name}")
        found = [*self.calibrations(name=name)]
        if not found:
            raise Refused(
                f"{self.server.url}: knows no calibration {name}; 'nightcrew caldb list' shows all", 404, "unknown"
            )
        return found[-1]

    def upload(self, path: Path) -> dict[str, Any]:
        """Send a calibration and return its record, and what the quality gates say."""
        self._json("GET", "/v1/calibrations", params={"limit": 1})  # no file is sent to a server that is another one
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            headers = {
                "Content-Type": "application/fits",
                "Content-Length": str(path.stat().st_size),
                "X-Content-MD5": md5_of(path),
                "X-Content-SHA256": sha256,
            }
            pieces = iter(lambda: file.read(1 << 20), b"")
            target = f"/v1/calibrations/{quote(path.name, safe='')}"
            return self._document("PUT", target, content=pieces, headers=headers)

    def act(self, name: str, event: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Certify, veto or supersede a calibration; the body says who and why."""
        which = self.named(name)["id"]
        return self._document("POST", f"/v1/calibrations/{which}/{event}", json=dict(body))

    def affected(self, name: str) -> list[dict[str, Any]]:
        """Return the products that a calibration went into."""
        found: list[dict[str, Any]] = self._about(name, "affected")
        return found

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return what happened to a calibration, oldest first."""
        lines: list[dict[str, Any]] = self._about(name, "history")
        return lines

    def changes(self, after: int) -> list[dict[str, Any]]:
        """Return what was certified or withdrawn since a change, oldest first."""
        found: list[dict[str, Any]] = self._document("GET", "/v1/changes", params={"after": after})["changes"]
        return found

    def record_product(self, product: Mapping[str, Any]) -> None:
        """Tell of a product and what it was made of."""
        self._json("POST", "/v1/products", json=dict(product))

    def _about(self, name: str, what: str) -> Any:
        return self._document("GET", f"/v1/calibrations/{self.named(name)['id']}/{what}")[what]

    def _document(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        document: dict[str, Any] = self._json(method, path, **arguments)
        return document

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self.server.request(method, path, **arguments)
        except Refused as refusal:
            if refusal.status in _NOT_OURS and not refusal.kind:
                raise NotAManager(
                    f"{self.server.url}: is no calibration manager of nightcrew; check the address"
                ) from None
            raise
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise NotAManager(f"{self.server.url}: answers something else than JSON; check the address") from error


def no_match(answer: Mapping[str, Any], caltype: str, name: str) -> str:
    """Say in one line that there is nothing, what was wanted and what came nearest."""
    parts = [f"no {caltype} for {name}"]
    if answer.get("note"):
        parts.append(str(answer["note"]))
    elif answer.get("wishes"):
        parts.append(f"wanted {', '.join(answer['wishes'])}")
    if answer.get("near_misses"):
        nearest = answer["near_misses"][0]
        parts.append(f"nearest is {nearest['name']}: {nearest['reason']}")
    return "; ".join(parts)


def _validity(match: Mapping[str, Any]) -> Validity | None:
    """Return the time for which a calibration is certified; None if the rules decide by its date."""
    ends = [match.get(name) for name in ("valid_since", "valid_until")]
    since, until = (None if end is None else datetime.fromisoformat(end) for end in ends)
    return None if since is None and until is None else (since, until)


def _question(request: Mapping[str, Any], caltype: str, mode: str | None, max_level: str | None) -> dict[str, Any]:
    asked = {"target": dict(request), "caltype": caltype, "mode": mode, "max_level": max_level}
    return {key: value for key, value in asked.items() if value is not None}
