"""The demo's page: a server on loopback in front of both sandboxes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from sandbox.loopback import LoopbackServer
from sandbox.page.actions import Actions
from sandbox.page.autoplay import Autoplay
from sandbox.page.feed import Feed
from sandbox.page.panel import Panel
from sandbox.page.participants import Participants
from sandbox.page.routes import application

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox

_NEXT_PORTS = 20
_PORTS = 65_536


class ChatPage:
    """``async with ChatPage(telegram, provider, port=8088)`` serves the chat page at ``url``.

    If the port is taken, one of the next nineteen is used; 0 takes any. It is bound at once, so
    that ``url`` is known; raises OSError if none is free. With ``plays`` the first page starts with
    the automatic demonstration.
    """

    def __init__(
        self,
        telegram: TelegramSandbox,
        provider: AimlApiSandbox,
        *,
        port: int,
        plays: bool = False,
    ) -> None:
        self.telegram = telegram
        self.provider = provider
        self.participants = Participants.create(telegram)
        self.panel = Panel(telegram, provider, self.participants)
        self.autoplay = Autoplay(provider, is_due=plays)
        self.feed = Feed(telegram, provider, self.participants, self.panel, self.autoplay)
        self.actions = Actions(telegram, self.participants)
        self._server = self._bind(port)
        self.url = self._server.url

    async def __aenter__(self) -> Self:
        """Start the server."""
        await self.feed.__aenter__()
        await self._server.start()
        self._inviting = asyncio.create_task(self._invite())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the pages' streams, then stop the server."""
        self._inviting.cancel()
        await asyncio.gather(self._inviting, return_exceptions=True)
        await self.autoplay.close()
        await self.feed.__aexit__()
        await self._server.stop()

    async def _invite(self) -> None:
        """Add the bot to the groups once it polls."""
        async for event in self.telegram.events():
            if event.get("method") == "getUpdates":
                break
        await self.participants.invite()

    def _bind(self, first: int) -> LoopbackServer:
        parts = (self.telegram, self.participants, self.panel, self.feed, self.actions)
        app = application(*parts, autoplay=self.autoplay)
        taken: OSError | None = None
        for port in range(first, min(first + _NEXT_PORTS, _PORTS)) if first else [0]:
            try:
                return LoopbackServer(app, port)
            except OSError as error:
                taken = error
        raise taken or OSError(f"no port from {first} on is free")
