"""/audit: each act of an admin is written down once, and read back newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import Update

from storage import audit
from tests.flows.predicates import says

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def test_acts_are_told_by_the_commands_that_do_them_with_names(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    club = telegram.group("Film club", [ann, bob])
    async with harness.running(admin_ids=frozenset({ann.id}), allowed_ids=frozenset({4711})):
        await chat.send(ann, "/audit")
        await chat.wait(says("No admin has done anything here yet."))
        await telegram.private(bob).send(bob, "/help")
        await telegram.private(bob).wait(says("/video"))
        await club.send(bob, "/help")
        await club.wait(says("/video"))
        for words, answer in (
            ("/grant @bob 50 for the party", "has 50 credits more"),
            ("/allow @bob", "may use this bot"),
            ("/deny @bob", "any more"),
            ("/ban @bob rude pictures", "is banned"),
            ("/ban @bob again", "is banned already"),
            ("/unban @bob", "is welcome again"),
            (f"/limit {club.id} 100 20", "has a pool of 100 credits"),
        ):
            await chat.send(ann, words)
            await chat.wait(says(answer))
        sent = await chat.send(ann, "/audit")
        shown = await chat.wait(lambda m: m.message_id > sent.message_id and bool(m.text))
        lines = [line.partition(" · ")[2] for line in (shown.text or "").splitlines()]
        who, group = f"Bob ({bob.id})", f"Film club ({club.id})"
        assert [line.replace("\u200b", "") for line in lines] == [
            f"Ann ({ann.id}): {did}"
            for did in (
                f"/limit {group} 0 → 100 20", f"/unban {who}", f"/ban {who} rude pictures",
                f"/deny {who}", f"/allow {who}", f"/grant {who} 50",
            )
        ]  # fmt: skip
        assert not any(entity["type"] == "bot_command" for entity in shown.entities)


async def test_an_act_delivered_twice_is_written_once_and_its_pages_turn(
    harness: Harness, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})) as running:
        async with harness.db.transaction() as tx:
            for number in range(24):
                await audit.record(
                    tx, "ban", by=ann.id, cause=f"old:{number}", whom=number + 1, now=60.0
                )
        sent = await chat.send(ann, f"/unban {bob.id}")
        await chat.wait(says("Nothing changed"))
        again = Update.de_json({"update_id": 10**9, "message": sent.as_json()}, running.app.bot)
        for _ in range(2):
            await running.app.process_update(again)
        async with harness.db.reading() as connection:
            assert await audit.count(connection) == 26, "the update, and one that came twice"
        await chat.send(ann, "/audit")
        shown = await chat.wait(says("/\u200bunban"))
        assert [b.text for b in shown.buttons[-2]] == ["▶ 2/3"]
        await shown.press("▶ 2/3", by=ann)
        await chat.wait(lambda m: m is shown and len(m.buttons[-2]) == 2)
        await shown.press("▶ 3/3", by=ann)
        await chat.wait(lambda m: m is shown and (m.text or "").endswith("/\u200bban 1"))
        assert (await shown.press("◀ 2/3", by=bob)).text == "This button is not for you."
