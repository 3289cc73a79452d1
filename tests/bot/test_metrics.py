"""What Prometheus reads of the bot, and whether its health is told as it is."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import supervisor
from bot.lifecycle import run
from bot.process import ExitCode
from sandbox.aimlapi import Fault as ProviderFault
from sandbox.telegram import Fault
from tests.flows.predicates import says, shows_video
from tests.harness import QUICK, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness, LoggedErrors

PROJECT = Path(__file__).parents[2]

Scraped = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def key(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return f"video_bot_{name}", tuple(sorted(labels.items()))


class Watcher:
    """Prometheus and whoever watches the health, over HTTP."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def text(self) -> str:
        answer = await self.http.get("/metrics")
        assert answer.status_code == 200
        return answer.text

    async def scrape(self) -> Scraped:
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(await self.text())
            for sample in family.samples
        }

    async def health(self) -> tuple[int, Any]:
        answer = await self.http.get("/healthz")
        return answer.status_code, answer.json()

    async def problems(self) -> dict[str, str]:
        """Return what is wrong; the status has to say that something is."""
        status, said = await self.health()
        assert (status, said["status"]) == (503, "failing")
        problems: dict[str, str] = said["problems"]
        return problems


@asynccontextmanager
async def watched(harness: Harness, **changes: Any) -> AsyncIterator[Watcher]:
    port = free_port()
    async with (
        harness.running(metrics_port=port, **changes),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        yield Watcher(http)


async def until(wanted: Callable[[Scraped], bool], watcher: Watcher) -> Scraped:
    async with asyncio.timeout(20):
        while not wanted(found := await watcher.scrape()):
            await asyncio.sleep(0.02)
    return found


async def test_what_became_of_requests_and_how_long_it_took_is_scraped(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with watched(harness, times=replace(QUICK, checkup=0.0)) as watcher:
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))
        provider.faults.next("submit", ProviderFault.http(400))
        refused = await chat.send(ann, "/video a train")
        await chat.wait(says("credits", to=refused.message_id))
        delivered = key("requests_total", model="sora-2", outcome="delivered")
        failed = key("requests_total", model="sora-2", outcome="failed")
        found = await until(
            lambda seen: delivered in seen and failed in seen and seen[key("balance_usd")] > 0,
            watcher,
        )
        secrets = harness.settings()
        text = await watcher.text()
    assert found[delivered] == found[failed] == 1
    assert found[key("requests_total", model="sora-2", outcome="accepted")] == 2
    assert found[key("failures_total", reason="rejected")] == 1
    assert found[key("waiting_seconds_count")] == found[key("order_seconds_count")] == 1
    assert found[key("making_seconds_count", model="sora-2")] == 1
    assert found[key("delivery_seconds_count")] == 1
    assert found[key("pending", state="queued")] == 0
    assert found[key("provider_requests_total", operation="submit", status="400")] == 1
    assert found[key("provider_requests_total", operation="poll", status="200")] >= 1
    assert found[key("telegram_requests_total", method="sendVideo", status="200")] == 1
    assert found[key("telegram_requests_total", method="getUpdates", status="200")] >= 1
    assert 0 < found[key("balance_usd")] <= 100
    assert found[key("budget_left_usd")] == float("inf")
    assert found[key("inbox_updates")] == 0
    assert 0 <= time.time() - found[key("last_update_timestamp_seconds")] < 60
    assert found[key("healthy", part="database")] == 1
    for secret in (secrets.telegram_bot_token, secrets.aimlapi_key):
        assert secret.get_secret_value() not in text
    assert "a boat" not in text, "what people write is nobody's figure"
    there = {name for name in exported(text) if name.startswith("video_bot_")}
    assert asked_for_by_the_dashboard() == there
    assert told_in_the_docs() == there


def exported(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text)}


def named(text: str) -> set[str]:
    """Return the metrics that a text names, without what Prometheus adds to a name."""
    found = re.findall(r"video_bot_\w+", text)
    return {re.sub("_(total|bucket|sum|count)$", "", name) for name in found}


