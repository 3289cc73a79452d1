"""The door for updates: kept before they are confirmed, in order, across restarts."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from telegram import Bot, Update

from bot import lifecycle
from bot.app import Times
from bot.tasks import PerChatUpdateProcessor, Slots
from bot.updates import intake as door
from bot.updates.intake import Intake
from storage import SHARED_IDS, chats, inbox, notices
from storage.database import Database
from storage.inbox import MAX_PER_MEMBER, MAX_PER_SENDER
from storage.notices import Admins
from tests.databases import begin
from tests.flows.predicates import says, shows_video
from tests.storage.requests import rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.telegram import Person
    from storage.database import Connection
    from tests.harness import Harness, LoggedErrors

TOKEN = "7000000001:AAsandbox-telegram-token-for-this-machine"
ADMIN = 900_001
GROUP = -1_001_000
PATIENCE = 20
"""Seconds until something that should have come at once is missed, on a busy machine."""


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(begin(tmp_path / "bot.sqlite3"))
    yield database
    await database.close()


@pytest.fixture
def bot() -> Bot:
    return Bot(TOKEN)


def message(bot: Bot, update_id: int, chat: int, text: str = "hello") -> Update:
    sender = {"id": chat, "is_bot": False, "first_name": "Ann"}
    update = Update.de_json(
        {
            "update_id": update_id,
            "message": {
                "message_id": update_id,
                "date": 1_790_000_000,
                "chat": {"id": chat, "type": "private", "first_name": "Ann"},
                "from": sender,
                "text": text,
            },
        },
        bot,
    )
    assert update is not None
    return update


def inline(bot: Bot, update_id: int) -> Update:
    sender = {"id": 5, "is_bot": False, "first_name": "Ann"}
    query = {"id": "1", "from": sender, "query": "cats", "offset": ""}
    update = Update.de_json({"update_id": update_id, "inline_query": query}, bot)
    assert update is not None
    return update


def intake_of(db: Database) -> Intake:
    return Intake(db, Admins(frozenset({ADMIN})), lambda: 1_790_000_000.0)


async def take(intake: Intake, update: Update) -> None:
    """Hand an update to the door, as Telegram would have written it."""
    await intake.take(update.update_id, update.to_dict(), update.get_bot())


async def got(intake: Intake) -> int:
    update = await asyncio.wait_for(intake.get(), PATIENCE)
    assert isinstance(update, Update)
    return update.update_id


async def waiting(db: Database) -> list[int]:
    async with db.transaction() as connection:  # which carries what was deferred
        return [letter.update_id for letter in await inbox.waiting(connection)]


async def test_an_update_is_on_disk_when_put_returns(db: Database, bot: Bot) -> None:
    await take(intake_of(db), message(bot, 1, chat=7))
    assert await waiting(db) == [1]


async def test_an_update_is_kept_as_telegram_wrote_it_and_read_again_after_a_restart(
    db: Database, bot: Bot
) -> None:
    gone = {"message_id": 3, "date": 0, "chat": {"id": 7, "type": "private"}}
    raw = message(bot, 1, chat=7, text="ein Käfer 🐞").to_dict()
    raw["message"] |= {"pinned_message": gone, "aura": {"hue": "blue"}}
    await intake_of(db).take(1, raw, bot)
    [[body]] = await rows(db, "SELECT body FROM inbox")
    assert json.loads(body) == raw
    assert "Käfer 🐞" in body
    after = intake_of(db)
    await after.restore(bot)
    assert await got(after) == 1


async def test_half_a_surrogate_pair_is_kept_as_a_question_mark(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    await take(intake, message(bot, 1, chat=7, text="\ud83d cat"))
    update = await asyncio.wait_for(intake.get(), PATIENCE)
    assert isinstance(update, Update)
    assert update.message is not None
    assert update.message.text == "? cat"


async def test_updates_of_one_chat_are_handed_out_one_after_the_other(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    first, second = message(bot, 1, chat=7), message(bot, 2, chat=7)
    await take(intake, first)
    await take(intake, second)
    assert await got(intake) == 1
    assert intake.empty(), "the second waits until the first is handled"
    await intake.finish(first)
    assert await got(intake) == 2


async def test_a_slow_chat_does_not_hold_back_another(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    for number, chat in ((1, 7), (2, 7), (3, 8)):
        await take(intake, message(bot, number, chat=chat))
    assert [await got(intake), await got(intake)] == [1, 3]


async def test_a_repeated_update_is_handed_out_once(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    for _ in range(2):
        await take(intake, message(bot, 1, chat=7))
    assert await got(intake) == 1
    await intake.finish(message(bot, 1, chat=7))
    assert intake.empty()


async def test_an_update_whose_put_is_cut_off_at_the_commit_is_handed_out_once(
    db: Database, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, written, go_on = Database.transaction, asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncIterator[Connection]:
        async with plain(self) as tx:
            yield tx
        written.set()
        await go_on.wait()

    monkeypatch.setattr(Database, "transaction", transaction)
    intake = intake_of(db)
    putting = asyncio.create_task(take(intake, message(bot, 1, chat=7)))
    await written.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    go_on.set()
    await take(intake, message(bot, 1, chat=7))  # Telegram was told nothing, and offers it again
    assert await got(intake) == 1
    assert intake.empty()


async def test_what_was_not_handled_comes_again_after_a_restart_in_order(
    db: Database, bot: Bot
) -> None:
    before = intake_of(db)
    for number in (1, 2, 3):
        await take(before, message(bot, number, chat=7, text=f"number {number}"))
    await before.begin(message(bot, 1, chat=7))
    after = intake_of(db)
    await after.restore(bot)
    for number in (1, 2, 3):
        update = await asyncio.wait_for(after.get(), PATIENCE)
        assert isinstance(update, Update)
        assert update.message is not None
        assert update.message.text == f"number {number}"
        await after.finish(update)


async def test_nothing_is_handed_out_behind_the_stop_signal(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    first = message(bot, 1, chat=7)
    await take(intake, first)
    await take(intake, message(bot, 2, chat=7))
    assert await got(intake) == 1
    await intake.put(object())
    await asyncio.wait_for(intake.get(), PATIENCE)
    await intake.finish(first)
    assert intake.empty(), "whoever stops waits for all that was handed out"
    assert await waiting(db) == [2]


async def test_what_breaks_after_the_stop_is_kept_for_the_next_start(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    update = message(bot, 1, chat=7)
    await take(intake, update)
    await intake.begin(update)
    intake.close()
    await intake.finish(update)
    assert await waiting(db) == [1]


async def test_an_update_that_ended_the_process_twice_is_kept_and_admins_are_told(
    db: Database, bot: Bot, errors: LoggedErrors
) -> None:
    errors.expect("ended the process")
    for _ in range(2):
        intake = intake_of(db)
        await take(intake, message(bot, 1, chat=7))
        await intake.begin(message(bot, 1, chat=7))
    intake = intake_of(db)
    await intake.restore(bot)
    assert intake.empty()
    async with db.reading() as connection:
        admin = await chats.by_telegram_id(connection, ADMIN)
        assert admin is not None
        [owed] = await notices.owed(connection, admin.id)
        [kept] = await connection.fetch_all("SELECT body FROM inbox WHERE set_aside = 1")
    assert (owed.kind, owed.facts) == ("set_aside", {"update": 1})
    assert "hello" in kept["body"]


async def test_of_several_under_way_at_two_crashes_each_is_handled_alone_and_one_set_aside(
    db: Database, bot: Bot, errors: LoggedErrors
) -> None:
    """Whoever was there by chance goes on; whoever ends the process a third time did it."""
    errors.expect("update 2 ended the process")
    updates = {number: message(bot, number, chat=number) for number in (1, 2, 3)}
    for _ in range(2):
        intake = intake_of(db)
        for number in (1, 2):
            await take(intake, updates[number])
            await intake.begin(updates[number])

    intake = intake_of(db)
    await intake.restore(bot)
    await take(intake, updates[3])
    assert await got(intake) == 1
    assert intake.empty(), "nothing is handled beside it"
    await intake.begin(updates[1])
    await intake.finish(updates[1])
    assert await got(intake) == 2
    assert intake.empty()
    await intake.begin(updates[2])

    intake = intake_of(db)
    await intake.restore(bot)
    assert await got(intake) == 3
    assert await waiting(db) == [3]


async def test_an_update_that_stops_on_request_interrupted_is_tried_again(
    db: Database, bot: Bot
) -> None:
    for _ in range(3):
        intake = intake_of(db)
        await intake.restore(bot)
        await take(intake, message(bot, 1, chat=7))
        await intake.begin(message(bot, 1, chat=7))
        intake.close()
        await intake.undo_begun()
    intake = intake_of(db)
    await intake.restore(bot)
    assert await got(intake) == 1


async def test_a_handled_update_leaves_its_number_and_nothing_else(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    update = message(bot, 1, chat=7, text="private words")
    await take(intake, update)
    await intake.finish(update)
    # a transaction carries what was deferred
    async with db.transaction() as tx:
        [row] = await tx.fetch_all("SELECT * FROM inbox")
    assert row["update_id"] == 1
    assert row["body"] is None


async def test_inline_queries_are_not_kept_for_after_a_restart(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    await take(intake, inline(bot, 9))
    assert await got(intake) == 9
    assert await waiting(db) == []


async def test_a_stop_comes_before_what_waits_and_what_waits_stays_on_disk(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    for number, chat in ((1, 7), (2, 8), (3, 8)):
        await take(intake, message(bot, number, chat=chat))
    stop = object()
    await intake.put(stop)
    assert await intake.get() is stop
    intake.task_done()
    await asyncio.wait_for(intake.join(), PATIENCE)
    assert await waiting(db) == [1, 2, 3]


async def test_an_interrupted_update_stays_in_the_inbox(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    processor = PerChatUpdateProcessor(intake, Slots(1))
    update = message(bot, 1, chat=7)
    await take(intake, update)
    entered = asyncio.Event()

    async def handler() -> None:
        entered.set()
        await asyncio.Event().wait()

    task: asyncio.Task[Any] = asyncio.create_task(processor.process_update(update, handler()))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await waiting(db) == [1]


async def spoil(db: Database, column: str) -> None:
    """Let the disk refuse to take what one step of an update writes."""
    async with db.transaction() as tx:
        await tx.execute(
            f"CREATE TRIGGER spoilt BEFORE UPDATE OF {column} ON inbox BEGIN"
            " SELECT RAISE(ABORT, 'disk I/O error'); END"
        )


async def mend(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("DROP TRIGGER spoilt")


async def test_a_chat_goes_on_when_the_disk_takes_its_updates_again(
    db: Database, bot: Bot, errors: LoggedErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors.expect("the disk does not take update 3")
    monkeypatch.setattr(door, "RETRY_SECONDS", 0.01)
    intake = intake_of(db)
    processor, handled = PerChatUpdateProcessor(intake, Slots(1)), []
    updates = [message(bot, number, chat=7) for number in (1, 2, 3)]
    for update in updates:
        await take(intake, update)

    async def handler() -> None:
        handled.append(await got(intake))

    await processor.process_update(updates[0], handler())
    await spoil(db, "starts")
    handling = asyncio.create_task(processor.process_update(updates[1], handler()))
    async with asyncio.timeout(PATIENCE):
        while len(errors.records) < 2:
            await asyncio.sleep(0.01)
    assert not handling.done(), "it waits for the disk"
    await mend(db)
    await asyncio.wait_for(handling, PATIENCE)
    assert handled == [1, 2], "handled once, however often it was tried to write that down"
    assert await got(intake) == 3
    assert await waiting(db) == [3]


async def test_an_update_that_is_handed_out_at_once_begins_with_being_written(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    for number in (1, 2):
        await take(intake, message(bot, number, chat=7))
    async with db.reading() as connection:
        starts = {one.update_id: one.starts for one in await inbox.waiting(connection)}
    assert starts == {1: 1, 2: 0}


async def test_an_update_that_breaks_past_its_handlers_frees_its_chat(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    first, second = message(bot, 1, chat=7), message(bot, 2, chat=7)
    await take(intake, first)
    await take(intake, second)
    assert await got(intake) == 1

    async def handler() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await PerChatUpdateProcessor(intake, Slots(1)).process_update(first, handler())
    assert await got(intake) == 2


async def test_ids_of_handled_updates_are_dropped_while_the_bot_runs(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DAY_SECONDS", 0.05)
    async with harness.running():
        async with harness.db.transaction() as tx:
            await inbox.receive(tx, 1, queue_key=7, body="{}", now=0.0)
            await inbox.finish(tx, 1, now=0.0)
        async with asyncio.timeout(20):
            while await rows(harness.db, "SELECT 1 FROM inbox WHERE update_id = 1"):
                await asyncio.sleep(0.01)


def group_message(number: int, sender: int, text: str, **changes: Any) -> dict[str, Any]:
    """A message in a group, as Telegram writes it."""
    user = {"id": sender, "is_bot": sender in SHARED_IDS, "first_name": "Ann"}
    chat = {"id": GROUP, "type": "supergroup", "title": "Film club"}
    said = {"message_id": number, "date": 1_790_000_000, "chat": chat, "from": user, "text": text}
    return {"update_id": number, "message": said | changes}


def press(number: int, sender: int, chat: int = GROUP) -> dict[str, Any]:
    user = {"id": sender, "is_bot": False, "first_name": "Ann"}
    place = {"id": chat, "type": "supergroup" if chat < 0 else "private", "title": "Film club"}
    shown = {"message_id": 5, "date": 1_790_000_000, "chat": place}
    query = {"id": str(number), "from": user, "message": shown, "chat_instance": "1", "data": "x:1"}
    return {"update_id": number, "callback_query": query}


async def drain(intake: Intake) -> list[Update]:
    """Handle all that waits, one after the other; return it in that order."""
    handled = []
    while not intake.empty():
        update = await asyncio.wait_for(intake.get(), PATIENCE)
        assert isinstance(update, Update)
        handled.append(update)
        await intake.finish(update)
    return handled


async def test_a_flood_of_one_person_leaves_a_bounded_number_of_bodies(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    for number in range(1, 1001):
        await take(intake, message(bot, number, chat=7, text="long " * 800))
    assert len(await waiting(db)) == 1 + MAX_PER_SENDER + 1
    assert sum(isinstance(one, Update) for one in gc.get_objects()) <= 3, "what waits is not held"
    assert len(await drain(intake)) == 1 + MAX_PER_SENDER + 1
    assert await waiting(db) == []
    async with db.transaction():
        pass  # which carries what was deferred
    assert await rows(db, "SELECT count(*) FROM inbox WHERE body IS NOT NULL") == [(0,)]


async def test_what_telegram_repeats_is_handled_as_what_it_was_however_much_waits(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    updates = [message(bot, number, chat=7) for number in range(1, 1 + MAX_PER_SENDER + 1)]
    for _ in range(3):
        for update in updates:
            await take(intake, update)
    assert not any(intake.is_excess(update.update_id) for update in updates)
    assert [one.update_id for one in await drain(intake)] == [one.update_id for one in updates]


async def test_channel_identities_of_a_group_and_its_anonymous_admins_share_one_bound(
    db: Database, bot: Bot
) -> None:
    intake = intake_of(db)
    for number in range(1, 101):
        channel = {"id": -1000 - number, "type": "channel", "title": "One of many"}
        user = sorted(SHARED_IDS)[number % 2]
        await intake.take(number, group_message(number, user, "/help", sender_chat=channel), bot)
    assert len(await waiting(db)) == 1 + MAX_PER_MEMBER + 1


async def test_presses_in_a_flood_stand_before_nobody_s_order(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    for number in range(1, 401):
        await intake.take(number, press(number, sender=7), bot)
    await intake.take(401, group_message(401, 8, "/video a cat"), bot)
    handled = [update.update_id for update in await drain(intake)]
    assert handled.index(401) == 1
    assert len(handled) == 1 + 1 + MAX_PER_MEMBER + 1


async def test_an_album_is_let_in_whole(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    for number in range(1, 11):
        picture = group_message(number, 7, "", media_group_id="1")
        del picture["message"]["text"]
        if number == 1:
            picture["message"]["caption"] = "/animate"
        await intake.take(number, picture, bot)
    assert [update.update_id for update in await drain(intake)] == [*range(1, 11)]


async def test_of_what_somebody_types_the_newest_is_asked_next(db: Database, bot: Bot) -> None:
    intake = intake_of(db)
    for number in range(1, 201):
        await take(intake, inline(bot, number))
    assert [update.update_id for update in await drain(intake)] == [1, 200]
    await take(intake, inline(bot, 201))
    assert await got(intake) == 201


async def test_a_flood_that_was_left_over_is_bounded_at_the_next_start(
    db: Database, bot: Bot
) -> None:
    async with db.transaction() as tx:
        for number in range(1, 501):
            body = message(bot, number, chat=7).to_json()
            await inbox.receive(tx, number, queue_key=7, body=body, now=0.0)
    intake = intake_of(db)
    await intake.restore(bot)
    assert len(await waiting(db)) == 1 + MAX_PER_SENDER + 1
    assert [update.update_id for update in await drain(intake)] == [*range(1, 53)]


async def test_what_can_no_longer_be_read_when_its_turn_comes_is_set_aside_alone(
    db: Database, bot: Bot, errors: LoggedErrors
) -> None:
    errors.expect("update 2 cannot be read")
    intake = intake_of(db)
    for number in (1, 2, 3):
        await take(intake, message(bot, number, chat=7))
    async with db.transaction() as tx:
        await tx.execute("UPDATE inbox SET body = '{half of' WHERE update_id = 2")
    assert [update.update_id for update in await drain(intake)] == [1, 3]
    assert await rows(db, "SELECT update_id FROM inbox WHERE set_aside = 1") == [(2,)]


async def test_a_hundred_that_nobody_can_read_are_told_of_once_a_day(
    db: Database, bot: Bot, errors: LoggedErrors
) -> None:
    errors.expect("cannot be read")
    intake = intake_of(db)
    for number in range(1, 101):
        await intake.take(number, {"update_id": number, "message": {"message_id": "one"}}, bot)
    assert await rows(db, "SELECT count(*) FROM notices") == [(1,)]
    assert await rows(db, "SELECT count(*) FROM inbox WHERE set_aside = 1") == [(100,)]


async def test_one_member_s_flood_is_told_once_and_another_s_order_goes_on(
    harness: Harness, ann: Person, bob: Person
) -> None:
    club = harness.telegram.group("Film club", [ann, bob])
    name = harness.telegram.world.bot.username
    for _ in range(60):
        await club.send(ann, f"/help@{name}")
    ordered = await club.send(bob, "/video a cat")
    # the first five are said at once, each other takes a fifth of a second
    async with harness.running(times=Times(limits_second=0.05)):
        video = await club.wait(shows_video("a cat"))
        await club.wait(says("too much at once"))
        assert sum(says("I send you a short video")(one) for one in club.from_bot) < 30
    assert video.reply_to == ordered.message_id
    assert sum(says("too much at once")(one) for one in club.from_bot) == 1
