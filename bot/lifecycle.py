"""Start, run and stop the bot.

`Application.run_polling` is not used: it skips the shutdown after a refused token.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from telegram.error import InvalidToken, TelegramError

from bot import process
from bot.app import Bot, Times
from bot.operations.checks import log_summary
from bot.operations.doctor import log_problems, run_checks
from bot.process import ExitCode
from bot.supervisor import MAX_RETRY_SECONDS, Supervisor
from bot.updates.watchdog import Watch, WatchdogTimes
from generation.jobs.account import WATCH_SECONDS
from generation.media.videos import clean_up, delete_expired
from generation.provider.errors import AccountError, AccountProblem, ProviderError
from handlers.admin.refunds import reconcile, retry_refunds
from handlers.commands import publish
from handlers.senders import STALE_MESSAGE_SECONDS
from storage import (
    DAY_SECONDS,
    cards,
    inbox,
    notices,
    outages,
    payments,
    people,
    personal_data,
    statistics,
)
from storage.database import Database
from storage.migrations import (
    DatabaseUnavailable,
    UnusableDatabase,
    drop_old_copies,
    is_copy,
    mark_as_copy,
    record_restore,
    restore_gaps,
    translate_sqlite_errors,
    unmark_copy,
)
from storage.notices import Admins

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.settings.definition import Settings

BEAT_SECONDS = 15.0
FILE_SECONDS = 5.0
"""How often to check that the open database file was not deleted or replaced."""
REFUND_SECONDS = 60.0
"""How often refunds without a known result are retried."""
ERASE_SECONDS = 60.0
"""How often unfinished erasures are continued."""
STOP_SECONDS = 4.0
"""How long the parts may take to stop; the service manager allows five."""
GENUINE_FACTOR = 6
"""A refusal that surely comes from the server itself, and not a gateway, counts so much sooner."""
TELEGRAM_REFUSES = "Unauthorized"
"""How Telegram itself refuses a well-formed token."""

logger = logging.getLogger(__name__)


async def run(
    settings: Settings,
    *,
    times: Times | None = None,
    opened: Callable[[], Awaitable[None]] | None = None,
    stopping: asyncio.Event | None = None,
) -> ExitCode:
    """Run the bot until a signal, `stopping` or a failure ends it.

    `opened` is called when DATA_DIR is locked and the database open.
    """
    stopping = stopping or asyncio.Event()
    process.set_on_stop_signals(stopping)
    try:
        file = settings.data_dir / process.DATABASE
        with process.translate_os_errors(settings.data_dir), translate_sqlite_errors(file):
            for name in process.DATA_FILES:
                process.require_regular_file(settings.data_dir / name)
            # a bot leaves a lock file beside its database: without one, the file was copied here;
            # this is stored before the lock file is made, in case the start fails
            if file.exists() and not (settings.data_dir / process.LOCK).exists():
                await asyncio.to_thread(mark_as_copy, file)
            with process.lock_folder(settings.data_dir):
                db = await Database.open(file)
                try:
                    if opened is not None:
                        await opened()
                    return await serve(Bot(settings, db, times=times), stopping)
                finally:
                    await db.close()
    except process.CannotStart as reason:
        process.print_stderr(str(reason))
        return reason.code
    except UnusableDatabase as unusable:
        # another start would fail in the same way
        process.print_stderr(f"DATA_DIR cannot be used: {unusable}")
        return ExitCode.WRONG_SETTINGS
    except DatabaseUnavailable as trouble:
        process.print_stderr(f"DATA_DIR cannot be used now: {trouble}")
        return ExitCode.FAILURE


async def serve(bot: Bot, stopping: asyncio.Event) -> ExitCode:
    """Start the bot, wait until it is to stop, and stop it."""
    supervisor = Supervisor(stopping)
    try:
        await supervisor.run_until_stopped(_start(bot, supervisor))
        await stopping.wait()
    finally:
        await _stop(bot, supervisor)
    return supervisor.exit_code


async def _start(bot: Bot, supervisor: Supervisor) -> None:
    if bot.pages is not None:
        await bot.pages.start()
    if not await _connect_to_telegram(bot, supervisor):
        return
    await clean_up(bot.db, videos=bot.videos, pictures=bot.pictures)
    await _detect_restore(bot)
    former_admins = await _apply_settings(bot)
    await bot.catalogue.restore()
    # before the scheduler, because updates set aside store notices to the admins
    await bot.intake.restore(bot.app.bot)
    await bot.app.start()
    await bot.scheduler.start()
    supervisor.vital("taking updates", _listen(bot, supervisor))
    supervisor.vital("the scheduler", bot.scheduler.watch())
    supervisor.vital("the database's files", _watch_files(bot, supervisor))
    await _log_summary(bot)
    supervisor.optional("the heartbeat", partial(_beat, bot), every=BEAT_SECONDS)
    # delayed, so that waiting people are served first
    menus = partial(publish, bot.app.bot, bot.services, former_admins)
    supervisor.optional("the menus", menus, after=bot.times.menus)
    supervisor.optional("the look at the key", partial(_check_key, bot, supervisor))
    checkup = bot.times.checkup
    supervisor.optional("the check-up", partial(_check_up, bot), after=checkup)
    supervisor.optional("the catalogue", bot.catalogue.refresh, every=DAY_SECONDS)
    supervisor.optional(
        "the look at the account", bot.account.check, after=checkup, every=WATCH_SECONDS
    )
    # by then everything from before the start counts as old anyway
    supervisor.optional(
        "the end of a restore", partial(_end_restore, bot), after=STALE_MESSAGE_SECONDS
    )
    supervisor.optional("erasing", bot.erase, every=ERASE_SECONDS)
    supervisor.optional("pruning", partial(_prune, bot), every=DAY_SECONDS)
    refunds_go_on = partial(retry_refunds, bot.app.bot, bot.services)
    supervisor.optional("the refunds", refunds_go_on, every=REFUND_SECONDS)
    async with bot.db.reading() as connection:
        ever_sold = await payments.has_payments(connection)
    if bot.settings.stars_per_credit or ever_sold:
        compare = partial(reconcile, bot.app.bot, bot.services)
        supervisor.optional("the comparison of payments", compare, every=DAY_SECONDS)


async def _connect_to_telegram(bot: Bot, supervisor: Supervisor) -> bool:
    """Call Telegram until it answers; return False if it refuses the token."""
    watch = Watch(heard_at=bot.clock())
    while True:
        try:
            await bot.app.initialize()
        except InvalidToken as error:
            is_genuine = isinstance(error.__cause__, TelegramError) and (
                error.__cause__.message == TELEGRAM_REFUSES
            )
            watch = watch.refused(now := bot.clock())
            if watch.is_revoked(now, _refusal_times(bot, is_genuine=is_genuine)):
                _refuse("TELEGRAM_BOT_TOKEN is refused by Telegram", supervisor)
                return False
            logger.warning("TELEGRAM_BOT_TOKEN seems to be refused by Telegram: asking again")
        except TelegramError as error:
            logger.warning("Telegram cannot be reached: %s", error.message)
        except Exception as error:  # noqa: BLE001 - an unreadable answer can raise anything
            logger.warning("Telegram's answer cannot be read: %s", type(error).__name__)
        else:
            return True
        await asyncio.sleep(bot.times.updates.look)


def _refusal_times(bot: Bot, *, is_genuine: bool) -> WatchdogTimes:
    """Return the times after which a refusal counts, shorter if it is genuine."""
    times = bot.times.updates
    return replace(times, refused=times.refused / GENUINE_FACTOR) if is_genuine else times


async def _listen(bot: Bot, supervisor: Supervisor) -> None:
    """Receive updates; if that fails for good, end the process."""
    code = await bot.watchdog.keep_listening()
    if code is ExitCode.WRONG_SETTINGS:
        _refuse("TELEGRAM_BOT_TOKEN is refused by Telegram", supervisor)
    supervisor.end(code)


def _refuse(why: str, supervisor: Supervisor) -> None:
    process.print_stderr(why)
    supervisor.end(ExitCode.WRONG_SETTINGS)


async def _detect_restore(bot: Bot) -> None:
    """Detect a restored copy: people are asked before anything that waited in it goes on."""
    async with bot.db.transaction() as tx:
        if await is_copy(tx):
            await record_restore(tx, now=bot.clock())
            logger.warning("DATA_DIR was restored: what waited in it is asked about first")
        bot.restore_gaps += await restore_gaps(tx)


async def _end_restore(bot: Bot) -> None:
    async with bot.db.transaction() as tx:
        await unmark_copy(tx)


async def _apply_settings(bot: Bot) -> list[int]:
    """Apply ADMIN_IDS and ALLOWED_IDS to the database; return the ids of dismissed admins.

    Once ADMIN_IDS is set, it alone counts. An allowed group that moved stays allowed.
    """
    admin_ids, now = bot.settings.admin_ids, bot.clock()
    async with bot.db.transaction() as tx:
        dismissed = await people.dismiss_admins(tx) if admin_ids else []
        groups = [number for number in bot.settings.allowed_ids if number < 0]
        for old, new in (await people.sync_allowed(tx, groups, now=now)).items():
            await Admins(admin_ids).notify_of_move(tx, old, new, now=now)
    return [number for number in dismissed if number not in admin_ids]


async def _log_summary(bot: Bot) -> None:
    async with bot.db.reading() as connection:
        ids = sorted(bot.settings.admin_ids) or await people.admins(connection)
        admins = [await people.name_and_id(connection, number) for number in ids]
    invitation = "" if admins else bot.services.first_admin.invite()
    log_summary(bot.settings, bot.app.bot.username, invitation, admins)


async def _beat(bot: Bot) -> None:
    """Write the heartbeat if updates and scheduler are well."""
    if not bot.health.problems_without_writing():
        process.beat(bot.settings.data_dir / process.HEARTBEAT, time.time())


async def _watch_files(bot: Bot, supervisor: Supervisor) -> None:
    """End the process if the database file is replaced or deleted: its writes would be lost."""
    file = (bot.settings.data_dir / process.DATABASE).resolve()
    files = file, file.with_name(f"{file.name}-wal")
    opened = process.file_ids(files)
    while process.file_ids(files) == opened:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(FILE_SECONDS)
    logger.critical("%s was deleted or replaced while the bot ran on it: the process ends", file)
    supervisor.end(ExitCode.FAILURE)


async def _check_key(bot: Bot, supervisor: Supervisor) -> None:
    """End the process if the provider refuses the key for as long as Telegram may its token."""
    watch, wait = Watch(heard_at=bot.clock()), bot.times.updates.look
    while True:
        try:
            await bot.api.balance()
        except AccountError as refusal:
            if refusal.reason is not AccountProblem.KEY:
                return
            # a bare status may come from a gateway
            is_genuine = str(refusal).strip() != str(HTTPStatus.UNAUTHORIZED.value)
            watch = watch.refused(now := bot.clock())
            if watch.is_revoked(now, _refusal_times(bot, is_genuine=is_genuine)):
                _refuse("AIMLAPI_KEY is refused by the AI/ML API", supervisor)
                return
            logger.warning("AIMLAPI_KEY seems to be refused by the AI/ML API: asking again")
            await asyncio.sleep(bot.times.updates.look)
        except ProviderError as error:
            # this says nothing about the key
            logger.warning("the AI/ML API does not tell its balance: %s", error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, MAX_RETRY_SECONDS)
        else:
            return


async def _check_up(bot: Bot) -> None:
    checked = run_checks(
        bot.settings, bot=bot.app.bot, api=bot.api, http=bot.http, media=bot.media, clock=bot.clock
    )
    await log_problems(checked)


async def _prune(bot: Bot) -> None:
    """Delete old records and files, and settle old statistics."""
    for settle in (
        inbox.forget, inbox.forget_set_aside, cards.forget, notices.forget, outages.forget,
        statistics.settle,
    ):  # fmt: skip
        await bot.db.write_in_batches(partial(settle, now=bot.clock()))
    if bot.settings.retention_days is not None:
        kept = bot.settings.retention_days * DAY_SECONDS
        await personal_data.keep_for(bot.db, kept, now=bot.clock())
        await bot.db.truncate_wal()
    await delete_expired(bot.db, bot.videos, now=bot.clock())
    await asyncio.to_thread(drop_old_copies, bot.settings.data_dir)


async def _stop(bot: Bot, supervisor: Supervisor) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            # first, so that no new updates are received
            await supervisor.stop()
            if bot.webhook is not None:
                await bot.webhook.close()
            stops = [bot.scheduler.stop(), *([bot.app.stop()] if bot.app.running else [])]
            await asyncio.gather(*stops)
    except TimeoutError:
        logger.warning("not everything stopped in time; what is open goes on at the next start")
    bot.intake.close()
    with suppress(sqlite3.Error):
        await bot.intake.undo_begun()
    with suppress(Exception):
        await bot.app.shutdown()
        # `Application.shutdown` leaves connections open if it was never initialized
        await bot.app.bot.shutdown()
    if bot.pages is not None:
        await bot.pages.stop()
    for client in (bot.http, bot.posts):
        await client.aclose()
    await bot.media.aclose()
