"""The calibration service in other circumstances: reads with tokens, no database, a table that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from sqlalchemy import text

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.settings import CalmanagerSettings
from nightcrew.calmanager.tokens import Scope, Tokens
from nightcrew.shared.database import open_database, parse_url
from support.calibration_service import schemas
from support.f2_masters import flat_request, write_master_dark
from support.postgres import with_password
from support.proxy import Proxy
from support.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.database import Database

__all__ = ["schemas"]

QUESTION = {"target": flat_request(), "caltype": "processed_dark"}


def authorised(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_reading_needs_a_token_where_it_is_said(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("nightcrew_of-the-first-day\n")
    reader = Tokens(database).create("console", [Scope.READ])
    writer = Tokens(database).create("upload", [Scope.WRITE])
    settings = CalmanagerSettings.load(reads="token", token_file=path, public_url="https://calmgr.example.org/x")
    manager = CalibrationManager.open(database, files=FileStore(tmp_path / "store"))
    manager.add(write_master_dark(tmp_path / "S1_dark.fits"), who="ana")
    with serving(manager, settings) as url:
        assert httpx.get(f"{url}/v1/calibrations").status_code == 401
        assert httpx.get(f"{url}/v1/calibrations", headers=authorised("x" * 600)).status_code == 401
        assert httpx.get(f"{url}/v1/calibrations", headers=authorised(writer)).status_code == 403
        for good in (reader, "nightcrew_of-the-first-day"):
            (one,) = httpx.get(f"{url}/v1/calibrations", headers=authorised(good)).json()["calibrations"]
            assert one["url"] == f"https://calmgr.example.org/x/v1/calibrations/{one['id']}/file"
        assert httpx.get(f"{url}/file/S1_dark.fits").status_code == 200
        for path_of_all in ("/healthz", "/readyz", "/metrics"):
            assert httpx.get(f"{url}{path_of_all}").status_code == 200


def test_the_archives_protocol_can_be_switched_off(database: Database, tmp_path: Path) -> None:
    manager = CalibrationManager.open(database)
    manager.add(write_master_dark(tmp_path / "S1_dark.fits"), who="ana")
    with serving(manager, CalmanagerSettings.load(archive=False)) as url:
        assert httpx.get(f"{url}/file/S1_dark.fits").status_code == 404
        assert httpx.get(f"{url}/v1/calibrations/S1_dark.fits/file").status_code == 200
        assert httpx.get(f"{url}/readyz").json()["checks"]["store"] == "ok"


def test_a_stored_file_without_its_store_is_not_at_hand(database: Database, tmp_path: Path) -> None:
    stored = CalibrationManager.open(database, files=FileStore(tmp_path / "store"))
    content = write_master_dark(tmp_path / "S1_dark.fits").read_bytes()
    stored.receive("S1_dark.fits", [content], who="ana", limit=10**6)
    with serving(CalibrationManager.open(database), CalmanagerSettings.load()) as url:
        answer = httpx.get(f"{url}/v1/calibrations/S1_dark.fits/file")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "file")


def test_without_its_database_everything_is_worth_another_try(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    server = parse_url(postgres_url)
    with Proxy(server.host or "127.0.0.1", server.port or 5432) as wire:
        address = with_password(server.set(host="127.0.0.1", port=wire.port))
        with open_database(address) as behind:
            manager = CalibrationManager.open(behind, files=FileStore(tmp_path / "store"))
            manager.add(write_master_dark(tmp_path / "S1_dark.fits"), who="ana")
            with serving(manager, CalmanagerSettings.load()) as url, httpx.Client(base_url=url, timeout=20) as client:
                assert client.get("/metrics").status_code == 200
                wire.cut(refuse=True)
                told = {key: QUESTION["target"][key] for key in ("tags", "descriptors")}
                for answer in (
                    client.post("/v1/associate", json=QUESTION),
                    client.post("/v1/explain", json=QUESTION),
                    client.post("/jsoncalmgr/processed_dark/x.fits", json=told),
                    client.post("/v1/products", json={}, headers=authorised("x" * 30)),
                ):
                    assert answer.status_code == 503
                    assert "Retry-After" in answer.headers
                ready = client.get("/readyz")
                assert (ready.status_code, ready.json()["checks"]["schema"]) == (503, "not known")
                wire.mend()
                assert client.get("/readyz").status_code == 200
                assert client.post("/v1/associate", json=QUESTION).json()["matches"]


def test_a_service_that_is_first_watched_without_database_still_tells_its_metrics(
    database: Database, postgres_url: str
) -> None:
    server = parse_url(postgres_url)
    with Proxy(server.host or "127.0.0.1", server.port or 5432) as wire:
        address = with_password(server.set(host="127.0.0.1", port=wire.port))
        with (
            open_database(address) as behind,
            serving(CalibrationManager.open(behind), CalmanagerSettings.load()) as url,
        ):
            wire.cut(refuse=True)
            assert "nightcrew_build_info" in httpx.get(f"{url}/metrics", timeout=20).text


def test_what_nobody_foresaw_is_a_500_that_tells_no_details(database: Database) -> None:
    with serving(CalibrationManager.open(database), CalmanagerSettings.load()) as url:
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE calibration.calibrations RENAME TO elsewhere"))
        try:
            answer = httpx.get(f"{url}/v1/calibrations")
        finally:
            with database.begin() as connection:
                connection.execute(text("ALTER TABLE calibration.elsewhere RENAME TO calibrations"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
        assert "SELECT" not in answer.text
        assert httpx.get(f"{url}/v1/calibrations").status_code == 200