def asked_for_by_the_dashboard() -> set[str]:
    board = json.loads((PROJECT / "deploy/grafana.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    return named("\n".join(queries))


def told_in_the_docs() -> set[str]:
    page = (PROJECT / "docs/operations.md").read_text(encoding="utf-8")
    return named("\n".join(re.findall(r"^\| `(video_bot_\w+)", page, re.MULTILINE)))


async def test_calls_that_went_wrong_are_told_apart(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.faults.next("sendMessage", Fault.dropped())
    telegram.faults.next("sendMessage", Fault.error(400, "Bad Request: odd"))
    async with watched(harness) as watcher:
        await chat.send(ann, "/help")
        await chat.send(ann, "/help")
        lost = key("telegram_requests_total", method="sendMessage", status="0")
        refused = key("telegram_requests_total", method="sendMessage", status="400")
        await until(lambda seen: lost in seen and refused in seen, watcher)


async def test_a_bot_that_is_well_says_so(harness: Harness) -> None:
    async with watched(harness) as watcher:
        assert await watcher.health() == (200, {"status": "ok"})
        assert (await watcher.http.get("/")).status_code == 404


async def test_who_asks_for_the_health_a_hundred_times_writes_once(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(harness, clock=lambda: 1_800_000_000.0) as watcher:
        proofs, prove = Counter[str](), harness.db.check_writable

        async def counted() -> None:
            proofs["made"] += 1
            await prove()

        monkeypatch.setattr(harness.db, "check_writable", counted)
        answers = await asyncio.gather(*(watcher.health() for _ in range(100)))
    assert [code for code, _ in answers] == [200] * 100
    assert proofs["made"] <= 1


async def test_health_is_red_while_no_updates_come(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    ahead = 0.0
    telegram.faults.always("getUpdates", Fault.bad_gateway())
    async with watched(harness, clock=lambda: time.time() + ahead) as watcher:
        assert (await watcher.health())[0] == 200, "it has hardly begun"
        ahead = supervisor.MAX_UPDATE_SILENCE_SECONDS + 1
        assert "Telegram" in (await watcher.problems())["updates"]


async def test_health_is_red_where_telegram_never_answered(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    telegram.faults.always("getMe", Fault.bad_gateway())
    port, stopping = free_port(), asyncio.Event()
    life = asyncio.create_task(
        run(harness.settings(metrics_port=port), times=QUICK, stopping=stopping)
    )
    await telegram.wait_for_call("getMe")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        assert (await Watcher(http).problems()).keys() == {"scheduler"}
    stopping.set()
    assert await life is ExitCode.STOPPED


async def test_health_is_red_while_the_database_cannot_be_written(
    harness: Harness, errors: LoggedErrors
) -> None:
    errors.expect("readonly database")
    async with watched(harness) as watcher:
        async with harness.db.reading(in_thread=True) as connection:
            await connection.execute("PRAGMA query_only = ON")
        assert "readonly" in (await watcher.problems())["database"]
        assert (await watcher.scrape())[key("healthy", part="database")] == 0
        async with harness.db.reading(in_thread=True) as connection:
            await connection.execute("PRAGMA query_only = OFF")
        assert await watcher.health() == (200, {"status": "ok"})


async def test_health_is_red_while_the_database_hangs(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(harness) as watcher:
        with monkeypatch.context() as quick:
            quick.setattr(supervisor, "WRITE_SECONDS", 0.05)
            async with harness.db.reading():
                assert (await watcher.problems()).keys() == {"database"}
        assert await watcher.health() == (200, {"status": "ok"})


async def test_health_is_red_where_nobody_looks_after_the_orders(harness: Harness) -> None:
    ahead = 0.0
    async with watched(harness, clock=lambda: time.time() + ahead) as watcher:
        assert (await watcher.health())[0] == 200
        ahead = supervisor.MAX_SCHEDULER_SILENCE_SECONDS + 1
        assert "looked after nothing" in (await watcher.problems())["scheduler"]


async def test_health_is_red_until_the_clock_of_a_chat_rings(harness: Harness) -> None:
    async with watched(harness) as watcher:
        bot = harness.bot
        assert bot is not None
        assert bot.app.job_queue is not None
        bot.app.job_queue.scheduler.pause()
        bot.services.wake_in(1, -supervisor.MAX_SCHEDULER_SILENCE_SECONDS - 1)
        assert (await watcher.problems()).keys() == {"scheduler"}
        bot.app.job_queue.scheduler.resume()
        async with asyncio.timeout(20):
            while (await watcher.health())[0] != 200:
                await asyncio.sleep(0.02)


async def test_a_port_that_is_taken_ends_the_start_with_2_and_one_line(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        assert await run(harness.settings(metrics_port=port)) is ExitCode.WRONG_SETTINGS
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"METRICS_PORT cannot be used: port {port}: ")


@pytest.mark.slow
async def test_nothing_of_it_is_loaded_where_it_is_not_wanted() -> None:
    loaded = "import bot.lifecycle, sys, json; print(json.dumps(sorted(sys.modules)))"
    python = await asyncio.create_subprocess_exec(
        sys.executable, "-c", loaded, stdout=asyncio.subprocess.PIPE
    )
    found, _ = await python.communicate()
    modules = {name.partition(".")[0] for name in json.loads(found)}
    assert modules & {"uvicorn", "starlette", "prometheus_client", "matplotlib", "numpy"} == set()
