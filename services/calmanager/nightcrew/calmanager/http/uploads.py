"""Uploads, as both protocols have them: the body of the request is the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from nightcrew.shared.http.workers import Truncated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request

    from nightcrew.calmanager.http.digests import Announced
    from nightcrew.calmanager.http.service import Service
    from nightcrew.calmanager.records import Added


async def receive(service: Service, request: Request, name: str, announced: Announced) -> Added:
    """Take the file that a request carries; it is committed when this returns, and nothing is kept if it raises."""

    def work(chunks: Iterator[bytes]) -> Added:
        return service.manager.receive(
            name,
            chunks,
            who=request.state.who,
            md5=announced.md5,
            sha256=announced.sha256,
            limit=service.settings.max_upload,
        )

    return await service.uploads.run_with_body(work, _parts(request, name))


async def _parts(request: Request, name: str) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect as error:
        raise Truncated(f"{name}: the connection broke before all of it had arrived; send it again") from error
