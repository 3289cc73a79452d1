"""The simulation: people with their requests and cancellations, and the kills of the bot."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from generation.jobs import lifecycle
from generation.jobs.schedule import MAX_PREPARATIONS
from generation.models.offer import Offer
from generation.models.pricing import Period
from generation.orders import balances
from generation.orders.balances import Accepted, Repeated, Terms
from handlers.replies.notice_sender import MAX_SENDS
from handlers.replies.texts import Languages
from storage import chats, ledger, people
from storage.chats import ChatKind
from storage.generations import Request
from storage.ledger import Account, Pot
from tests.reliability import invariants
from tests.simulation.bot_run import UNDO_SECONDS, BotRun
from tests.simulation.chaos import Chaos
from tests.simulation.provider import Provider
from tests.simulation.spending import Spending
from tests.simulation.telegram import Telegram

if TYPE_CHECKING:
    from pathlib import Path

    from generation.models.offer import Kind
    from storage.chats import Chat
    from tests.harness import LoggedErrors

FREE_CREDITS = 27
START = 1_795_132_800.0 + 20 * 3600
"""The evening of 20 November 2026, UTC, so that many requests span the period's end."""
BUDGET = Decimal(700)
"""Dollars a day: much less than the requests cost."""
AWAY = 1800.0
"""Seconds without requests after one was refused for the budget."""
PRICES = {"sora-2": (9, 840_000), "sora-2-pro": (13, 1_260_000)}
"""Credits and millionths of a US dollar for four seconds."""
GROUPS = -1000


@dataclass(frozen=True)
class Order:
    """A message that asks for a video; it is handled again after a kill, as by the inbox."""

    number: int
    person: int
    chat: int
    as_channel: bool
    kind: Kind
    family: str

    @property
    def shape(self) -> str | None:
        """The aspect ratio; None if the picture decides."""
        return "16:9" if self.kind == "t2v" else None

    @property
    def prompt(self) -> str:
        return f"boat number {self.number}"


