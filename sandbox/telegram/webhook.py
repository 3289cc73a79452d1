"""Posts updates to the bot's webhook, in order within a chat, again until they are taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.telegram.changes import Changes
    from sandbox.telegram.updates import Update, UpdateQueue

_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_IDLE_SECONDS = 60
_LONGEST_DELAY = 60.0
_LONGEST_ERROR = 200
_HERE = {"127.0.0.1", "localhost"}


class WebhookCalls:
    """The calls of a webhook, from the time it is set until it is taken off.

    ``proxies`` stand in front of the bot: where a call to an address that begins so is led.
    """

    def __init__(self, updates: UpdateQueue, changes: Changes, clock: Callable[[], float]) -> None:
        self._updates = updates
        self._changes = changes
        self._clock = clock
        self._url = self._secret = ""
        self._http: httpx.AsyncClient | None = None
        self._calls: dict[object, asyncio.Task[None]] = {}
        self.proxies: dict[str, str] = {}
        self.retry_seconds = 0.05
        """How long after a second failure an update is posted again; twice as long each time."""
        self.last_error: tuple[int, str] | None = None
        self.posts: list[tuple[int, int]] = []
        """Every call by its update's number and the status of the answer, 0 for none."""

    async def set(self, url: str, secret: str) -> None:
        """Begins, or begins anew: what waits is posted at once."""
        await self.stop()
        self._url, self._secret, self.last_error = url, secret, None
        self._http = httpx.AsyncClient(trust_env=False, timeout=_IDLE_SECONDS)
        self._updates.came = self._call
        self._call()

    async def stop(self) -> None:
        """Posts no more."""
        self._updates.came = lambda: None
        calls = [*self._calls.values()]
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._calls.clear()
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def info(self) -> dict[str, Any]:
        """What getWebhookInfo tells of the last error."""
        if self.last_error is None:
            return {}
        return {"last_error_date": self.last_error[0], "last_error_message": self.last_error[1]}

    def _call(self) -> None:
        for update in self._updates.waiting:
            if update.queue not in self._calls:
                self._calls[update.queue] = asyncio.create_task(self._bring_all(update.queue))

    async def _bring_all(self, queue: object) -> None:
        while mine := [one for one in self._updates.waiting if one.queue == queue]:
            await self._bring(mine[0])
        del self._calls[queue]

    async def _bring(self, update: Update) -> None:
        failures = 0
        while update in self._updates.waiting:
            error = await self._post(update)
            if not error:
                self._updates.confirm(update)
                return
            self.last_error = int(self._clock()), error[:_LONGEST_ERROR]
            if failures:
                await asyncio.sleep(min(_LONGEST_DELAY, self.retry_seconds * 2 ** (failures - 1)))
            failures += 1

    async def _post(self, update: Update) -> str:
        """Posts an update; says what went wrong."""
        url, status, error = self._led_to(), 0, "Failed to resolve host: Name or service not known"
        headers = {_HEADER: self._secret} if self._secret else {}
        if url is not None and self._http is not None:
            error = "Connection refused"
            try:
                answer = await self._http.post(url, json=update.as_json(), headers=headers)
            except httpx.HTTPError:
                pass
            else:
                status = answer.status_code
                error = f"Wrong response from the webhook: {status} {answer.reason_phrase}"
        self.posts.append((update.update_id, status))
        self._changes.tell("webhook", update_id=update.update_id, status=status)
        return "" if status // 100 == 2 else error  # noqa: PLR2004 - the class of success

    def _led_to(self) -> str | None:
        """Where a call ends up: on this machine, or nowhere."""
        for public, led_to in self.proxies.items():
            if self._url.startswith(public):
                return led_to + self._url.removeprefix(public)
        return self._url if urlsplit(self._url).hostname in _HERE else None
