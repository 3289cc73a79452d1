"""What people do reaches the bot in the Bot API's terms, and a test can wait for the answer."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.telegram.schema import check_object
from tests.sandbox.telegram.clips import clip, picture

if TYPE_CHECKING:
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.sandbox.telegram.calls import Caller
    from tests.sandbox.telegram.conftest import Clock

KEYBOARD = {
    "inline_keyboard": [
        [
            {"text": "Again · 9", "callback_data": "again"},
            {"text": "Site", "url": "https://a.example"},
        ]
    ]
}


async def _everything(telegram: TelegramSandbox, chat: PrivateChat, forum: Group) -> None:
    """One of each thing a person can send."""
    ann = chat.members[0]
    text = await chat.send(ann, "hello", forwarded_from=telegram.person("Cid"))
    await chat.send(ann, "hers", forwarded_from="Dora")
    await chat.edit(text, "hello there")
    await chat.send_photo(ann, picture(), caption="garden", reply_to=text, album="1")
    await chat.send_document(ann, b"%PDF", "a.pdf", "application/pdf", caption="read")
    await chat.send_video(ann, clip(), caption="film")
    await chat.send_animation(ann, clip(sound=False))
    await chat.send_voice(ann, b"OggS")
    await chat.send_sticker(ann, picture(512, 512, "WEBP"))
    await chat.send_contact(ann, "+491234", "Bob")
    await chat.send_location(ann, 52.5, 13.4)
    chat.block(ann)
    chat.unblock(ann)
    topic = forum.topic("Trailers")
    await forum.send(ann, "/video x", topic=topic)
    forum.close(topic)
    forum.reopen(topic)
    forum.kick_bot()
    forum.add_bot()
    forum.make_admin()


async def test_every_update_conforms_to_the_bot_api(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat, forum: Group
) -> None:
    await _everything(telegram, chat, forum)

    updates = await call.updates()

    assert len(updates) >= 20
    for update in updates:
        check_object("Update", update)


@pytest.mark.parametrize(
    ("method", "params", "type_name"),
    [
        ("getChat", {}, "ChatFullInfo"),
        ("getWebhookInfo", None, "WebhookInfo"),
        ("getMe", None, "User"),
        ("sendMessage", {"text": "<b>x</b> /help", "parse_mode": "HTML"}, "Message"),
    ],
)
async def test_answers_conform_to_the_bot_api(
    call: Caller, chat: PrivateChat, method: str, params: dict[str, Any] | None, type_name: str
) -> None:
    given = {} if params is None else {"chat_id": chat.id, **params}

    check_object(type_name, (await call(method, **given)).result)


async def test_members_conform_to_the_bot_api(
    call: Caller, telegram: TelegramSandbox, group: Group
) -> None:
    group.make_admin()

    for person in [*group.members, telegram.bot, telegram.person("Cid")]:
        member = await call("getChatMember", chat_id=group.id, user_id=person.id)
        check_object("ChatMember", member.result)


def test_a_wrong_object_is_told_by_its_place() -> None:
    with pytest.raises(ValueError, match=r"User\.id is required"):
        check_object("User", {"is_bot": False, "first_name": "Ann"})
    with pytest.raises(ValueError, match=r"User\.nmae is not a field of User"):
        check_object("User", {"id": 1, "is_bot": False, "first_name": "Ann", "nmae": "x"})


async def test_a_press_carries_message_and_presser(call: Caller, group: Group, bob: Person) -> None:
    await call("sendMessage", chat_id=group.id, text="film", reply_markup=KEYBOARD)
    pressing = asyncio.create_task(group.last.press("Again", by=bob))
    (update,) = await call.updates(timeout=5)
    query = update["callback_query"]
    check_object("CallbackQuery", query)
    await call("answerCallbackQuery", callback_query_id=query["id"], text="ok")

    answer = await pressing

    assert (query["data"], query["from"]["first_name"]) == ("again", "Bob")
    assert query["message"]["text"] == "film"
    assert (answer.text, answer.alert) == ("ok", False)


async def test_a_press_is_answered_once_and_in_time(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat, clock: Clock
) -> None:
    await call("sendMessage", chat_id=chat.id, text="film", reply_markup=KEYBOARD)
    pressing = asyncio.create_task(chat.last.press(data="again"))
    (update,) = await call.updates(timeout=5)
    query_id = update["callback_query"]["id"]
    assert [query.id for query in telegram.unanswered_callbacks] == [query_id]

    long = await call("answerCallbackQuery", callback_query_id=query_id, text="x" * 201)
    once = await call("answerCallbackQuery", callback_query_id=query_id)
    twice = await call("answerCallbackQuery", callback_query_id=query_id)
    await pressing
    late_press = asyncio.create_task(chat.last.press(data="again"))
    query = (await call.updates(offset=update["update_id"] + 1, timeout=5))[0]["callback_query"]
    clock.now += 151
    late = await call("answerCallbackQuery", callback_query_id=query["id"])
    late_press.cancel()

    assert long.description == "Bad Request: MESSAGE_TOO_LONG"
    assert once.result is True
    assert twice.description.startswith("Bad Request: query is too old and response timeout")
    assert late.description == twice.description


async def test_pressing_under_a_deleted_message_shows_an_inaccessible_one(
    call: Caller, chat: PrivateChat
) -> None:
    await call("sendMessage", chat_id=chat.id, text="film", reply_markup=KEYBOARD)
    message = chat.last
    await call("deleteMessage", chat_id=chat.id, message_id=message.message_id)
    pressing = asyncio.create_task(message.press("Again"))
    (update,) = await call.updates(timeout=5)
    pressing.cancel()

    assert update["callback_query"]["message"]["date"] == 0


async def test_a_button_that_is_not_there_is_told_with_those_that_are(
    call: Caller, chat: PrivateChat
) -> None:
    await call("sendMessage", chat_id=chat.id, text="film", reply_markup=KEYBOARD)

    with pytest.raises(AssertionError, match="Again"):
        await chat.last.press("Share")
    with pytest.raises(AssertionError, match="asks the bot nothing"):
        await chat.last.press("Site")
    with pytest.raises(AssertionError, match="did not answer the press of 'Again · 9'"):
        await chat.last.press("Again", timeout=0.01)


async def test_waiting_in_vain_tells_what_was_there(call: Caller, chat: PrivateChat) -> None:
    await call("sendMessage", chat_id=chat.id, text="Working on it")

    with pytest.raises(AssertionError, match="Working on it"):
        await chat.wait(lambda m: m.video, timeout=0.01)
    with pytest.raises(AssertionError, match="is still there"):
        await chat.wait_gone(chat.last, timeout=0.01)


async def test_waiting_sees_what_is_gone_a_moment_later(call: Caller, chat: PrivateChat) -> None:
    waiting = asyncio.create_task(chat.wait(lambda m: m.text == "blink"))
    await asyncio.sleep(0)
    sent = (await call("sendMessage", chat_id=chat.id, text="blink")).result
    await call("deleteMessage", chat_id=chat.id, message_id=sent["message_id"])

    assert (await waiting).deleted


async def test_waiting_sees_an_edit(call: Caller, chat: PrivateChat) -> None:
    sent = (await call("sendMessage", chat_id=chat.id, text="1 of 2")).result
    waiting = asyncio.create_task(chat.wait(lambda m: m.text == "2 of 2"))
    await call("editMessageText", chat_id=chat.id, message_id=sent["message_id"], text="2 of 2")

    assert (await waiting).edited_at is not None


async def test_people_have_ids_of_their_own_or_chosen_ones(
    telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    operator = telegram.person("Olga", user_id=900_001)

    assert len({ann.id, bob.id, operator.id}) == 3
    assert telegram.private(operator).id == 900_001


async def test_an_empty_chat_has_no_last_message(chat: PrivateChat) -> None:
    with pytest.raises(AssertionError, match="nothing was said"):
        _ = chat.last


async def test_changes_stream_as_they_happen(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    seen: list[tuple[str, Any]] = []

    async def watch() -> None:
        async with aclosing(telegram.events()) as events:
            async for event in events:
                seen.append((event["event"], event.get("by_bot")))
                if event["event"] == "delete":
                    return

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await chat.send(ann, "hello")
    sent = (await call("sendMessage", chat_id=chat.id, text="hi")).result
    where = {"chat_id": chat.id, "message_id": sent["message_id"]}
    await call("editMessageText", **where, text="hi!")
    await call("sendChatAction", chat_id=chat.id, action="typing")
    await call("setMessageReaction", **where, reaction=[{"type": "emoji", "emoji": "👍"}])
    await call("deleteMessage", **where)
    await watching

    assert [event for event in seen if event[0] != "call"] == [
        ("message", False),
        ("message", True),
        ("edit", True),
        ("action", None),
        ("reaction", None),
        ("delete", None),
    ]


async def test_an_upload_of_45_mb_goes_to_disk(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat
) -> None:
    size = 45 * 1024 * 1024
    started = time.perf_counter()
    await call.upload(
        "sendDocument",
        {"document": ("d.zip", bytes(size), "application/zip")},
        chat_id=str(chat.id),
    )

    document = chat.last.document
    assert document is not None
    assert document.path.stat().st_size == document.size == size
    assert time.perf_counter() - started < 30
    upload = telegram.calls[-1].params["document"]
    assert (upload.file_name, upload.size) == ("d.zip", size)
