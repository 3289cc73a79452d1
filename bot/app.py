"""The composition root: makes every part of the bot, with its dependencies."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TYPE_CHECKING

import httpx
from telegram.ext import ApplicationBuilder, ContextTypes, JobQueue

from bot.process import DATA_FOLDERS
from bot.scheduler import Scheduler
from bot.supervisor import Health
from bot.tasks import MAX_CONCURRENT_CHATS, ChatTimers, PerChatUpdateProcessor, Slots
from bot.updates.intake import Intake
from bot.updates.listening import Listening, TelegramRequest, TelegramTimeouts
from bot.updates.watchdog import Watchdog, WatchdogTimes
from generation.jobs.account import AccountWatch
from generation.jobs.lifecycle import Lifecycle, process_erasures
from generation.jobs.provider_calls import Polls, Submissions
from generation.jobs.queue import FairQueue, Progress
from generation.jobs.schedule import PROBE_SECONDS, CircuitBreaker, DurationEstimates, JobPolicy
from generation.media.fetch import Downloads, VideoFiles
from generation.media.pictures import Pictures
from generation.media.pool import MediaProcesses
from generation.media.videos import FilmMaker, UploadPreparation
from generation.models.availability import Feeds
from generation.models.catalogue import Catalogue, Cooldowns
from generation.models.offer import Offer
from generation.models.pricing import Period
from generation.orders.balances import Terms
from generation.orders.substitutes import Substitutes
from generation.provider.client import AimlApi, LogSearch, ProviderTimeouts
from generation.provider.connections import Connections, uses_proxy
from handlers import registry
from handlers.attachments import TelegramFiles
from handlers.context import App, BotData, Context, FirstAdmin, OperatorPolicy, Services
from handlers.replies.boards import Boards
from handlers.replies.delivery import Deliveries
from handlers.replies.notice_sender import Notices
from handlers.replies.outbox import Outbox
from handlers.replies.sending import Pacing
from handlers.replies.status import StatusMessages
from handlers.replies.texts import Languages
from handlers.videos.films import refresh_shown_film
from storage.migrations import RestoreGap
from storage.notices import Admins

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from bot.operations.metrics import Pages
    from bot.settings.definition import Settings
    from bot.updates.webhook import Webhook
    from storage.database import Database

CONNECTIONS = 160
"""Connections to Telegram at a time: for all concurrent chats, uploads, and some to spare."""
UPLOAD_LIMIT = 50_000_000
"""The largest video that the hosted Bot API server accepts, in bytes."""
LOCAL_UPLOAD_LIMIT = 2_000_000_000
"""The same for a server in local mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """All timeouts and delays in seconds; only tests and the demo change them."""

    telegram: TelegramTimeouts = field(default_factory=TelegramTimeouts)
    provider: ProviderTimeouts = field(default_factory=ProviderTimeouts)
    updates: WatchdogTimes = field(default_factory=WatchdogTimes)
    checkup: float = 10.0
    """How long after a start the checks of `doctor` begin, so that waiting people are served first.

    `inf` is never.
    """
    menus: float = 1.0
    """How long after a start the menus are sent to Telegram, for the same reason."""
    probe: float = PROBE_SECONDS
    """How often the provider is probed during an outage."""
    limits_second: float = 1.0
    """The length of a second in Telegram's flood limits; shorter in tests."""


