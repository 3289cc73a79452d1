"""Whatever somebody does, and in whatever order: credits are held only by what was an order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from storage.database import number
from tests.flows.looks import says
from tests.flows.makings import photo
from tests.flows.test_credits import spent

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat
    from tests.house import House

ACTS = (
    "/video", "/video a dog", "/animate", "/quota", "/help", "/cancel", "/models",
    "photo", "photo with words", "a fox in the snow", "waves roll in",
    "thanks!", "no", "hi", "never mind", "cancel",
)  # fmt: skip
OPEN = "SELECT count(*) FROM cards WHERE state = 'open'"
NEXT = {
    "": {"/video": "idea", "/animate": "picture", "photo": "photo"},
    "card": {"/video": "idea", "/animate": "picture", "photo": "card"},
    "photo": {"/video": "idea", "/animate": "order", "photo": "photo", "words": "order"},
    "idea": {"/video": "idea", "/animate": "picture", "photo": "order", "words": "order"},
    "picture": {"/video": "idea", "/animate": "picture", "photo": "order", "words": "picture"},
}
"""What is open, what is done next, and what is open then; `order` where that is a video."""


def opened(waits: str, act: str) -> str:
    """Return what is open after an act, `order` where the act is one."""
    if act in {"/video a dog", "photo with words"}:
        return "order"
    if act in {"a fox in the snow", "waves roll in"}:
        return NEXT[waits].get("words", "card")
    return NEXT[waits].get(act, "")


@pytest.mark.parametrize("seed", range(8))
async def test_credits_are_held_only_by_what_was_an_order(
    house: House, chat: PrivateChat, ann: Person, seed: int
) -> None:
    acts = random.Random(seed).choices(ACTS, k=30)
    waits, orders = "", 0
    async with house.running(free_credits=1000, max_pending_per_user=100):
        for act in acts:
            if act.startswith("photo"):
                words = "it rains" if act == "photo with words" else None
                await chat.send_photo(ann, photo(1280, 720), caption=words)
            else:
                await chat.send(ann, act)
            waits = opened(waits, act)
            if waits == "order":
                waits, orders = "", orders + 1
        last = await chat.send(ann, "/stats")
        await chat.wait(says("I don't know /stats", to=last.message_id))
        async with house.db.reading() as connection:
            made = await number(connection, "SELECT count(*) FROM generations")
            still_open = await number(connection, OPEN)
        assert made == orders, acts
        # one that was called back in time is paid back
        assert await spent(house, ann) <= 9 * orders
        assert still_open <= 1
