"""Calls of python-telegram-bot do what they say, and their errors arrive as it knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telegram import Bot, BotCommand, BotCommandScopeAllPrivateChats, ForceReply
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter

from sandbox.telegram import Fault

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox


async def test_commands_and_descriptions_are_kept_per_scope(
    bot: Bot, telegram: TelegramSandbox
) -> None:
    scope = BotCommandScopeAllPrivateChats()
    await bot.set_my_commands([BotCommand("video", "make one")], scope=scope, language_code="de")
    await bot.set_my_description("Send me a photo", language_code="en")
    await bot.set_my_short_description("Photo to video")

    assert await bot.get_my_commands(scope=scope, language_code="de") == (
        BotCommand("video", "make one"),
    )
    assert await bot.get_my_commands() == ()
    assert await bot.delete_my_commands(scope=scope, language_code="de")
    assert telegram.profile.description == {"en": "Send me a photo"}
    assert telegram.profile.short_description == {"": "Photo to video"}


async def test_a_question_asks_for_a_reply(bot: Bot, chat: PrivateChat) -> None:
    await bot.send_message(
        chat.id, "What?", reply_markup=ForceReply(input_field_placeholder="a cat")
    )

    assert chat.last.force_reply == {"force_reply": True, "input_field_placeholder": "a cat"}


async def test_an_action_a_reaction_and_deletions_are_seen(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    message = await chat.send(ann, "hello")
    own = await bot.send_message(chat.id, "there")
    await bot.send_chat_action(chat.id, "upload_video")
    await bot.set_message_reaction(chat.id, message.message_id, "👀")
    await bot.delete_messages(chat.id, [own.id, 99])

    assert chat.actions == ["upload_video"]
    assert message.reactions == ["👀"]
    assert chat.from_bot == []


async def test_a_missing_reply_target_can_be_allowed(bot: Bot, chat: PrivateChat) -> None:
    with pytest.raises(BadRequest, match="to be replied not found"):
        await bot.send_message(chat.id, "x", reply_to_message_id=99)
    await bot.send_message(chat.id, "x", reply_to_message_id=99, allow_sending_without_reply=True)

    assert chat.last.reply_to is None


async def test_inline_mode_can_be_off(bot: Bot, telegram: TelegramSandbox) -> None:
    telegram.inline_mode(on=False)

    assert (await bot.get_me()).supports_inline_queries is False


async def test_errors_arrive_as_the_library_knows_them(
    bot: Bot,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    telegram.faults.next("sendMessage", Fault.bad_gateway())
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(chat.id, "x")
    telegram.faults.next("sendMessage", Fault.error(429, "Too Many Requests", retry_after=3))
    with pytest.raises(RetryAfter):
        await bot.send_message(chat.id, "x")
    chat.block(ann)
    with pytest.raises(Forbidden):
        await bot.send_message(chat.id, "x")
    with pytest.raises(InvalidToken):
        async with Bot("1:wrong", base_url=f"{telegram.url}/bot"):
            pass