class Bot:
    """All parts of the bot; making it starts nothing and sends nothing."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        *,
        times: Times | None = None,
        languages: Languages | None = None,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] | None = time.monotonic,
    ) -> None:
        """Make all parts.

        Raises:
            OSError: a folder cannot be made.
            process.CannotStart: a port cannot be bound.
        """
        self.settings, self.db, self.clock = settings, db, clock
        self.times = times = times or Times()
        self.videos, self.pictures = (settings.data_dir / name for name in DATA_FOLDERS)
        for folder in (self.videos, self.pictures):
            folder.mkdir(0o700, parents=True, exist_ok=True)
        languages = languages or Languages()
        jobs = JobQueue[Context]()
        timers = ChatTimers(jobs)
        wake = self.wake = timers.wake
        admins = Admins(settings.admin_ids, wake=wake)

        # Telegram
        self.intake = Intake(db, admins, clock)
        slots = Slots(MAX_CONCURRENT_CHATS)
        pacing = Pacing(times.limits_second, while_waiting=slots.release_meanwhile)
        polling = TelegramRequest(1, times.telegram)
        calls = TelegramRequest(CONNECTIONS, times.telegram)
        self.app: App = (
            ApplicationBuilder()
            .token(settings.telegram_bot_token.get_secret_value())
            .base_url(f"{settings.telegram_api_url.rstrip('/')}/bot")
            .base_file_url(f"{settings.telegram_api_url.rstrip('/')}/file/bot")
            .local_mode(settings.telegram_api_local)
            .request(calls)
            .get_updates_request(polling)
            .rate_limiter(pacing)
            .updater(None)
            .update_queue(self.intake)
            .concurrent_updates(PerChatUpdateProcessor(self.intake, slots))
            .context_types(ContextTypes(context=Context, bot_data=BotData))
            .job_queue(jobs)
            .build()
        )
        self.webhook = _webhook(self, polling)
        self.listening = self.webhook or Listening(
            self.app.bot, polling, self.intake, poll_seconds=times.telegram.poll, clock=clock
        )
        self.watchdog = Watchdog(
            bot=self.app.bot,
            listening=self.listening,
            request=polling,
            # a new process would not help if Telegram cannot reach the webhook
            patience=replace(times.updates, restarts=sys.maxsize)
            if self.webhook
            else times.updates,
            clock=clock,
        )
        outbox = Outbox(self.app.bot, pacing)

        # the provider, and what it serves; `offer` is every model known
        connections = Connections()
        self.http = httpx.AsyncClient(transport=connections)
        self.posts = Connections(keepalive=False)
        self.api = AimlApi(
            connections,
            url=settings.aimlapi_url,
            key=settings.aimlapi_key,
            times=times.provider,
            posts=self.posts,
        )
        offer = replace(Offer.load(), credit_usd=settings.credit_usd)
        cooldowns = Cooldowns(admins, clock)
        self.catalogue = Catalogue(
            db=db,
            feeds=Feeds(self.http, url=settings.aimlapi_url),
            bundled=offer,
            names=settings.models,
            cooldowns=cooldowns,
            admins=admins,
            clock=clock,
        )
        self.account = AccountWatch(db, self.api, admins, settings.timezone, clock)
        breaker = CircuitBreaker(db, self.api, admins, clock, probe_seconds=times.probe)

        # the steps of a generation
        self.media = MediaProcesses()
        downloads = Downloads(
            api=self.api,
            http=self.http,
            origin=settings.aimlapi_url,
            folder=self.videos,
            media=self.media,
            seconds=times.provider.fetch_total,
            proxied=uses_proxy(),
        )
        files = VideoFiles(TelegramFiles(self.app.bot), downloads, db)
        pictures = Pictures(self.media, files, self.pictures)
        limit = LOCAL_UPLOAD_LIMIT if settings.telegram_api_local else UPLOAD_LIMIT
        queue = FairQueue(settings.provider_slots, clock)
        estimates = DurationEstimates(db, offer)
        terms = Terms(
            free_credits=settings.free_credits,
            period=Period(settings.quota_period),
            zone=settings.timezone,
            budget_usd=settings.budget_usd,
            budget_period=Period(settings.budget_period),
            max_pending=settings.max_pending_per_user,
        )
        lifecycle = Lifecycle(
            db=db,
            policy=JobPolicy(
                interval=settings.poll_interval_seconds,
                deadline=settings.generation_timeout_seconds,
                grace=settings.unknown_grace_seconds,
            ),
            estimates=estimates,
            breaker=breaker,
            cooldowns=cooldowns,
            admins=admins,
            clock=clock,
            terms=terms,
            uptime=uptime,
        )
        substitutes = Substitutes(self.catalogue)
        progress = Progress(estimates=estimates, queue=queue, breaker=breaker, clock=clock)
        status = StatusMessages(
            db=db, outbox=outbox, progress=progress, languages=languages, wake=wake
        )
        self.scheduler = Scheduler(
            db=db,
            timers=timers,
            queue=queue,
            lifecycle=lifecycle,
            submissions=Submissions(
                db=db,
                api=self.api,
                catalogue=self.catalogue,
                pictures=pictures,
                lifecycle=lifecycle,
                breaker=breaker,
                substitutes=substitutes,
                new_request_id=secrets.token_hex,
            ),
            polls=Polls(
                api=self.api,
                log=LogSearch(self.api, clock),
                downloads=downloads,
                lifecycle=lifecycle,
                substitutes=substitutes,
            ),
            breaker=breaker,
            deliveries=Deliveries(
                db=db,
                outbox=outbox,
                lifecycle=lifecycle,
                preparation=UploadPreparation(downloads, self.media, limit),
                status=status,
                languages=languages,
                ai_label=settings.ai_label,
                catalogue=self.catalogue,
                zone=settings.timezone,
                clock=clock,
                wake=wake,
            ),
            notices=Notices(
                db=db,
                outbox=outbox,
                films=FilmMaker(self.media, files, self.pictures, limit),
                status=status,
                languages=languages,
                ai_label=settings.ai_label,
                zone=settings.timezone,
                clock=clock,
                wake=wake,
            ),
            status=status,
            boards=Boards(
                db=db, outbox=outbox, progress=progress, languages=languages, clock=clock
            ),
            show_film=lambda account: refresh_shown_film(self.services, account),
            clock=clock,
            undo_seconds=settings.undo_seconds,
        )

        # what handlers use
        self.erase = partial(process_erasures, db, self.videos, wake=wake, clock=clock)
        self.restore_gaps = list[RestoreGap]()
        self.services = Services(
            db=db,
            catalogue=self.catalogue,
            terms=terms,
            # its fields are those of the settings with these names
            policy=OperatorPolicy(
                **settings.model_dump(include={one.name for one in fields(OperatorPolicy)})
            ),
            languages=languages,
            outbox=outbox,
            status=status,
            pictures=pictures,
            first_admin=FirstAdmin(clock),
            clock=clock,
            wake=wake,
            wake_in=timers.schedule,
            admins=admins,
            account=self.account,
            pause=self.scheduler.pause,
            erase=self.erase,
            deliver_kept=self.scheduler.deliver_kept,
            update_film=self.scheduler.update_film,
            received_at=self.intake.received_at.get,
            restore_gaps=self.restore_gaps,
            clock_ahead=self.listening.clock_ahead,
            is_excess=self.intake.is_excess,
        )
        self.app.bot_data.services = self.services
        registry.register(self.app)

        self.health = Health(db=db, listening=self.listening, scheduler=self.scheduler, clock=clock)
        self.pages = _pages(self, terms, (calls.answers, polling.answers))


def _webhook(bot: Bot, request: TelegramRequest) -> Webhook | None:
    """Return the webhook if WEBHOOK_URL is set. Raises CannotStart."""
    url, secret, port = (
        bot.settings.webhook_url, bot.settings.webhook_secret, bot.settings.webhook_port,
    )  # fmt: skip
    if url is None or secret is None or port is None:
        return None
    from bot.updates.webhook import Webhook  # noqa: PLC0415 - as in `_pages`

    return Webhook(
        bot.app.bot, request, bot.intake,
        url=url, secret=secret.get_secret_value(), port=port, clock=bot.clock,
    )  # fmt: skip


def _pages(bot: Bot, terms: Terms, telegram: tuple[Counter[tuple[str, int]], ...]) -> Pages | None:
    if bot.settings.metrics_port is None:
        return None
    # imported only if needed, to save memory
    from bot.operations.metrics import Metrics, Pages  # noqa: PLC0415 - as above

    metrics = Metrics(
        db=bot.db, api=bot.api, telegram=telegram, health=bot.health, terms=terms, clock=bot.clock
    )
    return Pages(metrics, bot.settings.metrics_port)
