"""Compares a week of announced arrival times with the real ones, in virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from collections import defaultdict
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from generation.models.offer import Offer
from generation.models.pricing import Period
from generation.orders import balances
from generation.orders.balances import Accepted, Terms
from handlers.replies.texts import Languages
from storage import chats, people
from storage.chats import ChatKind
from storage.ledger import Account
from tests.simulation.bot_run import BotRun
from tests.simulation.chaos import Chaos
from tests.simulation.provider import Provider
from tests.simulation.simulation import START, Order, _request
from tests.simulation.telegram import Telegram
from tests.simulation.virtual import VirtualLoop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.provider import Job

DAY = 86_400.0
ORDERS = 40
"""Orders a day in private chats; in a group, ten come at once each day."""
TAKES = {"pro": 190.0, "": 80.0}
"""Typical seconds of a model; in the evening a third longer."""
SPREAD = 0.12


class SteadyProvider(Provider):
    """A provider whose durations vary little for the same model and hour."""

    def _take(self, body: dict[str, Any], request_id: str) -> Job:
        job = super()._take(body, request_id)
        job.ends = job.taken_at + typically(job) * self._chaos.dice.lognormvariate(0, SPREAD)
        return job


def typically(job: Job) -> float:
    """Return the typical seconds of such a job at that hour: the best possible estimate."""
    evening = 1.15 + 0.15 * math.sin(2 * math.pi * job.taken_at / DAY)
    return TAKES["pro" if "pro" in job.model else ""] * evening


class Week:
    """A week of orders: announced times and edits by order, and the messages in a group."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.dice = folder, random.Random("a week")
        self.chaos = Chaos(random.Random("clear"))
        self.chaos.is_off = True
        self.telegram, self.offer, self.languages = (
            Telegram(self.chaos),
            Offer.load(),
            Languages(),
        )
        self.provider = SteadyProvider(self.chaos, self.clock, lambda _: None)
        self.terms = Terms(
            free_credits=10_000, period=Period.DAY,
            zone=ZoneInfo("UTC"), budget_usd=None, budget_period=Period.DAY, max_pending=100,
        )  # fmt: skip
        self.orders: dict[int, int] = {}
        self.promised = defaultdict[int, list[tuple[float, float | None]]](list)
        self.edited = defaultdict[int, list[float]](list)
        self.in_group: list[float] = []
        self.came: dict[int, float] = {}

    @staticmethod
    def clock() -> float:
        return START + asyncio.get_running_loop().time()

    async def begin(self) -> BotRun:
        bot_run = BotRun(
            self.folder, self.chaos, self.provider, self.telegram, offer=self.offer,
            languages=self.languages, terms=self.terms, clock=self.clock,
        )  # fmt: skip
        await bot_run.begin()
        say, edit, send = bot_run.outbox.send_text, bot_run.outbox.edit, bot_run.outbox.send_file

        async def saying(chat: Any, text: str, **how: Any) -> int:
            number = await say(chat, text, **how)
            if not chat.is_private:
                self.in_group.append(self.clock())
            elif how.get("moments"):
                self.orders[number] = how["reply_to"]
                self.promised[how["reply_to"]].append((self.clock(), how["moments"][0].at))
            return number

        async def editing(chat: Any, message: int, text: str, *rest: Any, **how: Any) -> None:
            await edit(chat, message, text, *rest, **how)
            if not chat.is_private:
                self.in_group.append(self.clock())
                return
            order, moments = self.orders[message], how.get("moments")
            self.edited[order].append(self.clock())
            self.promised[order].append((self.clock(), moments[0].at if moments else None))

        async def sending(chat: Any, video: Any, caption: str, *rest: Any, **how: Any) -> Any:
            self.came[int(caption.rsplit(maxsplit=1)[-1])] = self.clock()
            if not chat.is_private:
                self.in_group.append(self.clock())
            return await send(chat, video, caption, *rest, **how)

        stand_in: Any = bot_run.outbox
        stand_in.send_text, stand_in.edit, stand_in.send_file = saying, editing, sending
        return bot_run

    async def order(self, bot_run: BotRun, number: int, chat: int) -> None:
        person = number % 50 + 1
        family = self.dice.choice(["sora-2", "sora-2", "sora-2-pro"])
        order = Order(number, person, chat or person, as_channel=False, kind="t2v", family=family)
        kind = ChatKind.PRIVATE if order.chat > 0 else ChatKind.SUPERGROUP
        now = self.clock()
        async with bot_run.db.transaction() as tx:
            await people.upsert(tx, person, name="Ann", username=None, language="en", now=now)
            place = await chats.upsert(tx, order.chat, kind=kind, now=now)
            request = _request(self.offer, order, place.id, Account.person(person))
            answer = await balances.accept(tx, request, self.terms, now=now, wait=3.0)
        assert isinstance(answer, Accepted)
        bot_run.wake(place.id)
        await bot_run.status.show(answer.generation, place, self.languages.translator(None))

    async def run(self) -> None:
        number = 0
        for _ in range(7):
            bot_run = await self.begin()
            for nth in range(ORDERS + 1):
                await asyncio.sleep(self.dice.expovariate(ORDERS / DAY))
                for _ in range(10 if nth == ORDERS else 1):
                    number += 1
                    bot_run.do(self.order(bot_run, number, -1000 if nth == ORDERS else 0))
            await asyncio.sleep(3600)
            assert not bot_run.broken
            await bot_run.kill()


def test_what_a_week_of_waiting_was_promised(tmp_path: Path, record_property: Any) -> None:
    week = Week(tmp_path)
    loop = VirtualLoop()
    try:
        loop.run_until_complete(week.run())
    finally:
        loop.close()
    jobs = {int(job.prompt.rsplit(maxsplit=1)[-1]): job for job in week.provider.jobs}
    # from its end to its arrival in the chat: until the next poll, and the transfer
    brought = median(week.came[order] - job.ends for order, job in jobs.items())
    right, best = {0.1: 0, 0.5: 0}, {0.1: 0, 0.5: 0}
    for order, said in week.promised.items():
        times = [at for _, at in said if at is not None]
        grew = sum(later > before + 1 for before, later in pairwise(times))
        assert grew <= 1, f"order {order} was promised later and later: {said}"
        edits = week.edited[order]
        assert all(b - a >= 14.9 for a, b in pairwise(edits)), edits
        for share in right:
            job = jobs[order]
            looked = job.taken_at + share * (week.came[order] - job.taken_at)
            shown = [at for since, at in said if since <= looked][-1]
            left = week.came[order] - looked
            right[share] += shown is not None and abs(shown - looked - left) <= left / 4
            known = job.taken_at + typically(job) + brought
            best[share] += abs(known - looked - left) <= left / 4
    figures, oracle = (
        {share: round(count / len(week.promised), 2) for share, count in counted.items()}
        for counted in (right, best)
    )
    said_then = sorted(week.in_group)
    most = max(sum(at <= one < at + 60 for one in said_then) for at in said_then)
    edits_each = sum(map(len, week.edited.values())) / len(week.promised)
    record_property(
        "figures",
        f"promises within 25 % of the truth, by the share of the making that was over: {figures}, "
        f"of one who knows how long it typically takes at that hour: {oracle}; "
        f"{edits_each:.1f} edits a video; at most {most} sends and edits a minute in a group",
    )
    assert figures[0.1] >= 0.9
    assert figures[0.5] >= 0.8 * oracle[0.5], "half of the time is no news: chance alone is left"
    assert most <= 20
