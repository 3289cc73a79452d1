"""Updates that nobody can read hold up none that can be read."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.updates import listening
from bot.updates.intake import Intake
from bot.updates.listening import Listening, TelegramRequest, TelegramTimeouts
from handlers.replies.sending import Pacing
from storage.database import Database
from storage.notices import Admins
from tests.flows.predicates import says, shows_video
from tests.harness import ADMIN
from tests.storage.requests import rows

if TYPE_CHECKING:
    from pathlib import Path

    from bot.app import Bot
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness, LoggedErrors

STRANGE = {"message_id": 7, "text": "no date, no chat"}

TOKEN = "7000000001:AAsandbox-telegram-token-for-this-machine"
CLUB = {"id": -4_000_001, "type": "group", "title": "Film club"}
BEA = {"id": 5, "is_bot": False, "first_name": "Bea"}
MESSAGE = {"message_id": 8, "date": 1_790_000_000, "chat": CLUB, "from": BEA}
GONE = {"message_id": 3, "date": 0, "chat": CLUB}
"""What Telegram shows of a message that is not there any more."""
PRESS = {"id": "1", "from": BEA, "chat_instance": "1", "data": "nothing:1"}
MEMBERSHIP = {
    "chat": CLUB,
    "from": BEA,
    "date": 1_790_000_000,
    "old_chat_member": {"user": BEA, "status": "left"},
    "new_chat_member": {"user": BEA, "status": "member"},
}

READABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "a pin of a message that is gone": ("message", {**MESSAGE, "pinned_message": GONE}),
    "a press below a message that is gone": ("callback_query", {**PRESS, "message": GONE}),
    "a reply to a message that is gone": (
        "message",
        {**MESSAGE, "text": "why?", "reply_to_message": GONE},
    ),
    "no date": ("message", {**MESSAGE, "date": 0, "text": "hello"}),
    "a kind of chat nobody knows": (
        "message",
        {**MESSAGE, "chat": {**CLUB, "type": "space"}, "text": "/help"},
    ),
    "a voice of a kind nobody knows": (
        "message",
        {**MESSAGE, "sender_chat": {"id": -9, "type": "space", "title": "S"}, "text": "/help"},
    ),
    "a press in a kind of chat nobody knows": (
        "callback_query",
        {**PRESS, "message": {**MESSAGE, "chat": {**CLUB, "type": "space"}}},
    ),
    "a membership in a kind of chat nobody knows": (
        "my_chat_member",
        {**MEMBERSHIP, "chat": {**CLUB, "type": "space"}},
    ),
    "a membership nobody knows": (
        "my_chat_member",
        {**MEMBERSHIP, "new_chat_member": {"user": BEA, "status": "visiting"}},
    ),
    "things of kinds nobody knows": (
        "message",
        {
            **MESSAGE,
            "text": "hello",
            "entities": [{"type": "glitter", "offset": 0, "length": 5}],
            "forward_origin": {"type": "dream", "date": 1_790_000_000},
            "paid_media": {"star_count": 1, "paid_media": [{"type": "smell"}]},
            "chat_background_set": {"type": {"type": "sky"}},
        },
    ),
    "fields nobody knows": (
        "message",
        {**MESSAGE, "text": "hello", "aura": {"hue": "viöletter"}, "from": {**BEA, "aura": 7}},
    ),
}
UNREADABLE: dict[str, tuple[str, Any]] = {
    "a list for a message": ("message", [1, 2]),
    "words for a date": ("message", {**MESSAGE, "date": "yesterday"}),
    "a date beyond all calendars": ("message", {**MESSAGE, "date": 10**18}),
    "words for a chat's id": ("message", {**MESSAGE, "chat": {**CLUB, "id": "club"}}),
    "words typed by nobody": ("inline_query", {"id": "1", "query": "a boat", "offset": ""}),
    "a chat's id that no disk takes": ("message", {**MESSAGE, "chat": {**CLUB, "id": 2**70}}),
}


async def test_an_update_that_cannot_be_read_is_set_aside_and_the_others_are_handled(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    errors: LoggedErrors,
) -> None:
    errors.expect("cannot be read: set aside")
    operator = telegram.private(telegram.person("Olga", user_id=ADMIN))
    await chat.send(ann, "/video a boat")
    telegram.world.updates.push("message", STRANGE)
    await chat.send(ann, "/video a train")
    async with harness.running():
        await chat.wait(shows_video("a boat"))
        await chat.wait(shows_video("a train"))
        await operator.wait(says("something I cannot read"))
        kept = await rows(harness.db, "SELECT body FROM inbox WHERE set_aside = 1")
    [[body]] = kept
    assert json.loads(body)["message"] == STRANGE
    assert len(telegram.world.updates) == 0


async def test_what_an_earlier_version_could_read_and_this_one_cannot_holds_up_no_start(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    errors: LoggedErrors,
) -> None:
    errors.expect("cannot be read: set aside")
    async with harness.running(), harness.db.transaction() as tx:
        body = json.dumps({"update_id": 1, "message": STRANGE})
        await tx.execute(
            "INSERT INTO inbox (update_id, queue_key, body, received_at) VALUES (1, 1, ?, 0)",
            (body,),
        )
    operator = telegram.private(telegram.person("Olga", user_id=ADMIN))
    async with harness.running():
        await operator.wait(says("something I cannot read"))
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))


async def answered(harness: Harness, chat: PrivateChat, person: Person) -> None:
    """Somebody is answered, before and after a restart."""
    for _ in range(2):
        async with harness.running():
            asked = await chat.send(person, "/teleport")
            await chat.wait(says("I don't know", to=asked.message_id))


@pytest.mark.parametrize("what", READABLE)
async def test_nobody_else_hears_of_an_odd_update(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, what: str
) -> None:
    telegram.world.updates.push(*READABLE[what])
    await answered(harness, chat, ann)
    async with harness.running():
        assert await rows(harness.db, "SELECT 1 FROM inbox WHERE handled_at IS NULL") == []
    assert len(telegram.world.updates) == 0


@pytest.mark.parametrize("odd", [5, True, {}, {"a": 1}, [], ["/help"]])
@pytest.mark.parametrize("where", ["text", "caption", "data", "first_name", "title", "emoji"])
async def test_what_is_no_text_where_a_text_belongs_reaches_no_handler(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    errors: LoggedErrors,
    where: str, odd: object,
) -> None:  # fmt: skip
    errors.expect("cannot be read: set aside")
    private = {**MESSAGE, "chat": {"id": 5, "type": "private", "first_name": "Bea"}}
    telegram.world.updates.push(
        *{
            "text": ("message", {**private, "text": odd}),
            "caption": ("edited_message", {**private, "caption": odd, "edit_date": 1}),
            "data": ("callback_query", {**PRESS, "data": odd}),
            "first_name": ("message", {**private, "from": {**BEA, "first_name": odd}}),
            "title": ("message", {**MESSAGE, "chat": {**CLUB, "title": odd}, "text": "/help"}),
            "emoji": ("message", {**private, "dice": {"value": 1, "emoji": odd}}),
        }[where]
    )
    await answered(harness, chat, ann)


ODD: dict[str, Any] = {
    "poll": {"id": "1", "question": "?", "options": [{"text": "a"}], "type": "regular"},
    "dice": {"emoji": "🎲"},
    "checklist": {"title": "Plans", "tasks": [{"id": 1}]},
    "story": {"id": 1},
    "venue": {"title": "Bar"},
    "photo": {"file_id": "x"},
}


@pytest.mark.parametrize("what", ODD)
async def test_content_that_cannot_be_read_is_answered_alone_with_the_bot_and_logged_in_one_line(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    caplog: pytest.LogCaptureFixture, what: str,
) -> None:  # fmt: skip
    here = {"id": ann.id, "type": "private", "first_name": "Ann"}
    private = {**MESSAGE, "date": int(time.time()), "chat": here, "from": {**BEA, "id": ann.id}}
    async with harness.running():
        telegram.world.updates.push("message", private | {what: ODD[what]})
        await chat.wait(says("Send me one of the two."))
        # an answer to it is read as well
        answer = {**private, "text": "/video a boat", "reply_to_message": {what: ODD[what]}}
        telegram.world.updates.push("message", answer)
        await chat.wait(shows_video("a boat"))
        telegram.world.updates.push("message", {**MESSAGE, what: ODD[what]})
        await chat.send(ann, "/teleport")
        await chat.wait(says("I don't know"))
        assert await rows(harness.db, "SELECT 1 FROM inbox WHERE set_aside = 1") == []
    said = [one for one in caplog.records if "is read in part" in one.getMessage()]
    assert [one.exc_info for one in said] == [None] * 3
    assert not any("\n" in one.getMessage() for one in said)


PAID: dict[str, Any] = {"currency": "XTR", "total_amount": 1, "invoice_payload": "p"}
CHARGED = {"telegram_payment_charge_id": "t", "provider_payment_charge_id": "p"}
BESIDE: dict[str, tuple[str, dict[str, Any]]] = {
    "a payment": ("message", {**MESSAGE, "successful_payment": PAID | CHARGED}),
    "a refund": ("message", {**MESSAGE, "refunded_payment": PAID | CHARGED}),
    "a move": ("message", {**MESSAGE, "migrate_to_chat_id": -100_777}),
    "a press": ("callback_query", {**PRESS, "message": MESSAGE}),
}


@pytest.mark.parametrize(
    "odd", [{"effect_id": 7}, {"text": 5}, {"media_group_id": 5}, {"reply_to_message": STRANGE}]
)
@pytest.mark.parametrize("what", BESIDE)
async def test_payments_moves_and_presses_are_read_whatever_stands_beside_them(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, what: str,
    odd: dict[str, Any],
) -> None:  # fmt: skip
    kind, content = BESIDE[what]
    message = content.get("message")
    spoiled = {**content, "message": message | odd} if message else content | odd
    telegram.world.updates.push(kind, spoiled)
    await answered(harness, chat, ann)
    async with harness.running():
        assert await rows(harness.db, "SELECT 1 FROM inbox WHERE set_aside = 1") == []


@pytest.mark.parametrize("what", UNREADABLE)
async def test_an_update_that_is_none_is_kept_as_it_came_and_admins_hear_of_it_once(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    errors: LoggedErrors,
    what: str,
) -> None:
    errors.expect("cannot be read: set aside")
    operator = telegram.private(telegram.person("Olga", user_id=ADMIN))
    kind, content = UNREADABLE[what]
    telegram.world.updates.push(kind, content)
    async with harness.running():
        await operator.wait(says("something I cannot read"))
    await answered(harness, chat, ann)
    async with harness.running():
        [[body]] = await rows(harness.db, "SELECT body FROM inbox WHERE set_aside = 1")
    assert json.loads(body)[kind] == content
    assert len([one for one in operator.from_bot if "cannot read" in (one.text or "")]) == 1
    assert len(telegram.world.updates) == 0


async def test_an_answer_is_no_sign_of_life_where_what_it_brings_is_not_taken(
    bot: Bot,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = asyncio.Queue[int]()

    async def take(_: Intake, update_id: int, *_rest: object) -> None:
        tried.put_nowait(update_id)
        raise LookupError

    monkeypatch.setattr(Intake, "take", take)
    async with asyncio.timeout(20):
        await chat.send(ann, "/help")
        first = await tried.get()
        heard_at = bot.listening.heard_at
        assert await tried.get() == first, "it is offered again"
    assert bot.listening.heard_at == heard_at


async def test_a_server_that_answers_nothing_at_once_is_not_asked_without_a_pause(
    harness: Harness, telegram: TelegramSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(listening, "sleep", pause)
    monkeypatch.setattr(listening, "monotonic", lambda: 7.0)
    telegram.world.updates.long_polls = False
    async with harness.running():
        await telegram.wait_for_call("getUpdates", count=5)
    assert len(pauses) >= 4
    assert set(pauses) == {listening.MIN_POLL_SECONDS}


async def test_a_webhook_that_somebody_sets_in_mid_life_is_taken_off_and_updates_come_again(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(listening, "sleep", pause)
    async with harness.running():
        telegram.world.webhook_url = "https://somewhere.else"
        for _ in range(2):
            # what was asked before is still answered
            asked = await chat.send(ann, "/teleport")
            await chat.wait(says("I don't know", to=asked.message_id))
        refused = [call for call in telegram.calls_of("getUpdates") if call.error]
        assert len(refused) == 1, "the next question comes after the webhook was taken off"
        assert telegram.world.webhook_url == ""


NESTED = b'{"update_id":12,"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
"""An update no JSON reader takes: so deep are lists in lists."""


class Spoilt(TelegramRequest):
    """A Telegram with five updates, of which the third spoils every answer that holds it."""

    PENDING = {
        number: json.dumps({"update_id": number, "message": MESSAGE | {"text": "hello"}}).encode()
        for number in range(10, 15)
    } | {12: NESTED}

    async def do_request(self, *_: Any, **options: Any) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        asked, given = urlsplit(options["url"]), b"true"
        if asked.path.endswith("/getUpdates"):
            query = parse_qs(asked.query)
            offset, limit = int(query["offset"][0]), int(query["limit"][0])
            found = [one for number, one in sorted(self.PENDING.items()) if number >= offset]
            given = b"[" + b",".join(found[:limit]) + b"]"
        return 200, b'{"ok":true,"result":' + given + b"}"


async def test_an_update_that_spoils_the_whole_answer_is_set_aside_alone(
    tmp_path: Path, errors: LoggedErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors.expect("update 12 cannot be read: set aside")
    monkeypatch.setattr(listening, "MIN_POLL_SECONDS", 0.0)
    db = await Database.open(tmp_path / "bot.sqlite3")
    request = Spoilt(1, TelegramTimeouts())
    bot = ExtBot(TOKEN, request=request, rate_limiter=Pacing())
    intake = Intake(db, Admins(frozenset()), time.time)
    hears = Listening(bot, request, intake, poll_seconds=0.0, clock=time.time)
    listens = asyncio.create_task(hears.listen())
    try:
        async with asyncio.timeout(20):
            while len(kept := await rows(db, "SELECT update_id, set_aside FROM inbox")) < 5:
                await asyncio.sleep(0.01)
    finally:
        listens.cancel()
        await asyncio.wait({listens})
        await request.shutdown()
        await db.close()
    assert sorted(kept) == [(10, 0), (11, 0), (12, 1), (13, 0), (14, 0)]


def refusing(status: int, **fields: Any) -> tuple[int, bytes]:
    """A refusal of Telegram's, or what somebody else makes of one."""
    code = {} if "error_code" in fields else {"error_code": status}
    return status, json.dumps({"ok": False, **code, **fields}).encode()


