"""The archive's protocol (calibrations, 9): what DRAGONS asks and sends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Security
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.requests import Request  # noqa: TC002 (FastAPI reads the annotation)

from nightcrew.calmanager.errors import Unknown
from nightcrew.calmanager.http.digests import announced
from nightcrew.calmanager.http.files import file_response, opened
from nightcrew.calmanager.http.legacy import (
    Association,
    BadRequest,
    Dataset,
    Offer,
    json_answer,
    read_request,
    xml_answer,
)
from nightcrew.calmanager.http.security import COOKIE_SCHEME
from nightcrew.calmanager.http.uploads import receive
from nightcrew.calmanager.incoming import checked_name
from nightcrew.shared.association import Target, applicable
from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.calmanager.http.service import Service
    from nightcrew.calmanager.records import FileFacts, Record
    from nightcrew.shared.association import Candidate

Form = Literal["json", "xml"]

CALTYPES = frozenset(
    "processed_bias processed_dark processed_bpm processed_flat processed_arc processed_pinhole processed_fringe "  # noqa: SIM905
    "processed_slitillum processed_standard processed_telluric processed_slitflat processed_slit "
    "bias dark flat arc pinhole ronchi_mask lampoff_flat qh_flat domeflat lampoff_domeflat mask slitillum standard "
    "telluric polarization_standard astrometric_standard polarization_flat specphot photometric_standard".split()
)
"""Types that the archive knows (calibrations, 6): plain `bpm` is not among them."""

MODES = frozenset({"sq", "ql", "qa"})
_ENDING = re.compile(r"\.bz2\Z")


_REFUSED: dict[int | str, dict[str, Any]] = {
    422: {"content": {"text/plain": {}}, "description": "A name that no file may have, or a value that is none"},
    503: {"content": {"text/plain": {}}, "description": "Database, disk or service are busy or gone; try again"},
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What the words of a path ask for; None where a word of the kind is missing."""

    caltype: str | None = None
    mode: str | None = None
    name: str | None = None
    unknown: tuple[str, ...] = ()


def read_path(path: str) -> Selection:
    """Read the words of a path, in any order: a type, a mode, a file name.

    Examples
    --------
    >>> read_path("processed_dark/sq/S20131121S0284_flat.fits")
    Selection(caltype='processed_dark', mode='sq', name='S20131121S0284_flat.fits', unknown=())
    """
    caltype = mode = name = None
    unknown = []
    for word in filter(None, path.split("/")):
        if word in CALTYPES:
            caltype = word
        elif word in MODES:
            mode = word
        elif ".fits" in word:
            name = word
        else:
            unknown.append(word)
    return Selection(caltype, mode, name, tuple(unknown))


def archive_routes(service: Service) -> APIRouter:
    """Return the routes of the archive's protocol; asking and fetching is free, uploading needs the cookie."""
    router = APIRouter(tags=["archive"], responses=_REFUSED)
    _questions(router, service, "jsoncalmgr", "json")
    _questions(router, service, "calmgr", "xml")
    _questions(router, service, "xmlcalmgr", "xml")
    _files(router, service)
    _uploads(router, service)
    return router


def _questions(router: APIRouter, service: Service, prefix: str, form: Form) -> None:
    media = "application/json" if form == "json" else "text/xml"
    answers: dict[int | str, dict[str, Any]] = {
        200: {"content": {media: {}}, "description": "The calibrations; none is an answer too"},
        400: {"content": {"text/plain": {}}, "description": "The body cannot be understood"},
        405: {"content": {"text/plain": {}}, "description": "No type of calibration that is known"},
    }
    body = {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "string"}}}, "required": True}

    @router.post(f"/{prefix}/{{words:path}}", summary=f"Which calibration belongs to a frame ({form.upper()})",
                 response_class=Response, responses=answers, openapi_extra={"requestBody": body})  # fmt: skip
    async def ask(request: Request, words: str) -> Response:
        selection = read_path(words)
        caltype = selection.caltype
        if caltype is None:
            return _unknown_type()
        asked = read_request(await request.body())
        target = Target.from_request(asked.tags, asked.descriptors, selection.name or "")
        base = service.base(request)
        offers = await service.workers.run(_offers, service, target, caltype, selection.mode, base)
        return _answer(form, Dataset(_label(asked.descriptors), (Association(caltype, offers),)))

    @router.get(f"/{prefix}/{{words:path}}", response_class=Response,
                summary=f"The same for a calibration that is known here ({form.upper()})",
                responses={**answers, 406: {"description": "No single file is named"}})  # fmt: skip
    async def look_up(request: Request, words: str) -> Response:
        selection = read_path(words)
        if selection.unknown:
            return _unknown_type()
        if selection.name is None:
            return PlainTextResponse("Name one file: TYPE/FILENAME", 406)
        datasets = await service.workers.run(_known, service, selection, service.base(request))
        return _answer(form, *datasets)


