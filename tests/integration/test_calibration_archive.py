"""The archive's protocol as DRAGONS speaks it, byte for byte, with the service as a process of its own."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote_plus
from xml.etree import ElementTree as ET

import pytest

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.http.legacy import NAMESPACE
from nightcrew.calmanager.settings import CalmanagerSettings
from nightcrew.calmanager.tokens import Scope, Tokens
from support.calibration_service import schemas
from support.dragons import Dragons, NoCalibration
from support.f2_masters import flat_request, write_master_dark
from support.serving import ServiceProcess, address_of, exchange, serving, split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.database import Database
    from support.postgres import Tables

__all__ = ["schemas"]

DARK = "S20131121S0115_dark.fits"
FLAT = flat_request("S20131121S0284_flat.fits")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive") / "store"


@pytest.fixture(scope="module", params=["process", "thread"])
def service(request: pytest.FixtureRequest, postgres_url: str, tables: Tables, store: Path) -> Iterator[str]:
    """Serve as operators do; and once more in the test's process, which shows what the tests have reached."""
    if request.param == "thread":
        manager = CalibrationManager.open(tables.database, files=FileStore(store))
        with serving(manager, CalmanagerSettings.load(max_upload=10**6)) as url:
            yield url
        return
    environment = {"NIGHTCREW_CALMANAGER_LOG_FORMAT": "json", "NIGHTCREW_CALMANAGER_MAX_UPLOAD": "1000000"}
    with ServiceProcess(postgres_url, store, environment) as process:
        assert process.url, process.log
        yield process.url
        assert process.terminate() == 0
    assert not any("Traceback" in line or '"level": "error"' in line for line in process.log)
    assert not any("goodcookie" in line or re.search(r"nightcrew_[\w-]{43}", line) for line in process.log)


@pytest.fixture
def secret(database: Database) -> str:
    return Tokens(database).create("archive-user", [Scope.WRITE])


@pytest.fixture
def manager(database: Database, store: Path) -> CalibrationManager:
    return CalibrationManager.open(database, files=FileStore(store))


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    return write_master_dark(tmp_path / DARK)


def host(url: str) -> str:
    return "{}:{}".format(*address_of(url))


def association(url: str, body: bytes, path: str = "/jsoncalmgr/processed_dark/sq/S20131121S0284_flat.fits") -> bytes:
    """Return the request that DRAGONS 4.2.2 sends."""
    return (
        f"POST {path} HTTP/1.1\r\n"
        "Accept-Encoding: identity\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Host: {host(url)}\r\n"
        "User-Agent: GeminiDRAGONS 4.2.2\r\n"
        "Connection: close\r\n"
        "\r\n"
    ).encode() + body


def upload(url: str, body: bytes, cookie: str, path: str = f"/upload_file/{DARK}") -> bytes:
    """Return the upload that DRAGONS 4.2.2 sends."""
    return (
        f"POST {path} HTTP/1.1\r\n"
        "Accept-Encoding: identity\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Host: {host(url)}\r\n"
        "User-Agent: Python-urllib/3.12\r\n"
        "Content-Type: application/octet-stream\r\n"
        f"Cookie: gemini_fits_upload_auth={cookie}\r\n"
        "Connection: close\r\n"
        "\r\n"
    ).encode() + body


def download(url: str, path: str) -> bytes:
    """Return the request for a file that DRAGONS 4.2.2 sends; the last of a connection here."""
    return (
        f"GET {path} HTTP/1.1\r\n"
        f"Host: {host(url)}\r\n"
        "User-Agent: GeminiDRAGONS 4.2.2\r\n"
        "Accept-Encoding: gzip, deflate\r\n"
        "Accept: */*\r\n"
        "Connection: close\r\n"
        "\r\n"
    ).encode()


def body_of(request: dict[str, Any]) -> bytes:
    return json.dumps({"tags": request["tags"], "descriptors": request["descriptors"]}).encode()


