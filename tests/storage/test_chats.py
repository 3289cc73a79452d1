"""Chats by our own numbers, so that what Telegram calls them may change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from storage import cards, chats, films, ledger, notices, people
from storage.cards import CardContent, CardKind
from storage.chats import ChatKind
from storage.films import ShownFilm
from storage.ledger import Account, Pot
from storage.notices import Notice, NoticeKind
from tests.storage.requests import ANN, NOW, ask, found, meet, rows

if TYPE_CHECKING:
    from storage.chats import Chat
    from storage.database import Database

GROUP, SUPERGROUP = -5, -100_123


@pytest.fixture
async def group(db: Database) -> Chat:
    """A group in which something was asked, delivered, drafted, owed and given."""
    group = await meet(db, GROUP, ChatKind.GROUP)
    generation = await ask(db, chat=group.id, thread_id=3, account=Account.chat(group.id))
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE generations SET status_message = 11, delivered_chat = ?, delivered_message = 12"
            " WHERE id = ?",
            (group.id, generation.id),
        )
        content = CardContent(
            cause="card:1", kind=CardKind.PROMPT, chat=group.id, thread_id=3,
            account=Account.chat(group.id), message_id=13, prompt="a dog",
        )  # fmt: skip
        card, _ = await cards.ask(tx, content, now=NOW)
        await cards.shown(tx, card.id, 14)
        notice = Notice(
            cause="notice:1",
            chat=group.id,
            kind=NoticeKind.CANCELLED,
            facts={},
            thread_id=3,
            reply_to=15,
        )
        await notices.owe(tx, notice, now=NOW)
        await ledger.grant(
            tx, Account.chat(group.id), Pot.POOL, 100, cause="grant:1", note=None, now=NOW
        )
        await people.allow(tx, GROUP, cause="allow:1", by=ANN, now=NOW)
    return group


async def move(db: Database, chat: Chat) -> Chat:
    """Let Telegram call a chat something else."""
    return await chats.move(db, chat.id, SUPERGROUP, now=NOW + 9)


async def test_a_chat_seen_again_keeps_its_number(db: Database) -> None:
    first = await meet(db, GROUP, ChatKind.GROUP)
    async with db.transaction() as tx:
        await chats.set_reachable(tx, first.id, reachable=False)
        again = await chats.upsert(tx, GROUP, kind=ChatKind.GROUP, title="Films", now=NOW + 1)
    assert (again.id, again.title, again.reachable) == (first.id, "Films", True)


async def test_being_shut_out_is_news_once(db: Database) -> None:
    chat = await meet(db)
    async with db.transaction() as tx:
        assert await chats.set_reachable(tx, chat.id, reachable=False)
        assert not await chats.set_reachable(tx, chat.id, reachable=False)
        assert await chats.set_reachable(tx, chat.id, reachable=True)


async def test_a_private_chat_bears_its_persons_id(db: Database) -> None:
    async with db.transaction() as tx:
        first = await chats.private_chat(tx, ANN, now=NOW)
        again = await chats.private_chat(tx, ANN, now=NOW)
    assert first == again
    assert first.telegram_id == ANN
    assert first.is_private


async def test_a_group_that_grows_up_keeps_its_number(db: Database, group: Chat) -> None:
    moved = await move(db, group)
    assert (moved.id, moved.telegram_id, moved.kind) == (group.id, SUPERGROUP, "supergroup")
    assert moved.moved_at == NOW + 9, "messages of before are out of reach"
    async with db.reading() as connection:
        assert await chats.by_telegram_id(connection, GROUP) == moved, "known by the old id, too"


async def test_what_is_still_to_be_sent_forgets_the_messages_of_the_old_chat(
    db: Database, group: Chat
) -> None:
    kept = await ask(db, "message:2", chat=group.id, message_id=7, thread_id=3)
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET state = 'undeliverable' WHERE id = ?", (kept.id,))
    await move(db, group)
    assert await rows(
        db, "SELECT DISTINCT message_id, thread_id, status_message FROM generations"
    ) == [(None, None, None)]
    assert await rows(db, "SELECT message_id, thread_id, card_message FROM cards") == [
        (None, None, None)
    ]
    assert await rows(db, "SELECT reply_to, thread_id FROM notices") == [(None, None)]


async def test_a_group_that_was_let_in_stays_let_in(db: Database, group: Chat) -> None:
    await move(db, group)
    async with db.reading() as connection:
        assert await people.any_allowed(connection, [SUPERGROUP])
        assert not await people.any_allowed(connection, [GROUP])


async def test_being_told_twice_of_a_move_changes_nothing_more(db: Database, group: Chat) -> None:
    moved = await move(db, group)
    generation = await ask(db, "message:2", chat=moved.id, message_id=99)
    async with db.transaction() as tx:
        await chats.choose(tx, moved.id, thread_id=6)
    assert await move(db, moved) == moved
    assert await rows(db, "SELECT thread_id FROM groups") == [(6,)], "as is a topic of it"
    assert (await found(db, generation)).message_id == 99, "an id of the new chat is kept"


async def test_two_rows_of_one_chat_become_one(db: Database, group: Chat) -> None:
    known = await meet(db, SUPERGROUP, ChatKind.SUPERGROUP)
    account = Account.chat(known.id)
    made = await ask(db, "message:2", chat=known.id, account=account, message_id=21)
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET delivered_chat = chat WHERE id = ?", (made.id,))
        await ledger.grant(tx, account, Pot.POOL, 11, cause="grant:2", note=None, now=NOW)
        await people.allow(tx, SUPERGROUP, cause="allow:2", by=ANN, now=NOW)
    moved = await move(db, group)
    assert moved.id == group.id
    for table, column in (
        ("generations", "chat"),
        ("generations", "delivered_chat"),
        ("generations", "account_id"),
        ("cards", "chat"),
        ("cards", "account_id"),
        ("notices", "chat"),
        ("ledger", "account_id"),
    ):
        where = await rows(db, f"SELECT DISTINCT {column} FROM {table}")  # noqa: S608 - names above
        assert where == [(group.id,)], f"{table}.{column} follows"
    assert (await found(db, made)).message_id == 21, "an id of the new chat is kept"
    async with db.reading() as connection:
        assert await ledger.stored(connection, Account.chat(group.id), Pot.POOL) == 111
        assert await ledger.held(connection, Account.chat(group.id)) == 18
        assert await people.any_allowed(connection, [SUPERGROUP])
        assert await chats.find(connection, known.id) == moved, "the other's number leads to it"
        assert await chats.by_telegram_id(connection, GROUP) == moved, "and so does the old id"
    assert await rows(db, "SELECT count(*) FROM allowed") == [(1,)]
    assert await chats.move(db, known.id, SUPERGROUP, now=NOW) == moved


async def test_a_chat_that_takes_over_one_that_took_over_another_is_found_by_all_their_numbers(
    db: Database, group: Chat
) -> None:
    """Whatever Telegram says of groups that become one is believed."""
    other = await meet(db, -6, ChatKind.GROUP)
    await meet(db, SUPERGROUP, ChatKind.SUPERGROUP)
    await move(db, other)
    await move(db, group)
    async with db.reading() as connection:
        for number in (GROUP, -6, SUPERGROUP):
            chat = await chats.by_telegram_id(connection, number)
            assert chat is not None
            assert (chat.id, chat.telegram_id) == (group.id, SUPERGROUP), number


async def test_what_comes_into_a_chat_while_it_becomes_part_of_another_follows(
    db: Database, group: Chat
) -> None:
    known = await meet(db, SUPERGROUP, ChatKind.SUPERGROUP)
    await move(db, group)
    late = await ask(db, "message:2", chat=known.id, message_id=21)
    async with db.transaction() as tx:
        await chats.choose(tx, known.id, pool=5)
        await chats.choose(tx, group.id, pool=7)
        await chats.follow(tx, known.id, group.id)
        assert [one.chat for one in await chats.with_pools(tx)] == [group.id]
    assert ((await found(db, late)).chat, (await found(db, late)).message_id) == (group.id, 21)


async def test_a_film_shown_in_a_group_that_moves_is_shown_nowhere_until_it_is_shown_anew(
    db: Database, group: Chat
) -> None:
    ann = Account.person(ANN)
    before = ShownFilm(ann, group.id, 20, [1, 2])
    after = ShownFilm(ann, group.id, 1, [1, 2])
    async with db.transaction() as tx:
        await films.show(tx, before, now=NOW)
        assert await films.shown(tx, ann) == before
    await move(db, group)
    async with db.transaction() as tx:
        assert await films.shown(tx, ann) is None, "there its number means another message"
        await films.show(tx, after, now=NOW)
        assert await films.shown(tx, ann) == after


async def test_a_persons_credits_stay_when_a_chat_of_the_same_number_moves(db: Database) -> None:
    chat = await meet(db, GROUP, ChatKind.GROUP)
    await meet(db, SUPERGROUP, ChatKind.SUPERGROUP)
    async with db.transaction() as tx:
        person = Account.person(chat.id)
        await ledger.grant(tx, person, Pot.BOUGHT, 5, cause="g", note=None, now=NOW)
    await move(db, chat)
    async with db.reading() as connection:
        assert await ledger.stored(connection, person, Pot.BOUGHT) == 5


async def test_every_column_that_refers_to_a_chat_follows_when_two_become_one(
    db: Database, group: Chat
) -> None:
    known = await meet(db, SUPERGROUP, ChatKind.SUPERGROUP)
    async with db.transaction() as tx:
        for chat in (known.id, group.id):
            await tx.execute(
                "INSERT INTO groups (chat, thread_id, pool) VALUES (?, 3, 50)", (chat,)
            )
            await tx.execute("INSERT INTO boards VALUES (?, ?, 16, 'board', 0.0)", (chat, chat))
    await move(db, group)
    referring = await rows(
        db,
        'SELECT m.name, f."from" FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f'
        " WHERE m.type = 'table' AND f.\"table\" = 'chats'",
    )
    assert len(referring) >= 6
    for table, column in referring:
        left = await rows(db, f"SELECT count(*) FROM {table} WHERE {column} = ?", known.id)  # noqa: S608 - names of the schema
        assert left == [(0,)], f"{table}.{column} still refers to the other chat"
    assert await rows(db, "SELECT chat, thread_id, pool FROM groups") == [(group.id, None, 50)]
    boards = await rows(db, "SELECT chat, thread_id FROM boards")
    assert boards == [(group.id, known.id)], "those of the old chat are gone"


async def test_a_history_of_any_length_stays_as_it_is_when_its_chat_moves(
    db: Database, group: Chat
) -> None:
    made = [await ask(db, f"message:{number}", chat=group.id) for number in range(2, 9)]
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET state = 'delivered' WHERE chat = ?", (group.id,))
        await tx.execute("UPDATE generations SET delivered_message = id")
    before = [await found(db, one) for one in made]
    takings, changes = db.usage.lock_acquisitions, db.usage.commits
    await move(db, group)
    assert (db.usage.lock_acquisitions - takings, db.usage.commits - changes) == (2, 2)
    assert [await found(db, one) for one in made] == before


async def test_what_is_over_in_the_new_chat_follows_in_slices_that_let_others_between(
    db: Database, group: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "SLICE", 2)
    known = await meet(db, SUPERGROUP, ChatKind.SUPERGROUP)
    for number in range(2, 9):
        await ask(db, f"message:{number}", chat=known.id, message_id=number)
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET state = 'failed' WHERE id > 2")
    takings = db.usage.lock_acquisitions
    for _ in range(3):
        moving = asyncio.create_task(move(db, group))
        for _ in range(20):
            await asyncio.sleep(0)
        # a move that is interrupted goes on when it is told of again
        moving.cancel()
        with suppress(asyncio.CancelledError):
            await moving
    moved = await move(db, group)
    assert db.usage.lock_acquisitions > takings + 3
    there = "SELECT id, message_id FROM generations WHERE chat = ? ORDER BY id"
    assert await rows(db, there, moved.id) == [(1, None), *((n, n) for n in range(2, 9))]


@pytest.mark.parametrize("met_before", [True, False])
async def test_a_card_that_stood_in_the_old_chat_is_closed_and_none_of_the_new_one(
    db: Database, group: Chat, met_before: bool
) -> None:
    if met_before:
        known = await meet(db, SUPERGROUP, ChatKind.SUPERGROUP)
        content = CardContent(
            cause="card:2", kind=CardKind.PROMPT, chat=known.id, thread_id=None,
            account=Account.chat(known.id), message_id=3, prompt="a boat",
        )  # fmt: skip
        async with db.transaction() as tx:
            await cards.ask(tx, content, now=NOW)
    await move(db, group)
    states = await rows(db, "SELECT state FROM cards ORDER BY cause")
    assert states == ([("dropped",), ("open",)] if met_before else [("dropped",)])
