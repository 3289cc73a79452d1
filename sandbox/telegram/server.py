"""The HTTP routes: /bot<token>/<method> and /file/bot<token>/<path>."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.loopback import TRANSPORT
from sandbox.telegram.account import Call
from sandbox.telegram.errors import ApiError
from sandbox.telegram.methods import METHODS
from sandbox.telegram.requests import join_attachments, read_params, split_attachments
from sandbox.telegram.schema import check_call, parameter_names

if TYPE_CHECKING:
    from sandbox.telegram.faults import FaultRule
    from sandbox.telegram.world import World


class _HungUpError(Exception):
    """The connection is to be closed without an answer."""


def telegram_app(world: World) -> Starlette:
    """Return the server as an ASGI app."""

    async def call(request: Request) -> Response:
        try:
            return await _answer(world, request)
        except (_HungUpError, ClientDisconnect):
            request.scope[TRANSPORT].abort()
            return Response()

    async def file(request: Request) -> Response:
        stored = world.files.by_path(request.path_params["path"])
        if request.path_params["token"] != world.token or stored is None:
            return _refusal(ApiError(404, "Not Found"))
        return FileResponse(stored.path, media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route("/bot{token}/{method}", call, methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", file),
            Route("/{path:path}", _not_found, methods=["GET", "POST"]),
        ]
    )


async def _not_found(_: Request) -> Response:
    return _refusal(ApiError(404, "Not Found"))


async def _answer(world: World, request: Request) -> Response:
    token = request.path_params["token"]
    if token != world.token:
        known_shape = ":" in token
        return _refusal(
            ApiError(401, "Unauthorized") if known_shape else ApiError(404, "Not Found")
        )
    method = request.path_params["method"]
    call = Call(method, {}, world.clock())
    world.calls.append(call)
    try:
        call.params = await read_params(request, world.files)
        world.changes.tell("call", method=method)
        rule = world.faults.take(method, _chat_id(call.params))
        if rule is not None:
            page = await _apply_before(rule, request)
            if page is not None:
                call.error = "502"
                return page
        result = await _run(world, call)
        result = world.rewrite_result(method, _apply_after(rule, result))
    except ApiError as error:
        call.error = error.description
        return _refusal(error)
    except _HungUpError:
        call.error = "connection closed"
        world.changes.tell("hung_up", method=method)
        raise
    return JSONResponse({"ok": True, "result": result})


async def _run(world: World, call: Call) -> Any:
    given, attached = split_attachments(call.params, parameter_names(call.method))
    call.params = params = join_attachments(check_call(call.method, given), attached)
    return await METHODS[call.method](world, params)


async def _apply_before(rule: FaultRule, request: Request) -> Response | None:
    """Apply a fault before the call runs; return its answer, or None if the call is to run."""
    fault = rule.fault
    match fault.kind:
        case "error":
            raise ApiError(fault.code, fault.description, **fault.parameters)
        case "dropped":
            raise _HungUpError
        case "bad_gateway":
            return HTMLResponse("<html><h1>502 Bad Gateway</h1></html>", HTTPStatus.BAD_GATEWAY)
        case "unreadable":
            return JSONResponse({"ok": True, "result": {"odd": True}})
        case "hang":
            await rule.released.wait()
        case "delay":
            await asyncio.sleep(fault.seconds)
        case "answer_lost" | "answers":
            return None
    if await request.is_disconnected():
        raise _HungUpError
    return None


def _apply_after(rule: FaultRule | None, result: Any) -> Any:
    """Apply a fault after the call has run; return the result to answer with."""
    if rule is not None and rule.fault.kind == "answer_lost":
        raise _HungUpError
    return rule.fault.result if rule is not None and rule.fault.kind == "answers" else result


def _chat_id(params: dict[str, Any]) -> object:
    """Return the chat id of a call whose schema is not checked yet: a form holds it as text."""
    given = params.get("chat_id")
    return int(given) if isinstance(given, str) and given.lstrip("-").isdigit() else given


def _refusal(error: ApiError) -> Response:
    body: dict[str, Any] = {
        "ok": False,
        "error_code": error.code,
        "description": error.description,
    }
    if error.parameters:
        body["parameters"] = error.parameters
    return JSONResponse(body, error.code)
