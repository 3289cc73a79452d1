"""The page's routes: its files, its state, its stream of events, and the visitor's actions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.page import photos
from sandbox.page.actions import (
    Attachment,
    BotMembership,
    ButtonPress,
    Deletion,
    Forward,
    InlineChoice,
    InlineQuery,
    MessageEdit,
    NewMessage,
    Payment,
)
from sandbox.page.guard import Guard
from sandbox.page.menus import menu_for
from sandbox.page.panel import PanelChange
from sandbox.page.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.page.actions import Actions, Json
    from sandbox.page.autoplay import Autoplay
    from sandbox.page.feed import Feed
    from sandbox.page.panel import Panel
    from sandbox.page.participants import Participants
    from sandbox.telegram import TelegramSandbox

    Handler = Callable[[Request], Awaitable[Response]]
    Action = Callable[[Any], Awaitable[Json | None]]

Body = TypeVar("Body", bound=BaseModel)

_STATIC = Path(__file__).with_name("static")
_DONE = {"ok": True}
_UPLOADS = 10  # as many as a Telegram album holds
_UPLOAD_BYTES = 64 * 1024 * 1024
_IN_PAGE = {
    "photo": "image/jpeg",
    "thumbnail": "image/jpeg",
    "sticker": "image/webp",
    "video": "video/mp4",
    "animation": "video/mp4",
    "voice": "audio/ogg",
}
"""The kinds of files shown in the page; others are downloads."""


class _AutoplayChange(BaseModel):
    """Whether the automatic demonstration begins or ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: bool


def application(
    telegram: TelegramSandbox,
    participants: Participants,
    panel: Panel,
    feed: Feed,
    actions: Actions,
    *,
    autoplay: Autoplay,
) -> Starlette:
    """Return the page as an ASGI app."""
    answers = _Answers(telegram, participants, panel, feed, actions, autoplay)
    gets = {
        "/": answers.index,
        "/state.json": answers.state,
        "/events": answers.events,
        "/files/{path:path}": answers.file,
        "/photos/{name}.jpg": answers.photo,
        "/commands": answers.commands,
    }
    posts = {
        "/say": answers.say,
        "/press": _action(actions.press, ButtonPress),
        "/pay": _action(actions.pay, Payment),
        "/change": _action(actions.change, MessageEdit),
        "/remove": _action(actions.remove, Deletion),
        "/ask": _action(actions.ask, InlineQuery),
        "/pick": _action(actions.pick, InlineChoice),
        "/send": _action(actions.send, Attachment),
        "/forward": _action(actions.forward, Forward),
        "/move": _action(actions.move, BotMembership),
        "/autoplay": answers.play,
        "/panel": answers.change_panel,
    }
    return Starlette(
        routes=[
            *(Route(path, _with_errors(handler)) for path, handler in gets.items()),
            *(
                Route(path, _with_errors(handler), methods=["POST"])
                for path, handler in posts.items()
            ),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard)],
    )


def _action(action: Action, shape: type[BaseModel]) -> Handler:
    """Return the handler that carries out an action sent as JSON."""

    async def answer(request: Request) -> Response:
        return JSONResponse(await action(await _read(request, shape)) or _DONE)

    return answer


@dataclass(frozen=True, slots=True)
class _Answers:
    """The other handlers; `_with_errors` turns their exceptions into answers."""

    telegram: TelegramSandbox
    participants: Participants
    panel: Panel
    feed: Feed
    actions: Actions
    autoplay: Autoplay

    async def index(self, _: Request) -> Response:
        self.autoplay.prepare()
        return FileResponse(_STATIC / "index.html")

    async def state(self, _: Request) -> Response:
        return JSONResponse(self.feed.everything())

    async def events(self, _: Request) -> Response:
        return StreamingResponse(
            self.feed.stream(),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def file(self, request: Request) -> Response:
        stored = self.telegram.world.files.by_path(request.path_params["path"])
        if stored is None:
            raise LookupError("no such file")
        shown_as = _IN_PAGE.get(stored.stored_as)
        if shown_as is None:
            return FileResponse(stored.path, filename=stored.file_name or "file")
        return FileResponse(stored.path, media_type=shown_as)

    async def photo(self, request: Request) -> Response:
        jpeg = await asyncio.to_thread(photos.jpeg, request.path_params["name"])
        return Response(jpeg, media_type="image/jpeg")

    async def commands(self, request: Request) -> Response:
        person = self.participants.person(int(request.query_params["person"]))
        chat = self.participants.chat(int(request.query_params["chat"]), person)
        return JSONResponse(menu_for(self.telegram.profile.commands, chat, person))

    async def say(self, request: Request) -> Response:
        async with request.form(max_files=_UPLOADS) as form:
            new = NewMessage.model_validate_json(str(form.get("said", "{}")))
            uploads = [
                Upload(
                    name=given.filename or "file",
                    media_type=given.content_type or "application/octet-stream",
                    content=await given.read(),
                )
                for given in form.getlist("file")
                if isinstance(given, UploadFile)
            ]
        await self.actions.say(new, uploads)
        return JSONResponse(_DONE)

    async def play(self, request: Request) -> Response:
        if (await _read(request, _AutoplayChange)).begins:
            return JSONResponse({"plays": self.autoplay.begin()})
        self.autoplay.end()
        return JSONResponse(_DONE)

    async def change_panel(self, request: Request) -> Response:
        self.panel.apply(await _read(request, PanelChange))
        self.feed.panel_changed()
        return JSONResponse(self.panel.as_json())


async def _read(request: Request, shape: type[Body]) -> Body:
    return shape.model_validate_json(await request.body())


def _with_errors(handler: Handler) -> Handler:
    """Return the handler with exceptions answered as messages that the page can show."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        if int(request.headers.get("content-length", 0)) > _UPLOAD_BYTES:
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "that is too large")
        try:
            return await handler(request)
        except ValidationError as error:
            return _error(HTTPStatus.BAD_REQUEST, error.errors()[0]["msg"])
        except (KeyError, IndexError, ValueError):
            return _error(HTTPStatus.NOT_FOUND, "that is not there")
        except LookupError as error:
            return _error(HTTPStatus.NOT_FOUND, str(error))
        except AssertionError as error:
            return _error(HTTPStatus.GATEWAY_TIMEOUT, str(error))

    return answer


def _error(status: HTTPStatus, message: str) -> Response:
    return JSONResponse({"error": message}, status)
