"""What one client may take from the calibration service: bytes, time, connections."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from nightcrew.calmanager.settings import CalmanagerSettings
from support.calibration_service import client, manager, manager_and_url, schemas, service, store, stranger, writer
from support.f2_masters import write_master_dark
from support.serving import PATIENCE, address_of, exchange, read_all, split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["client", "manager", "manager_and_url", "schemas", "service", "store", "stranger", "writer"]

DARK = "S20150103S0115_dark.fits"
CONNECTIONS = 40
REQUESTS = 6


@pytest.fixture(scope="module")
def settings() -> CalmanagerSettings:
    return CalmanagerSettings.load(
        max_upload=100_000,
        max_body=4096,
        max_header=4096,
        connections=CONNECTIONS,
        requests=REQUESTS,
        uploads=2,
        header_timeout=1.0,
        body_timeout=0.4,
    )


@pytest.fixture
def dark(tmp_path: Path) -> bytes:
    return write_master_dark(tmp_path / DARK).read_bytes()


def upload_head(writer: str, *headers: str, path: str = f"/v1/calibrations/{DARK}") -> bytes:
    lines = [f"PUT {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {writer}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def chunked(content: bytes, size: int = 5000) -> bytes:
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def kept(store: Path) -> list[Path]:
    return [one for one in store.rglob("*") if one.is_file()]


def eventually(what: object, *, patience: float = PATIENCE) -> None:
    """Wait until something is so."""
    assert callable(what)
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it never is so"
        time.sleep(0.02)


def test_a_body_that_says_it_is_too_large_is_not_read(service: str, writer: str, store: Path) -> None:
    head = upload_head(writer, "Content-Length: 100001", "Expect: 100-continue", "Connection: close")
    status, _, answer = split(exchange(service, head))
    assert status == 413
    assert b'"code":"size"' in answer
    assert kept(store) == []


@pytest.mark.parametrize("length", [100_001, 3_000_000])
def test_a_client_that_sends_all_of_it_first_still_reads_why(
    service: str, writer: str, store: Path, length: int
) -> None:
    head = upload_head(writer, f"Content-Length: {length}", "Connection: close")
    assert split(exchange(service, head + bytes(length)))[0] == 413
    assert kept(store) == []


def test_a_body_in_chunks_is_too_large_when_it_is(service: str, writer: str, store: Path, dark: bytes) -> None:
    head = upload_head(writer, "Transfer-Encoding: chunked", "Connection: close")
    assert split(exchange(service, head + chunked(bytes(150_000))))[0] == 413
    assert kept(store) == []
    assert split(exchange(service, head + chunked(dark)))[0] == 201


def test_a_question_may_not_be_as_large_as_a_file(stranger: httpx.Client) -> None:
    for path in ("/v1/associate", "/jsoncalmgr/processed_dark/x.fits"):
        assert stranger.post(path, content=b"{" + b" " * 5000).status_code == 413


def test_half_an_upload_leaves_nothing(
    service: str, writer: str, store: Path, dark: bytes, client: httpx.Client
) -> None:
    head = upload_head(writer, f"Content-Length: {len(dark)}")
    with socket.create_connection(address_of(service)) as connection:
        connection.sendall(head + dark[: len(dark) // 2])
        eventually(lambda: kept(store))
    eventually(lambda: not kept(store))
    assert client.get("/v1/calibrations").json()["calibrations"] == []
    assert client.put(f"/v1/calibrations/{DARK}", content=dark).status_code == 201


def test_a_body_that_stops_is_given_up(service: str, writer: str, store: Path, dark: bytes) -> None:
    head = upload_head(writer, f"Content-Length: {len(dark)}", "Connection: close")
    status, _, answer = split(exchange(service, head + dark[:3000]))
    assert status == 408
    assert b'"code":"timeout"' in answer
    assert kept(store) == []


def test_headers_that_do_not_come_are_given_up(service: str) -> None:
    assert split(exchange(service, b""))[0] == 408
    assert split(exchange(service, b"GET /healthz HTTP/1.1\r\nHost:"))[0] == 408


def test_a_second_request_of_a_connection_is_not_waited_for_either(service: str) -> None:
    answers = exchange(service, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP")
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 5000,
        b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_headers_that_are_too_long_are_refused(service: str, head: bytes) -> None:
    assert split(exchange(service, head))[0] == 431


def test_what_is_no_http_is_refused(service: str) -> None:
    assert split(exchange(service, b"\x16\x03\x01 let me in\r\n\r\n"))[0] == 400


def test_a_file_and_a_request_of_a_kilobyte_pass_together(service: str, writer: str, dark: bytes) -> None:
    head = upload_head(writer, f"Content-Length: {len(dark)}", f"X-Note: {'x' * 1000}", "Connection: close")
    assert split(exchange(service, head + dark))[0] == 201


@pytest.fixture
def busy(service: str, writer: str) -> Iterator[list[socket.socket]]:
    """Give connections whose uploads have begun, as many as there may be."""
    with ExitStack() as stack:
        connections = []
        for number in range(REQUESTS):
            connection = stack.enter_context(socket.create_connection(address_of(service), timeout=PATIENCE))
            path = f"/v1/calibrations/busy{number}.fits"
            connection.sendall(upload_head(writer, "Content-Length: 90000", "Connection: close", path=path))
            connections.append(connection)
        yield connections


def test_one_request_too_many_is_told_to_come_back(
    service: str, stranger: httpx.Client, busy: list[socket.socket]
) -> None:
    ask = {"target": {"tags": [], "descriptors": {}}, "caltype": "dark"}
    answers: list[httpx.Response] = []

    def refused() -> bool:
        for connection in busy:
            connection.sendall(b"x")
        answers.append(stranger.post("/v1/associate", json=ask))
        return answers[-1].status_code == 503

    eventually(refused)
    assert answers[-1].json()["error"]["code"] == "busy"
    assert answers[-1].headers["Retry-After"] == "1"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert stranger.get(path).status_code == 200
    for connection in busy:
        assert split(read_all(connection))[0] in {408, 422}
    eventually(lambda: stranger.post("/v1/associate", json=ask).status_code != 503)


def test_hundreds_of_connections_are_refused_politely_and_the_service_goes_on(
    service: str, stranger: httpx.Client
) -> None:
    request = b"GET /v1/calibrations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(address_of(service), timeout=PATIENCE)) for _ in range(600)
        ]
        outcomes: dict[str, int] = {}
        for connection in connections:
            try:
                connection.sendall(request)
                answer = read_all(connection)
                outcome = str(split(answer)[0]) if answer else "closed"
                assert outcome != "503" or b"Retry-After: 1" in answer
            except OSError:
                outcome = "closed"
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert set(outcomes) <= {"200", "408", "503", "closed"}
    assert outcomes["503"] > 0
    assert sum(outcomes.values()) == 600
    eventually(lambda: stranger.get("/v1/calibrations").status_code == 200)
    eventually(lambda: httpx.get(f"{service}/healthz").status_code == 200)
