"""The routes of `/v1`."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Security
from fastapi import Path as InPath
from fastapi.responses import Response
from starlette.requests import Request  # noqa: TC002 (FastAPI reads the annotation)

from nightcrew.calmanager.core.states import State  # noqa: TC001 (FastAPI reads the annotation)
from nightcrew.calmanager.errors import Unknown
from nightcrew.calmanager.http import wire
from nightcrew.calmanager.http.digests import announced
from nightcrew.calmanager.http.files import file_response, opened
from nightcrew.calmanager.http.refusing import Refusal
from nightcrew.calmanager.http.security import BEARER
from nightcrew.calmanager.http.uploads import receive
from nightcrew.calmanager.incoming import checked_name
from nightcrew.calmanager.records import FileFacts, Input, Listing, ProductRecord
from nightcrew.shared.association import Level, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic import BaseModel

    from nightcrew.calmanager.http.service import Service
    from nightcrew.calmanager.records import Record
    from nightcrew.shared.association import Answer
    from nightcrew.shared.http.workers import Workers

Which = Annotated[
    str, InPath(min_length=1, max_length=200, description="Number of the entry, or name of the file", examples=["17"])
]
_LARGEST = 2**63 - 1
"""Number of an entry: a bigint."""

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": wire.ErrorOut, "description": "The request cannot be understood"},
    404: {"model": wire.ErrorOut, "description": "There is no such calibration, or its file cannot be had"},
    422: {"model": wire.ErrorOut, "description": "The request makes no sense"},
    503: {"model": wire.ErrorOut, "description": "Database, disk or service are busy or gone; try again"},
}
_GUARDED: dict[int | str, dict[str, Any]] = {
    401: {"model": wire.ErrorOut, "description": "A good token is needed"},
    403: {"model": wire.ErrorOut, "description": "The token does not allow this"},
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": wire.ErrorOut, "description": "Its state, or another calibration, does not allow it"}
}
_FILE: dict[str, Any] = {"application/fits": {"schema": {"type": "string", "format": "binary"}}}


def own_routes(service: Service) -> tuple[APIRouter, ...]:
    """Return the routes of `/v1`."""
    router = APIRouter(prefix="/v1", responses={**_ERRORS, **_GUARDED})
    read = [Depends(service.guard.read), Security(BEARER)]
    write = [Depends(service.guard.write), Security(BEARER)]
    _questions(router, service, read)
    _looking(router, service, read)
    _files(router, service, read, write)
    deciding = APIRouter(
        prefix="/v1", responses={**_ERRORS, **_GUARDED, **_CONFLICT}, dependencies=write, tags=["decisions"]
    )
    _deciding(deciding, service)
    return router, deciding


def _questions(router: APIRouter, service: Service, read: list[Any]) -> None:
    async def answered(
        request: Request,
        body: wire.AssociateIn,
        question: Callable[[Target], tuple[Answer, Mapping[int, FileFacts]]],
        workers: Workers,
    ) -> Response:
        target = Target.from_request(body.target.tags, body.target.descriptors, body.target.name)
        try:
            answer, files = await workers.run(question, target)
        except Exception:
            service.metrics.failed(target.instrument, body.caltype)
            raise
        service.metrics.answered(target, answer)
        return _json(wire.associate_out(answer, files, service.base(request)))

    @router.post("/associate", summary="Which calibrations belong to a frame", response_model=wire.AssociateOut,
                 dependencies=read, tags=["association"])  # fmt: skip
    async def associate(request: Request, body: wire.AssociateIn) -> Response:
        level = wire.level_of(body.max_level, Level.RULE)

        def question(target: Target) -> tuple[Answer, Mapping[int, FileFacts]]:
            return service.manager.offer(target, body.caltype, mode=body.mode, max_level=level, howmany=body.howmany)

        return await answered(request, body, question, service.questions)

    @router.post("/explain", summary="The same, with what came near and why it does not serve",
                 response_model=wire.AssociateOut, dependencies=read, tags=["association"])  # fmt: skip
    async def explain(request: Request, body: wire.AssociateIn) -> Response:
        level = wire.level_of(body.max_level, Level.RELAXED)

        def question(target: Target) -> tuple[Answer, Mapping[int, FileFacts]]:
            answer = service.manager.explain(
                target, body.caltype, mode=body.mode, max_level=level, howmany=body.howmany
            )
            records = [service.manager.get(match.candidate.entry) for match in answer.matches]
            return answer, {one.id: FileFacts(one.md5, one.sha256, one.size) for one in records}

        return await answered(request, body, question, service.workers)


def _looking(router: APIRouter, service: Service, read: list[Any]) -> None:
    @router.get("/calibrations", summary="List calibrations by name", response_model=wire.ListOut, dependencies=read,
                tags=["calibrations"])  # fmt: skip
    async def listing(
        request: Request,
        instrument: Annotated[str | None, Query(max_length=50, examples=["NIRI"])] = None,
        caltype: Annotated[str | None, Query(max_length=50, examples=["processed_dark"])] = None,
        state: State | None = None,
        name: Annotated[str | None, Query(max_length=200)] = None,
        after: Annotated[str | None, Query(max_length=300, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        wanted = Listing(instrument, caltype, state, name, _page(after), limit + 1)
        records = await service.workers.run(service.manager.list, wanted)
        more = len(records) > limit
        records = records[:limit]
        base = service.base(request)
        last = f"{records[-1].name}:{records[-1].id}" if more else None
        return _json(wire.ListOut(calibrations=[wire.record_out(one, base) for one in records], next=last))

    @router.get("/changes", summary="What was certified or withdrawn since", response_model=wire.ChangesOut,
                dependencies=read, tags=["calibrations"])  # fmt: skip
    async def changes(
        after: Annotated[int, Query(ge=0, le=_LARGEST, description="`number` of the last change that is known")] = 0,
    ) -> Response:
        return _json(wire.changes_out(await service.workers.run(service.manager.changes, after)))

    @router.get("/calibrations/{which}", summary="One calibration", response_model=wire.RecordOut, dependencies=read,
                tags=["calibrations"])  # fmt: skip
    async def one(request: Request, which: Which) -> Response:
        record = await service.workers.run(service.manager.get, _which(which))
        return _json(wire.record_out(record, service.base(request)))

    @router.get("/calibrations/{which}/affected", summary="What was made with it", response_model=wire.AffectedOut,
                dependencies=read, tags=["calibrations"])  # fmt: skip
    async def affected(which: Which) -> Response:
        products = await service.workers.run(service.manager.affected, _which(which))
        return _json(wire.AffectedOut(affected=wire.affected_out(products)))

    @router.get("/calibrations/{which}/history", summary="What happened to it", response_model=wire.HistoryOut,
                dependencies=read, tags=["calibrations"])  # fmt: skip
    async def history(which: Which) -> Response:
        return _json(wire.history_out(await service.workers.run(service.manager.history, _which(which))))


def _files(router: APIRouter, service: Service, read: list[Any], write: list[Any]) -> None:
    async def file(request: Request, which: Which) -> Response:
        record, stream = await service.workers.run(lambda: _open(service, _which(which)))
        return file_response(service, request, record, stream)

    parts: dict[int | str, dict[str, Any]] = {
        200: {"content": _FILE, "description": "The file, as it is on disk; its ETag is its SHA-256"},
        206: {"content": _FILE, "description": "The range of bytes that was asked for"},
        304: {"description": "If-None-Match names its SHA-256"},
        416: {"description": "The range begins behind its end"},
    }
    router.get("/calibrations/{which}/file", summary="Its file", response_class=Response, responses=parts,
               dependencies=read, tags=["files"])(file)  # fmt: skip
    router.head("/calibrations/{which}/file", include_in_schema=False, dependencies=read)(file)

    @router.put(
        "/calibrations/{name}",
        summary="Upload a calibration",
        description="The body is the file. It is judged by the quality gates, and on disk and in the database when "
        "the answer comes. Announce its digest in X-Content-MD5, X-Content-SHA256 or Content-Digest.",
        response_model=wire.AddedOut,
        responses={
            200: {"model": wire.AddedOut, "description": "The same file was known already"},
            201: {"model": wire.AddedOut, "description": "Taken"},
            408: {
                "model": wire.ErrorOut,
                "description": "Nothing more of the body within the time limit",
            },
            413: {"model": wire.ErrorOut, "description": "Larger than what is taken"},
        },
        dependencies=write,
        tags=["files"],
        openapi_extra={
            "requestBody": {"required": True, "content": _FILE},
            "parameters": [
                {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
                for name in ("X-Content-MD5", "X-Content-SHA256", "Content-Digest")
            ],
        },
    )
    async def upload(
        request: Request,
        name: Annotated[str, InPath(max_length=200, description="Base name", examples=["N20160102S0423_dark.fits"])],
    ) -> Response:
        added = await receive(service, request, checked_name(name), announced(request.headers))
        return _json(wire.added_out(added, service.base(request)), 201 if added.new else 200)


def _deciding(router: APIRouter, service: Service) -> None:
    manager = service.manager

    @router.post("/calibrations/{which}/certify", summary="Vouch for it, for a certain time if one is given",
                 response_model=wire.RecordOut)  # fmt: skip
    async def certify(request: Request, which: Which, body: wire.CertifyIn) -> Response:
        since, until = _naive(body.since), _naive(body.until)
        record = await service.workers.run(
            manager.certify, _which(which), who=_who(request, body.who), why=body.why, since=since, until=until
        )
        return _json(wire.record_out(record, service.base(request)))

    @router.post("/calibrations/{which}/veto", summary="Withdraw it as bad; tells what was made with it",
                 response_model=wire.VetoedOut)  # fmt: skip
    async def veto(request: Request, which: Which, body: wire.VetoIn) -> Response:
        vetoed = await service.workers.run(manager.veto, _which(which), who=_who(request, body.who), why=body.why)
        record = wire.record_out(vetoed.record, service.base(request))
        return _json(wire.VetoedOut(record=record, affected=wire.affected_out(vetoed.affected)))

    @router.post("/calibrations/{which}/supersede", summary="Withdraw it in favour of a better one",
                 response_model=wire.RecordOut)  # fmt: skip
    async def supersede(request: Request, which: Which, body: wire.SupersedeIn) -> Response:
        by = body.by if isinstance(body.by, int) else _which(body.by)
        record = await service.workers.run(
            manager.supersede, _which(which), by=by, who=_who(request, body.who), why=body.why
        )
        return _json(wire.record_out(record, service.base(request)))

    @router.post("/calibrations/{which}/restore", summary="Take back a veto or replacement; it is a candidate again",
                 response_model=wire.RecordOut)  # fmt: skip
    async def restore(request: Request, which: Which, body: wire.VetoIn) -> Response:
        record = await service.workers.run(manager.restore, _which(which), who=_who(request, body.who), why=body.why)
        return _json(wire.record_out(record, service.base(request)))

    @router.post("/products", summary="Record what a product was made of; a second time changes nothing",
                 status_code=204, response_class=Response)  # fmt: skip
    async def products(body: wire.ProductIn) -> Response:
        made_at = _naive(body.made_at)
        assert made_at is not None
        inputs = tuple(Input(one.name, one.md5, one.role) for one in body.inputs)
        product = ProductRecord(body.name, Path(body.path), body.md5, body.recipe, made_at, inputs)
        await service.workers.run(manager.record_product, product)
        return Response(status_code=204)


def _open(service: Service, which: int | str) -> tuple[Record, Any]:
    record = service.manager.get(which)
    return record, opened(record)


def _which(text: str) -> int | str:
    """Return the number or name that a path means."""
    if text.isascii() and text.isdecimal():
        number = int(text)
        if number <= _LARGEST:
            return number
        raise Unknown(f"no calibration is called number {text}")
    return checked_name(text)


def _page(after: str | None) -> tuple[str, int] | None:
    if after is None:
        return None
    name, _, number = after.rpartition(":")
    if not (number.isascii() and number.isdecimal() and int(number) <= _LARGEST):
        raise Refusal(400, "request", "after: send `next` of the page before, as it was")
    return checked_name(name), int(number)


def _who(request: Request, claimed: str) -> str:
    """Return who decides, as the request says, and whose token it was sent with."""
    token: str = request.state.who
    return claimed if claimed == token else f"{claimed} (token {token})"


def _naive(moment: datetime | None) -> datetime | None:
    """Return a moment as UTC without zone; one without zone is UTC already."""
    return moment if moment is None or moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _json(model: BaseModel, status: int = 200) -> Response:
    return Response(model.model_dump_json(), status, media_type="application/json")
