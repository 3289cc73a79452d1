"""Which videos make a film: what went on from what, made anew, taken out, or taken away."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from storage import cards, films, generations
from storage.cards import CardContent, CardKind
from storage.ledger import Account
from tests.storage.requests import ANN, BOB, NOW, meet, request

if TYPE_CHECKING:
    from storage.database import Database
    from storage.generations import Generation

OWN, OTHERS = Account.person(ANN), Account.person(BOB)
numbers = itertools.count(1)


async def made(db: Database, parent: int | None = None, **changes: Any) -> Generation:
    """Write down a video that is in a chat."""
    number = next(numbers)
    picture = {} if parent is None else {"kind": "i2v", "picture": "frame:last:file"}
    values = {"cause": f"message:{number}", "parent": parent} | picture | changes
    chat = await meet(db)
    async with db.transaction() as tx:
        video = await generations.insert(tx, request(chat=chat.id, **values), now=NOW)
        noted = await generations.update(
            tx, video.id, delivered_chat=chat.id, delivered_message=number, file_id=f"file{number}"
        )
    assert noted is not None
    return noted


async def shown(db: Database, video: Generation, account: Account = OWN) -> list[int]:
    """Return the videos of a film, by their numbers."""
    async with db.reading() as tx:
        present = await generations.find(tx, video.id)
        assert present is not None
        return [scene.video.id for scene in await films.scenes_of(tx, present, account)]


async def test_a_film_is_what_a_video_goes_on_from_and_what_goes_on_from_it(db: Database) -> None:
    alone = await made(db)
    one = await made(db)
    two = await made(db, one.id)
    other = await made(db, one.id)
    three = await made(db, two.id)
    assert await shown(db, alone) == [alone.id]
    for video in (two, three):
        assert await shown(db, video) == [one.id, two.id, three.id]
    assert await shown(db, one) == [one.id, other.id], "of two that go on, the newer"
    async with db.reading() as tx:
        latest = await films.latest(tx, OWN)
        assert latest is not None
        assert latest.id == three.id
        assert await films.latest(tx, OTHERS) is None
        assert await films.by_file_id(tx, three.file_id or "") == three.id
        assert await films.by_file_id(tx, "another") is None


@pytest.mark.parametrize("by_card", [False, True])
async def test_what_was_made_anew_stands_in_the_place_of_the_first(
    db: Database, *, by_card: bool
) -> None:
    one = await made(db)
    two = await made(db, one.id)
    three = await made(db, two.id)
    cause = films.retake_cause(two.id, OWN)
    how = {"origin": "press", "cause": cause}
    if by_card:
        content = CardContent(
            cause=f"{cause}:tap", kind=CardKind.PICTURE, chat=1, thread_id=None, account=OWN,
            message_id=None, prompt="cheaper",
        )  # fmt: skip
        async with db.transaction() as tx:
            card, _ = await cards.ask(tx, content, now=NOW)
        how = {"origin": "card", "cause": f"card:{card.id}"}
    anew = await made(db, one.id, **how)
    for video in (one, two, anew, three):
        assert await shown(db, video) == [one.id, anew.id, three.id]
    four = await made(db, anew.id)
    assert await shown(db, four) == [one.id, anew.id, four.id]
    async with db.transaction() as tx:
        await generations.update(tx, anew.id, file_id=None)
    assert await shown(db, three) == [one.id, two.id, three.id], "it was deleted"
    first = await made(db, origin="press", cause=films.retake_cause(one.id, OWN))
    assert await shown(db, three) == [first.id, two.id, three.id]
    assert await shown(db, first) == [first.id, two.id, four.id]


async def test_a_scene_that_is_taken_out_leaves_what_stands_beside_it(db: Database) -> None:
    one = await made(db)
    two = await made(db, one.id)
    anew = await made(db, one.id, origin="press", cause=films.retake_cause(two.id, OWN))
    three = await made(db, anew.id)
    four = await made(db, three.id)
    for gone, left in ((two, [one, three, four]), (one, [three, four]), (four, [three])):
        async with db.transaction() as tx:
            assert await films.remove(tx, gone.id, OWN)
        assert await shown(db, three) == [video.id for video in left]
        assert gone.id in await shown(db, gone) or anew.id in await shown(db, gone)


async def test_of_others_only_what_still_stands_is_shown_and_nothing_is_taken_out(
    db: Database,
) -> None:
    theirs = await made(db, account=OTHERS)
    between = await made(db, theirs.id, account=OTHERS)
    own = await made(db, between.id)
    assert await shown(db, own) == [theirs.id, between.id, own.id]
    async with db.transaction() as tx:
        assert not await films.remove(tx, theirs.id, OWN)
        await generations.update(tx, theirs.id, delivered_message=None)
        await generations.update(tx, own.id, delivered_message=None)
    assert await shown(db, own) == [between.id, own.id]
    async with db.transaction() as tx:
        await generations.update(tx, between.id, picture=None)
    assert await shown(db, own) == [own.id], "whose photo it was took it back"
    async with db.transaction() as tx:
        assert await films.remove(tx, between.id, OWN)
    assert await shown(db, own) == [own.id]


async def test_of_a_long_film_the_last_scenes_are_shown(db: Database) -> None:
    last = await made(db)
    for _ in range(films.MAX_SCENES + 1):
        last = await made(db, last.id)
    found = await shown(db, last)
    assert (len(found), found[-1]) == (films.MAX_SCENES, last.id)
