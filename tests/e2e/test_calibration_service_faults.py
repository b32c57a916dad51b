"""Stories of a calibration service to which something happens: killed, stopped, without its database."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.tokens import Scope, Tokens
from nightcrew.shared.database import downgrade, parse_url
from support.calibration_service import schemas
from support.f2_masters import flat_request, write_master_dark
from support.postgres import with_password
from support.proxy import Proxy
from support.serving import PATIENCE, ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.database import Database

__all__ = ["schemas"]

UPLOADS = 100
QUESTION = {"target": flat_request(), "caltype": "processed_dark"}


def authorised(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def masters(directory: Path) -> list[tuple[str, bytes]]:
    """Return name and content of many darks that differ in one pixel."""
    content = write_master_dark(directory / "dark.fits").read_bytes()
    place = content.index(b"XTENSION") + 2880
    return [
        (f"S20150103S{number:04}_dark.fits", content[:place] + number.to_bytes(4, "big") + content[place + 4 :])
        for number in range(UPLOADS)
    ]


def test_a_service_killed_among_uploads_keeps_all_that_it_acknowledged_and_nothing_by_half(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    secret = Tokens(database).create("reducer", list(Scope))
    store = tmp_path / "store"
    files = masters(tmp_path)
    acknowledged: list[str] = []
    enough = threading.Event()
    with ServiceProcess(postgres_url, store) as process:
        assert process.url, process.log

        def send(one: tuple[str, bytes]) -> None:
            name, content = one
            try:
                answer = httpx.put(
                    f"{process.url}/v1/calibrations/{name}", content=content, headers=authorised(secret), timeout=20
                )
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                acknowledged.append(name)
            if len(acknowledged) >= UPLOADS // 4:
                enough.set()

        with ThreadPoolExecutor(8) as pool:
            sending = [pool.submit(send, one) for one in files]
            assert enough.wait(PATIENCE)
            process.kill()
            for one in sending:
                one.result()
    assert UPLOADS // 4 <= len(acknowledged) < UPLOADS

    contents = dict(files)
    with ServiceProcess(postgres_url, store) as process, httpx.Client(base_url=process.url, timeout=20) as client:
        known = client.get("/v1/calibrations", params={"limit": 1000}).json()["calibrations"]
        assert set(acknowledged) <= {one["name"] for one in known}
        for one in known:
            assert client.get(one["url"]).content == contents[one["name"]]
        manager = CalibrationManager.open(database, files=FileStore(store))
        assert manager.sweep().missing == ()
        for name in sorted(set(contents) - set(acknowledged)):
            url = f"/v1/calibrations/{name}"
            client.put(url, content=contents[name], headers=authorised(secret)).raise_for_status()
        names = [one["name"] for one in client.get("/v1/calibrations", params={"limit": 1000}).json()["calibrations"]]
        assert names == sorted(contents)


def test_a_service_that_is_stopped_ends_its_uploads_first(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    secret = Tokens(database).create("reducer", list(Scope))
    dark = write_master_dark(tmp_path / "S1_dark.fits").read_bytes()
    begun = threading.Event()
    with ServiceProcess(postgres_url, tmp_path / "store") as process:

        def slowly():
            yield dark[:3000]
            begun.set()
            time.sleep(0.5)
            yield dark[3000:]

        with ThreadPoolExecutor(1) as pool:
            url = f"{process.url}/v1/calibrations/S1_dark.fits"
            upload = pool.submit(httpx.put, url, content=slowly(), headers=authorised(secret), timeout=20)
            assert begun.wait(PATIENCE)
            assert process.terminate() == 0
            assert upload.result().status_code == 201
    events = [json.loads(line)["event"] for line in process.log if line.startswith("{")]
    assert events[0] == "listening"
    assert events[-1] == "ended"
    assert not any(secret in line for line in process.log)


def test_a_service_whose_database_goes_says_so_and_comes_back_with_it(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    server = parse_url(postgres_url)
    secret = Tokens(database).create("reducer", list(Scope))
    dark = write_master_dark(tmp_path / "S1_dark.fits")
    with Proxy(server.host or "127.0.0.1", server.port or 5432) as wire:
        url = with_password(server.set(host="127.0.0.1", port=wire.port))
        with (
            ServiceProcess(url, tmp_path / "store") as process,
            httpx.Client(base_url=process.url, timeout=20, headers=authorised(secret)) as client,
        ):
            assert client.put(f"/v1/calibrations/{dark.name}", content=dark.read_bytes()).status_code == 201
            assert client.post("/v1/associate", json=QUESTION).status_code == 200
            wire.cut(refuse=True)
            for answer in (
                client.post("/v1/associate", json=QUESTION),
                client.put("/v1/calibrations/S2_dark.fits", content=dark.read_bytes()),
                client.get("/v1/calibrations"),
            ):
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service")
                assert int(answer.headers["Retry-After"]) > 0
            told = {"tags": QUESTION["target"]["tags"], "descriptors": QUESTION["target"]["descriptors"]}
            assert client.post("/jsoncalmgr/processed_dark/x.fits", json=told).status_code == 503
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code == 503
            assert client.get("/metrics").status_code == 200
            wire.mend()
            assert client.get("/readyz").status_code == 200
            assert client.post("/v1/associate", json=QUESTION).status_code == 200
            names = [one["name"] for one in client.get("/v1/calibrations").json()["calibrations"]]
            assert names == [dark.name]
            assert client.put("/v1/calibrations/S2_dark.fits", content=dark.read_bytes()).status_code == 201


def test_a_service_with_older_tables_says_what_to_run_and_does_not_start(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    downgrade(database, CALIBRATION, "base")
    with ServiceProcess(postgres_url, tmp_path / "store") as process:
        assert process.process.wait(PATIENCE) == 1
        process.kill()
    (line,) = process.log
    assert line.startswith("nightcrew-calmanager: ")
    assert line.endswith("run: nightcrew database upgrade\n")


def test_a_service_whose_tables_are_changed_under_it_is_not_ready(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    with ServiceProcess(postgres_url, tmp_path / "store") as process:
        assert httpx.get(f"{process.url}/readyz").status_code == 200
        downgrade(database, CALIBRATION, "base")
        answer = httpx.get(f"{process.url}/readyz")
        assert answer.status_code == 503
        assert "nightcrew database upgrade" in answer.json()["checks"]["schema"]


def test_a_service_for_other_machines_needs_a_token_first(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    everywhere = {"NIGHTCREW_CALMANAGER_HOST": "0.0.0.0"}
    with ServiceProcess(postgres_url, tmp_path / "store", everywhere) as process:
        assert process.process.wait(PATIENCE) == 2
        process.kill()
    (line,) = process.log
    assert "0.0.0.0 can be reached from other machines, and there is no token" in line

    tokens = tmp_path / "tokens"
    tokens.write_text("nightcrew_of-the-reducers-only\n")
    environment = {**everywhere, "NIGHTCREW_CALMANAGER_TOKEN_FILE": str(tokens)}
    with ServiceProcess(postgres_url, tmp_path / "store", environment) as process:
        assert process.url, process.log
        url = process.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/v1/calibrations").status_code == 401
        good = authorised("nightcrew_of-the-reducers-only")
        assert httpx.get(f"{url}/v1/calibrations", headers=good).status_code == 200
        assert process.terminate() == 0
    assert not any("of-the-reducers-only" in line for line in process.log)
