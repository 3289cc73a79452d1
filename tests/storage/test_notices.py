"""Messages owed: written once per cause, kept until they arrived or nobody can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage import chats, notices
from storage.notices import Notice, NoticeKind
from tests.storage.requests import BOB, NOW, meet

if TYPE_CHECKING:
    from storage.database import Database
    from storage.notices import Owed

FIRST = Notice(
    cause="generation:1:failed", chat=1, kind=NoticeKind.FAILED_BROKEN,
    facts={"credits": 9, "é": "☀"},
)  # fmt: skip


@pytest.fixture
async def owing(db: Database) -> Database:
    """A database that owes one message."""
    await meet(db)
    async with db.transaction() as tx:
        assert await notices.owe(tx, FIRST, now=NOW)
    return db


async def owed(db: Database) -> list[Owed]:
    """What is owed to the chat."""
    async with db.reading() as connection:
        return await notices.owed(connection, 1)


async def test_a_message_is_owed_once(owing: Database) -> None:
    async with owing.transaction() as tx:
        assert not await notices.owe(tx, FIRST, now=NOW + 1)
    assert len(await owed(owing)) == 1


async def test_a_message_is_owed_once_even_after_it_was_sent(owing: Database) -> None:
    async with owing.transaction() as tx:
        await notices.sent(tx, 1, now=NOW)
        assert not await notices.owe(tx, FIRST, now=NOW + 1)
    assert await owed(owing) == []


async def test_what_is_owed_comes_back_as_it_was_written(owing: Database) -> None:
    (one,) = await owed(owing)
    assert (one.cause, one.kind, one.facts) == (FIRST.cause, FIRST.kind, {"credits": 9, "é": "☀"})
    assert (one.due_at, one.sends) == (NOW, 0)


async def test_messages_are_owed_in_the_order_of_their_causes(owing: Database) -> None:
    async with owing.transaction() as tx:
        for number in range(5):
            notice = Notice(cause=f"later:{number}", chat=1, kind=NoticeKind.CANCELLED, facts={})
            await notices.owe(tx, notice, now=NOW - number)
    causes = [one.cause for one in await owed(owing)]
    assert causes == [FIRST.cause, *(f"later:{number}" for number in range(5))]


async def test_a_failed_attempt_is_counted_and_waits(owing: Database) -> None:
    async with owing.transaction() as tx:
        await notices.try_later(tx, 1, due_at=NOW + 60)
        await notices.try_later(tx, 1, due_at=NOW + 90)
    assert [(one.sends, one.due_at) for one in await owed(owing)] == [(2, NOW + 90)]


async def test_what_was_sent_or_given_up_is_owed_no_more(owing: Database) -> None:
    async with owing.transaction() as tx:
        await notices.owe(
            tx, Notice(cause="two", chat=1, kind=NoticeKind.CANCELLED, facts={}), now=NOW
        )
        assert await chats.in_work(tx) == [1]
        await notices.sent(tx, 1, now=NOW)
        await notices.give_up(tx, 2)
        assert await chats.in_work(tx) == []
    assert await owed(owing) == []


async def test_what_is_owed_elsewhere_is_owed_there_anew_and_still_once(owing: Database) -> None:
    private = await meet(owing, BOB)
    topical = Notice(
        cause="two", chat=1, kind=NoticeKind.CANCELLED, facts={}, thread_id=4, reply_to=9
    )
    async with owing.transaction() as tx:
        await notices.owe(tx, topical, now=NOW)
        await notices.try_later(tx, 2, due_at=NOW + 60)
        await notices.redirect(tx, 2, private.id, now=NOW + 5)
        assert not await notices.owe(tx, topical, now=NOW + 6)
        (one,) = await notices.owed(tx, private.id)
    assert (one.thread_id, one.reply_to, one.sends, one.due_at) == (None, None, 0, NOW + 5)
    assert [other.id for other in await owed(owing)] == [1]
