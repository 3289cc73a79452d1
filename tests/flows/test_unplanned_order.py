"""Whatever somebody does, and in whatever order: credits are held only by what was an order.

Hypothesis acts in a private chat and in a group, through the real bot; the rules of `unplanned` say
what must come of it. The clock moves only when the play lets it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import AsyncExitStack, closing
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from generation.jobs import lifecycle
from handlers.ordering import card_taps, messages
from handlers.ordering.drafts import SentPicture
from sandbox.aimlapi import Render
from sandbox.telegram.messages import Button
from storage import cards
from tests.flows.conversation_model import UNDO, Order, Rules, Said, To
from tests.flows.media_files import photo
from tests.reliability.invariants import wrong_always
from tests.sandbox.telegram.clips import clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sandbox.telegram import Message
    from tests.harness import Harness

PICTURE, FILM = photo(640, 360), clip(width=320, height=180)
WEBP = photo(512, 512, "WEBP")
LENGTH = 20
"""Acts of a play."""
YEAR = 365 * 24 * 3600
POLL = 60
"""Seconds between two looks at what the provider makes."""
ENOUGH: dict[str, Any] = {
    "free_credits": 10**6,
    "provider_slots": 10**6,
    "max_pending_per_user": 10**6,
    "confirm_credits": 1000,
    "undo_seconds": UNDO,
    "poll_interval_seconds": POLL,
    "generation_timeout_seconds": 10**6,
}
"""Nothing stands in an order's way, and nothing is called off but by its owner."""
ELSEWHERE = ("use", "set", "models", "group", "gvideo", "model", "speak")
"""Buttons that change what is offered: their tests are elsewhere."""
IDEAS = ("a fox in the snow", "waves roll in")
THANKS, PRAISE = ("thanks!", "no", "never mind", "hi", "cancel"), ("great!", "👍")
COMMANDS = ("quota", "help", "cancel", "queue", "start", "history", "settings", "models", "story")
HOW = ("own", "album", "forwarded")
GENERATIONS = (
    "SELECT made.*, chats.telegram_id FROM generations AS made JOIN chats ON chats.id = made.chat"
    " WHERE account_id IN (?, ?) ORDER BY made.id"
)
OPEN = (
    "SELECT cards.*, chats.telegram_id FROM cards JOIN chats ON chats.id = cards.chat"
    " WHERE cards.state = 'open' AND kept = 0 AND account_id IN (?, ?)"
)
AT = ("private", "private", "ann", "bob")
"""Ann alone with the bot, or one of the two in their group."""
TO: tuple[To, ...] = ("", "question", "made", "other")
ACTS: dict[str, dict[str, Sequence[object]]] = {
    "bare": {"at": AT, "name": ("video", "animate")},
    "video": {"at": AT, "words": (*IDEAS, "thanks!")},
    "animate": {"at": AT, "words": IDEAS},
    "talk": {"at": AT, "words": IDEAS, "to": TO},
    "mention": {"at": ("ann", "bob"), "words": IDEAS},
    "small_talk": {"at": AT, "words": (*THANKS, *PRAISE), "to": TO},
    "what_cannot_be_had": {"at": AT, "words": IDEAS},
    "video_of_a_text": {"words": IDEAS},
    "cancel_one": {"at": AT, "which": range(4)},
    "sticker": {"moves": (False, True)},
    "edit": {"at": AT, "words": (*IDEAS, "thanks!"), "which": range(3)},
    "command": {"at": AT, "name": COMMANDS},
    "photo": {"words": ("", *IDEAS, "thanks!"), "how": HOW},
    "photo_as_answer": {"at": AT, "words": ("", *IDEAS), "to": TO},
    "photo_with_command": {"at": ("ann", "bob"), "words": ("", *IDEAS)},
    "about_a_photo": {"begin": ("", "/video ", "/animate "), "words": IDEAS},
    "film": {"words": ("", *IDEAS)},
    "share": {},
    "choose": {"which": range(12)},
    "tap": {"at": AT, "which": range(8), "times": (1, 2)},
    "tap_what_is_newest": {"at": AT},
    "another_way": {"at": AT, "which": range(5)},
    "wait": {"seconds": (15, 150, 1000)},
    "restart": {},
    "a_video_arrives": {"at": AT},
    "it_goes_on": {"at": AT},
}
"""What may be done, and how."""
OFTEN = ("tap", "tap_what_is_newest", "tap_what_is_newest", "talk", "share", "small_talk")
"""What is done more often than the rest."""


