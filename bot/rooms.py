"""The rooms in which a generation's steps are taken, each handed what it needs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.steps import Rooms
from generation.detours import Detours
from generation.downloads import Downloads
from generation.lookup import Lookups
from generation.outage import Outages
from generation.pictures import Pictures
from generation.polling import Polls
from generation.schedule import Patience
from generation.submission import Submissions
from handlers.fetching import TelegramPictures
from handlers.replies.boards import Boards
from handlers.replies.delivery import Deliveries
from handlers.replies.parcels import Packing
from handlers.replies.results import ResultButtons
from handlers.replies.status import StatusMessages
from handlers.replies.telling import Notices

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from telegram.ext import ExtBot

    from bot.settings import Settings
    from bot.times import Times
    from generation.aimlapi import AimlApi
    from generation.alarms import Alarms
    from generation.catalogue import Catalogue
    from generation.media import MediaProcesses
    from generation.models import Offer
    from generation.rests import Rests
    from handlers.replies.language import Languages
    from handlers.replies.outbox import Outbox
    from handlers.replies.pacing import Urgency
    from storage.database import Database

UPLOAD_LIMIT = 50_000_000
"""Bytes of a video the hosted Bot API server takes."""
LOCAL_UPLOAD_LIMIT = 2_000_000_000
"""Bytes a server in local mode takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the rooms stand on; `offer` is every model known, not only those offered."""

    alarms: Alarms
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
    alarms = ground.alarms
    outages = Outages(ground.db, ground.api, alarms, ground.clock, probe_seconds=ground.times.probe)
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
            alarms=alarms,
            clock=ground.clock,
        ),
        outages=outages,
        deliveries=Deliveries(
            db=ground.db,
            outbox=ground.outbox,
            packing=Packing(
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
            wake=alarms.wake,
        ),
        notices=Notices(
            db=ground.db,
            outbox=ground.outbox,
            languages=ground.languages,
            clock=ground.clock,
            wake=alarms.wake,
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
