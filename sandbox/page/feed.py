"""Sends the events of both sandboxes to every open page (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

from sandbox.page.state import bot_json, message_json, page_state

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.page.autoplay import Autoplay
    from sandbox.page.panel import Panel
    from sandbox.page.participants import Participants
    from sandbox.telegram import TelegramSandbox
    from sandbox.telegram.changes import Event

Json = dict[str, Any]

_RETRY = 1000  # milliseconds after which the browser reconnects
_HEARTBEAT = 15.0  # seconds without an event; the write shows whether the page is gone
_PROFILE = frozenset({"setMyDescription", "setMyShortDescription"})


class Feed:
    """Converts the events of both sandboxes to those of the page, while it is entered."""

    def __init__(
        self,
        telegram: TelegramSandbox,
        provider: AimlApiSandbox,
        participants: Participants,
        panel: Panel,
        autoplay: Autoplay,
    ) -> None:
        self._telegram = telegram
        self._autoplay = autoplay
        self._provider = provider
        self._participants = participants
        self._panel = panel
        self._pages: set[asyncio.Queue[Json | None]] = set()

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._listening = [
            asyncio.create_task(self._hear_telegram(self._telegram.events())),
            asyncio.create_task(self._hear_provider()),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and end the stream of every page."""
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        for page in self._pages:
            page.put_nowait(None)

    def tell(self, kind: str, **content: Any) -> None:
        """Send an event to every open page."""
        for page in self._pages:
            page.put_nowait({"kind": kind, **content})

    def panel_changed(self) -> None:
        """Send the panel to every open page."""
        self.tell("panel", panel=self._panel.as_json())

    def everything(self) -> Json:
        """Return the whole state of the page."""
        return page_state(self._telegram, self._participants, self._panel) | {
            "autoplay": self._autoplay.as_json()
        }

    async def stream(self) -> AsyncIterator[str]:
        """Yield the events for one page: first the whole state, then each change."""
        mine: asyncio.Queue[Json | None] = asyncio.Queue()
        self._pages.add(mine)
        try:
            yield f"retry: {_RETRY}\n"
            yield _line({"kind": "state", "state": self.everything()})
            while True:
                try:
                    event = await asyncio.wait_for(mine.get(), _HEARTBEAT)
                except TimeoutError:
                    yield ": heartbeat\n\n"
                    continue
                if event is None:
                    return
                yield _line(event)
        finally:
            self._pages.discard(mine)
            if not self._pages:
                self._autoplay.end()

    async def _hear_telegram(self, events: AsyncGenerator[Event, None]) -> None:
        floods = False
        async for event in events:
            match event:
                case {"event": "message" | "edit" | "reaction", "chat_id": chat_id}:
                    self._tell_message(chat_id, event.get("message", event)["message_id"])
                case {"event": "delete"}:
                    self.tell("delete", chat=event["chat_id"], id=event["message_id"])
                case {"event": "action"}:
                    place = {"chat": event["chat_id"], "topic": event["topic"]}
                    self.tell("action", **place, action=event["action"])
                case {"event": "left" | "standing", "chat_id": chat_id}:
                    if chat := self._participants.chats.get(chat_id):
                        self.tell("standing", chat=chat_id, has_bot=chat.has_bot)
                case {"event": "call", "method": "getUpdates"} if self._panel.is_restarting:
                    self._panel.is_restarting = False
                    self.panel_changed()
                case {"event": "call", "method": method} if method in _PROFILE:
                    self.tell("bot", bot=bot_json(self._telegram))
                case {"event": "call"} if floods and not self._panel.floods:
                    self.panel_changed()
            floods = self._panel.floods

    def _tell_message(self, chat_id: int, message_id: int) -> None:
        chat = self._participants.chats.get(chat_id)
        message = chat.find(message_id) if chat else None
        if message is not None:
            self.tell("message", message=message_json(message))

    async def _hear_provider(self) -> None:
        async for _ in self._provider.events():
            self.panel_changed()


def _line(event: Json) -> str:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
