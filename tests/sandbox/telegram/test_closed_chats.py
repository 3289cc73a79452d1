"""Chats the bot may not write to say so: unknown, blocked, left, read only, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.telegram.clips import clip

if TYPE_CHECKING:
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.sandbox.telegram.calls import Caller


async def test_a_chat_it_never_met_is_not_found(call: Caller) -> None:
    reply = await call("sendMessage", chat_id=123, text="x")

    assert reply.description == "Bad Request: chat not found"


async def test_it_may_not_write_first(call: Caller, telegram: TelegramSandbox, ann: Person) -> None:
    chat = telegram.private(ann, started=False)

    refused = await call("sendMessage", chat_id=chat.id, text="x")
    await chat.send(ann, "/start")
    taken = await call("sendMessage", chat_id=chat.id, text="x")

    assert refused.description == "Forbidden: bot can't initiate conversation with a user"
    assert taken.result["text"] == "x"


async def test_a_person_who_blocked_it_gets_nothing(
    call: Caller, chat: PrivateChat, ann: Person
) -> None:
    chat.block(ann)

    reply = await call("sendMessage", chat_id=chat.id, text="x")

    assert (reply.status, reply.description) == (403, "Forbidden: bot was blocked by the user")


async def test_a_group_that_kicked_it_or_is_gone_refuses(call: Caller, group: Group) -> None:
    group.kick_bot()
    kicked = await call("sendMessage", chat_id=group.id, text="x")
    group.add_bot()
    group.disband()
    gone = await call("sendMessage", chat_id=group.id, text="x")

    assert kicked.description == "Forbidden: bot was kicked from the supergroup chat"
    assert gone.description == "Forbidden: the supergroup chat was deleted"


async def test_a_migrated_group_names_its_new_id(
    call: Caller, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Small", [ann], kind="group")
    new = group.migrate()

    reply = await call("sendMessage", chat_id=group.id, text="x")

    assert reply.status == 400
    assert reply.parameters == {"migrate_to_chat_id": new.id}
    assert (await call("sendMessage", chat_id=new.id, text="x")).status == 200


async def test_a_read_only_group_refuses_by_the_right_that_is_missing(
    call: Caller, group: Group
) -> None:
    group.read_only()

    text = await call("sendMessage", chat_id=group.id, text="x")
    video = await call.upload(
        "sendVideo", {"video": ("v.mp4", clip(), "video/mp4")}, chat_id=str(group.id)
    )

    assert text.description.endswith("not enough rights to send text messages to the chat")
    assert video.description.endswith("not enough rights to send videos to the chat")


async def test_closed_and_deleted_topics_refuse(call: Caller, forum: Group) -> None:
    topic = forum.topic("Trailers")
    forum.close(topic)
    closed = await call("sendMessage", chat_id=forum.id, text="x", message_thread_id=topic.id)
    forum.delete(topic)
    deleted = await call("sendMessage", chat_id=forum.id, text="x", message_thread_id=topic.id)
    general = await call("sendMessage", chat_id=forum.id, text="x", message_thread_id=1)

    assert closed.description == "Bad Request: TOPIC_CLOSED"
    assert deleted.description == "Bad Request: message thread not found"
    assert general.description == "Bad Request: message thread not found"
