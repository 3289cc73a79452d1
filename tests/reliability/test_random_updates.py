"""Whatever Telegram may send: thousands of valid updates, and the bot goes on as if nothing was."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import sqlite3
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from handlers.commands import COMMANDS
from sandbox.telegram import PrivateChat
from sandbox.telegram.actors import Person
from sandbox.telegram.queries import Query
from sandbox.telegram.schema import check_object, type_of
from tests.flows.media_files import photo
from tests.handlers.shared import settled
from tests.harness import ADMIN
from tests.reliability.invariants import wrong_always
from tests.reliability.random_objects import SHAPES, RandomObjects
from tests.reliability.test_hostile_presses import PRESSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.telegram import TelegramSandbox
    from tests.harness import Harness

ROUNDS, UPDATES = 10, 500
"""How often so many updates are sent at once."""
ASKED_FOR = ("message", "callback_query", "inline_query", "my_chat_member", "pre_checkout_query")
OTHERS = sorted(type_of("Update")["fields"].keys() - {"update_id", *ASKED_FOR})
"""What the bot does not ask for comes all the same where it was there before."""
SAID = (
    "a cat on a boat", "thanks!", "no", "hi", "👍", "@film_maker_bot a dog", "a fox —seconds 8",
    "a lake --ar 9:16 --720p", "a wolf --model nobody", "a cow --seconds 99", "/nonsense", "/",
    "/video@film_maker_bot", "/video@film_maker_bot a goat", "/video@other_bot x", "bye", "--last",
    *(f"/{name}{rest}" for one in COMMANDS for name in one.names for rest in ("", " 1", " a b 7")),
)  # fmt: skip


class Crowd:
    """People, groups and all that happens among them, as the dice fall."""

    def __init__(self, telegram: TelegramSandbox, seed: int) -> None:
        self.telegram = telegram
        self.dice = random.Random(seed)
        people = [telegram.person(f"P{n}", username=f"p{n}") for n in range(25)]
        people.append(telegram.person("Boss", user_id=ADMIN))
        for person in people:
            telegram.private(person)
        groups = [telegram.group(f"Group {n}", people[n : n + 9]) for n in range(5)]
        groups += [
            telegram.group("Basic", people[:5], kind="group"),
            telegram.group("Forum", people[:5], forum=True),
            telegram.group("Away", people[:5], with_bot=False),
        ]
        groups[0].make_admin()
        groups[1].read_only()
        picture = telegram.world.files.add("photo", photo(640, 360), width=640, height=360)
        chats = [group.as_json() for group in groups]
        self.made = RandomObjects(
            self.dice,
            bot=telegram.bot.as_json(),
            people=[person.as_json() for person in people],
            chats=[*chats, {"id": -1_000_000_777_000, "type": "channel", "title": "News"}],
            words=SAID,
            presses=self._presses(),
            files=[picture.file_id],
            now=int(time.time()),
        )

    def _presses(self) -> list[str]:
        """Return what our buttons carry, of things there may be, and what nobody's carry."""
        presses = ["", "x:1", "::", "♥" * 20]
        for kind in PRESSES * 5:
            values = [str(self.dice.randrange(9)) for _ in dataclasses.fields(kind)]
            presses.append(":".join([kind.prefix, *values]))
        return presses

    def act(self) -> None:
        """Let something happen."""
        kind = self.dice.choice(ASKED_FOR if self.dice.random() < 0.4 else ("message",))
        if self.dice.random() < 0.15:
            kind = self.dice.choice(OTHERS)
        content = self.made.update(kind)
        check_object("Update", {"update_id": 1, kind: content})
        world = self.telegram.world
        asked = {"callback_query": world.callbacks, "inline_query": world.inline_queries}.get(kind)
        if asked is not None:
            content["id"] = str(world.fresh_id())
            by = Person(content["from"]["id"], content["from"]["first_name"])
            asked.ask(Query(content["id"], by, world.clock()))
        world.updates.push_unfiltered(kind, content)


async def waiting(harness: Harness) -> int:
    """Return how many updates are written down and not handled."""
    async with harness.db.reading() as connection:
        return await connection.fetch_int(
            "SELECT count(*) FROM inbox WHERE handled_at IS NULL AND set_aside = 0"
        )


async def all_is_handled(harness: Harness) -> None:
    """Wait until nothing is left to be handled; what is set aside nobody could read."""
    async with asyncio.timeout(300):
        while len(harness.telegram.world.updates) or await waiting(harness):
            await asyncio.sleep(0.05)
    async with harness.db.reading() as connection:
        aside = await connection.fetch_int("SELECT count(*) FROM inbox WHERE set_aside = 1")
    assert aside == 0, f"{aside} updates were set aside"
    open_presses = [query.person for query in harness.telegram.unanswered_callbacks]
    assert open_presses == [], "presses without an answer"


