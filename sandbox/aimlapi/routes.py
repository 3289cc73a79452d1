"""The routes of the API and of its CDN, and the headers of every answer."""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.aimlapi import cdn, submissions
from sandbox.aimlapi.billing import CREDITS_PER_USD
from sandbox.aimlapi.generations import state
from sandbox.aimlapi.keys import answer_key, check_key
from sandbox.aimlapi.refusals import Refusal
from sandbox.aimlapi.submit_endpoint import SubmitEndpoint

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.aimlapi.faults import Endpoint, Handler
    from sandbox.aimlapi.provider import Provider


def application(provider: Provider) -> Starlette:
    """Return the provider as an ASGI app."""
    logs, catalogue, account = provider.logs, provider.catalogue, provider.account

    def get(path: str, endpoint: Endpoint, handler: Handler, *, key: bool = True) -> Route:
        async def answer(request: Request) -> Response:
            if key:
                check_key(request, provider.key)
            return await provider.faults.answer(endpoint, request, handler)

        return Route(path, _with_headers(provider, answer), methods=["GET"])

    async def balance(request: Request) -> Response:
        provider.tell("balance")
        provider.balance_read_at = provider.clock()
        return await account.answer_balance(request)

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        refusal = Refusal(status, f"Cannot {request.method} {request.url.path}")
        return provider.refusals.answer(request, refusal)

    on_failure: dict[Any, Any] = {HTTPException: failed}
    return Starlette(
        routes=[
            Route(
                "/v2/video/generations",
                _with_headers(provider, SubmitEndpoint(provider).answer),
                methods=["POST"],
            ),
            get("/v2/video/generations", "poll", partial(_poll, provider)),
            get("/v2/logs", "logs", logs.answer),
            get("/v2/billing", "billing", balance),
            get("/v2/billing/detail", "billing", account.answer_detail),
            get("/v1/key", "key", answer_key),
            get("/v1/models", "models", catalogue.models, key=False),
            get("/models", "models", catalogue.models, key=False),
            get("/api/v1/models", "models", catalogue.models, key=False),
            get("/v1/models/deprecations", "deprecations", catalogue.deprecations, key=False),
            get("/model/{id:path}", "models", catalogue.model, key=False),
            get("/cdn/{path:path}", "download", partial(_download, provider), key=False),
        ],
        exception_handlers=on_failure,
    )


def _with_headers(provider: Provider, handler: Handler) -> Handler:
    """Return the handler with refusals turned into responses, and the headers of every answer."""

    async def answer(request: Request) -> Response:
        if submissions.leaks_token(f"{request.url} {request.headers.items()}"):
            provider.violations.append(
                f"a Telegram bot's token in {request.method} to the provider"
            )
        try:
            response = await handler(request)
        except Refusal as refusal:
            response = provider.refusals.answer(request, refusal)
        response.headers["x-request-id"] = str(uuid.uuid4())
        own_id = submissions.client_request_id(request.headers.get("x-client-request-id"))
        if own_id:
            response.headers["x-client-request-id"] = own_id
        return response

    return answer


async def _poll(provider: Provider, request: Request) -> Response:
    identity = request.query_params.get("generation_id", "")
    provider.polls.append(identity)
    generation = provider.generations.by_id.get(identity)
    if generation is None:
        raise Refusal(404, "Generation is not found", name="NotFoundException")
    body = state(generation, provider.url)
    provider.tell("polled", id=identity, status=body["status"])
    headers = {"x-inference-id": identity}
    if generation.ended:
        headers["x-aimlapi-credits-used"] = str(int(generation.charged * CREDITS_PER_USD))
        headers["x-aimlapi-usd-spent"] = str(generation.charged)
    return JSONResponse(body, headers=headers)


async def _download(provider: Provider, request: Request) -> Response:
    path = request.url.path
    provider.downloads.append(path)
    if "authorization" in request.headers:
        provider.violations.append("the account's key was sent to the CDN")
    generation = provider.generations.by_link(path)
    if generation is None:
        return Response("Not Found", 404, media_type="text/plain")
    provider.tell("fetched", id=generation.id)
    return await cdn.serve(provider.generations, generation, path)