def silence(wanted: object) -> dict[str, Any]:
    return {"description": "Too Many Requests", "parameters": {"retry_after": wanted}}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusing(400, description="No"), BadRequest("No")),
        (refusing(400, description=5), BadRequest("Bad Request (400)")),
        (refusing(400, description={"a": "b"}), BadRequest("Bad Request (400)")),
        (refusing(400, description=None, parameters=None), BadRequest("Bad Request (400)")),
        (refusing(400, description="No", parameters=[7]), BadRequest("No")),
        (refusing(403, description="No", error_code="403"), Forbidden("No")),
        (refusing(200, description="No", error_code=400), BadRequest("No")),
        (refusing(200, description="No", error_code=403), Forbidden("No")),
        (refusing(200, description="No", error_code="x"), BadRequest("No")),
        ((200, b'{"description": "No", "error_code": 403, "ok": false}'), Forbidden("No")),
        ((200, b"{}"), TelegramError("no answer of Telegram's")),
        (refusing(400, parameters={"migrate_to_chat_id": "-100777"}), ChatMigrated(-100777)),
        (
            refusing(400, description="No", parameters={"migrate_to_chat_id": "club"}),
            BadRequest("No"),
        ),
        (
            refusing(400, description="No", parameters={"migrate_to_chat_id": 1e300}),
            BadRequest("No"),
        ),
        (refusing(429, **silence(7)), RetryAfter(7)),
        (refusing(429, **silence("7")), RetryAfter(7)),
        (refusing(429, **silence(6.5)), RetryAfter(7)),
        (refusing(200, error_code=429, **silence(7)), RetryAfter(7)),
        (refusing(429, **silence(10**12)), RetryAfter(listening.MAX_RETRY_AFTER)),
        *[
            (refusing(429, **silence(odd)), RetryAfter(listening.DEFAULT_RETRY_AFTER))
            for odd in (0, -1, None, "soon", "inf", [7], True)
        ],
        (refusing(429), RetryAfter(listening.DEFAULT_RETRY_AFTER)),
        ((429, b"<html>slow down</html>"), RetryAfter(listening.DEFAULT_RETRY_AFTER)),
    ],
    ids=repr,
)
async def test_a_refusal_is_known_for_one_however_odd_it_is(
    answer: tuple[int, bytes], error: TelegramError
) -> None:
    status, body = answer
    head = f"HTTP/1.1 {status} Odd\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    request = TelegramRequest(1, TelegramTimeouts())
    try:
        with pytest.raises(TelegramError) as caught:
            await request.post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/botT/getMe")
    finally:
        server.close()
        await request.shutdown()
    assert repr(caught.value) == repr(error)
