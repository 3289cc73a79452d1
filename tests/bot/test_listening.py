"""Updates that nobody can read hold up none that can be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.flows.looks import says, shows_video
from tests.house import ADMIN
from tests.storage.asked import rows

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.house import Breakage, House

STRANGE = {"message_id": 7, "text": "no date, no chat"}


async def test_an_update_that_cannot_be_read_is_set_aside_and_the_others_are_handled(
    house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, errors: Breakage
) -> None:
    for words in ("Error while parsing updates", "one by one", "cannot be read: set aside"):
        errors.expect(words)
    operator = telegram.private(telegram.person("Olga", user_id=ADMIN))
    await chat.send(ann, "/video a boat")
    telegram.world.updates.push("message", STRANGE)
    await chat.send(ann, "/video a train")
    async with house.running():
        await chat.wait(shows_video("a boat"))
        await chat.wait(shows_video("a train"))
        await operator.wait(says("something I cannot read"))
        kept = await rows(house.db, "SELECT body FROM inbox WHERE set_aside = 1")
    [[body]] = kept
    assert json.loads(body)["message"] == STRANGE
    assert len(telegram.world.updates) == 0


async def test_what_an_earlier_version_could_read_and_this_one_cannot_holds_up_no_start(
    house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, errors: Breakage
) -> None:
    errors.expect("cannot be read: set aside")
    async with house.running(), house.db.transaction() as tx:
        body = json.dumps({"update_id": 1, "message": STRANGE})
        await tx.execute(
            "INSERT INTO inbox (update_id, lane, body, received_at) VALUES (1, 1, ?, 0)",
            (body,),
        )
    operator = telegram.private(telegram.person("Olga", user_id=ADMIN))
    async with house.running():
        await operator.wait(says("something I cannot read"))
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))
