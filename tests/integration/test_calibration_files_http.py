"""Calibrations over HTTP: their files, sent and fetched, and the lists of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from nightcrew.calmanager.http import wire
from support.calibration_service import (
    CERTIFYING,
    client,
    manager,
    manager_and_url,
    schemas,
    service,
    settings,
    store,
    stranger,
    writer,
)
from support.f2_masters import write_master_dark

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.calmanager import CalibrationManager


__all__ = ["client", "manager", "manager_and_url", "schemas", "service", "settings", "store", "stranger", "writer"]
DARK = "S20150103S0115_dark.fits"


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    return write_master_dark(tmp_path / DARK)


def put(client: httpx.Client, path: Path, **headers: str) -> httpx.Response:
    return client.put(f"/v1/calibrations/{path.name}", content=path.read_bytes(), headers=headers)


def stored(client: httpx.Client, path: Path) -> dict[str, Any]:
    """Upload a calibration, have it certified, and return its record."""
    record = put(client, path).raise_for_status().json()["record"]
    if record["state"] == "candidate":
        client.post(f"/v1/calibrations/{record['id']}/certify", json=CERTIFYING).raise_for_status()
    found: dict[str, Any] = client.get(f"/v1/calibrations/{record['id']}").raise_for_status().json()
    return found


def test_the_same_file_twice_is_one_calibration(client: httpx.Client, dark: Path) -> None:
    first, second = put(client, dark), put(client, dark)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["record"]["id"] == second.json()["record"]["id"]
    assert (first.json()["new"], second.json()["new"]) == (True, False)
    assert len(client.get("/v1/calibrations").json()["calibrations"]) == 1


def test_what_arrives_is_compared_with_what_was_announced(client: httpx.Client, dark: Path) -> None:
    for header, digest in (("X-Content-MD5", "0" * 32), ("X-Content-SHA256", "0" * 64)):
        answer = put(client, dark, **{header: digest})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "digest")
    assert put(client, dark, **{"X-Content-MD5": "nonsense"}).status_code == 400
    assert client.get("/v1/calibrations").json()["calibrations"] == []
    md5, sha256 = hashlib.md5(dark.read_bytes()).hexdigest(), hashlib.sha256(dark.read_bytes()).hexdigest()
    assert put(client, dark, **{"X-Content-MD5": md5, "X-Content-SHA256": sha256}).status_code == 201


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fetc%2fpasswd.fits", "%2e%2e/x.fits", "..fits", "a%00.fits", "a%0ab.fits", "%2fetc%2fx.fits",
     "x.fits.exe", "x", ".fits", "a b.fits", "a%5cb.fits", "x" * 300 + ".fits", "%ff.fits"],
)  # fmt: skip
def test_a_name_with_more_than_a_name_in_it_is_refused(
    client: httpx.Client, store: Path, dark: Path, path: str
) -> None:
    answer = client.put(f"/v1/calibrations/{path}", content=dark.read_bytes())
    assert answer.status_code in {404, 405, 422}
    assert answer.json()["error"]["message"]
    assert [one for one in store.rglob("*") if one.is_file()] == []


def test_what_is_no_calibration_is_refused_and_nothing_stays(client: httpx.Client, store: Path) -> None:
    answer = client.put(f"/v1/calibrations/{DARK}", content=b"no FITS at all" * 1000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "frame")
    assert [one for one in store.rglob("*") if one.is_file()] == []


def test_a_file_can_be_fetched_in_parts(client: httpx.Client, dark: Path) -> None:
    url = f"/v1/calibrations/{stored(client, dark)['id']}/file"
    content = dark.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    whole = client.get(url)
    assert (whole.status_code, whole.content, whole.headers["ETag"]) == (200, content, etag)
    assert whole.headers["Content-Length"] == str(len(content))
    assert "Content-Encoding" not in whole.headers
    part = client.get(url, headers={"Range": "bytes=80-159"})
    assert (part.status_code, part.content) == (206, content[80:160])
    assert part.headers["Content-Range"] == f"bytes 80-159/{len(content)}"
    assert client.get(url, headers={"Range": "bytes=-80"}).content == content[-80:]
    beyond = client.get(url, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"], beyond.content) == (
        416,
        f"bytes */{len(content)}",
        b"",
    )
    assert client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).content == content
    assert client.get(url, headers={"Range": "bytes=0-9", "If-Range": etag}).content == content[:10]
    same = client.get(url, headers={"If-None-Match": etag})
    assert (same.status_code, same.content, "Content-Length" in same.headers) == (304, b"", False)
    head = client.head(url)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(content)))


def test_a_file_that_has_changed_on_disk_is_not_sent(
    client: httpx.Client, manager: CalibrationManager, dark: Path
) -> None:
    record = manager.add(dark, who="ana").record
    dark.touch()
    assert client.get(f"/v1/calibrations/{record.id}/file").status_code == 200
    dark.write_bytes(dark.read_bytes()[:-1] + b"x")
    answer = client.get(f"/v1/calibrations/{record.id}/file")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "file")
    dark.unlink()
    assert client.get(f"/v1/calibrations/{record.id}/file").status_code == 404


def test_calibrations_are_listed_by_name_page_by_page(client: httpx.Client, tmp_path: Path) -> None:
    names = [f"S20150103S{number:04}_dark.fits" for number in range(5)]
    for number, name in enumerate(reversed(names)):
        stored(client, write_master_dark(tmp_path / name, seed=number))
    listed, after = [], None
    while True:
        page = client.get("/v1/calibrations", params={"limit": 2, **({"after": after} if after else {})}).json()
        listed += [wire.RecordOut.model_validate(one).name for one in page["calibrations"]]
        after = page["next"]
        if after is None:
            break
    assert listed == names
    for wanted, found in (("instrument", "NIRI"), ("caltype", "flat"), ("state", "vetoed"), ("name", "x.fits")):
        assert client.get("/v1/calibrations", params={wanted: found}).json()["calibrations"] == []
    assert client.get("/v1/calibrations", params={"name": names[3]}).json()["calibrations"][0]["name"] == names[3]
    for bad in ({"after": "nonsense"}, {"state": "good"}, {"limit": 0}):
        assert client.get("/v1/calibrations", params=bad).status_code in {400, 422}


def test_a_calibration_is_found_by_number_and_by_name(client: httpx.Client, dark: Path) -> None:
    record = stored(client, dark)
    assert client.get(f"/v1/calibrations/{DARK}").json() == record
    for unknown in ("0", "99999999999999999999999", "x_dark.fits"):
        answer = client.get(f"/v1/calibrations/{unknown}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown")
