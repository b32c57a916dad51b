"""Frames handed in over HTTP: by whom, under which names, how large, and what is said of them."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from nightcrew.ingest import intake
from nightcrew.ingest.archiving import Archive, NotKept
from nightcrew.ingest.intake import Inbox, Unfinished, take_in, within
from nightcrew.ingest.keeping import STAGE
from nightcrew.ingest.metrics import Metrics
from nightcrew.ingest.recording import NotRecorded, Recorded
from nightcrew.ingest.running import Process
from nightcrew.ingest.settings import IngestSettings
from nightcrew.ingest.verifying import Changed, NotNow
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.http.listening import listen
from nightcrew.shared.ledger import LEDGER, arrivals
from nightcrew.shared.ledger.records import Sighting
from support.frames import write_niri
from support.ingest import balance, frame_bytes, frame_name, write_frame

SECRET = "s" * 32
GOOD = {"Authorization": f"Bearer {SECRET}"}
PLACE = Path("NIRI") / "2016-01-01" / frame_name()


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def tokens(tmp_path):
    (tmp_path / "tokens").write_text(SECRET)
    return tmp_path / "tokens"


@contextmanager
def serving(database, **given):
    quick = {"port": 0, "interval": 0.05, "settle": 0.2, "patience": 0.5, "relay": False}
    settings = IngestSettings.load(**{**quick, **given})
    stop = threading.Event()
    process = Process(database, settings, None, stop, Metrics())
    with listen(settings.host, 0) as listening:
        thread = threading.Thread(target=process.run, args=(listening,))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=30) as client:
                yield client
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def client(database, tmp_path, tokens):
    (tmp_path / "raw").mkdir()
    with serving(database, directories=str(tmp_path / "raw"), uploads=tmp_path / "kept", token_file=tokens,
                 quarantine=tmp_path / "aside", max_frame=200_000) as made:  # fmt: skip
        yield made


def upload(client, content: bytes, name: str = frame_name(), **headers: str) -> httpx.Response:
    return client.post("/frames", params={"name": name}, content=content, headers={**GOOD, **headers})


def leftovers(tmp_path) -> list[Path]:
    stage = tmp_path / "kept" / STAGE
    return list(stage.iterdir()) if stage.exists() else []


def test_an_uploaded_frame_is_kept_recorded_and_told(client, database, tmp_path):
    answer = upload(client, frame_bytes())
    assert answer.status_code == 201
    told = answer.json()
    assert (told["state"], told["name"], told["instrument"], told["kind"]) == (
        "accepted",
        frame_name(),
        "NIRI",
        "science",
    )
    assert told["night"] == "2016-01-01"
    assert Path(told["path"]) == tmp_path / "kept" / PLACE
    assert Path(told["path"]).read_bytes() == frame_bytes()
    again = upload(client, frame_bytes(), "copy.fits")
    assert (again.status_code, again.json()["state"], again.json()["frame"]) == (200, "duplicate", told["frame"])
    other = upload(client, frame_bytes(2))
    assert Path(other.json()["path"]).name == "N20160102S0001.v2.fits"
    assert leftovers(tmp_path) == []
    assert balance(database).arrivals == {"accepted": 2, "duplicate": 1}


def test_a_bad_upload_is_refused_with_the_same_codes_and_set_aside(client, database, tmp_path):
    cut = upload(client, frame_bytes()[:-2880])
    assert (cut.status_code, cut.json()["state"], cut.json()["code"]) == (422, "quarantined", "truncated")
    assert (tmp_path / "aside" / frame_name()).read_bytes() == frame_bytes()[:-2880]
    bomb = upload(client, gzip.compress(bytes(10**7)), "N3.fits.gz")
    assert bomb.json()["code"] == "too_large"
    assert leftovers(tmp_path) == []
    assert balance(database).arrivals == {"quarantined": 2}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer " + "x" * 32}, {"Authorization": f"Basic {SECRET}"}, {"Authorization": "Bearer"}],
)
def test_without_a_good_token_nothing_is_taken(client, tmp_path, headers):
    answer = client.post("/frames", params={"name": frame_name()}, content=frame_bytes(), headers=headers)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]
    assert not (tmp_path / "kept").exists()


def test_without_tokens_or_a_place_uploads_are_refused(database, tmp_path, tokens):
    (tmp_path / "raw").mkdir()
    with serving(database, directories=str(tmp_path / "raw"), uploads=tmp_path / "kept") as client:
        assert upload(client, frame_bytes()).status_code == 403
    with serving(database, directories=str(tmp_path / "raw"), token_file=tokens) as client:
        answer = upload(client, frame_bytes())
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "uploads")


@pytest.mark.parametrize("name", ["../N1.fits", "/etc/N1.fits", ".N1.fits", "N1.txt", "N1.fits\n", ""])
def test_a_name_that_leads_elsewhere_is_refused(client, tmp_path, name):
    answer = upload(client, frame_bytes(), name)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "name")
    assert leftovers(tmp_path) == []


def test_an_upload_beyond_the_limit_is_refused_whether_it_says_its_size_or_not(client, tmp_path):
    assert upload(client, bytes(200_001)).status_code == 413
    parts = (bytes(10_000) for _ in range(100))
    answer = client.post("/frames", params={"name": "N1.fits"}, content=parts, headers=GOOD)
    assert answer.status_code == 413
    assert leftovers(tmp_path) == []


def test_an_upload_that_breaks_off_leaves_nothing(client, database, tmp_path):
    where = (client.base_url.host, client.base_url.port)
    with socket.create_connection(where) as connection:
        head = f"POST /frames?name=N1.fits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n"
        connection.sendall(f"{head}Content-Length: 99999\r\n\r\n".encode() + bytes(50_000))
        until(lambda: leftovers(tmp_path))
    until(lambda: not leftovers(tmp_path))
    assert balance(database).arrivals == {}


def until(happens) -> None:
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


# A path instead of bytes


def test_a_path_is_looked_into_at_once(database, tmp_path, tokens):
    raw = tmp_path / "raw"
    path = write_frame(raw)
    with serving(database, directories=str(raw), token_file=tokens, interval=3600) as client:
        answer = client.post("/frames", json={"path": str(path)}, headers=GOOD)
        assert (answer.status_code, answer.json()["path"]) == (201, str(path))
        again = client.post("/frames", json={"path": str(path)}, headers=GOOD)
        assert (again.status_code, again.json()["frame"]) == (200, answer.json()["frame"])
        (raw / "N9.fits").write_bytes(frame_bytes(9)[:-2880])
        growing = client.post("/frames", json={"path": str(raw / "N9.fits")}, headers=GOOD)
        assert (growing.status_code, growing.json()["state"]) == (202, "settling")
    assert balance(database).arrivals == {"accepted": 1, "duplicate": 1, "settling": 1}


@pytest.mark.parametrize("path", ["/etc/passwd", "{raw}/../N1.fits", "{raw}/out.fits", "{raw}/nosuch.fits", "", "\0"])
def test_a_path_that_leads_elsewhere_is_refused(client, tmp_path, path):
    write_frame(tmp_path, name="N1.fits")
    (tmp_path / "raw" / "out.fits").symlink_to(tmp_path / "N1.fits")
    answer = client.post("/frames", json={"path": path.format(raw=tmp_path / "raw")}, headers=GOOD)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "path")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"path": 1}', b'{"path": "/raw", "more": 1}', b"{" * 5000])
def test_a_body_that_is_no_path_is_refused(client, body):
    answer = client.post("/frames", content=body, headers={**GOOD, "Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "request")
    huge = client.post("/frames", content=b" " * 70_000, headers={**GOOD, "Content-Type": "application/json"})
    assert huge.status_code == 413


@pytest.fixture
def written(tmp_path):
    return write_frame(tmp_path / "raw")


def test_a_path_whose_file_cannot_be_read_or_changes_is_not_recorded(database, tmp_path, written, monkeypatch):
    lost = take_in(database, Archive(), str(tmp_path / "nosuch.fits"))
    assert isinstance(lost, NotRecorded)
    assert "No such file" in lost.reason
    for verdict, told in ((Changed(), "it changes"), (NotNow("the disk fails"), "the disk fails")):
        monkeypatch.setattr(intake, "verify", lambda *_, verdict=verdict: verdict)
        found = take_in(database, Archive(), str(written))
        assert isinstance(found, Unfinished)
        assert told in found.reason
    assert balance(database).arrivals == {"settling": 1}


def test_a_path_with_fewer_extensions_than_promised_is_not_recorded_yet(database, tmp_path):
    path = write_niri(tmp_path / "N1.fits", NEXTEND=4)
    assert isinstance(take_in(database, Archive(), str(path)), Unfinished)
    assert isinstance(take_in(database, Archive(), str(path), last=True), Recorded)


def test_a_path_that_somebody_records_at_the_same_moment_is_a_repeat(database, written, monkeypatch):
    verify = intake.verify

    def overtaken(path, *more):
        verdict = verify(path, *more)
        monkeypatch.setattr(intake, "verify", verify)
        assert isinstance(take_in(database, Archive(), path), Recorded)
        return verdict

    monkeypatch.setattr(intake, "verify", overtaken)
    found = take_in(database, Archive(), str(written))
    assert isinstance(found, Recorded)
    assert found.state == "duplicate"
    assert balance(database).frames == {"received": 1}


def test_an_upload_whose_archive_is_full_is_not_taken(database, tmp_path, monkeypatch):
    monkeypatch.setattr(Archive, "keep", lambda *_: NotKept("no room"))
    with pytest.raises(ServiceError, match="no room"):
        Inbox(database, tmp_path / "kept").receive(frame_name(), [frame_bytes()])
    assert balance(database).arrivals == {"gone": 1}
    assert leftovers(tmp_path) == []


def test_a_file_below_a_linked_directory_is_where_its_name_says(tmp_path):
    path = write_frame(tmp_path / "disk")
    (tmp_path / "raw").symlink_to(tmp_path / "disk")
    assert within(str(tmp_path / "raw" / path.name), [tmp_path / "raw"]) == tmp_path / "raw" / path.name


# Faults


def test_a_database_that_is_gone_is_told_and_nothing_is_kept(client, database, tmp_path, monkeypatch):
    def gone(*_: object, **__: object) -> None:
        raise ServiceError("the database is gone")

    monkeypatch.setattr("nightcrew.ingest.intake.record", gone)
    answer = upload(client, frame_bytes())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service")
    assert leftovers(tmp_path) == []


def test_an_upload_that_was_complete_when_the_process_died_is_brought_to_its_end(database, tmp_path):
    inbox = Inbox(database, tmp_path / "kept")
    half = {}
    for name in ("whole", "lost"):
        path = tmp_path / "kept" / STAGE / f"upload-{name}" / f"{name}.fits"
        path.parent.mkdir(parents=True)
        path.write_bytes(frame_bytes())
        status = path.stat()
        with database.begin() as connection:
            arrivals.see(connection, [Sighting(str(path), status.st_size, status.st_mtime_ns, status.st_ino)])
        half[name] = path
    half["lost"].unlink()
    (ended,) = inbox.recover()
    assert ended.frame is not None
    assert Path(ended.frame.path).read_bytes() == frame_bytes()
    assert balance(database).arrivals == {"accepted": 1, "gone": 1}
    assert inbox.sweep(time.time()) == 0
    assert inbox.sweep(time.time() + 10**6) == 1
    assert leftovers(tmp_path) == []


def test_a_place_that_cannot_be_written_is_told(database, tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(ServiceError, match="cannot be written"):
        Inbox(database, tmp_path / "kept").receive("N1.fits", [frame_bytes()])


# What watches the service


def test_health_readiness_and_metrics_need_no_token(client, tmp_path):
    write_frame(tmp_path / "raw")
    name = 'nightcrew_frames_total{frame_type="science",instrument="NIRI",outcome="accepted"} 1.0'
    until(lambda: name in client.get("/metrics").text)
    assert client.get("/healthz").json() == {"status": "ok", "checks": {"loop": "ok"}}
    assert client.get("/readyz").json()["checks"] == {"database": "ok", "directories": "ok"}
    (tmp_path / "raw").rename(tmp_path / "away")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert "No such file" in answer.json()["checks"]["directories"]


def test_messages_that_nobody_takes_make_it_unready(database, tmp_path, written):
    take_in(database, Archive(), str(written))
    bus = MemoryBus(MemoryBroker(Topology.load()), stop=threading.Event())
    process = Process(database, IngestSettings.load(directories=str(tmp_path)), bus, threading.Event(), Metrics())
    assert process.ready()["broker"] == "ok"
    with database.begin() as connection:
        connection.execute(text("UPDATE ledger.outbox SET created_at = now() - interval '5 minutes'"))
    assert process.ready()["broker"].startswith("1 messages wait to be published")


def test_what_is_not_there_is_told_as_json(client):
    assert client.get("/nosuch").json()["error"]["code"] == "route"
    assert client.get("/frames").status_code == 405


def test_a_loop_that_has_died_is_told(database, tmp_path):
    process = Process(database, IngestSettings.load(directories=str(tmp_path)), None, threading.Event(), Metrics())
    assert process.health() == {"loop": "ok"}
    process.teller.heard -= 10**6
    assert "no sign of life" in process.health()["loop"]


def test_a_database_without_tables_is_not_ready(database, tmp_path):
    process = Process(database, IngestSettings.load(directories=str(tmp_path)), None, threading.Event(), Metrics())
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE ledger.alembic_version RENAME TO away"))
    try:
        assert process.ready()["database"] != "ok"
    finally:
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE ledger.away RENAME TO alembic_version"))