class Stage:
    """The running bot and its clock, for one play after the other."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.now = time.time()
        self._life = AsyncExitStack()
        harness.provider.every_render = Render.never()
        harness.provider.balance = Decimal(10**9)
        harness.telegram.privacy_mode(on=False)
        harness.telegram.world.clock = lambda: self.now

    async def start(self) -> None:
        """Start the bot."""
        await self._life.enter_async_context(self.harness.running(clock=lambda: self.now, **ENOUGH))

    async def stop(self) -> None:
        """Stop the bot, as a signal does."""
        await self._life.aclose()

    async def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Read the bot's database."""
        async with self.harness.db.reading() as connection:
            return await connection.fetch_all(statement, values)


@pytest.fixture
async def stage(harness: Harness) -> AsyncIterator[Stage]:
    """A stage whose bot runs."""
    stage = Stage(harness)
    await stage.start()
    yield stage
    await stage.stop()


class Play:
    """What Ann does alone with the bot, and Ann and Bob in a group."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.harness = stage, stage.harness
        self.harness.errors.records.clear()
        telegram = self.harness.telegram
        self.ann, self.bob = telegram.person("Ann"), telegram.person("Bob")
        self.private = telegram.private(self.ann)
        self.group = telegram.group("Film club", [self.ann, self.bob])
        self.rules = Rules(stage.now)
        self.numbers: dict[int, Order] = {}
        self.photos: list[Message] = []
        self.refused: list[Message | None] = []
        self.arrivals = self.restarts = 0

    # what they write

    async def bare(self, at: str, name: str) -> None:
        said = await self._send(at, "", begin=f"/{name}")
        if name == "video":
            self.rules.bare_video(said)
        else:
            self.rules.animate(said)
        await self._settle(said)

    async def video(self, at: str, words: str) -> None:
        said = await self._send(at, words, begin="/video ")
        self.rules.ordered(said, asks=words in THANKS)
        await self._settle(said)

    async def animate(self, at: str, words: str) -> None:
        said = await self._send(at, words, begin="/animate ")
        self.rules.animate(said)
        await self._settle(said)

    async def talk(self, at: str, words: str, to: To) -> None:
        said = await self._send(at, words, to=to)
        if said.is_private or said.to:
            self.rules.talk(said)
        await self._settle(said)

    async def mention(self, at: str, words: str) -> None:
        said = await self._send(at, words, begin=f"@{self.harness.telegram.bot.username} ")
        self.rules.ordered(said)
        await self._settle(said)

    async def small_talk(self, at: str, words: str, to: To) -> None:
        said = await self._send(at, words, to=to)
        if said.is_private or said.to:
            self.rules.small_talk(said, praise=words in PRAISE)
        await self._settle(said)

    async def what_cannot_be_had(self, at: str, words: str) -> None:
        said = await self._send(at, words, begin="/video --seconds 99 ")
        self.rules.refused(said)
        self.refused.append(said.message)
        await self._settle(said)

    async def video_of_a_text(self, words: str) -> None:
        theirs = await self._send("bob", words)
        said = await self._said("ann")
        said.message = await said.where.send(said.who, "/video", reply_to=theirs.message)
        said.words = theirs.words
        self.rules.ordered(said, asks=True)
        await self._settle(said)

    async def cancel_one(self, at: str, which: int) -> None:
        numbers = [*self.numbers]
        if len(numbers) > which:
            number = numbers[-1 - which]
            said = await self._send(at, "", begin=f"/cancel {number}")
            self.rules.cancel_one(said, self.numbers[number])
            await self._settle(said)

    async def edit(self, at: str, words: str, which: int) -> None:
        said = await self._said(at, words)
        written = [one for one in said.where.messages if one.sender is said.who and one.text]
        if len(written) > which:
            said.message = written[-1 - which]
            card = self.rules.open.get((said.where.id, said.who.id))
            told = card and card.by is said.message and (card.pictured or card.waits != "tap")
            undone = self.rules.undone_by(said.message)
            if told or said.message in self.refused or (undone and not undone.plain):
                return  # what becomes of these is told elsewhere
            await said.where.edit(said.message, said.words)
            self.rules.edit(said, is_idea=words in IDEAS and said.is_private)
            await self._settle(said)

    async def command(self, at: str, name: str) -> None:
        said = await self._send(at, "", begin=f"/{name}")
        self.rules.command(said, name)
        await self._settle(said)

    # what they send

    async def photo(self, words: str, how: str) -> None:
        said = await self._said("private", words)
        await self._photo(said, said.words, how)
        said.words = "" if words in THANKS else said.words
        self.rules.picture(said, own=how == "own")
        await self._settle(said)

    async def photo_as_answer(self, at: str, words: str, to: To) -> None:
        said = await self._said(at, words, to=to)
        if said.to:
            await self._photo(said, said.words)
            self.rules.picture(said)
            await self._settle(said)

    async def photo_with_command(self, at: str, words: str) -> None:
        said = await self._said(at, words)
        await self._photo(said, f"/animate {said.words}".strip())
        self.rules.ordered(said)
        await self._settle(said)

    async def about_a_photo(self, begin: str, words: str) -> None:
        if not self.photos:
            return
        said = await self._send("private", words, begin=begin, to="photo")
        if begin:
            self.rules.ordered(said)
        else:
            self.rules.talk(said)
        await self._settle(said)

    async def film(self, words: str) -> None:
        said = await self._said("private", words)
        said.message = await said.where.send_video(
            said.who, FILM, width=320, height=180, caption=said.words or None
        )
        self.rules.picture(said, moves=True)
        await self._settle(said)

    async def sticker(self, *, moves: bool) -> None:
        said = await self._said("private")
        said.message = await said.where.send_sticker(said.who, FILM if moves else WEBP, moves=moves)
        self.rules.sticker(said)
        await self._settle(said)

    async def share(self) -> None:
        if not any(one.done for one in self.rules.orders):
            return
        said = await self._said("private")
        for found in (await self.harness.telegram.inline(said.who, ""))[:1]:
            said.message = await said.where.send_inline(said.who, found)
            self.rules.close(said)
        await self._settle(said)

    # what they tap

    async def tap(self, at: str, which: int, times: int) -> None:
        said = await self._said(at)
        there = [
            (message, button.data)
            for message in reversed(said.where.from_bot)
            for row in message.buttons
            for button in row
            if button.data and button.data.partition(":")[0] not in ELSEWHERE
        ]
        if not there:
            return
        await self._press(said, *there[which % len(there)], times)

    async def another_way(self, at: str, which: int) -> None:
        """What else can be made of the newest video, where its requester unfolds that."""
        await self._below(at, "more:", "vary:", which=which)

    async def _below(self, at: str, *prefixes: str, which: int = 0) -> None:
        """Tap below the newest video a button of each kind, where there is one."""
        said = await self._said(at)
        made = [one for one in said.where.from_bot if one.video and one.buttons]
        for prefix in prefixes:
            if made:
                await self._press_one(said, made[-1], prefix, which)

    async def choose(self, which: int) -> None:
        """Choose on the card that stands: that orders nothing, and closes nothing."""
        said = await self._said("private")
        card = await self._open_card(said)
        shown = said.where.find(card["card_message"]) if card and card["card_message"] else None
        if shown is not None:
            await self._press_one(said, shown, ("toggle:", "unfold:"), which)

    async def _press_one(
        self, said: Said, message: Message, kinds: str | tuple[str, ...], which: int
    ) -> None:
        """Tap one of the buttons of a kind, where there are any."""
        ways = [
            button.data
            for row in message.buttons
            for button in row
            if button.data and button.data.startswith(kinds)
        ]
        if ways:
            await self._press(said, message, ways[which % len(ways)], 1)

    async def _press(self, said: Said, message: Message, data: str, times: int) -> None:
        kind, _, carried = data.partition(":")
        first = carried.partition(":")[0]
        number = int(first) if first.isdigit() else 0
        rows = await self.stage.rows("SELECT * FROM cards WHERE id = ?", number)
        mine = [row for row in rows if (row["state"], row["account_id"]) == ("open", said.who.id)]
        is_kept = bool(mine) and bool(mine[0]["kept"])
        await asyncio.gather(*(message.press(data=data, by=said.who) for _ in range(times)))
        for turn in range(times):
            if is_kept and not turn and kind == "start":
                self.rules.proposed(said)
            else:
                is_open = bool(mine) and not (is_kept or turn)
                await self._tapped(said, message, data, number, is_open=is_open)
            if data.startswith("sure:forget:"):
                self.numbers[int(data.rpartition(":")[2])].forgotten = True
        await self._settle(said)

    async def _tapped(
        self, said: Said, message: Message, data: str, number: int, *, is_open: bool
    ) -> None:
        kind = data.partition(":")[0]
        order = self.numbers.get(number)
        own = order is not None and order.who is said.who
        if order is not None and order.forgotten and kind in {"again", "goon", "vary", "change"}:
            return
        match kind:
            case "start" | "alone" if is_open:
                self.rules.start(said, alone=kind == "alone")
            case "drop" if is_open:
                self.rules.close(said)
            case "undo" | "cancel" if order is not None and own:
                self.rules.cancel(order)
            case "again" | "vary" if order is not None:
                like = (data, said.who)
                self.rules.again(said, like, order.words, own=own and said.is_private)
            case "goon" if order is not None:
                self.rules.go_on(said, message)
            case "anew" if own:
                self._made_anew(said, int(data.split(":")[2]))
            case "change" if own:
                self.rules.change(said)
            case "idea":
                self.rules.again(said, ("idea", number, said.who), None, own=True)

    def _made_anew(self, said: Said, scene: int) -> None:
        if not self.numbers[scene].forgotten:
            words = self.numbers[scene].words
            self.rules.again(said, ("anew", scene, said.who), words, own=said.is_private)

    async def tap_what_is_newest(self, at: str) -> None:
        await self.tap(at=at, which=0, times=1)

    # what happens

    async def wait(self, seconds: int) -> None:
        self._pass(seconds)
        await self._settle(await self._said("private"))

    async def restart(self) -> None:
        if self.restarts:
            return
        self.restarts += 1
        await self.stage.stop()
        await self.stage.start()
        self.rules.tapped.clear()
        await self._settle(await self._said("private"))

    async def a_video_arrives(self, at: str) -> None:
        if self.arrivals:
            return
        self.arrivals += 1
        provider = self.harness.provider
        # whatever else is ordered leaves before
        await self.wait(UNDO + 1)
        said = await self._send(at, "a video", begin="/video ")
        self.rules.ordered(said)
        await self._settle(said)
        provider.next_render = Render.works()
        await self.wait(UNDO + 1)
        await self._ends(said)

    async def it_goes_on(self, at: str) -> None:
        """What arrived goes on, once, and the film of both is shown."""
        if self.arrivals != 1:
            return
        await self.wait(UNDO + 1)
        await self._below(at, "more:", "goon:")
        said = await self._said(at)
        card = await self._open_card(said)
        question = said.where.find(card["card_message"]) if card else None
        on = [
            button.data
            for row in (question.buttons if question else ())
            for button in row
            if button.data and "Just go on" in button.text
        ]
        if question is None or not on:
            return
        self.arrivals += 1
        self.harness.provider.next_render = Render.works()
        await self._press(said, question, on[0], 1)
        await self._ends(said)
        shown = await self._send(at, "", begin="/story")
        self.rules.command(shown, "story")
        await self._settle(shown)

    async def _ends(self, said: Said) -> None:
        """What was ordered last is made, and arrives."""
        provider = self.harness.provider
        made = provider.generations.by_id[provider.submissions[-1].id or ""]
        await provider.wait_until(lambda: made.ended, "a video", timeout=60)
        self._pass(POLL + 1)
        await self._arrived()
        self.rules.orders[-1].done = True
        await self._settle(said)

    async def _arrived(self) -> None:
        """Wait until the last order is in its chat."""
        async with asyncio.timeout(60):
            while True:
                last = (await self.stage.rows(GENERATIONS, self.ann.id, self.bob.id))[-1]
                if last["state"] == "delivered":
                    return
                self.harness.services.wake(last["chat"])
                await asyncio.sleep(0.02)

    # what is sent

    async def _send(self, at: str, words: str, *, begin: str = "", to: To = "") -> Said:
        said = await self._said(at, words, to=to)
        said.message = await said.where.send(
            said.who, f"{begin}{said.words}", reply_to=said.answered
        )
        return said

    async def _photo(self, said: Said, caption: str, how: str = "own") -> None:
        album = str(said.where.last_id) if how == "album" else None
        said.message = await said.where.send_photo(
            said.who,
            PICTURE,
            caption=caption or None,
            reply_to=said.answered,
            album=album,
            forwarded_from=self.bob if how == "forwarded" else None,
        )
        if album is not None:
            await said.where.send_photo(said.who, PICTURE, album=album)
        if said.is_private:
            self.photos.append(said.message)

    async def _said(self, at: str, words: str = "", *, to: To = "") -> Said:
        """Return who says what where; ideas are numbered, so that each is another."""
        self._pass(1)
        await self._left()
        where = self.private if at == "private" else self.group
        said = Said(self.bob if at == "bob" else self.ann, where, words)
        if words in {*IDEAS, "a video"}:
            said.words = f"{words} {round(self.stage.now) % 10**5}"
        if to:
            said.answered = self.photos[-1] if to == "photo" else await self._of_bot(said, to)
            said.to = to if said.answered else ""
        return said

    async def _of_bot(self, said: Said, to: To) -> Message | None:
        """Return a message of the bot to be answered: what is open, or any other text."""
        card = await self._open_card(said)
        shown = card["card_message"] if card else None
        if to == "question":
            return said.where.find(shown) if shown else None
        others = (one for one in reversed(said.where.from_bot) if one.message_id != shown)
        if to == "made":
            # a film has no buttons, and is nobody's order
            return next((one for one in others if one.video and one.buttons), None)
        return next((one for one in others if one.text), None)

    async def _open_card(self, said: Said) -> sqlite3.Row | None:
        rows = await self.stage.rows(OPEN, said.who.id, 0)
        return next((row for row in rows if row["telegram_id"] == said.where.id), None)

    def _pass(self, seconds: int) -> None:
        self.stage.now += seconds
        self.rules.now = self.stage.now

    # what must hold

    async def _settle(self, said: Said) -> None:
        await self._check(said)

    async def _check(self, said: Said) -> None:
        """Wait until all is done that was asked for, and compare it with the rules."""
        telegram, chat, people = self.harness.telegram, said.where, (self.ann.id, self.bob.id)
        if chat.messages:
            # what comes to a chat is handled in its order: this last
            await telegram.world.press(chat.last, Button(".", "."), by=said.who, timeout=60)
        made = await self._left()
        orders = self.rules.orders
        self.numbers = dict(zip([row["id"] for row in made], orders, strict=False))
        for row, order in zip(made, orders, strict=False):
            if order.words is None:
                order.words = row["prompt"]
        there = [
            (row["account_id"], row["telegram_id"], row["prompt"], row["state"] == "cancelled")
            for row in made
        ]
        meant = [(one.who.id, one.where.id, one.words, one.cancelled) for one in orders]
        assert there == meant, f"paid for is {there[-3:]}, and ordered was {meant[-3:]}"
        cards = await self.stage.rows(OPEN, *people)
        stand = sorted((row["telegram_id"], row["account_id"]) for row in cards)
        assert stand == sorted(self.rules.open), f"open is {stand}, meant was {self.rules.open}"
        refused = [call for call in telegram.calls_of("answerCallbackQuery") if call.error]
        assert (telegram.unanswered_callbacks, refused) == ([], []), "each press is answered once"
        broken = self.harness.errors.unexpected
        assert broken == [], broken[-1]

    async def _left(self) -> list[sqlite3.Row]:
        """Wait until what is due has left for the provider; return all that was ordered."""
        until = time.monotonic() + 60
        while True:
            made = await self.stage.rows(GENERATIONS, self.ann.id, self.bob.id)
            stays = [
                row
                for row in made
                if row["state"] == "submitting"
                or (row["state"] == "queued" and row["due_at"] <= self.stage.now)
            ]
            if not stays:
                return made
            assert time.monotonic() < until, [tuple(dict(row).items()) for row in stays]
            for row in stays:
                self.harness.services.wake(row["chat"])
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Look into the ledger, and leave what is being made alone: other plays follow."""
        async with self.harness.db.transaction() as tx:
            await tx.execute(
                "UPDATE generations SET due_at = ? WHERE state IN ('queued', 'generating')",
                (self.stage.now + YEAR,),
            )
        with closing(sqlite3.connect(self.harness.data / "bot.sqlite3")) as connection:
            assert wrong_always(connection) == []


