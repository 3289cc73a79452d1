"""Calls to the sandbox as a bot's program makes them: plain HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from sandbox.telegram import TelegramSandbox


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status and the body."""

    status: int
    body: dict[str, Any]

    @property
    def result(self) -> Any:
        assert self.body["ok"], f"refused: {self.body}"
        return self.body["result"]

    @property
    def description(self) -> str:
        assert not self.body["ok"], f"not refused: {self.body}"
        assert self.body["error_code"] == self.status
        text: str = self.body["description"]
        return text

    @property
    def parameters(self) -> dict[str, int]:
        hints: dict[str, int] = self.body.get("parameters", {})
        return hints


class Caller:
    """Calls methods of the one bot."""

    def __init__(self, http: httpx.AsyncClient, telegram: TelegramSandbox) -> None:
        self._http = http
        self._base = f"{telegram.url}/bot{telegram.token}"

    async def __call__(self, method: str, **params: Any) -> Reply:
        """Sends parameters as JSON."""
        answer = await self._http.post(f"{self._base}/{method}", json=params)
        return Reply(answer.status_code, answer.json())

    async def form(self, method: str, **params: str) -> Reply:
        """Sends parameters urlencoded."""
        answer = await self._http.post(f"{self._base}/{method}", data=params)
        return Reply(answer.status_code, answer.json())

    async def upload(
        self, method: str, files: dict[str, tuple[str, Any, str]], **params: str
    ) -> Reply:
        """Sends files as multipart: name, content, type."""
        answer = await self._http.post(f"{self._base}/{method}", data=params, files=files)
        return Reply(answer.status_code, answer.json())

    async def updates(self, **params: Any) -> list[dict[str, Any]]:
        """What getUpdates has, at once."""
        found: list[dict[str, Any]] = (await self("getUpdates", **params)).result
        return found
