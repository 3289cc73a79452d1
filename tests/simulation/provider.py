"""A fake of the AI/ML API behind httpx, with faults."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.chaos import Chaos

LOG_LAG = 30.0
"""Seconds until a request is in the log."""
URL = "https://provider.test"
VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + bytes(400)
_SUBMIT = (
    "no connection", "429", "503", "500", "400", "moderation", "502 after effect",
    "hung after effect", "cut after effect", "half an answer", "504 after effect",
) * 4 + ("502 without effect", "hung before effect")  # fmt: skip
"""Those without effect are rare, as the bot looks for each of them for a day."""
_ENDS = {"well": 92, "moderated": 3, "broken": 3, "very late": 1.5, "never": 0.3}
"""How requests end, by weight."""
_ASK = ("no connection", "429", "500", "502", "half an answer", "hung", "404")
_FETCH = ("gone", "500", "no video", "cut", "private", "hung")


@dataclass
class Job:
    """An accepted request; `ends` is when it ends, in seconds since 1970."""

    number: int
    model: str
    prompt: str
    request_id: str
    taken_at: float
    ends: float
    how: str
    cost: int

    @property
    def charged_at(self) -> float | None:
        """When it is charged; None if never."""
        return self.ends if self.how in {"well", "very late"} else None


class Provider:
    """Answers over `httpx.MockTransport`."""

    def __init__(
        self, chaos: Chaos, clock: Callable[[], float], on_taken: Callable[[Job], None]
    ) -> None:
        self._chaos = chaos
        self._clock = clock
        self._on_taken = on_taken
        self._rise = 1.0
        self.jobs: list[Job] = []
        self.taken: Counter[str] = Counter()
        self.refuses_until = 0.0
        self._gone_until: dict[str, float] = {}

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer any request of the bot."""
        await self._chaos.passes(0.05, 2.0)
        path = request.url.path
        if request.method == "POST" or path.startswith("/cdn/"):
            return await (self._submit(request) if request.method == "POST" else self._fetch())
        fault = self._chaos.fault("asking", 0.03, _ASK)
        if fault is not None:
            return await self._spoiled(fault)
        if self._clock() < self.refuses_until:
            return _refusal(401, "Invalid API key")
        match path:
            case "/v2/video/generations":
                return self._state(str(request.url.params["generation_id"]))
            case "/v2/logs":
                return self._log(request.url.params["start"], request.url.params["end"])
            case _:
                return _json({"current_balance": 100})

    async def _submit(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        dice = self._chaos.dice
        now = self._clock()
        if self._chaos.strikes("outage", 0.0004):
            self.refuses_until = now + dice.uniform(60, 2400)
        if self._chaos.strikes("model gone", 0.0003):
            self._gone_until[body["model"]] = now + 3600
        if now < self.refuses_until:
            return _refusal(401, "Invalid API key")
        if now < self._gone_until.get(body["model"], 0):
            return _refusal(404, "Not found")
        fault = self._chaos.fault("submission", 0.12, _SUBMIT) or ""
        if fault == "hung before effect":
            await self._chaos.passes(200, 400)
        elif refused := _refused(fault):
            return refused
        # from here on the request has its effect
        job = self._take(body, request.headers["x-client-request-id"])
        if fault == "hung after effect":
            await self._chaos.passes(200, 400)
        if fault == "cut after effect":
            raise httpx.RemoteProtocolError("cut")
        await self._chaos.passes(0.05, 2.0)
        if fault in _GARBLED:
            status, content = _GARBLED[fault]
            return httpx.Response(status, content=content)
        return _json({"id": f"job_{job.number}", "status": "queued"})

    def _take(self, body: dict[str, Any], request_id: str) -> Job:
        dice, now = self._chaos.dice, self._clock()
        how = "well"
        if not self._chaos.is_off:
            (how,) = dice.choices([*_ENDS], [*_ENDS.values()])
        takes = dice.uniform(20, 240) if how != "very late" else dice.uniform(1900, 30_000)
        if self._chaos.strikes("prices moved", 0.005):
            self._rise = dice.choice([0.8, 1.0, 1.3, 1.9])
        cost = round((1_260_000 if "pro" in body["model"] else 840_000) * self._rise)
        number, model, prompt = len(self.jobs), body["model"], body["prompt"]
        job = Job(number, model, prompt, request_id, now, now + takes, how, cost)
        self.jobs.append(job)
        self.taken[job.prompt] += 1
        self._on_taken(job)
        return job

    def _state(self, provider_id: str) -> httpx.Response:
        job = self.jobs[int(provider_id.removeprefix("job_"))]
        body: dict[str, Any] = {"id": provider_id, "status": "generating"}
        if job.how != "never" and self._clock() >= job.ends:
            match job.how:
                case "moderated":
                    message = "Your request was blocked by our moderation system."
                    body |= {"status": "error", "error": {"name": "moderation", "message": message}}
                case "broken":
                    body |= {"status": "error", "error": {"name": "Internal", "message": "broken"}}
                case _:
                    host = URL
                    if self._chaos.strikes("private link", 0.002):
                        host = "https://10.0.0.1"
                    usage = {"usd_spent": f"{job.cost / 1_000_000:.6f}"}
                    body |= {"status": "completed", "meta": {"usage": usage}}
                    body["video"] = {"url": f"{host}/cdn/{job.number}.mp4"}
        return _json(body)

    def _log(self, start: str, end: str) -> httpx.Response:
        """List the requests of a period; each appears half a minute after it was made."""
        ends = min(datetime.fromisoformat(end).timestamp(), self._clock() - LOG_LAG)
        first, last = (
            bisect_left(self.jobs, at, key=lambda job: job.taken_at)
            for at in (datetime.fromisoformat(start).timestamp(), ends)
        )
        seen = self.jobs[first:last]
        rows = [
            {"client_request_id": job.request_id, "inference_id": f"job_{job.number}",
             "status": "succeeded"}
            for job in seen
        ]  # fmt: skip
        return _json({"data": rows, "pagination": {"has_more": False}})

    async def _fetch(self) -> httpx.Response:
        fault = self._chaos.fault("fetching", 0.04, _FETCH)
        match fault:
            case None:
                return httpx.Response(200, stream=httpx.ByteStream(VIDEO))
            case "gone":
                return httpx.Response(410)
            case "private":
                return httpx.Response(302, headers={"location": "http://192.168.0.1/x"})
            case "no video":
                return httpx.Response(200, stream=httpx.ByteStream(b"<h1>Please sign in</h1>"))
            case _:
                return await self._spoiled(fault)

    async def _spoiled(self, fault: str) -> httpx.Response:
        match fault:
            case "no connection":
                raise httpx.ConnectError("refused")
            case "cut":
                raise httpx.RemoteProtocolError("cut")
            case "hung":
                await self._chaos.passes(60, 700)
                raise httpx.ReadTimeout("hung")
            case "half an answer":
                return httpx.Response(200, content=b'{"id": "vid')
            case "502":
                return httpx.Response(502, html="<h1>Bad gateway</h1>")
            case _:
                return _refusal(int(fault), "Something wrong", {"retry-after": "30"})


_GARBLED = {
    "half an answer": (200, b'{"id": "vid'),
    "502 after effect": (502, b"<h1>Bad gateway</h1>"),
    "504 after effect": (504, b"<h1>Gateway timeout</h1>"),
}


def _refused(fault: str) -> httpx.Response | None:
    """Return the answer to a submission without effect; None if the fault is no such one."""
    match fault:
        case "429" | "503":
            return _refusal(int(fault), "Too Many Requests", {"retry-after": "7"})
        case "500" | "400":
            return _refusal(int(fault), "Something wrong with the server")
        case "moderation":
            return _refusal(400, "Your request was blocked by our moderation system.")
        case "502 without effect":
            return httpx.Response(502, html="<h1>Bad gateway</h1>")
        case "no connection":
            raise httpx.ConnectError("refused")
        case _:
            return None


def _json(body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> httpx.Response:
    body = {"requestId": "req-1", "message": message, "error": {"message": message}}
    return httpx.Response(status, json=body, headers=headers)
