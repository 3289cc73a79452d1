"""One run of the bot in virtual time: the real scheduler with fakes around it."""

from __future__ import annotations

import asyncio
import logging
import traceback
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import httpx
from pydantic import SecretStr

from bot.app import UPLOAD_LIMIT
from bot.scheduler import Scheduler
from bot.settings.definition import Settings
from bot.tasks import ChatTimers
from generation.jobs.lifecycle import Lifecycle
from generation.jobs.provider_calls import Polls, Submissions
from generation.jobs.queue import FairQueue, Progress
from generation.jobs.schedule import CircuitBreaker, DurationEstimates, JobPolicy
from generation.media.fetch import Downloads
from generation.media.pictures import Pictures
from generation.media.videos import FilmMaker, UploadPreparation, clean_up
from generation.models.availability import Feeds
from generation.models.catalogue import Catalogue, Cooldowns
from generation.orders.substitutes import Substitutes
from generation.provider.client import AimlApi, LogSearch
from handlers.attachments import TelegramFiles
from handlers.replies.boards import Boards
from handlers.replies.delivery import Deliveries
from handlers.replies.notice_sender import Notices
from handlers.replies.status import StatusMessages
from storage.notices import Admins
from tests.simulation.media import StandInMedia
from tests.simulation.provider import URL
from tests.simulation.telegram import StandInBot, StandInOutbox
from tests.simulation.virtual import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from generation.models.offer import Offer
    from generation.orders.balances import Terms
    from handlers.replies.texts import Languages
    from tests.simulation.chaos import Chaos
    from tests.simulation.provider import Provider
    from tests.simulation.telegram import Telegram
    from tests.simulation.virtual import DirectConnection, VirtualLoop

ADMIN = 900_001
KEY = "stand-in-key-0123456789"
FAMILIES = Settings.model_fields["models"].default
UNDO_SECONDS = 3


async def _show_no_film(_account: object) -> None:
    """Show no film."""


class Jobs:
    """Replaces the JobQueue by timers of the event loop, as APScheduler uses the real clock."""

    def __init__(self, bot_run: BotRun) -> None:
        self._bot_run = bot_run
        self._timers: set[asyncio.TimerHandle] = set()
        self._stopped = False

    def run_once(self, callback: Any, when: float, *, data: int, **_: Any) -> Any:
        if self._stopped:
            return None  # after the kill, no timer starts
        job = SimpleNamespace(data=data)

        def ring() -> None:
            self._timers.discard(timer)
            self._bot_run.do(callback(SimpleNamespace(job=job)))

        def remove() -> None:
            self._timers.discard(timer)
            timer.cancel()

        timer = asyncio.get_running_loop().call_later(when, ring)
        self._timers.add(timer)
        job.schedule_removal = remove
        return job

    def stop(self) -> None:
        self._stopped = True
        for timer in self._timers:
            timer.cancel()


