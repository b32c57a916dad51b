"""A server, and what can go wrong on the way to it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from nightcrew.shared.errors import CalibrationError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 30.0
"""Seconds to wait for an answer, and for the next piece of it."""
CONNECT_TIMEOUT = 5.0
_BUSY = frozenset({408, 425, 429})
_NOT_KNOWN = 501  # a method that the server never heard of: no use in trying again
_LONGEST_MESSAGE = 300


class Refused(CalibrationError):
    """A server that answers and refuses; `status` is HTTP's number, `kind` the server's own word for the reason."""

    code = "refused"

    def __init__(self, message: str, status: int, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


@dataclass(slots=True)
class Server:
    """An HTTP server by its address.

    Parameters
    ----------
    url
        Address without a slash at the end; paths are appended to it.
    token
        For a calibration manager; goes nowhere else.
    cookie
        For uploads to an archive.
    timeout
        Seconds to wait for the next piece of an answer.
    """

    url: str
    token: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    timeout: float = TIMEOUT
    _client: httpx.Client | None = field(default=None, init=False, repr=False)

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request and return the answer.

        Raises
        ------
        ServiceError
            If the server cannot be reached or cannot answer now.
        Refused
            If it answers that it will not.
        """
        headers = {**self._headers(self.url), **arguments.pop("headers", {})}
        with self._told():
            answer = self._open().request(method, f"{self.url}{path}", headers=headers, **arguments)
        self._check(answer, answer.content)
        return answer

    @contextmanager
    def stream(self, url: str) -> Iterator[Iterator[bytes]]:
        """Give the bytes of a file, piece by piece, as they are on the server.

        Raises
        ------
        ServiceError
            If the server cannot be reached, or the answer breaks off.
        Refused
            If it does not give the file.
        """
        with (
            self._told(),
            self._open().stream("GET", url, headers=self._headers(url), follow_redirects=True) as answer,
        ):
            if answer.is_error:
                self._check(answer, answer.read())
            yield answer.iter_raw()

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> httpx.Client:
        if self._client is None:
            agent = f"nightcrew/{version('nightcrew-shared')}"
            headers = {"User-Agent": agent, "Accept-Encoding": "identity"}
            timeout = httpx.Timeout(self.timeout, connect=min(self.timeout, CONNECT_TIMEOUT))
            self._client = httpx.Client(timeout=timeout, headers=headers)
        return self._client

    def _headers(self, url: str) -> Mapping[str, str]:
        """Return the token as a header, for the server that it belongs to."""
        ours, other = urlsplit(self.url), urlsplit(url)
        same = (ours.scheme, ours.netloc) == (other.scheme, other.netloc)
        return {"Authorization": f"Bearer {self.token}"} if self.token and same else {}

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise ServiceError(
                f"{self.url}: no answer in time; check that the server is well, then try again"
            ) from error
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise ServiceError(f"{self.url}: cannot be asked ({why}); check the address and that it runs") from error
        except httpx.InvalidURL as error:
            raise CalibrationError(f"{self.url}: is no address of a server ({error}); correct it") from error

    def _check(self, answer: httpx.Response, body: bytes) -> None:
        if answer.is_success:
            return
        kind, message = _problem(answer, body)
        said = f"{self.url}: {message or 'no reason given'} (HTTP {answer.status_code})"
        if (answer.is_server_error and answer.status_code != _NOT_KNOWN) or answer.status_code in _BUSY:
            raise ServiceError(f"{said}; try again later")
        if answer.is_redirect:
            said = f"{self.url}: has moved to {answer.headers.get('Location', 'another place')}; write that address"
        if answer.status_code in {401, 403}:
            said += "; set NIGHTCREW_CALMANAGER_TOKEN, for an archive upload_cookie in dragonsrc, to what allows it"
        raise Refused(said, answer.status_code, kind)


def _problem(answer: httpx.Response, body: bytes) -> tuple[str, str]:
    """Return the server's own word and sentence about what is wrong; the word is empty if it is none of ours."""
    try:
        error = httpx.Response(200, content=body).json()["error"]
        return str(error["code"]), " ".join(str(error["message"]).split())[:_LONGEST_MESSAGE]
    except (ValueError, KeyError, TypeError):
        plain = answer.headers.get("Content-Type", "").startswith("text/plain")
        text = body.decode("utf-8", "replace") if plain else answer.reason_phrase
        return "", " ".join(text.split())[:_LONGEST_MESSAGE]
