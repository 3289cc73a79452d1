"""Groups: privacy mode, threads and topics, members, comings and goings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.telegram.clips import picture

if TYPE_CHECKING:
    from sandbox.telegram import Group, Person, TelegramSandbox
    from tests.sandbox.telegram.calls import Caller


async def _texts(call: Caller) -> list[str]:
    return [u["message"].get("text", "") for u in await call.updates() if "message" in u]


@pytest.mark.parametrize(
    "text", ["/video a cat", "/video@film_maker_bot a cat", "ok /video@FILM_maker_bot"]
)
async def test_privacy_mode_lets_commands_for_the_bot_through(
    call: Caller, group: Group, ann: Person, text: str
) -> None:
    await group.send(ann, text)

    assert await _texts(call) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "hello everybody",
        "@film_maker_bot make a cat fly",
        "/video@other_bot a cat",
        "and/or",
        "https://example.com/video",
    ],
)
async def test_privacy_mode_withholds_talk_and_mentions(
    call: Caller, group: Group, ann: Person, text: str
) -> None:
    await group.send(ann, text)

    assert await _texts(call) == []


async def test_privacy_mode_lets_answers_to_the_bot_through_and_no_others(
    call: Caller, group: Group, ann: Person, bob: Person
) -> None:
    await call("sendMessage", chat_id=group.id, text="What should we see?")
    question = group.last
    await group.send(ann, "a cat", reply_to=question)
    hers = await group.send(ann, "lunch?")
    await group.send(bob, "yes", reply_to=hers)

    assert await _texts(call) == ["a cat"]


async def test_a_captioned_command_and_a_service_message_come_through(
    call: Caller, telegram: TelegramSandbox, group: Group, ann: Person
) -> None:
    await group.send_photo(ann, picture(), caption="/animate slowly")
    await group.send_photo(ann, picture(), caption="our cat")
    group.join(telegram.person("Cid"))

    captioned, joined = await call.updates()

    assert captioned["message"]["caption"] == "/animate slowly"
    assert joined["message"]["new_chat_members"][0]["first_name"] == "Cid"


@pytest.mark.parametrize("how", ["switched off", "admin"])
async def test_without_privacy_mode_or_as_admin_it_reads_everything(
    call: Caller, telegram: TelegramSandbox, group: Group, ann: Person, how: str
) -> None:
    if how == "admin":
        group.make_admin()
    else:
        telegram.privacy_mode(on=False)
    await group.send(ann, "hello everybody")

    assert "hello everybody" in await _texts(call)
    me = (await call("getMe")).result
    assert me["can_read_all_group_messages"] is (how == "switched off")


async def test_a_command_on_a_photo_brings_the_photo_along(
    call: Caller, group: Group, ann: Person, bob: Person
) -> None:
    photo = await group.send_photo(bob, picture(900, 600))
    await group.send(ann, "/animate", reply_to=photo)

    (update,) = await call.updates()

    sizes = update["message"]["reply_to_message"]["photo"]
    assert [(size["width"], size["height"]) for size in sizes] == [
        (90, 60),
        (320, 213),
        (800, 533),
        (900, 600),
    ]


async def test_a_message_in_a_topic_answers_the_topics_first_message(
    call: Caller, forum: Group, ann: Person
) -> None:
    topic = forum.topic("Trailers")
    await forum.send(ann, "/video a cat", topic=topic)
    message = (await call.updates())[-1]["message"]

    assert (message["message_thread_id"], message["is_topic_message"]) == (topic.id, True)
    assert message["reply_to_message"]["forum_topic_created"]["name"] == "Trailers"
    assert message["chat"]["is_forum"] is True


async def test_an_answer_stays_in_the_topic_of_its_question(
    call: Caller, forum: Group, ann: Person
) -> None:
    topic = forum.topic("Trailers")
    asked = await forum.send(ann, "/video a cat", topic=topic)
    await call(
        "sendMessage",
        chat_id=forum.id,
        text="ok",
        reply_parameters={"message_id": asked.message_id},
    )
    await call("sendMessage", chat_id=forum.id, text="to all")

    answer, general = forum.from_bot
    assert (answer.topic, answer.reply_to) == (topic, asked.message_id)
    assert general.topic is None


async def test_a_plain_supergroup_numbers_threads_that_are_no_topics(
    call: Caller, group: Group, ann: Person
) -> None:
    first = await group.send(ann, "/video a cat")
    await group.send(ann, "/video a dog", reply_to=first)
    message = (await call.updates())[-1]["message"]

    assert message["message_thread_id"] == first.message_id
    assert "is_topic_message" not in message
    refused = await call(
        "sendMessage", chat_id=group.id, text="x", message_thread_id=first.message_id
    )
    assert refused.description == "Bad Request: message thread not found"


async def test_deleting_a_topic_deletes_what_is_in_it(forum: Group, ann: Person) -> None:
    topic = forum.topic("Trailers")
    message = await forum.send(ann, "hello", topic=topic)

    forum.delete(topic)

    assert message.deleted


async def test_comings_and_goings_are_told(call: Caller, group: Group) -> None:
    group.kick_bot()
    group.add_bot()
    group.make_admin()

    told = [u["my_chat_member"] for u in await call.updates() if "my_chat_member" in u]

    assert [change["new_chat_member"]["status"] for change in told] == [
        "kicked",
        "member",
        "administrator",
    ]


async def test_being_added_is_told_with_who_did_it(
    call: Caller, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("New", [ann], with_bot=False)
    group.add_bot(ann)

    change, joined = await call.updates()

    assert change["my_chat_member"]["old_chat_member"]["status"] == "left"
    assert change["my_chat_member"]["from"]["id"] == ann.id
    assert joined["message"]["new_chat_members"][0]["is_bot"] is True


async def test_anonymous_admins_and_channels_share_an_account(
    call: Caller, telegram: TelegramSandbox, group: Group, ann: Person
) -> None:
    channel = telegram.group("News", [ann])
    await group.send(ann, "/video a", sender_chat=group)
    await group.send(ann, "/video b", sender_chat=channel)

    admin, news = (update["message"] for update in await call.updates())

    assert (admin["from"]["id"], admin["sender_chat"]["id"]) == (1087968824, group.id)
    assert (news["from"]["id"], news["sender_chat"]["id"]) == (136817688, channel.id)


async def test_a_group_it_left_tells_it_nothing(call: Caller, group: Group, ann: Person) -> None:
    assert (await call("leaveChat", chat_id=group.id)).result is True
    await group.send(ann, "/video a cat")

    assert await call.updates() == []
    refused = await call("sendMessage", chat_id=group.id, text="x")
    assert refused.description == "Forbidden: bot is not a member of the supergroup chat"


async def test_a_migration_is_told_in_both_chats(
    call: Caller, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Small", [ann], kind="group")
    new = group.migrate()

    old_side, new_side = (update["message"] for update in await call.updates())

    assert (old_side["chat"]["id"], old_side["migrate_to_chat_id"]) == (group.id, new.id)
    assert (new_side["chat"]["id"], new_side["migrate_from_chat_id"]) == (new.id, group.id)
    with pytest.raises(ValueError, match="no basic group"):
        new.migrate()


async def test_members_have_their_standing(
    call: Caller, telegram: TelegramSandbox, group: Group, ann: Person, bob: Person
) -> None:
    stranger = telegram.person("Cid")
    group.make_admin()

    async def status(person: Person) -> Any:
        return (await call("getChatMember", chat_id=group.id, user_id=person.id)).result["status"]

    assert await status(ann) == "creator"
    assert await status(bob) == "member"
    assert await status(stranger) == "left"
    assert await status(telegram.bot) == "administrator"
    admins = (await call("getChatAdministrators", chat_id=group.id)).result
    assert [admin["user"]["first_name"] for admin in admins] == ["Ann", "Film Maker"]
    assert (await call("getChatMemberCount", chat_id=group.id)).result == 3


async def test_topics_exist_in_forums_only(
    telegram: TelegramSandbox, group: Group, ann: Person
) -> None:
    with pytest.raises(ValueError, match="only supergroups"):
        telegram.group("Small", [ann], kind="group", forum=True)
    with pytest.raises(ValueError, match="no forum"):
        group.topic("Trailers")
