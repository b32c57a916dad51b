"""Who may do what: bearer tokens, and the cookie in which the archive's protocol sends one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import Request  # noqa: TC002 (FastAPI reads the annotation)

from nightcrew.calmanager.http.refusing import Refusal
from nightcrew.calmanager.tokens import Scope

if TYPE_CHECKING:
    from nightcrew.calmanager.tokens import Token, Tokens
    from nightcrew.shared.http.workers import Workers

COOKIE = "gemini_fits_upload_auth"
BEARER = HTTPBearer(auto_error=False, description="A token made with `nightcrew-calmanager token create NAME`")
COOKIE_SCHEME = APIKeyCookie(name=COOKIE, auto_error=False, description="A token with the scope write")


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets requests pass that carry a good token.

    Parameters
    ----------
    tokens
        The tokens that are good.
    workers
        Where they are looked up.
    reads_need_token
        Whether reading under `/v1` needs one.
    """

    tokens: Tokens
    workers: Workers
    reads_need_token: bool

    async def read(self, request: Request) -> None:
        """Let a request pass that may read.

        Raises
        ------
        Refusal
            401 without a good token, 403 with one that does not allow it.
        """
        if self.reads_need_token:
            await self._bearer(request, Scope.READ)

    async def write(self, request: Request) -> None:
        """Let a request pass that may write; `request.state.who` is then the name of its token."""
        token = await self._bearer(request, Scope.WRITE)
        request.state.who = token.name

    async def upload(self, request: Request) -> None:
        """Let an upload of the archive's protocol pass: 403 without a cookie that holds a token for writing."""
        token = await self.workers.run(self.tokens.verify, request.cookies.get(COOKIE, ""))
        if token is None or Scope.WRITE not in token.scopes:
            raise Refusal(
                403, "forbidden", f"the cookie {COOKIE} holds no token that may write; see upload_cookie in dragonsrc"
            )
        request.state.who = token.name

    async def _bearer(self, request: Request, scope: Scope) -> Token:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Refusal(
                401, "token", "send a token: `Authorization: Bearer TOKEN`", challenge='Bearer realm="nightcrew"'
            )
        token = await self.workers.run(self.tokens.verify, secret.strip())
        if token is None:
            raise Refusal(
                401,
                "token",
                "the token is not known or was revoked; see `nightcrew-calmanager token list`",
                challenge='Bearer realm="nightcrew", error="invalid_token"',
            )
        if scope not in token.scopes:
            raise Refusal(
                403,
                "scope",
                f"the token {token.name} does not allow to {scope}",
                challenge=f'Bearer realm="nightcrew", error="insufficient_scope", scope="{scope}"',
            )
        return token
