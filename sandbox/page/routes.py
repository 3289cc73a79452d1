"""The page's addresses: its files, its state, its stream, and what people do in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.page import photos
from sandbox.page.acts import (
    Asked,
    Changed,
    Forwarded,
    Moved,
    Paid,
    Picked,
    Pressed,
    Removed,
    Said,
    Sent,
)
from sandbox.page.guard import Guard
from sandbox.page.menus import menu_for
from sandbox.page.panel import Wish
from sandbox.page.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.page.acts import Acts
    from sandbox.page.cast import Cast
    from sandbox.page.feed import Feed
    from sandbox.page.panel import Panel
    from sandbox.page.show import Show
    from sandbox.telegram import TelegramSandbox

    Handler = Callable[[Request], Awaitable[Response]]

Body = TypeVar("Body", bound=BaseModel)

_STATIC = Path(__file__).with_name("static")
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
"""What the page shows itself; anything else somebody sent is only handed out to be saved."""


class _Played(BaseModel):
    """Whether the scene that plays by itself begins or ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: bool


def application(
    telegram: TelegramSandbox, cast: Cast, panel: Panel, feed: Feed, acts: Acts, *, show: Show
) -> Starlette:
    """The page as an ASGI app."""
    answers = _Answers(telegram, cast, panel, feed, acts, show)
    looked_at = {
        "/": answers.index,
        "/state.json": answers.state,
        "/events": answers.events,
        "/files/{path:path}": answers.file,
        "/photos/{name}.jpg": answers.photo,
        "/commands": answers.commands,
    }
    done = {
        "/say": answers.say,
        "/press": answers.press,
        "/pay": answers.pay,
        "/change": answers.change,
        "/remove": answers.remove,
        "/ask": answers.ask,
        "/pick": answers.pick,
        "/send": answers.send,
        "/forward": answers.forward,
        "/move": answers.move,
        "/show": answers.show,
        "/panel": answers.wish,
    }
    return Starlette(
        routes=[
            *(Route(path, _in_words(handler)) for path, handler in looked_at.items()),
            *(Route(path, _in_words(handler), methods=["POST"]) for path, handler in done.items()),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard)],
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """What is answered at each address; LookupError, ValueError and AssertionError go to words."""

    telegram: TelegramSandbox
    cast: Cast
    panel: Panel
    feed: Feed
    acts: Acts
    played: Show

    async def index(self, _: Request) -> Response:
        self.played.prepare()
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
        person = self.cast.person(int(request.query_params["person"]))
        chat = self.cast.chat(int(request.query_params["chat"]), person)
        return JSONResponse(menu_for(self.telegram.profile.commands, chat, person))

    async def say(self, request: Request) -> Response:
        async with request.form(max_files=_UPLOADS) as form:
            said = Said.model_validate_json(str(form.get("said", "{}")))
            uploads = [
                Upload(
                    name=given.filename or "file",
                    media_type=given.content_type or "application/octet-stream",
                    content=await given.read(),
                )
                for given in form.getlist("file")
                if isinstance(given, UploadFile)
            ]
        await self.acts.say(said, uploads)
        return _done()

    async def press(self, request: Request) -> Response:
        answer = await self.acts.press(await _read(request, Pressed))
        return JSONResponse({"text": answer.text, "alert": answer.alert, "url": answer.url})

    async def pay(self, request: Request) -> Response:
        return JSONResponse({"refused": await self.acts.pay(await _read(request, Paid))})

    async def change(self, request: Request) -> Response:
        await self.acts.change(await _read(request, Changed))
        return _done()

    async def remove(self, request: Request) -> Response:
        await self.acts.remove(await _read(request, Removed))
        return _done()

    async def ask(self, request: Request) -> Response:
        answer = await self.acts.ask(await _read(request, Asked))
        return JSONResponse({"results": answer.results, "button": answer.button})

    async def pick(self, request: Request) -> Response:
        await self.acts.pick(await _read(request, Picked))
        return _done()

    async def send(self, request: Request) -> Response:
        await self.acts.send(await _read(request, Sent))
        return _done()

    async def forward(self, request: Request) -> Response:
        await self.acts.forward(await _read(request, Forwarded))
        return _done()

    async def move(self, request: Request) -> Response:
        await self.acts.move(await _read(request, Moved))
        return _done()

    async def show(self, request: Request) -> Response:
        if (await _read(request, _Played)).begins:
            return JSONResponse({"plays": self.played.begin()})
        self.played.end()
        return _done()

    async def wish(self, request: Request) -> Response:
        self.panel.change(await _read(request, Wish))
        self.feed.panel_changed()
        return JSONResponse(self.panel.as_json())


async def _read(request: Request, shape: type[Body]) -> Body:
    return shape.model_validate_json(await request.body())


def _done() -> Response:
    return JSONResponse({"ok": True})


def _in_words(handler: Handler) -> Handler:
    """Answer what cannot be done in words the page can show."""

    @wraps(handler)
    async def worded(request: Request) -> Response:
        if int(request.headers.get("content-length", 0)) > _UPLOAD_BYTES:
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "that is too large")
        try:
            return await handler(request)
        except ValidationError as error:
            return _refusal(HTTPStatus.BAD_REQUEST, error.errors()[0]["msg"])
        except (KeyError, IndexError, ValueError):
            return _refusal(HTTPStatus.NOT_FOUND, "that is not there")
        except LookupError as error:
            return _refusal(HTTPStatus.NOT_FOUND, str(error))
        except AssertionError as error:
            return _refusal(HTTPStatus.GATEWAY_TIMEOUT, str(error))

    return worded


def _refusal(status: HTTPStatus, words: str) -> Response:
    return JSONResponse({"error": words}, status)
