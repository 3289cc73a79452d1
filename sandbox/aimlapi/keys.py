"""The API key a request carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from sandbox.aimlapi.refusals import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

_UNAUTHORIZED = "UnauthorizedException"


def check_key(request: Request, key: str) -> None:
    """Let a request with this key as its bearer token pass; raises Refusal."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        message = "You provided an empty string instead of valid API key."
        raise Refusal(401, message, name=_UNAUTHORIZED)
    if given.strip() != key:
        raise Refusal(401, "You provided an invalid API key.", name=_UNAUTHORIZED)


async def tell_key(request: Request) -> Response:
    """Answer GET /v1/key. The reply's exact fields are not published; these are what it is for."""
    prefix = request.headers["authorization"].split()[-1][:8]
    return JSONResponse({"prefix": prefix, "scopes": ["model:video"], "limit": None})
