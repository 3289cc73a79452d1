"""The rooms in which a generation's steps are taken, each handed what it needs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.steps import Rooms
from generation.jobs.failover import Detours
from generation.jobs.lookup import Lookups
from generation.jobs.outages import Outages
from generation.jobs.poll import Polls
from generation.jobs.schedule import Patience
from generation.jobs.submit import Submissions
from generation.media.fetch import Downloads
from generation.media.pictures import Pictures
from handlers.ordering.pictures import TelegramPictures
from handlers.replies.boards import Boards
from handlers.replies.delivery import Deliveries, UploadPreparation
from handlers.replies.keyboards import ResultButtons
from handlers.replies.notice_sender import Notices
from handlers.replies.status import StatusMessages

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from telegram.ext import ExtBot

    from bot.settings.definition import Settings
    from bot.times import Times
    from generation.media.pool import MediaProcesses
    from generation.models.catalogue import Catalogue
    from generation.models.cooldowns import Rests
    from generation.models.offer import Offer
    from generation.provider.client import AimlApi
    from handlers.replies.language import Languages
    from handlers.replies.outbox import Outbox
    from handlers.replies.pacing import Urgency
    from storage.admins import Admins
    from storage.database import Database

UPLOAD_LIMIT = 50_000_000
"""Bytes of a video the hosted Bot API server takes."""
LOCAL_UPLOAD_LIMIT = 2_000_000_000
"""Bytes a server in local mode takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the rooms stand on; `offer` is every model known, not only those offered."""

    admins: Admins
    rests: Rests
    catalogue: Catalogue
    settings: Settings
    db: Database
    bot: ExtBot[Urgency]
    outbox: Outbox
    api: AimlApi
    http: httpx.AsyncClient
    media: MediaProcesses
    offer: Offer
    languages: Languages
    times: Times
    clock: Callable[[], float]


def furnish(ground: Ground) -> Rooms:
    """Make every room."""
    settings = ground.settings
    admins = ground.admins
    outages = Outages(ground.db, ground.api, admins, ground.clock, probe_seconds=ground.times.probe)
    detours = Detours(ground.catalogue, ground.rests, credit_usd=settings.credit_usd)
    patience = Patience(
        interval=settings.poll_interval_seconds,
        deadline=settings.generation_timeout_seconds,
        grace=settings.unknown_grace_seconds,
    )
    downloads = Downloads(
        api=ground.api,
        http=ground.http,
        origin=settings.aimlapi_url,
        folder=settings.data_dir / "videos",
        media=ground.media,
        seconds=ground.times.provider.fetch_in_all,
    )
    return Rooms(
        submissions=Submissions(
            db=ground.db,
            api=ground.api,
            offer=ground.offer,
            pictures=Pictures(
                ground.media, TelegramPictures(ground.bot), settings.data_dir / "pictures"
            ),
            outages=outages,
            detours=detours,
            patience=patience,
            clock=ground.clock,
            new_request_id=lambda: uuid.uuid4().hex,
        ),
        lookups=Lookups(
            db=ground.db,
            api=ground.api,
            offer=ground.offer,
            detours=detours,
            patience=patience,
            clock=ground.clock,
        ),
        polls=Polls(
            db=ground.db,
            api=ground.api,
            downloads=downloads,
            offer=ground.offer,
            detours=detours,
            patience=patience,
            outages=outages,
            admins=admins,
            clock=ground.clock,
        ),
        outages=outages,
        deliveries=Deliveries(
            db=ground.db,
            outbox=ground.outbox,
            preparation=UploadPreparation(
                db=ground.db,
                downloads=downloads,
                media=ground.media,
                limit=LOCAL_UPLOAD_LIMIT if settings.telegram_api_local else UPLOAD_LIMIT,
                languages=ground.languages,
                ai_label=settings.ai_label,
            ),
            # whether there is inline mode is known once Telegram was asked
            layout=lambda: ResultButtons(
                ground.catalogue.offer, settings.credit_usd, ground.outbox.shares
            ),
            zone=settings.timezone,
            clock=ground.clock,
            wake=admins.wake,
        ),
        notices=Notices(
            db=ground.db,
            outbox=ground.outbox,
            languages=ground.languages,
            clock=ground.clock,
            wake=admins.wake,
        ),
        status=StatusMessages(
            db=ground.db,
            outbox=ground.outbox,
            offer=ground.offer,
            languages=ground.languages,
            slots=settings.provider_slots,
            clock=ground.clock,
        ),
        boards=Boards(
            db=ground.db,
            outbox=ground.outbox,
            offer=ground.offer,
            languages=ground.languages,
            slots=settings.provider_slots,
            clock=ground.clock,
        ),
    )