class Simulation:
    """A population with the bot, its provider and its Telegram, all from one seed."""

    def __init__(self, folder: Path, seed: str, errors: LoggedErrors, *, generations: int) -> None:
        self._folder = folder
        self._errors = errors
        self._dice = random.Random(seed)
        self._wanted = generations
        self._loop = asyncio.get_running_loop()
        self._clock0 = self._loop.time()
        self.chaos = Chaos(random.Random(f"{seed}: chaos"))
        self.telegram = Telegram(self.chaos)
        self._offer = Offer.load()
        self._languages = Languages()
        self._open: dict[int, Order] = {}
        self.asked = 0
        self.accepted = 0
        self.runs = 0
        self.days = 0.0
        self._away_until = 0.0
        self.outcomes: Counter[str] = Counter()
        self._terms = Terms(
            free_credits=FREE_CREDITS, period=Period.DAY,
            zone=ZoneInfo("UTC"), budget_usd=BUDGET, budget_period=Period.DAY, max_pending=3,
        )  # fmt: skip

        self._spending = Spending(folder / "bot.sqlite3", self._terms, self.clock)
        self.provider = Provider(self.chaos, self.clock, self._spending.taken)

    def clock(self) -> float:
        """Return the virtual time, in seconds since 1970."""
        return START + self._loop.time() - self._clock0

    async def run(self) -> list[str]:
        """Run the simulation; return the problems found after any kill or at the end."""
        try:
            return await self._run()
        finally:
            self._spending.close()

    async def _run(self) -> list[str]:
        coming = asyncio.create_task(self._come())
        wrong: list[str] = []
        while not coming.done() and not (wrong or self._errors.unexpected):
            if self.asked > 50 * self._wanted:
                return [f"of {self.asked} requests only {self.accepted} were accepted"]
            bot_run = await self._start_bot()
            alive = self._dice.expovariate(1 / 2400)
            await asyncio.wait({coming}, timeout=alive)
            await bot_run.kill()
            wrong = bot_run.broken + self._check() + self._spending.wrong
        coming.cancel()
        self.days = (self.clock() - START) / invariants.DAY
        self.chaos.is_off = True
        bot_run = await self._start_bot()
        waited = 0
        # after a problem, work may be retried for ever
        while not (wrong or self._errors.unexpected) and (left := self._left()):
            if (waited := waited + 1) > 200:
                return [f"never finished: {left}"]
            await asyncio.sleep(1800)
        await bot_run.kill()
        if not self.outcomes["OverBudget"] + self.outcomes["BudgetHeld"]:
            wrong.append("the budget was never reached")
        return wrong or bot_run.broken + self._spending.wrong or self._in_the_end()

    async def _start_bot(self) -> BotRun:
        self.runs += 1
        self._bot_run = BotRun(
            self._folder, self.chaos, self.provider, self.telegram,
            offer=self._offer, languages=self._languages, terms=self._terms, clock=self.clock,
        )  # fmt: skip
        await self._bot_run.begin()
        # unhandled messages are handled again, as by the inbox
        for order in list(self._open.values()):
            self._bot_run.do(self._handle(self._bot_run, order))
        return self._bot_run

    async def _come(self) -> None:
        """Send messages one by one, and sometimes many at once."""
        while self.accepted < self._wanted:
            await asyncio.sleep(self._dice.expovariate(1 / 25))
            if self.clock() < self._away_until:
                await asyncio.sleep(AWAY)
            for _ in range(30 if self._dice.random() < 0.005 else 1):
                self.asked += 1
                order = self._order(self.asked)
                self._open[order.number] = order
                self._bot_run.do(self._handle(self._bot_run, order))
            if self._dice.random() < 0.01:
                self._block_or_unblock()

    def _order(self, number: int) -> Order:
        dice = self._dice
        person = dice.randint(1, max(50, self._wanted // 5))
        chat = person if dice.random() < 0.6 else GROUPS - dice.randint(1, 200)
        kind: Kind = "t2v" if dice.random() < 0.6 else "i2v"
        family = dice.choice(["sora-2", "sora-2", "sora-2-pro"])
        return Order(number, person, chat, chat < 0 and dice.random() < 0.05, kind, family)

    def _block_or_unblock(self) -> None:
        blocked = self.telegram.blocked
        if len(blocked) > 5:
            blocked.discard(self._dice.choice(sorted(blocked)))
        else:
            blocked.add(self._dice.randint(1, max(50, self._wanted // 5)))

    async def _handle(self, bot_run: BotRun, order: Order) -> None:
        """Handle a message, sometimes twice, as Telegram may repeat an update."""
        for _ in range(2 if self._dice.random() < 0.02 else 1):
            chat, answer = await self._place(bot_run, order)
            self.outcomes[type(answer).__name__] += 1
            if isinstance(answer, balances.OverBudget):
                self._away_until = self.clock() + AWAY
            if isinstance(answer, Accepted):
                self.accepted += 1
                self._spending.look()
                bot_run.wake(answer.generation.chat)
            if isinstance(answer, Accepted | Repeated):
                english = self._languages.translator(None)
                await bot_run.status.show(answer.generation, chat, english)
            if isinstance(answer, Repeated):
                bot_run.wake(answer.generation.chat)
        self._open.pop(order.number, None)
        if self._dice.random() < 0.05 and isinstance(answer, Accepted):
            await asyncio.sleep(self._dice.expovariate(1 / 20))
            await lifecycle.cancel(
                bot_run.db, answer.generation.id, answer.generation.account, now=self.clock()
            )
            bot_run.wake(answer.generation.chat)

    async def _place(self, bot_run: BotRun, order: Order) -> tuple[Chat, balances.AcceptResult]:
        now = self.clock()
        async with bot_run.db.transaction() as tx:
            await people.upsert(
                tx,
                order.person,
                name=f"Person {order.person}",
                username=None,
                language="en",
                now=now,
            )
            kind = ChatKind.PRIVATE if order.chat > 0 else ChatKind.SUPERGROUP
            chat = await chats.upsert(tx, order.chat, kind=kind, now=now)
            account = Account.chat(chat.id) if order.as_channel else Account.person(order.person)
            if self._dice.random() < (0.3 if order.as_channel else 0.1):
                pot = self._dice.choice([Pot.GRANTED, Pot.GRANTED, Pot.BOUGHT])
                await ledger.grant(
                    tx, account, pot, self._dice.randint(1, 60),
                    cause=f"grant:{order.number}:{now}", note=None, now=now,
                )  # fmt: skip
        async with bot_run.db.transaction() as tx:
            request = _request(self._offer, order, chat.id, account)
            # every second one can be undone, as one without a confirmed price
            wait = UNDO_SECONDS if order.number % 2 else 0.0
            now = self.clock()
            return chat, await balances.accept(tx, request, self._terms, now=now, wait=wait)

    def _check(self) -> list[str]:
        with closing(sqlite3.connect(self._folder / "bot.sqlite3")) as database:
            return invariants.wrong_always(database)

    def _left(self) -> list[str]:
        with closing(sqlite3.connect(self._folder / "bot.sqlite3")) as database:
            parked = database.execute("SELECT id FROM generations WHERE state = 'parked'")
            return [
                *(f"open: {order}" for order in self._open.values()),
                *(f"parked: {row[0]}" for row in parked.fetchall()),
                *invariants.unfinished(database),
            ]

    def _in_the_end(self) -> list[str]:
        """Compare the bot's database with the provider's requests and the chats' messages."""
        with closing(sqlite3.connect(self._folder / "bot.sqlite3")) as database:
            wrong = [
                *invariants.wrong_always(database),
                *invariants.overdrawn(database, FREE_CREDITS),
                *invariants.damaged(database),
            ]
            wrong += self._untold(database)
            rows = database.execute("SELECT id, state, reason, prompt FROM generations").fetchall()
        for number, state, reason, prompt in rows:
            self.outcomes[state] += 1
            copies, unknown = self.telegram.videos[prompt], self.telegram.unknown[prompt]
            if self.provider.taken[prompt] > 1:
                wrong.append(f"{number}: the provider took it {self.provider.taken[prompt]} times")
            if copies > 1 + unknown:
                wrong.append(f"{number}: {copies} copies after {unknown} unknown sends")
            if state == "delivered" and not copies:
                wrong.append(f"{number}: delivered, and nowhere to be seen")
            if state in {"failed", "cancelled"} and copies:
                wrong.append(f"{number}: {state}, and there is a video")
            if state == "undeliverable" and not self._is_excused(reason, prompt):
                wrong.append(f"{number}: undeliverable for no reason: {reason}")
        return wrong

    def _is_excused(self, reason: str, prompt: str) -> bool:
        """Whether the fault that the reason names did happen to an undelivered video."""
        match reason:
            case "nobody can receive it":
                return self.telegram.refused[prompt] > 0
            case "nobody knows whether it arrived":
                return self.telegram.unknown[prompt] > 0
            case "cannot be prepared":
                return self.chaos.met["media broke down"] >= MAX_PREPARATIONS
            case _:
                return False

    def _untold(self, database: sqlite3.Connection) -> list[str]:
        """Return the notices that were not received although the chat was open."""
        wrong = []
        said: Counter[int] = Counter()
        for number, chat, sent, sends in database.execute(
            "SELECT notices.generation, telegram_id, sent_at IS NOT NULL, sends FROM notices"
            " JOIN chats ON chats.id = notices.chat WHERE notices.generation IS NOT NULL"
        ):
            said[chat] += sent
            if not (sent or self.telegram.turned_away[chat] or sends >= MAX_SENDS):
                wrong.append(f"{number}: a notice is given up though its chat was open")
        wrong += [
            f"chat {chat} was told {count} things and heard {len(self.telegram.told[chat])}"
            for chat, count in said.items()
            if count > len(self.telegram.told[chat])
        ]
        return wrong


def _request(offer: Offer, order: Order, chat: int, account: Account) -> Request:
    mode = offer[order.family].mode(order.kind)
    assert mode is not None
    credits_, micros = PRICES[order.family]
    return Request(
        origin="message", cause=f"message:{order.number}", chat=chat, thread_id=None,
        message_id=order.number, account=account, kind=order.kind, family=order.family,
        model=mode.model, prompt=order.prompt, seconds=4, aspect_ratio=order.shape,
        resolution="720p", fit="crop", silent=False,
        picture="picture" if order.kind == "i2v" else None,
        credits=credits_, price_micros=micros, budget_micros=0,
    )  # fmt: skip
