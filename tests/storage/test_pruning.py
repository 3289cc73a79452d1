"""What is forgotten after a while, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from storage import MONTH_SECONDS, cards, inbox, notices, outages
from storage.cards import CLOSED_SECONDS, OPEN_SECONDS, CardContent, CardKind
from storage.ledger import Account
from storage.notices import Notice, NoticeKind
from storage.outages import Cooldown, CooldownReason
from tests.storage.requests import ANN, NOW, ask, meet, rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storage.database import Database

CONTENT = CardContent(
    cause="message:1", kind=CardKind.PROMPT, chat=1, thread_id=None, account=Account.person(ANN),
    message_id=1, prompt="a cat", picture="file", picture_width=4, picture_height=3, picture_by=7,
)  # fmt: skip


async def forgets(db: Database, forget: Callable[..., Awaitable[bool]], *, now: float) -> bool:
    async with db.transaction() as tx:
        return await forget(tx, now=now)


@pytest.mark.parametrize(
    ("state", "seconds", "forgotten"),
    [
        ("open", OPEN_SECONDS - 1, False),
        ("open", OPEN_SECONDS + 1, True),
        ("started", CLOSED_SECONDS - 1, False),
        ("started", CLOSED_SECONDS + 1, True),
        ("dropped", CLOSED_SECONDS + 1, True),
    ],
)
async def test_a_card_keeps_its_words_for_two_days_while_it_is_open_and_an_hour_when_it_is_not(
    db: Database, state: str, seconds: float, *, forgotten: bool
) -> None:
    await meet(db)
    async with db.transaction() as tx:
        card, _ = await cards.ask(tx, CONTENT, now=NOW)
        await cards.close(tx, card.id, state)
    assert await forgets(db, cards.forget, now=NOW + seconds) is forgotten
    async with db.reading() as connection:
        left = await cards.find(connection, card.id)
    assert left is not None, "its cause is still known"
    if not forgotten:
        assert left == replace(card, state=state)
        return
    assert (left.state, left.prompt) == ("dropped" if state == "open" else state, "")
    assert (left.picture, left.picture_width, left.picture_height, left.picture_by) == (None,) * 4
    assert await forgets(db, cards.forget, now=NOW + 2 * seconds) is False


async def test_notices_are_dropped_a_month_after_they_were_sent_or_given_up(db: Database) -> None:
    await meet(db)
    async with db.transaction() as tx:
        for number in range(4):
            notice = Notice(cause=str(number), chat=1, kind=NoticeKind.GRANTED, facts={})
            await notices.owe(tx, notice, now=NOW)
        sent, sent_late, given_up, _owed = await notices.owed(tx, 1)
        await notices.sent(tx, sent.id, now=NOW)
        await notices.sent(tx, sent_late.id, now=NOW + 100)
        await notices.give_up(tx, given_up.id)
    assert await forgets(db, notices.forget, now=NOW + MONTH_SECONDS - 1) is False
    assert await forgets(db, notices.forget, now=NOW + MONTH_SECONDS + 1) is True
    assert await rows(db, "SELECT cause FROM notices") == [("1",), ("3",)]


async def test_models_failures_are_dropped_a_month_later_and_outages_but_the_last(
    db: Database,
) -> None:
    await meet(db)
    old, new = await ask(db, "message:1"), await ask(db, "message:2")
    async with db.transaction() as tx:
        for began in (NOW - 5000, NOW - 3000):
            outage = await outages.begin(tx, "key", probe_at=began, now=began)
            assert outage is not None
            last = outage.id
            await outages.end(tx, last, now=began + 10)
        await outages.count_failure(tx, "m", old.id, now=NOW)
        await outages.count_failure(tx, "m", new.id, now=NOW + 100)
        await outages.cool_down(tx, Cooldown("gone", CooldownReason.GONE, NOW))
        until = NOW + MONTH_SECONDS + 9
        await outages.cool_down(tx, Cooldown("failing", CooldownReason.FAILING, until))
    assert await forgets(db, outages.forget, now=NOW + MONTH_SECONDS + 1) is True
    assert await rows(db, "SELECT id FROM outages") == [(last,)]
    assert await rows(db, "SELECT generation FROM model_failures") == [(new.id,)]
    assert await rows(db, "SELECT model FROM cooldowns") == [("failing",)]


async def test_updates_that_were_set_aside_are_dropped_a_month_later(db: Database) -> None:
    async with db.transaction() as tx:
        for number in (1, 2):
            await inbox.receive(tx, number, queue_key=7, body="{}", now=NOW)
        await inbox.set_aside(tx, 1)
    assert await forgets(db, inbox.forget_set_aside, now=NOW + MONTH_SECONDS - 1) is False
    assert await forgets(db, inbox.forget_set_aside, now=NOW + MONTH_SECONDS + 1) is True
    assert await rows(db, "SELECT update_id FROM inbox") == [(2,)]
