"""Posts updates to the bot's webhook: in order within a chat, each until it is accepted."""

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
_MAX_DELAY_SECONDS = 60.0
_MAX_ERROR_LENGTH = 200
_LOCAL_HOSTS = {"127.0.0.1", "localhost"}


class WebhookCalls:
    """Calls the webhook from the time it is set until it is deleted.

    ``proxies`` maps the beginning of a public URL to the local one that replaces it.
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
        """Delay after the second failure to post an update; doubled after each further one."""
        self.last_error: tuple[int, str] | None = None
        self.posts: list[tuple[int, int]] = []
        """Every call: the update's id and the status of the answer, 0 for none."""

    async def set(self, url: str, secret: str) -> None:
        """Start, or start again with another URL: pending updates are posted at once."""
        await self.stop()
        self._url, self._secret, self.last_error = url, secret, None
        self._http = httpx.AsyncClient(trust_env=False, timeout=_IDLE_SECONDS)
        self._updates.on_push = self._start_deliveries
        self._start_deliveries()

    async def stop(self) -> None:
        """Stop posting."""
        self._updates.on_push = lambda: None
        calls = [*self._calls.values()]
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._calls.clear()
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def info(self) -> dict[str, Any]:
        """Return the last error as fields of getWebhookInfo."""
        if self.last_error is None:
            return {}
        return {"last_error_date": self.last_error[0], "last_error_message": self.last_error[1]}

    def _start_deliveries(self) -> None:
        for update in self._updates.waiting:
            if update.queue not in self._calls:
                self._calls[update.queue] = asyncio.create_task(self._deliver_all(update.queue))

    async def _deliver_all(self, queue: object) -> None:
        while mine := [one for one in self._updates.waiting if one.queue == queue]:
            await self._deliver(mine[0])
        del self._calls[queue]

    async def _deliver(self, update: Update) -> None:
        failures = 0
        while update in self._updates.waiting:
            error = await self._post(update)
            if not error:
                self._updates.confirm(update)
                return
            self.last_error = int(self._clock()), error[:_MAX_ERROR_LENGTH]
            if failures:
                await asyncio.sleep(
                    min(_MAX_DELAY_SECONDS, self.retry_seconds * 2 ** (failures - 1))
                )
            failures += 1

    async def _post(self, update: Update) -> str:
        """Post an update; return the error, or an empty string."""
        url, status, error = (
            self._local_url(),
            0,
            "Failed to resolve host: Name or service not known",
        )
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

    def _local_url(self) -> str | None:
        """Return the URL on this machine to post to, or None if the webhook is elsewhere."""
        for public, local in self.proxies.items():
            if self._url.startswith(public):
                return local + self._url.removeprefix(public)
        return self._url if urlsplit(self._url).hostname in _LOCAL_HOSTS else None
