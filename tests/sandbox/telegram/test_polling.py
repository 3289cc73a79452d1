"""getUpdates: long polls, confirmation, what is delivered and for how long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from sandbox.telegram import TelegramSandbox
from tests.sandbox.telegram.calls import Caller

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat
    from tests.sandbox.telegram.conftest import Clock


async def test_a_long_poll_returns_as_soon_as_somebody_writes(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    polling = asyncio.create_task(call("getUpdates", timeout=30))
    await telegram.wait_for_call("getUpdates")
    await chat.send(ann, "hello")

    (update,) = (await polling).result

    assert update["message"]["text"] == "hello"
    assert update["message"]["from"]["language_code"] == "en"


async def test_an_update_comes_again_until_an_offset_confirms_it(
    call: Caller, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "one")
    await chat.send(ann, "two")
    first, second = await call.updates()

    assert await call.updates() == [first, second]
    assert await call.updates(offset=second["update_id"]) == [second]
    assert await call.updates(offset=second["update_id"] + 1) == []
    assert await call.updates() == []


async def test_a_negative_offset_keeps_only_the_newest(
    call: Caller, chat: PrivateChat, ann: Person
) -> None:
    for text in "abc":
        await chat.send(ann, text)

    assert [u["message"]["text"] for u in await call.updates(offset=-1)] == ["c"]
    assert len(await call.updates()) == 1


async def test_limit_bounds_the_batch(call: Caller, chat: PrivateChat, ann: Person) -> None:
    for number in range(3):
        await chat.send(ann, str(number))

    assert len(await call.updates(limit=2)) == 2


async def test_the_older_of_two_pollers_gets_a_conflict(
    call: Caller, telegram: TelegramSandbox
) -> None:
    older = asyncio.create_task(call("getUpdates", timeout=30))
    await telegram.wait_for_call("getUpdates")
    newer = await call("getUpdates", timeout=0)

    assert newer.result == []
    assert (await older).description.startswith("Conflict: terminated by other getUpdates request")


async def test_allowed_updates_are_remembered(call: Caller, chat: PrivateChat, ann: Person) -> None:
    await call.updates(allowed_updates=["callback_query"])
    await chat.send(ann, "unseen")
    assert await call.updates() == []

    await call.updates(allowed_updates=["message"])
    message = await chat.send(ann, "seen")
    await chat.edit(message, "an edit nobody asked for")

    assert [list(update)[1] for update in await call.updates()] == ["message"]


async def test_a_set_webhook_forbids_polling(call: Caller) -> None:
    await call("setWebhook", url="https://bot.example/hook")
    refused = await call("getUpdates")
    info = await call("getWebhookInfo")
    await call("deleteWebhook")

    assert (refused.status, info.result["url"]) == (409, "https://bot.example/hook")
    assert (await call("getUpdates")).result == []
    assert (await call("setWebhook", url="http://bot.example")).status == 400


async def test_updates_grow_too_old(
    call: Caller, chat: PrivateChat, ann: Person, clock: Clock
) -> None:
    await chat.send(ann, "yesterday")
    clock.now += 24 * 3600

    assert await call.updates() == []


async def test_a_stop_ends_a_poll_that_waits() -> None:
    async with httpx.AsyncClient() as http:
        async with TelegramSandbox() as telegram:
            polling = asyncio.create_task(Caller(http, telegram)("getUpdates", timeout=30))
            await telegram.wait_for_call("getUpdates")

        assert (await polling).result == []


async def test_two_sandboxes_live_side_by_side_on_a_chosen_token() -> None:
    async with (
        TelegramSandbox(token="5:five") as five,
        TelegramSandbox(token="6:six", username="six_bot") as six,
        httpx.AsyncClient() as http,
    ):
        first = (await Caller(http, five)("getMe")).result
        second = (await Caller(http, six)("getMe")).result

    assert (first["id"], first["username"]) == (5, "film_maker_bot")
    assert (second["id"], second["username"]) == (6, "six_bot")


async def test_a_fixed_port_can_be_taken_again_at_once() -> None:
    async with TelegramSandbox() as first:
        port = int(first.url.rpartition(":")[2])
        async with httpx.AsyncClient() as http:
            await Caller(http, first)("getMe")
    async with TelegramSandbox(port=port) as second:
        assert second.url == first.url
