"""Wrong messages, edits and deletions are refused as the real server refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.telegram.clips import picture

if TYPE_CHECKING:
    from sandbox.telegram import Group, Person, PrivateChat
    from tests.sandbox.telegram.calls import Caller

KEYBOARD = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


def _keyboard(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Go", **button}]]}


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        pytest.param({}, "'text' of sendMessage is required", id="missing"),
        pytest.param({"text": "x", "txt": "y"}, "unknown parameter 'txt'", id="unknown"),
        pytest.param({"text": 5}, "text must be String", id="number for text"),
        pytest.param(
            {"text": "x", "disable_notification": "maybe"}, "disable_notification", id="bad boolean"
        ),
        pytest.param({"text": "x", "message_thread_id": 1.5}, "must be Integer", id="fraction"),
        pytest.param({"text": ""}, "message text is empty", id="empty"),
        pytest.param({"text": " \n "}, "message text is empty", id="white space"),
        pytest.param(
            {"text": "<b></b>", "parse_mode": "HTML"}, "message text is empty", id="only tags"
        ),
        pytest.param({"text": "x" * 4097}, "message is too long", id="4097 characters"),
        pytest.param({"text": "😀" * 2049}, "message is too long", id="4098 UTF-16 units"),
        pytest.param({"text": "x", "parse_mode": "Markdwn"}, "parse_mode", id="unknown parse mode"),
        pytest.param(
            {"text": "x", "reply_markup": _keyboard(callback_data="ü" * 33)},
            "BUTTON_DATA_INVALID",
            id="66 bytes of data",
        ),
        pytest.param(
            {"text": "x", "reply_markup": _keyboard(callback_data="")},
            "BUTTON_DATA_INVALID",
            id="no data",
        ),
        pytest.param({"text": "x", "reply_markup": _keyboard()}, "unallowed", id="bare button"),
        pytest.param(
            {"text": "x", "reply_markup": _keyboard(url="not a link")}, "URL", id="bad link"
        ),
        pytest.param(
            {"text": "x", "reply_markup": _keyboard(url="https://a.example", callback_data="b")},
            "one thing",
            id="two actions",
        ),
        pytest.param(
            {"text": "x", "reply_markup": _keyboard(callbackdata="b")},
            "callbackdata is not a field of InlineKeyboardButton",
            id="misspelt nested field",
        ),
        pytest.param(
            {"text": "x", "reply_parameters": {"message_id": 99}},
            "message to be replied not found",
            id="answer to nothing",
        ),
        pytest.param(
            {"text": "x", "message_thread_id": 77}, "message thread not found", id="no such topic"
        ),
    ],
)
async def test_a_wrong_sendmessage_is_refused(
    call: Caller, chat: PrivateChat, params: dict[str, Any], complaint: str
) -> None:
    reply = await call("sendMessage", chat_id=chat.id, **params)

    assert reply.status == 400
    assert complaint in reply.description
    assert chat.messages == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("ü <br> c", 'Unsupported start tag "br" at byte offset 3'),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<span>a</span>", 'Tag "span" must have class "tg-spoiler"'),
        ("<b a", 'Unclosed start tag "b" at byte offset 0'),
    ],
)
async def test_bad_html_is_refused_with_the_place_of_the_mistake(
    call: Caller, chat: PrivateChat, source: str, complaint: str
) -> None:
    reply = await call("sendMessage", chat_id=chat.id, text=source, parse_mode="HTML")

    assert reply.status == 400
    assert reply.description.startswith("Bad Request: can't parse entities: ")
    assert complaint in reply.description


async def test_an_edit_that_changes_nothing_is_refused(call: Caller, chat: PrivateChat) -> None:
    await call("sendMessage", chat_id=chat.id, text="same", reply_markup=KEYBOARD)
    where = {"chat_id": chat.id, "message_id": chat.last.message_id}

    same = await call("editMessageText", **where, text="same", reply_markup=KEYBOARD)
    without_keyboard = await call("editMessageText", **where, text="same")

    assert same.description.startswith("Bad Request: message is not modified")
    assert without_keyboard.status == 200
    assert chat.last.buttons == []


@pytest.mark.parametrize(
    ("method", "params", "complaint"),
    [
        ("editMessageText", {"message_id": 99, "text": "x"}, "message to edit not found"),
        ("editMessageText", {"message_id": 1, "text": "x"}, "message can't be edited"),
        ("editMessageText", {"text": "x"}, "message identifier is not specified"),
        ("editMessageText", {"message_id": 3, "text": "x"}, "message can't be edited"),
        ("editMessageCaption", {"message_id": 2, "caption": "x"}, "there is no caption"),
        ("editMessageText", {"message_id": 4, "text": "x"}, "there is no text in the message"),
        ("deleteMessage", {"message_id": 99}, "message to delete not found"),
        ("copyMessage", {"from_chat_id": 1, "message_id": 1}, "chat not found"),
        ("setMessageReaction", {"message_id": 99}, "message to react not found"),
        (
            "setMessageReaction",
            {"message_id": 1, "reaction": [{"type": "emoji", "emoji": "🚗"}]},
            "REACTION_INVALID",
        ),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action"),
        ("leaveChat", {}, "can't leave a private chat"),
    ],
)
async def test_a_wrong_call_about_a_message_is_refused(
    call: Caller,
    chat: PrivateChat,
    ann: Person,
    method: str,
    params: dict[str, Any],
    complaint: str,
) -> None:
    await chat.send(ann, "hers")
    await call("sendMessage", chat_id=chat.id, text="its own")
    await call("sendMessage", chat_id=chat.id, text="?", reply_markup={"force_reply": True})
    await call.upload(
        "sendPhoto", {"photo": ("p.jpg", picture(), "image/jpeg")}, chat_id=str(chat.id)
    )

    reply = await call(method, chat_id=chat.id, **params)

    assert reply.status == 400
    assert complaint in reply.description


async def test_a_message_deletes_once_and_only_for_two_days(
    call: Caller, chat: PrivateChat, clock: Any
) -> None:
    first = (await call("sendMessage", chat_id=chat.id, text="1")).result["message_id"]
    second = (await call("sendMessage", chat_id=chat.id, text="2")).result["message_id"]

    assert (await call("deleteMessage", chat_id=chat.id, message_id=first)).result is True
    again = await call("deleteMessage", chat_id=chat.id, message_id=first)
    clock.now += 49 * 3600
    late = await call("deleteMessage", chat_id=chat.id, message_id=second)

    assert again.description == "Bad Request: message to delete not found"
    assert late.description == "Bad Request: message can't be deleted"


async def test_in_a_group_it_deletes_others_messages_only_as_admin(
    call: Caller, group: Group, ann: Person
) -> None:
    message = await group.send(ann, "hers")
    where = {"chat_id": group.id, "message_id": message.message_id}

    refused = await call("deleteMessage", **where)
    group.make_admin()
    taken = await call("deleteMessage", **where)

    assert refused.description == "Bad Request: message can't be deleted"
    assert taken.result is True
    assert message.deleted