def _files(router: APIRouter, service: Service) -> None:
    async def file(request: Request, path: str) -> Response:
        record, stream = await service.workers.run(_open, service, path)
        return file_response(service, request, record, stream)

    router.get("/file/{path:path}", summary="The file of a calibration", response_class=Response, responses={
        200: {"content": {"application/fits": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The range of bytes that was asked for"},
        304: {"description": "If-None-Match names its SHA-256"},
        404: {"content": {"text/plain": {}}, "description": "There is no such file"},
        416: {"description": "The range begins behind its end"},
    })(file)  # fmt: skip
    router.head("/file/{path:path}", include_in_schema=False)(file)


def _uploads(router: APIRouter, service: Service) -> None:
    async def upload(request: Request, path: str) -> Response:
        name = checked_name(path.removeprefix("processed_cal/"))
        added = await receive(service, request, name, announced(request.headers))
        record = added.record
        return JSONResponse([{"filename": record.name, "path": "", "size": record.size, "md5": record.md5}])

    for prefix in ("upload_file", "upload_processed_cal"):
        router.post(
            f"/{prefix}/{{path:path}}",
            summary="Upload a calibration; the cookie holds a token that may write",
            name=prefix,
            dependencies=[Depends(service.guard.upload), Security(COOKIE_SCHEME)],
            responses={
                200: {"description": "Taken: on disk and in the database"},
                403: {"content": {"text/plain": {}}, "description": "No good cookie"},
                413: {"content": {"text/plain": {}}, "description": "Too large"},
                422: {"content": {"text/plain": {}}, "description": "Not a calibration, or a name with directories"},
            },
            openapi_extra={
                "requestBody": {
                    "required": True,
                    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
                }
            },
        )(upload)


def _offers(service: Service, target: Target, caltype: str, mode: str | None, base: str) -> tuple[Offer, ...]:
    """Return the calibrations to offer: one of processed types; the manager passes over files that are not there."""
    howmany = 1 if caltype.startswith("processed_") else None
    try:
        answer, files = service.manager.offer(target, caltype, mode=mode, howmany=howmany, near=False)
    except Exception as error:
        service.metrics.failed(target.instrument, caltype)
        if isinstance(error, CalibrationError) and isinstance(error.__context__, KeyError):
            raise BadRequest(f"Missing field in request: {error.__context__}") from error
        raise
    service.metrics.answered(target, answer)
    return tuple(_offer(match.candidate, files[match.candidate.entry], base) for match in answer.matches)


def _offer(candidate: Candidate, file: FileFacts, base: str) -> Offer:
    """The address holds the number of the entry: what it gives stays what was offered, whatever is uploaded next."""
    name = _ENDING.sub("", candidate.filename)
    url = f"{base}/file/{candidate.entry}/{quote(candidate.filename)}"
    return Offer(_label(candidate.columns), name, file.md5, url)


def _known(service: Service, selection: Selection, base: str) -> tuple[Dataset, ...]:
    """Answer for a calibration that is known here; nothing for a file that is not."""
    assert selection.name is not None
    try:
        record = service.manager.get(checked_name(selection.name))
    except Unknown:
        return ()
    target = Target(record.instrument, record.tags, record.columns, record.name)
    types = (selection.caltype,) if selection.caltype else tuple(dict.fromkeys(applicable(target)))
    associations = tuple(
        Association(caltype, _offers_or_none(service, target, caltype, selection.mode, base)) for caltype in types
    )
    name = _ENDING.sub("", record.name)
    return (Dataset(_label(record.columns), associations, name, record.md5),)


def _offers_or_none(
    service: Service, target: Target, caltype: str, mode: str | None, base: str
) -> tuple[Offer, ...] | None:
    try:
        return _offers(service, target, caltype, mode, base)
    except CalibrationError:
        return None


def _open(service: Service, path: str) -> tuple[Record, Any]:
    """Open `NAME`, or `NUMBER/NAME` for one entry of the name; other directories are not looked at."""
    directories, _, name = path.rpartition("/")
    checked_name(name)
    number = directories.rpartition("/")[2]
    if number.isascii() and number.isdecimal() and len(number) < 19:
        record = service.manager.get(int(number))
        if record.name != name:
            raise Unknown(f"{name}: entry {number} has another name")
    else:
        record = service.manager.get(name)
    return record, opened(record)


def _label(columns: Mapping[str, Any]) -> str | None:
    label = columns.get("data_label")
    return label if isinstance(label, str) else None


def _unknown_type() -> Response:
    known = ", ".join(sorted(CALTYPES))
    return PlainTextResponse(
        f"No type of calibration that is known here; known: {known}\n", 405, {"Allow": "GET, POST"}
    )


def _answer(form: Form, *datasets: Dataset) -> Response:
    if form == "json":
        return Response(json_answer(datasets), media_type="application/json")
    return Response(xml_answer(datasets), media_type="text/xml")
