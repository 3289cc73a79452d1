"""Put the house together: every part is made here, handed what it needs, and registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from telegram.ext import ApplicationBuilder, ContextTypes, JobQueue

from bot import process
from bot.jobs import ChatClocks
from bot.rooms import Ground, furnish
from bot.updates.intake import AT_ONCE, Intake, OneAtATimePerChat, Slots
from bot.updates.listening import Listening
from bot.updates.telegram_request import TelegramRequest, tls
from bot.updates.watchdog import Watchdog
from bot.workers import Workers
from generation.media.pool import MediaProcesses
from generation.models.availability import Feeds
from generation.models.catalogue import Catalogue
from generation.models.cooldowns import Rests
from generation.models.offer import Offer
from generation.orders.balances import Period, Terms
from generation.provider.client import FRESH, AimlApi
from handlers import registry
from handlers.context import App, BotData, Context, FirstAdmin, OperatorPolicy, Services
from handlers.replies.language import Languages
from handlers.replies.outbox import Outbox
from handlers.replies.pacing import Pacing
from storage.admins import Admins

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.settings.definition import Settings
    from bot.times import Times
    from storage.database import Database

CONNECTIONS = 64
"""Connections to Telegram at a time: chats served, uploads, and some to spare."""

FOLDERS = ("videos", "pictures")
"""What lies in DATA_DIR beside the database."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a start opens and a stop closes."""

    app: App
    intake: Intake
    workers: Workers
    clocks: ChatClocks
    listening: Listening
    watchdog: Watchdog
    services: Services
    api: AimlApi
    http: httpx.AsyncClient
    posts: httpx.AsyncClient
    media: MediaProcesses


def build(
    settings: Settings,
    db: Database,
    *,
    clock: Callable[[], float],
    times: Times,
    languages: Languages | None = None,
) -> Parts:
    """Wire everything up; nothing is started, nothing is asked of anybody yet.

    Raises:
        process.Unusable: there is no room for a folder of ours.
    """
    for name in FOLDERS:
        process.make(settings.data_dir / name)
    admins = Admins(
        settings.admin_ids,
        wake=lambda chat: clocks.wake(chat),  # noqa: PLW0108 - the clocks are made further down
    )
    intake = Intake(db, admins, clock)
    calls = TelegramRequest(CONNECTIONS, times.telegram)
    polling = TelegramRequest(1, times.telegram)
    slots = Slots(AT_ONCE)
    pacing = Pacing(times.limits_second, aside=slots.lent)
    updates = OneAtATimePerChat(intake, slots)
    app = _application(
        settings, intake=intake, updates=updates, calls=calls, polling=polling, pacing=pacing
    )
    outbox = Outbox(app.bot, pacing)
    languages = languages or Languages()
    http = httpx.AsyncClient(verify=tls(), trust_env=False)
    media = MediaProcesses()
    posts = httpx.AsyncClient(verify=tls(), trust_env=False, limits=FRESH)
    api = AimlApi(
        http,
        url=settings.aimlapi_url,
        key=settings.aimlapi_key,
        times=times.provider,
        posts=posts,
    )
    listening = Listening(app.bot, polling, intake, poll_seconds=times.telegram.poll, clock=clock)
    watchdog = Watchdog(
        bot=app.bot, listening=listening, request=polling, patience=times.updates, clock=clock
    )
    offer = Offer.load()
    rests = Rests(admins, clock)
    catalogue = Catalogue(
        db=db,
        feeds=Feeds(http, url=settings.aimlapi_url),
        known=offer,
        names=settings.models,
        rests=rests,
        admins=admins,
        clock=clock,
    )
    ground = Ground(
        admins=admins,
        rests=rests,
        catalogue=catalogue,
        settings=settings,
        db=db,
        bot=app.bot,
        outbox=outbox,
        api=api,
        http=http,
        media=media,
        offer=offer,
        languages=languages,
        times=times,
        clock=clock,
    )
    rooms = furnish(ground)
    workers = Workers(db=db, rooms=rooms, slots=settings.provider_slots, clock=clock)
    if app.job_queue is None:
        raise RuntimeError("python-telegram-bot is installed without its job queue")
    clocks = ChatClocks(app.job_queue, workers.start_due)
    workers.wake = clocks.wake
    services = Services(
        db=db,
        catalogue=catalogue,
        terms=terms_of(settings),
        policy=OperatorPolicy(
            admin_ids=settings.admin_ids,
            allowed_ids=settings.allowed_ids,
            confirm_credits=settings.confirm_credits,
            support_contact=settings.support_contact,
            ai_label=settings.ai_label,
        ),
        languages=languages,
        outbox=outbox,
        status=rooms.status,
        first_admin=FirstAdmin(clock),
        clock=clock,
        wake=clocks.wake,
        bring=workers.bring,
        kept_since=intake.kept_since,
    )
    app.bot_data.services = services
    registry.register(app)
    return Parts(
        app, intake, workers, clocks, listening, watchdog, services, api, http, posts, media
    )


def terms_of(settings: Settings) -> Terms:
    """Return what the operator gives, as the credits' rules read it."""
    return Terms(
        credit_usd=settings.credit_usd,
        free_credits=settings.free_credits,
        period=Period(settings.quota_period),
        zone=settings.timezone,
        budget_usd=settings.budget_usd,
        budget_period=Period(settings.budget_period),
        max_pending=settings.max_pending_per_user,
    )


def _application(
    settings: Settings,
    *,
    intake: Intake,
    updates: OneAtATimePerChat,
    calls: TelegramRequest,
    polling: TelegramRequest,
    pacing: Pacing,
) -> App:
    return (
        ApplicationBuilder()
        .token(settings.telegram_bot_token.get_secret_value())
        .base_url(f"{settings.telegram_api_url.rstrip('/')}/bot")
        .base_file_url(f"{settings.telegram_api_url.rstrip('/')}/file/bot")
        .local_mode(settings.telegram_api_local)
        .request(calls)
        .get_updates_request(polling)
        .rate_limiter(pacing)
        .updater(None)
        .update_queue(intake)
        .concurrent_updates(updates)
        .context_types(ContextTypes(context=Context, bot_data=BotData))
        .job_queue(JobQueue[Context]())
        .build()
    )
