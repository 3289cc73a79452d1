"""The endpoint that accepts requests for videos, and records each before it is checked."""

from __future__ import annotations

import secrets
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from sandbox.aimlapi import submissions
from sandbox.aimlapi.clips import Clip
from sandbox.aimlapi.keys import check_key
from sandbox.aimlapi.logs import Row
from sandbox.aimlapi.refusals import OUT_OF_CREDITS, Refusal
from sandbox.aimlapi.submissions import Submission

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.aimlapi.generations import Generation
    from sandbox.aimlapi.provider import Provider


class SubmitEndpoint:
    """Accepts and records requests for videos."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def answer(self, request: Request) -> Response:
        """Answer POST /v2/video/generations."""
        provider = self._provider
        raw = await _read(
            request
        )  # first, as a refusal during the upload would close the connection
        check_key(request, provider.key)
        body = submissions.parse(raw, request.headers.get("content-type", ""))
        own_id = submissions.client_request_id(request.headers.get("x-client-request-id"))
        number = len(provider.submissions)
        provider.submissions.append(
            Submission(
                str(body.get("model")), submissions.without_pictures(body), own_id, provider.clock()
            )
        )
        provider.tell("submitted", model=str(body.get("model")), number=number)

        async def accept(_request: Request) -> Response:
            return self._accept(number, raw, body, own_id)

        try:
            response = await provider.faults.answer("submit", request, accept)
        except Refusal as refusal:
            if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                self._log(number, f"req_{secrets.token_hex(16)}", None)
            self._update(number, status=refusal.status, why=refusal.message)
            raise
        self._update(number, status=response.status_code)
        return response

    def _accept(
        self, number: int, raw: bytes, body: dict[str, Any], own_id: str | None
    ) -> Response:
        provider = self._provider
        if submissions.leaks_token(raw.decode("utf-8", "replace")):
            provider.violations.append("a Telegram bot's token was sent to the provider")
            provider.tell("violation", number=number)
            raise Refusal(
                400, "THE REQUEST HOLDS A TELEGRAM BOT TOKEN. It must never leave the bot."
            )
        order = submissions.check(body, provider.catalogue.serves)
        price = provider.prices[order.model.id].of(
            order.seconds, order.model.value(body, "resolution")
        )
        if provider.balance - provider.generations.held < price:
            raise Refusal(403, OUT_OF_CREDITS)
        render, provider.next_render = provider.next_render or provider.every_render, None
        delivery = render.delivery
        generation = provider.generations.begin(
            model=order.model,
            clip=Clip(
                prompt=str(body.get("prompt") or ""),
                picture=order.picture,
                size=order.size,
                seconds=order.seconds,
                quick=provider.quick_clips,
                with_sound=delivery.sound,
                moov_first=delivery.moov == "start",
                padding=delivery.padding,
            ),
            render=render,
            seconds=provider.render_seconds if render.seconds is None else render.seconds,
            price=price,
            client_request_id=own_id,
        )
        self._log(number, generation.id, generation)
        self._update(number, id=generation.id, accepted=True)
        headers = {"x-inference-id": generation.id}
        body = {"id": generation.id, "status": "queued"}
        return JSONResponse(body, provider.submit_status, headers)

    def _log(self, number: int, inference_id: str, generation: Generation | None) -> None:
        sent = self._provider.submissions[number]
        row = Row(sent.at, sent.model, inference_id, sent.client_request_id, generation)
        self._provider.logs.rows.append(row)

    def _update(self, number: int, *, why: str = "", **changes: Any) -> None:
        recorded = self._provider.submissions
        recorded[number] = replace(recorded[number], **changes)
        kind = "answered" if "status" in changes else "accepted"
        self._provider.tell(kind, number=number, why=why, **changes)


async def _read(request: Request) -> bytes:
    """Return the body; raises Refusal if it is too long, after reading all of it."""
    pieces = bytearray()
    length = 0
    async for piece in request.stream():
        length += len(piece)
        if length <= submissions.BODY_LENGTH:
            pieces += piece
    if length > submissions.BODY_LENGTH:
        raise Refusal(413, "request entity too large")
    return bytes(pieces)
