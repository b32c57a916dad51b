"""A client that asks, fetches and stores calibrations byte for byte as DRAGONS 4.2 does (calibrations, 9).

Written from the description, not from DRAGONS: what it sends and what it makes of answers.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import httpx

if TYPE_CHECKING:
    from pathlib import Path

AGENT = "GeminiDRAGONS 4.2.2"
PATIENCE = 20.0


class NoCalibration(Exception):
    """What DRAGONS says when it finds none."""


@dataclass(frozen=True)
class Dragons:
    """A reduction that has `server` as a remote database.

    Parameters
    ----------
    server
        Name of the database in dragonsrc.
    cookie
        `upload_cookie` there; without it the text `None` is sent.
    """

    server: str
    cookie: str | None = None

    def ask(
        self, caltype: str, filename: str, tags: list[str], descriptors: dict[str, Any], mode: str | None = None
    ) -> list[tuple[str, str]]:
        """Return address and md5 of every calibration of the answer.

        Raises
        ------
        NoCalibration
            With the words of its log.
        """
        path = "/".join(part for part in ("jsoncalmgr", caltype, mode, filename) if part)
        request = Request(f"{self.server}/{path}", data=json.dumps({"tags": tags, "descriptors": descriptors}).encode())
        request.add_header("User-Agent", AGENT)
        with urlopen(request, timeout=PATIENCE) as response:
            document = json.loads(response.read())
        return list(_offers(document))

    def fetch(self, url: str, md5: str, cache: Path) -> Path:
        """Download a calibration; OSError if it is not the file that was announced."""
        path = cache / urlsplit(url).path.rpartition("/")[2]
        headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip, deflate", "Accept": "*/*"}
        with httpx.Client(headers=headers, timeout=10) as client, client.stream("GET", url) as response:
            response.raise_for_status()
            path.write_bytes(b"".join(response.iter_raw()))
        if hashlib.md5(path.read_bytes()).hexdigest() != md5:
            raise OSError("MD5 hash of downloaded file does not match expected hash")
        return path

    def store(self, path: Path, route: str = "upload_file") -> None:
        """Upload a processed calibration; HTTPError, which ends the reduction, if it is refused."""
        request = Request(f"{self.server}/{route}/{path.name}", data=path.read_bytes())
        request.add_header("Content-Type", "application/octet-stream")
        request.add_header("Cookie", f"gemini_fits_upload_auth={self.cookie}")
        with urlopen(request, timeout=PATIENCE) as response:
            response.read()


def _offers(document: Any) -> list[tuple[str, str]]:
    if not document:
        raise NoCalibration("Remote Cal manager returned results for zero files")
    if len(document) > 1:
        raise NoCalibration("returned results for multiple files")
    if "cal_info" not in document[0]:
        raise NoCalibration("result contained no cal_info item")
    if len(document[0]["cal_info"]) != 1:
        raise NoCalibration("result cal_info list contained multiple entries")
    offers = document[0]["cal_info"][0].get("cals")
    if offers is None:
        raise NoCalibration("result cals list missing")
    if not offers:
        raise NoCalibration("result cals list empty")
    return [(offer["url"], offer["md5"]) for offer in offers]
