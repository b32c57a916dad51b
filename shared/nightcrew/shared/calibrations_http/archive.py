"""The protocol of the Gemini archive, which DRAGONS speaks (calibrations, 9.2 to 9.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from nightcrew.shared.calibrations_http.asking import Offer
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.calibrations_http.server import Server


COOKIE = "gemini_fits_upload_auth"


def ask(server: Server, request: dict[str, Any], caltype: str, mode: str) -> Offer | str:
    """Ask for the calibration of a frame.

    Returns
    -------
    Offer or str
        The first calibration that can be had, or in words why there is none.

    Raises
    ------
    ServiceError
        If the server cannot be asked, or its answer cannot be understood.
    Refused
        If it will not answer.
    """
    body = {"tags": request["tags"], "descriptors": request["descriptors"]}
    path = f"/jsoncalmgr/{quote(caltype, safe='')}/{quote(mode, safe='')}/{quote(request['name'], safe='')}"
    answer = server.request("POST", path, json=body)
    try:
        offers = _offers(answer.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServiceError(f"{server.url}: its answer is not that of an archive; check the address") from error
    if offers is None:
        raise ServiceError(f"{server.url}: could not look for a {caltype}; try again later")
    return offers[0] if offers else f"no {caltype} for {request['name']} in {server.url}"


def _offers(document: Any) -> list[Offer] | None:
    """Return what is offered; None if the server says that it failed."""
    (dataset,) = document
    (info,) = dataset["cal_info"]
    if info.get("error"):
        return None
    return [
        Offer(unquote(urlsplit(one["url"]).path).rpartition("/")[2], one["url"], one["md5"], reason=_reason(one))
        for one in info["cals"] or ()
        if one["url"] and one["md5"] and urlsplit(one["url"]).scheme in {"http", "https"}
    ]


def _reason(one: dict[str, Any]) -> str:
    return f"the archive's choice, data label {one['label']}" if one.get("label") else "the archive's choice"


def upload(server: Server, path: Path) -> None:
    """Send a processed calibration.

    Raises
    ------
    ServiceError
        If the server cannot be reached.
    Refused
        If it does not take the file.
    """
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(path.stat().st_size),
        "Cookie": f"{COOKIE}={server.cookie}",
    }
    with path.open("rb") as file:
        pieces = iter(lambda: file.read(1 << 20), b"")
        server.request("POST", f"/upload_file/{quote(path.name, safe='')}", content=pieces, headers=headers)
