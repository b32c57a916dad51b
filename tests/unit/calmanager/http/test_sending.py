"""Sending a file, no faster than the client takes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from nightcrew.calmanager.http.sending import FileResponse, OpenFile
from nightcrew.shared.http.workers import Truncated, Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from starlette.types import Message

SCOPE: dict[str, Any] = {"type": "http", "method": "GET"}


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(2)
    yield workers
    workers.close()


def response(path: Path, workers: Workers, content: bytes, seconds: float = 10.0, **headers: str) -> FileResponse:
    path.write_bytes(content)
    file = OpenFile(path.open("rb"), len(content))
    return FileResponse(file, name="d.fits", sha256="ab", request_headers=headers, workers=workers, seconds=seconds)


async def nothing() -> Message:
    raise AssertionError("a file is sent without reading the body")


async def sent(answer: FileResponse) -> list[Message]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    await answer(SCOPE, nothing, send)
    return messages


def test_a_large_file_is_sent_in_parts_and_closed(tmp_path: Path, workers: Workers) -> None:
    content = bytes(range(256)) * 5000
    answer = response(tmp_path / "d.fits", workers, content)
    start, *parts = asyncio.run(sent(answer))
    assert start["status"] == 200
    assert len(parts) > 1
    assert b"".join(part["body"] for part in parts) == content
    assert [part["more_body"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert answer._file.stream.closed


def test_an_empty_file_is_sent_too(tmp_path: Path, workers: Workers) -> None:
    _, body = asyncio.run(sent(response(tmp_path / "d.fits", workers, b"")))
    assert body["body"] == b""


def test_a_file_that_becomes_shorter_meanwhile_breaks_off(tmp_path: Path, workers: Workers) -> None:
    answer = response(tmp_path / "d.fits", workers, bytes(100))
    (tmp_path / "d.fits").write_bytes(bytes(10))
    *_, last = asyncio.run(sent(answer))
    assert last == {"type": "http.response.body", "body": b"", "more_body": True}


def test_a_client_that_takes_nothing_is_left(tmp_path: Path, workers: Workers) -> None:
    answer = response(tmp_path / "d.fits", workers, bytes(100), seconds=0.05)

    async def stuck(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        asyncio.run(answer(SCOPE, nothing, stuck))
    assert answer._file.stream.closed


def test_a_body_is_handed_to_a_thread_as_it_arrives(workers: Workers) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield bytes(400_000)

    async def run() -> list[int]:
        return await workers.run_with_body(lambda chunks: [len(chunk) for chunk in chunks], parts())

    assert asyncio.run(run()) == [1_200_000, 800_000]


def test_an_upload_that_nobody_waits_for_ends(workers: Workers) -> None:
    ends: list[BaseException] = []

    def work(chunks: Iterator[bytes]) -> None:
        try:
            for _ in chunks:
                pass
        except BaseException as error:
            ends.append(error)
            raise

    async def endless() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            yield bytes(300_000)

    async def run() -> None:
        task = asyncio.create_task(workers.run_with_body(work, endless()))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)

    asyncio.run(run())
    workers.close()
    assert [type(end) for end in ends] == [Truncated]