async def newcomers(harness: Harness, crowd: Crowd) -> float:
    """Two come between all the others; returns how many seconds the first waits for an answer.

    They wait for those who came before them at most.
    """
    first, last = harness.telegram.person("First"), harness.telegram.person("Last")
    for _ in range(UPDATES // 2):
        crowd.act()
    began = time.monotonic()
    await harness.telegram.private(first).send(first, "/start")
    for _ in range(UPDATES // 2):
        crowd.act()
    await harness.telegram.private(last).send(last, "/start")
    await harness.telegram.private(first).wait(lambda _: True, timeout=120)
    took = time.monotonic() - began
    await harness.telegram.private(last).wait(lambda _: True, timeout=120)
    # a newcomer is greeted with a video
    answers = [c for c in harness.telegram.calls if c.method in {"sendMessage", "sendVideo"}]
    # of a call that is still coming in nothing is known yet
    answered = [call.params.get("chat_id") for call in answers]
    assert answered.index(first.id) < answered.index(last.id), "who came first was answered last"
    return took


async def lives(harness: Harness, seed: int) -> str:
    """Send everything, with a stop in the midst of it and a start; returns figures."""
    sys.stdout.write(f"seed {seed}\n")
    crowd, took = Crowd(harness.telegram, seed), list[float]()
    began = time.process_time()
    for _ in range(2):
        async with harness.running(free_credits=18, budget_usd=2):
            # first what an earlier life left over
            await all_is_handled(harness)
            for _ in range(ROUNDS // 2):
                took.append(await newcomers(harness, crowd))
                await all_is_handled(harness)
            for _ in range(50):
                crowd.act()
            await harness.telegram.wait_for_call("getUpdates")
    cpu = time.process_time() - began
    return (
        f"{ROUNDS * UPDATES} random updates: {cpu:.1f} s of CPU, "
        f"newcomers waited {sorted(took)[ROUNDS // 2]:.1f} s, at most {max(took):.1f} s"
    )


@pytest.mark.parametrize("kind", ["Message", "ChatFullInfo", "ChatMember", "File", "User"])
async def test_what_the_dice_make_is_valid(telegram: TelegramSandbox, kind: str) -> None:
    made = Crowd(telegram, 1).made
    for _ in range(200):
        check_object(kind, made.make(kind))


async def test_whatever_telegram_sends_is_handled_and_a_newcomer_is_answered(
    harness: Harness, record_property: Callable[[str, object], None]
) -> None:
    record_property("figures", await lives(harness, seed=1))


class OddAnswers:
    """Answers of Telegram that are valid and not what was expected, as the dice fall."""

    def __init__(self, crowd: Crowd) -> None:
        self._dice, self._made = crowd.dice, crowd.made

    def __call__(self, method: str, result: Any) -> Any:
        if self._dice.random() < 0.3 or not isinstance(result, dict):
            return result
        if method == "getChatMember":
            return self._made.make("ChatMember")
        if "message_id" not in result:
            kind = {"getChat": "ChatFullInfo", "getMe": "User", "getFile": "File"}.get(method)
            return self._made.make(kind, 1) | result if kind else result
        beside = {name: value for name, value in self._made.message(1).items() if name in SHAPES}
        content = dict(result)
        if "video" in content and self._dice.random() < 0.5:
            # as it does with what is silent, or cannot be played
            shown = content.pop("video")
            content[self._dice.choice(["animation", "document"])] = shown
        if self._dice.random() < 0.1:
            # it prepares the message, and tells no number yet
            content["message_id"] = 0
        return beside | content


async def test_whatever_telegram_answers_videos_are_paid_once_or_not_at_all(
    harness: Harness,
) -> None:
    crowd = Crowd(harness.telegram, 1)
    harness.telegram.world.rewrite_result = OddAnswers(crowd)
    async with harness.running():
        for n, chat in enumerate([*harness.telegram.world.chats.values()]):
            if isinstance(chat, PrivateChat) and n < 6:
                person = chat.members[0]
                await chat.send(person, f"/video boat {n}")
                await chat.send_photo(person, photo(640, 360), caption=f"boat {n} sails")
                await chat.send(person, "/quota")
                await chat.send(person, "another boat")
        await all_is_handled(harness)
        await settled(harness, 120)
        with closing(sqlite3.connect(harness.data / "bot.sqlite3")) as connection:
            assert wrong_always(connection) == []
            rows = connection.execute("SELECT state, count(*) FROM generations GROUP BY state")
            assert dict(rows.fetchall()) == {"delivered": 12}


@pytest.mark.soak
async def test_whatever_telegram_sends_however_the_dice_fall(
    harness: Harness, record_property: Callable[[str, object], None]
) -> None:
    for _ in range(20):
        record_property("figures", await lives(harness, random.SystemRandom().randrange(2**32)))