class BotRun:
    """A run of the bot, from its start to its kill."""

    def __init__(
        self, folder: Path, chaos: Chaos, provider: Provider, telegram: Telegram, *,
        offer: Offer, languages: Languages, terms: Terms, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._folder = folder
        self._chaos = chaos
        self._provider = provider
        self._telegram = telegram
        self.offer = offer
        self._languages = languages
        self._terms = terms
        self.clock = clock
        self._before: set[asyncio.Task[Any]] = set()
        self._connection: DirectConnection
        self._tasks: set[asyncio.Task[None]] = set()
        self._killed = False
        self.broken: list[str] = []

    async def begin(self) -> None:
        """Start as `bot.lifecycle` does: clean up, recover, wake every chat with pending work."""
        self._before = asyncio.all_tasks()
        self.db, self._connection = await open_database(
            self._folder / "bot.sqlite3", self._chaos.dice
        )
        videos, pictures = self._folder / "videos", self._folder / "pictures"
        await clean_up(self.db, videos=videos, pictures=pictures)
        answers = httpx.MockTransport(self._provider.answer)
        http = httpx.AsyncClient(transport=answers)
        bot: Any = StandInBot(self._chaos)
        self.outbox = StandInOutbox(self._telegram, bot)
        self._jobs = jobs = Jobs(self)
        api, media = AimlApi(answers, url=URL, key=SecretStr(KEY)), StandInMedia(self._chaos)
        admins = Admins(frozenset({ADMIN}), wake=self.wake)
        cooldowns = Cooldowns(admins, self.clock)
        catalogue = Catalogue(
            db=self.db, feeds=Feeds(http, url=URL), bundled=self.offer, names=FAMILIES,
            cooldowns=cooldowns, admins=admins, clock=self.clock,
        )  # fmt: skip
        await catalogue.restore()
        queue = FairQueue(50, self.clock)
        breaker = CircuitBreaker(self.db, api, admins, self.clock)
        estimates = DurationEstimates(self.db, self.offer)
        lifecycle = Lifecycle(
            db=self.db, policy=JobPolicy(), estimates=estimates, breaker=breaker,
            cooldowns=cooldowns, admins=admins, clock=self.clock, terms=self._terms,
        )  # fmt: skip
        substitutes = Substitutes(catalogue)
        downloads = Downloads(
            api=api, http=http, origin=URL, folder=videos, media=media, seconds=600.0
        )
        messages: Any = {
            "db": self.db, "outbox": self.outbox, "languages": self._languages,
            "clock": self.clock,
        }  # fmt: skip
        progress = Progress(estimates=estimates, queue=queue, breaker=breaker, clock=self.clock)
        self.status = StatusMessages(
            db=self.db, outbox=self.outbox, progress=progress, languages=self._languages,
            wake=self.wake,
        )  # fmt: skip
        self.timers = ChatTimers(cast("Any", jobs))
        self.scheduler = Scheduler(
            db=self.db,
            timers=self.timers,
            queue=queue,
            lifecycle=lifecycle,
            submissions=Submissions(
                db=self.db, api=api, catalogue=catalogue, lifecycle=lifecycle, breaker=breaker,
                pictures=Pictures(media, TelegramFiles(bot), pictures),
                substitutes=substitutes, new_request_id=lambda: uuid.uuid4().hex,
            ),
            polls=Polls(
                api=api, log=LogSearch(api, self.clock), downloads=downloads, lifecycle=lifecycle,
                substitutes=substitutes,
            ),
            breaker=breaker,
            show_film=_show_no_film,
            deliveries=Deliveries(
                db=self.db, outbox=self.outbox, lifecycle=lifecycle,
                preparation=UploadPreparation(downloads, media, UPLOAD_LIMIT),
                status=self.status, languages=self._languages, ai_label=False,
                catalogue=catalogue,
                zone=ZoneInfo("UTC"), clock=self.clock, wake=self.wake,
            ),
            notices=Notices(
                **messages, wake=self.wake, ai_label=False, zone=ZoneInfo("UTC"),
                status=self.status,
                films=FilmMaker(media, TelegramFiles(bot), pictures, UPLOAD_LIMIT),
            ),
            status=self.status,
            boards=Boards(**messages, progress=progress),
            clock=self.clock,
            undo_seconds=UNDO_SECONDS,
        )  # fmt: skip
        await self.scheduler.start()
        self.do(self.scheduler.watch())

    def wake(self, chat: int) -> None:
        """Tell the scheduler that a chat has new work."""
        self.timers.wake(chat)

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work as a task of this run, which the kill cancels."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._killed and not task.cancelled() and (error := task.exception()):
            self.broken += traceback.format_exception(error)[-4:]

    async def kill(self) -> None:
        """End at once: cut the database, and cancel all tasks."""
        self._killed = True
        self._jobs.stop()
        self._connection.cut()
        # a killed process logs nothing of the tasks that fail now
        logging.disable()
        ended = asyncio.all_tasks() - self._before - {asyncio.current_task()}
        numbers = cast("VirtualLoop", asyncio.get_running_loop()).numbers
        # in the order of creation, as that of a set differs between runs of the same seed
        for task in sorted(ended, key=numbers.__getitem__):
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
        logging.disable(logging.NOTSET)