def test_a_reduction_asks_and_gets_the_answer_in_the_archives_form(
    service: str, manager: CalibrationManager, dark: Path
) -> None:
    record = manager.add(dark, who="ana").record
    status, headers, answer = split(exchange(service, association(service, body_of(FLAT))))
    assert (status, headers["content-type"]) == (200, "application/json")
    assert answer == json.dumps(json.loads(answer), indent=4).encode()
    assert json.loads(answer) == [
        {
            "label": "GS-2015A-CAL-1-001",
            "filename": None,
            "md5": None,
            "cal_info": [
                {
                    "error": False,
                    "type": "processed_dark",
                    "cals": [
                        {
                            "label": "GS-2015A-CAL-1-001",
                            "name": DARK,
                            "md5": hashlib.md5(dark.read_bytes()).hexdigest(),
                            "url": f"{service}/file/{record.id}/{DARK}",
                        }
                    ],
                }
            ],
        }
    ]


def test_entries_from_before_data_labels_were_kept_are_offered_without(
    service: str, database: Database, manager: CalibrationManager, dark: Path
) -> None:
    manager.add(dark, who="ana")
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE calibration.calibrations SET columns = columns - 'data_label'")
    answer = json.loads(split(exchange(service, association(service, body_of(FLAT))))[2])
    assert [(one["label"], one["name"]) for one in answer[0]["cal_info"][0]["cals"]] == [(None, DARK)]


def test_a_file_comes_as_it_is_with_its_length_and_name(service: str, manager: CalibrationManager, dark: Path) -> None:
    record = manager.add(dark, who="ana").record
    for path in (f"/file/{DARK}", f"/file/{record.id}/{DARK}", f"/file/some/where/{DARK}"):
        status, headers, content = split(exchange(service, download(service, path)))
        assert (status, content) == (200, dark.read_bytes())
        assert headers["content-type"] == "application/fits"
        assert headers["content-length"] == str(dark.stat().st_size)
        assert headers["content-disposition"] == f'attachment; filename="{DARK}"'
        assert "content-encoding" not in headers


@pytest.mark.parametrize("path", ["/upload_file/", "/upload_processed_cal/", "/upload_file/processed_cal/"])
def test_an_upload_is_answered_when_it_can_be_found(service: str, secret: str, dark: Path, path: str) -> None:
    content = dark.read_bytes()
    status, _, answer = split(exchange(service, upload(service, content, secret, f"{path}{DARK}")))
    assert status == 200
    md5 = hashlib.md5(content).hexdigest()
    assert json.loads(answer) == [{"filename": DARK, "path": "", "size": len(content), "md5": md5}]
    assert split(exchange(service, download(service, f"/file/{DARK}")))[2] == content


@pytest.mark.parametrize("cookie", ["goodcookie", "None", ""])
def test_an_upload_without_a_good_cookie_is_forbidden(
    service: str, manager: CalibrationManager, dark: Path, cookie: str
) -> None:
    status, headers, answer = split(exchange(service, upload(service, dark.read_bytes(), cookie)))
    assert (status, headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert b"gemini_fits_upload_auth" in answer
    assert split(exchange(service, download(service, f"/file/{DARK}")))[0] == 404


def test_a_token_that_may_only_read_is_no_cookie(service: str, database: Database, dark: Path) -> None:
    reader = Tokens(database).create("console", [Scope.READ])
    assert split(exchange(service, upload(service, dark.read_bytes(), reader)))[0] == 403


@pytest.mark.parametrize(
    "path",
    [f"/upload_file/a/b/{DARK}", f"/upload_file/..%2f{DARK}", "/upload_file/%2fetc%2fpasswd", "/upload_file/a%00.fits",
     f"/upload_file/../../{DARK}", "/upload_file/"],
)  # fmt: skip
def test_an_upload_into_a_directory_is_refused(service: str, secret: str, dark: Path, store: Path, path: str) -> None:
    before = sorted(store.rglob("*"))
    status, _, answer = split(exchange(service, upload(service, dark.read_bytes(), secret, path)))
    assert status == 422
    assert b"base name" in answer
    assert sorted(store.rglob("*")) == before


def test_an_upload_of_what_is_no_calibration_is_refused(service: str, secret: str) -> None:
    status, _, answer = split(exchange(service, upload(service, b"SIMPLE  =  T" * 300, secret)))
    assert status == 422
    assert DARK.encode() in answer


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Missing POST data"),
        (b"hello", "Unable to parse JSON POST data."),
        (b'{"tags": {}, "descriptors": {}}', "tags is not a list."),
        (b'{"tags": [], "descriptors": {"instrument": "F2"}}', "Missing field in request: 'ut_datetime'"),
    ],
)
def test_a_bad_question_is_refused_in_the_archives_words(service: str, body: bytes, says: str) -> None:
    status, headers, answer = split(exchange(service, association(service, body)))
    assert (status, headers["content-type"], answer.decode().strip()) == (400, "text/plain; charset=utf-8", says)


