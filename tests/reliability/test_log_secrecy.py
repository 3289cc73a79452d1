"""Nothing secret in the log of a whole life: at DEBUG, in both forms, with much going wrong."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.aimlapi import AimlApiSandbox, Render
from sandbox.aimlapi import Fault as ProviderFault
from sandbox.telegram import Fault, TelegramSandbox
from tests.flows.media_files import photo
from tests.flows.process import process, terminate

if TYPE_CHECKING:
    from pathlib import Path

BASE64 = re.compile(r"[A-Za-z0-9+/]{256,}")
BYTES = re.compile(r"(?:\\x[0-9a-f]{2}){16,}")


async def troubled_life(telegram: TelegramSandbox, provider: AimlApiSandbox) -> None:
    """Ask for videos of words and pictures while answers fail in every way that prints much."""
    ann = telegram.person("Ann")
    chat = telegram.private(ann)
    telegram.faults.next("sendMessage", Fault.bad_gateway())
    telegram.faults.next("getFile", Fault.dropped())
    telegram.faults.next("sendVideo", Fault.error(500, f"Internal error at /bot{telegram.token}/x"))
    telegram.faults.next("getUpdates", Fault.error(502, "Bad Gateway"))
    provider.faults.next("submit", ProviderFault.http(429, f"key {provider.key} is too quick"))
    provider.faults.next("poll", ProviderFault.half_json())
    provider.faults.next("poll", ProviderFault.hung_up())
    provider.faults.next("download", ProviderFault.hung_up())
    await chat.send_photo(ann, photo(), caption="/animate waves roll in")
    await chat.send_document(
        ann, photo(form="PNG")[:2500], "half.png", "image/png", caption="/animate it"
    )
    await chat.wait(lambda message: "damaged" in (message.text or ""), timeout=30)
    await chat.wait(lambda message: message.video, timeout=60)
    provider.next_render = Render.works(redirect=f"http://10.0.0.1/{telegram.token}")
    await chat.send(ann, f"/video a boat called {telegram.token}")
    await chat.wait(lambda message: "are back" in (message.text or ""), timeout=30)


async def life_says_nothing_secret(form: str, data: Path) -> None:
    async with (
        TelegramSandbox() as telegram,
        AimlApiSandbox(key="sandbox-key-0123456789") as provider,
        process(
            telegram, provider, data, LOG_LEVEL="DEBUG", LOG_FORMAT=form, PYTHONASYNCIODEBUG="1"
        ) as bot,
    ):
        assert bot.stderr is not None
        reading = asyncio.create_task(bot.stderr.read())
        await troubled_life(telegram, provider)
        await terminate(bot)
        said = (await asyncio.wait_for(reading, 15)).decode()
    assert len(said.splitlines()) > 50, "a life at DEBUG says more than this"
    for secret in (telegram.token, telegram.token.partition(":")[2], provider.key):
        for spelling in (secret, quote(secret, safe="")):
            lines = [line for line in said.splitlines() if spelling in line]
            assert lines == [], f"a secret stands in: {lines[0][:500]}"
    for picture in (BASE64, BYTES):
        assert picture.findall(said) == [], "a picture stands in the log"
    if form == "json":
        written = [line for line in said.splitlines() if line.startswith("{")]
        assert all(json.loads(line)["level"] for line in written)


async def test_no_line_of_a_troubled_life_holds_token_key_or_picture(tmp_path: Path) -> None:
    # side by side: each of the two waits for most of its time
    async with asyncio.TaskGroup() as group:
        for form in ("text", "json"):
            group.create_task(life_says_nothing_secret(form, tmp_path / form))
