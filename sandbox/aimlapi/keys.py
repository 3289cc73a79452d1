"""The API key of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from sandbox.aimlapi.refusals import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

_UNAUTHORIZED = "UnauthorizedException"


def check_key(request: Request, key: str) -> None:
    """Check that the request's bearer token is this key; raises Refusal."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        message = "You provided an empty string instead of valid API key."
        raise Refusal(401, message, name=_UNAUTHORIZED)
    if given.strip() != key:
        raise Refusal(401, "You provided an invalid API key.", name=_UNAUTHORIZED)


async def answer_key(request: Request) -> Response:
    """Answer GET /v1/key; its fields are guessed, as they are not published."""
    prefix = request.headers["authorization"].split()[-1][:8]
    return JSONResponse({"prefix": prefix, "scopes": ["model:video"], "limit": None})