@pytest.mark.parametrize("caltype", ["bpm", "processed_nonsense", ""])
def test_an_unknown_type_is_405(service: str, caltype: str) -> None:
    path = f"/jsoncalmgr/{caltype}/sq/S20131121S0284_flat.fits"
    status, headers, _ = split(exchange(service, association(service, body_of(FLAT), path)))
    assert (status, headers["content-type"]) == (405, "text/plain; charset=utf-8")


def test_science_quality_asks_for_science_quality_and_others_take_all(
    service: str, manager: CalibrationManager, tmp_path: Path
) -> None:
    manager.add(write_master_dark(tmp_path / "S20131121S0115_ql_dark.fits", mode="ql"), who="ana")
    dragons = Dragons(service)
    arguments = ("processed_dark", FLAT["name"], FLAT["tags"], FLAT["descriptors"])
    for mode in ("ql", "qa", None):
        assert len(dragons.ask(*arguments, mode=mode)) == 1
    with pytest.raises(NoCalibration, match="cals list empty"):
        dragons.ask(*arguments, mode="sq")


def test_exactly_one_master_is_offered_and_none_whose_file_is_gone(
    service: str, manager: CalibrationManager, tmp_path: Path
) -> None:
    paths = [write_master_dark(tmp_path / f"S20131121S{n:04}_dark.fits", ut=f"02:0{n}:00", seed=n) for n in range(3)]
    for path in paths:
        manager.add(path, who="ana")
    paths[2].unlink()
    dragons = Dragons(service)
    ((url, md5),) = dragons.ask("processed_dark", FLAT["name"], FLAT["tags"], FLAT["descriptors"], mode="sq")
    (tmp_path / "cache").mkdir()
    assert dragons.fetch(url, md5, tmp_path / "cache").name == paths[1].name


def test_what_was_offered_stays_what_is_fetched(service: str, manager: CalibrationManager, tmp_path: Path) -> None:
    first = write_master_dark(tmp_path / "a" / DARK)
    manager.receive(DARK, [first.read_bytes()], who="ana", limit=10**6)
    manager.certify(DARK, who="ana", why="looked at it")
    dragons = Dragons(service)
    ((url, md5),) = dragons.ask("processed_dark", FLAT["name"], FLAT["tags"], FLAT["descriptors"])
    manager.receive(DARK, [write_master_dark(tmp_path / "b" / DARK, seed=2).read_bytes()], who="bob", limit=10**6)
    (tmp_path / "cache").mkdir()
    assert dragons.fetch(url, md5, tmp_path / "cache").read_bytes() == first.read_bytes()


def test_a_reduction_stores_its_dark_and_the_next_one_finds_it(
    service: str, secret: str, manager: CalibrationManager, tmp_path: Path, dark: Path
) -> None:
    with pytest.raises(HTTPError, match="403"):
        Dragons(service).store(dark)
    dragons = Dragons(service, cookie=secret)
    for route in ("upload_file", "upload_processed_cal"):
        dragons.store(dark, route)
    manager.certify(DARK, who="ana", why="looked at it")
    ((url, md5),) = dragons.ask("processed_dark", FLAT["name"], FLAT["tags"], FLAT["descriptors"], mode="sq")
    (tmp_path / "cache").mkdir()
    assert dragons.fetch(url, md5, tmp_path / "cache").read_bytes() == dark.read_bytes()