Act = tuple[str, dict[str, Any]]


def act(name: str) -> st.SearchStrategy[Act]:
    """Return the ways to do something."""
    how = {of: st.sampled_from(given) for of, given in ACTS[name].items()}
    return st.tuples(st.just(name), st.fixed_dictionaries(how))


PLAYS = st.lists(
    st.sampled_from([*ACTS, *OFTEN]).flatmap(act), min_size=LENGTH // 2, max_size=LENGTH
)
"""What is done in a play."""
given_plays = partial(
    settings,
    deadline=None,
    # the bot runs on from one play to the next, as it does from one person to the next
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def give(stage: Stage, acts: Sequence[Act]) -> None:
    """Give a play."""
    play = Play(stage)
    try:
        for name, how in acts:
            await getattr(play, name)(**how)
        await play.end()
    finally:
        stage.harness.errors.records.clear()


@given_plays(max_examples=20)
@given(acts=PLAYS)
async def test_credits_are_held_only_by_what_was_an_order(
    stage: Stage, acts: Sequence[Act]
) -> None:
    await give(stage, acts)


@pytest.mark.soak
@given_plays(max_examples=1000, derandomize=False)
@given(acts=PLAYS)
async def test_credits_are_held_only_by_what_was_an_order_however_the_dice_fall(
    stage: Stage, acts: Sequence[Act]
) -> None:
    await give(stage, acts)


async def nothing(*_: object, **__: object) -> None:
    """Do nothing."""


RULES: dict[str, list[tuple[object, str, object]]] = {
    "what is said next closes a question": [(cards, "close_open", nothing)],
    "thanks are no idea": [(messages, "small_talk", lambda _: None)],
    "what was shared is no order": [(messages.SENT_VIA_BOT, "holds", lambda _: False)],
    "a video is asked about": [(SentPicture, "moves", False)],
    "an order can be cancelled": [(lifecycle, "cancel", nothing)],
    "a card belongs to somebody": [(card_taps, "_refusal_reason", lambda *_: "")],
}
"""What holds, and what would be in its place if it did not."""


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="a rule is taken out: it is noticed")
@pytest.mark.parametrize("rule", RULES)
@given_plays(max_examples=60, phases=[Phase.generate], report_multiple_bugs=False)
@given(acts=PLAYS)
async def test_a_bot_that_lacks_a_rule_is_found_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, rule: str, acts: Sequence[Act]
) -> None:
    for where, name, other in RULES[rule]:
        monkeypatch.setattr(where, name, other)
    await give(stage, acts)
