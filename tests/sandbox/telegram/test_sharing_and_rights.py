"""Buttons that take something elsewhere, what members may not do, stickers that move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.telegram.clips import clip, picture

if TYPE_CHECKING:
    from sandbox.telegram import Group, Person
    from tests.sandbox.telegram.calls import Caller


async def test_a_share_button_tells_the_query_it_takes_along(
    call: Caller, group: Group, ann: Person
) -> None:
    there = {"query": "#7", "allow_user_chats": True}
    button = {"text": "Share", "switch_inline_query_chosen_chat": there}

    await call(
        "sendMessage",
        chat_id=group.id,
        text="a video",
        reply_markup={"inline_keyboard": [[button]]},
    )

    assert group.last.button("Share").share == "#7"


async def test_what_is_withheld_from_members_is_told_of_the_group(
    call: Caller, group: Group
) -> None:
    group.withheld = {"can_send_videos"}

    told = (await call("getChat", chat_id=group.id)).result["permissions"]

    assert not told["can_send_videos"]
    assert told["can_send_messages"]


async def test_a_read_only_group_tells_that_nobody_may_write(call: Caller, group: Group) -> None:
    group.read_only()

    told = (await call("getChat", chat_id=group.id)).result["permissions"]

    assert not any(told.values())


async def test_a_sticker_says_whether_it_moves(call: Caller, group: Group, ann: Person) -> None:
    group.make_admin()
    await group.send_sticker(ann, picture(512, 512, "WEBP"))
    await group.send_sticker(ann, clip(), moves=True)

    seen = [u["message"]["sticker"]["is_video"] for u in await call.updates() if "message" in u]

    assert seen == [False, True]