@pytest.mark.parametrize("route", ["calmgr", "xmlcalmgr"])
def test_older_versions_ask_in_their_form_and_get_xml(
    service: str, manager: CalibrationManager, dark: Path, route: str
) -> None:
    record = manager.add(dark, who="ana").record
    moment = FLAT["descriptors"]["ut_datetime"]
    assert moment == "2015-01-03T03:00:00"
    text = repr({key: value for key, value in FLAT["descriptors"].items() if key != "ut_datetime"})
    text = text[:-1] + ", 'ut_datetime': datetime.datetime(2015, 1, 3, 3, 0)}"
    body = f"descriptors={quote_plus(text)}&types={quote_plus(repr(set(FLAT['tags'])))}".encode()
    status, headers, answer = split(
        exchange(service, association(service, body, f"/{route}/processed_dark/{FLAT['name']}"))
    )
    assert (status, headers["content-type"]) == (200, "text/xml; charset=utf-8")
    root = ET.fromstring(answer)
    assert [one.text for one in root.iter(f"{{{NAMESPACE}}}url")] == [f"{service}/file/{record.id}/{DARK}"]
    assert [one.text for one in root.iter(f"{{{NAMESPACE}}}md5")] == [hashlib.md5(dark.read_bytes()).hexdigest()]


def test_either_form_is_taken_at_either_address(service: str, manager: CalibrationManager, dark: Path) -> None:
    manager.add(dark, who="ana")
    answer = split(exchange(service, association(service, body_of(FLAT), f"/calmgr/processed_dark/{FLAT['name']}")))[2]
    assert b"<calibration>" in answer
    body = f"descriptors={quote_plus(repr(FLAT['descriptors']))}&types={quote_plus(repr(FLAT['tags']))}".encode()
    answer = split(exchange(service, association(service, body)))[2]
    assert json.loads(answer)[0]["cal_info"][0]["cals"]


def test_a_calibration_that_is_known_can_be_named(
    service: str, manager: CalibrationManager, tmp_path: Path, dark: Path
) -> None:
    manager.add(dark, who="ana")
    later = manager.add(write_master_dark(tmp_path / "S2_dark.fits", ut="01:05:00", seed=2), who="ana").record
    status, _, answer = split(exchange(service, download(service, "/jsoncalmgr/processed_dark/S2_dark.fits")))
    (dataset,) = json.loads(answer)
    assert (status, dataset["filename"], dataset["md5"]) == (200, "S2_dark.fits", later.md5)
    assert dataset["label"] == "GS-2015A-CAL-1-001"
    (info,) = dataset["cal_info"]
    assert [one["name"] for one in info["cals"]] == ["S2_dark.fits"]
    everything = json.loads(split(exchange(service, download(service, "/jsoncalmgr/S2_dark.fits")))[2])
    assert "processed_bpm" in [one["type"] for one in everything[0]["cal_info"]]
    assert b"<dataset>" in split(exchange(service, download(service, "/calmgr/processed_dark/S2_dark.fits")))[2]
    assert json.loads(split(exchange(service, download(service, "/jsoncalmgr/processed_dark/nobody.fits")))[2]) == []
    assert split(exchange(service, download(service, "/jsoncalmgr/processed_dark")))[0] == 406
    assert split(exchange(service, download(service, "/jsoncalmgr/nonsense/S2_dark.fits")))[0] == 405


@pytest.mark.parametrize("path", ["/file/nobody.fits", "/file/99/nobody.fits", "/file/%2e%2e/etc/passwd", "/file/"])
def test_a_file_that_there_is_not_is_404_or_refused(service: str, manager: CalibrationManager, path: str) -> None:
    assert split(exchange(service, download(service, path)))[0] in {404, 422}


def test_an_entry_is_fetched_under_its_own_name_only(service: str, manager: CalibrationManager, dark: Path) -> None:
    record = manager.add(dark, who="ana").record
    assert split(exchange(service, download(service, f"/file/{record.id}/other.fits")))[0] == 404


def test_links_name_the_address_that_was_asked(service: str, manager: CalibrationManager, dark: Path) -> None:
    record = manager.add(dark, who="ana").record
    request = association(service, body_of(FLAT))
    ours = f"Host: {host(service)}".encode()
    answer = split(exchange(service, request.replace(ours, b"Host: calmgr.example.org:8080")))[2]
    assert json.loads(answer)[0]["cal_info"][0]["cals"][0]["url"] == (
        f"http://calmgr.example.org:8080/file/{record.id}/{DARK}"
    )
    answer = split(exchange(service, request.replace(ours, b"Host: x<script>/..@y")))[2]
    assert json.loads(answer)[0]["cal_info"][0]["cals"][0]["url"].startswith(f"{service}/file/")
