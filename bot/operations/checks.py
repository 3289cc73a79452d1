"""The checks of `doctor`: each finding says what is wrong and what to do."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import stat
import tempfile
from base64 import b64decode
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from telegram.error import InvalidToken, TelegramError

from bot import process
from bot.process import DATA_FILES, DATA_FOLDERS, DATABASE
from generation.media import pictures
from generation.media.formats import MediaError
from generation.media.pictures import BadPicture
from generation.provider.errors import AccountError, AccountProblem, ProviderError, Unavailable
from handlers.attachments import UNMOUNTED, unmounted_folder
from handlers.replies.sending import UNREADABLE, SendError, translate_errors
from storage.migrations import steps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from telegram import Bot, User

    from bot.settings.definition import Settings
    from generation.media.pool import MediaProcesses
    from generation.provider.client import AimlApi

logger = logging.getLogger(__name__)


def log_summary(settings: Settings, username: str, invitation: str, admins: Sequence[str]) -> None:
    """Log who may use the bot, what it may cost and its admins; print the invitation if given."""
    logger.warning("%s", _describe_spending(settings))
    if admins:
        logger.info("Admins: %s", ", ".join(admins))
    if invitation:
        # not logged, because many people may read a log
        process.print_stderr(
            "Nobody is admin yet. Open this link within 15 minutes to be the one:\n"
            f"https://t.me/{username}?start={invitation}"
        )


def _describe_spending(settings: Settings) -> str:
    """Describe in one line who may spend how much."""
    each = settings.free_credits * settings.credit_usd
    who = (
        f"{len(settings.allowed_ids)} people or chats may use this bot"
        if settings.allowed_ids
        else "Anyone on Telegram may use this bot"
    )
    if settings.budget_usd is None:
        ceiling = "there is no ceiling for all together"
    else:
        ceiling = f"all together at most ${settings.budget_usd:.2f} a {settings.budget_period}"
    period = "once" if settings.quota_period == "lifetime" else f"a {settings.quota_period}"
    return f"{who}; each may spend ${each:.2f} {period}; {ceiling}."


def check_database(path: Path) -> list[Finding]:
    """Check that the database is intact, known to this version, and private."""
    try:
        mode = path.stat().st_mode
        with closing(_open_read_only(path)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except FileNotFoundError:
        return ok(DATABASE, "not made yet")
    except (OSError, sqlite3.Error) as error:
        return failure(DATABASE, f"{path}: {error}", "restore a backup, or name another DATA_DIR")
    if verdict != "ok":
        return failure(DATABASE, f"damaged: {verdict}", "stop the bot and restore a backup")
    if version > len(steps()):
        found = f"at version {version}, this program knows {len(steps())}"
        return failure(DATABASE, found, "start the newer program, or restore a backup")
    if stat.S_IMODE(mode) & 0o077:
        found = "others on this machine can read what people wrote"
        return warning(DATABASE, found, f"chmod -R go= {path.parent}")
    return ok(DATABASE, f"whole, at version {version}")


def _open_read_only(path: Path) -> sqlite3.Connection:
    """Open a database read-only. Raises OSError if the path is no file."""
    process.require_regular_file(path)
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def read_rows(path: Path, query: str) -> list[Any]:
    """Return the rows of a query; none if the database cannot be read."""
    with suppress(OSError, sqlite3.Error), closing(_open_read_only(path)) as connection:
        return connection.execute(query).fetchall()
    return []


def check_env_file(path: Path) -> list[Finding]:
    """Warn if other users of this machine can read the token and the key."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return []
    if not mode & 0o077:
        return []
    found = "others on this machine can read it, and with it the token and the key"
    return warning(str(path), found, f"chmod 600 {path}")


def check_lock(folder: Path) -> list[Finding]:
    """Tell whether a bot runs on the folder now; both is fine."""
    lock = process.find_lock(folder)
    return ok("running", lock or "no bot runs on DATA_DIR")


SQLITE = (3, 37, 0)
"""The first version with STRICT tables."""
RIGHTS = "give the user that runs the bot the right to, or name another DATA_DIR"
FREE_BYTES = 1_000_000_000
"""With less, there may be too little space for undelivered videos."""
BLACK_SQUARE = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQAAAAA3iMLMAAAADElEQVR4nGNgIA0AAAAwAAEWiZrRAAAAAElFTkSuQmCC"
)
"""A PNG of 16×16 pixels for the media process: the bot itself never loads a decoder."""


class Verdict(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check, with a remedy, which is "" if there is nothing to do."""

    about: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(about: str, found: str) -> list[Finding]:
    """Return one finding: all is well."""
    return [Finding(about, Verdict.OK, found)]


def warning(about: str, found: str, remedy: str) -> list[Finding]:
    """Return one finding: something works, but not as intended."""
    return [Finding(about, Verdict.WARNING, found, remedy)]


def failure(about: str, found: str, remedy: str) -> list[Finding]:
    """Return one finding: the bot cannot work."""
    return [Finding(about, Verdict.FAILURE, found, remedy)]


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> list[Finding]:
    """Check the version of SQLite."""
    said = f"SQLite {'.'.join(map(str, version))}"
    if version < SQLITE:
        return failure("database", said, "use a Python with SQLite 3.37 or newer")
    return ok("database", said)


def check_folder(folder: Path) -> list[Finding]:
    """Check that the data folder and its content are writable, and the free space."""
    place = folder
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        for place in (folder, *(folder / name for name in DATA_FOLDERS)):
            if os.path.lexists(place):
                with tempfile.TemporaryFile(dir=place):
                    pass
        for place in (folder / name for name in DATA_FILES):
            process.require_regular_file(place)
            if place.exists() and not os.access(place, os.R_OK | os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return failure("DATA_DIR", f"{place} cannot be written to: {error.strerror}", RIGHTS)
    said = f"{folder}, {free / 1e9:.1f} GB free"
    if free < FREE_BYTES:
        return warning(
            "DATA_DIR", said, "free some space: videos wait there until they are delivered"
        )
    return ok("DATA_DIR", said)


async def check_media(media: MediaProcesses) -> list[Finding]:
    """Decode a picture in a media process."""
    try:
        with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
            picture = Path(folder) / "picture.png"
            picture.write_bytes(b64decode(BLACK_SQUARE))
            await pictures.measure(media, picture)
            kept = await media.run("report_confinement")
    except (MediaError, BadPicture) as error:
        return failure("media", f"its process fails: {error!r}", "install the bot again")
    except OSError as error:
        remedy = "free some space for temporary files, or name another folder in TMPDIR"
        return failure("media", f"its process cannot be tried: {error}", remedy)
    said = "pictures and videos can be worked on"
    if open_ := [what for what in ("files", "calls") if kept.get(what) is not True]:
        missing = {"files": "Landlock (Linux 5.13)", "calls": "seccomp (x86-64 or ARM 64)"}
        lacking = " and ".join(missing[what] for what in open_)
        return warning(
            "media",
            f"{said}, but less is kept from what decodes them than could be: no {lacking}",
            "run the bot as a user of its own, on a kernel that has it",
        )
    return ok("media", said)


async def check_telegram(get_me: Callable[[], Awaitable[User]]) -> list[Finding]:
    """Check the token, privacy mode and inline mode."""
    try:
        me = await get_me()
    except InvalidToken:
        return failure("TELEGRAM_BOT_TOKEN", "Telegram refuses it", "copy it from @BotFather")
    except TelegramError as error:
        found = f"Telegram cannot be reached: {error.message}"
        return failure("Telegram", found, "check the network and TELEGRAM_API_URL")
    except UNREADABLE:
        found = "what answers in its place cannot be read"
        return failure("Telegram", found, "check the network and TELEGRAM_API_URL")
    findings = ok("TELEGRAM_BOT_TOKEN", f"@{me.username}")
    if not me.can_read_all_group_messages:
        findings += warning(
            "privacy mode",
            "on: in groups only commands and answers reach the bot, no mentions",
            "to change that: /setprivacy at @BotFather, then add the bot to its groups anew",
        )
    if not me.supports_inline_queries:
        findings += warning(
            "inline mode", "off: there is no Share button", "/setinline at @BotFather"
        )
    return findings


async def check_files(bot: Bot, *, is_local: bool) -> list[Finding]:
    """Check that the files of a Bot API server in local mode can be read.

    This is tried with the bot's own picture, if it has one.
    """
    about = "TELEGRAM_API_LOCAL"
    try:
        with translate_errors():
            photos = (await bot.get_user_profile_photos(int(bot.token.partition(":")[0]))).photos
            file = await bot.get_file(photos[0][0].file_id) if photos else None
    except SendError as error:
        return warning(about, f"not looked at: {error}", "look again later") if is_local else []
    if (folder := unmounted_folder(bot, file)) is not None:
        return failure(about, UNMOUNTED.format(folder=folder), "else no picture can be fetched")
    if not is_local:
        return []
    if file is None:
        return ok(about, "on; give the bot a picture at @BotFather to see whether files are seen")
    if (file.file_path or "").startswith(bot.base_file_url):
        return warning(about, "on, but the server is not", "run it with --local, or take this out")
    return ok(about, "the server's files can be seen")


_EMPTY_ACCOUNT = failure("AIMLAPI_KEY", "the account is empty", "top it up at aimlapi.com")


async def check_key(api: AimlApi, url: str) -> list[Finding]:
    """Check the key, its scopes, the balance of the account, and its automatic top-up."""
    try:
        balance = await api.balance()
    except AccountError as refusal:
        if refusal.may_lack_scope:
            found = "it may not read the balance: a scope is missing, which says nothing of money"
            remedy = "give the key the scope for billing, or look at the balance yourself"
            return warning("AIMLAPI_KEY", found, remedy) + await _check_log(api)
        refused = failure("AIMLAPI_KEY", "it is refused", "copy it again from aimlapi.com")
        return _EMPTY_ACCOUNT if refusal.reason is AccountProblem.MONEY else refused
    except ProviderError as error:
        if isinstance(error.__cause__, httpx.HTTPError | TimeoutError):
            found = f"{url} cannot be reached: {error}"
            return failure("AIMLAPI_URL", found, "check the network, and this setting")
        if isinstance(error, Unavailable) and error.redirected:
            found = f"{url} only sends on to another address, where no paid request goes"
            return failure("AIMLAPI_URL", found, "name that address itself, with https")
        return warning(
            "AI/ML API", f"it does not tell the balance: {error}", "look again in a while"
        )
    findings = ok("AIMLAPI_KEY", f"${balance:.2f} left") if balance > 0 else _EMPTY_ACCOUNT
    return findings + await _check_top_up(api) + await _check_log(api)


async def _check_log(api: AimlApi) -> list[Finding]:
    """Warn if the log, in which requests with a lost answer are searched, cannot be read."""
    now = datetime.now(UTC)
    try:
        await api.log(since=now - timedelta(minutes=1), until=now)
    except AccountError:
        found = "the key may not read it: a video whose answer was lost cannot be found there"
        return warning("the provider's log", found, "give the key the scope for logs")
    except ProviderError as error:
        found = f"it cannot be read now: {error}"
        return warning("the provider's log", found, "look again in a while")
    return []


async def _check_top_up(api: AimlApi) -> list[Finding]:
    """Warn if automatic top-up is on, because then the balance is no limit."""
    try:
        has_auto_topup = await api.has_auto_topup()
    except ProviderError as error:
        found = f"the AI/ML API does not tell whether it is on: {error}"
        return warning("auto top-up", found, "look yourself at aimlapi.com: it should be off")
    if not has_auto_topup:
        return []
    return warning(
        "auto top-up",
        "ON: your balance is no ceiling",
        "switch it off at aimlapi.com, or make a key with a spending limit",
    )


def check_spending(settings: Settings) -> list[Finding]:
    """Tell who may spend what; warn if there is no limit at all."""
    said = _describe_spending(settings)
    if not settings.allowed_ids and settings.budget_usd is None:
        return warning("spending", said, "set BUDGET_USD or ALLOWED_IDS")
    return ok("spending", said)


def check_admins(settings: Settings) -> list[Finding]:
    """Tell who the admins are, by the settings or else by the link of the first start."""
    if settings.admin_ids:
        return ok("ADMIN_IDS", ", ".join(map(str, sorted(settings.admin_ids))))
    query = "SELECT name, id FROM people WHERE is_admin = 1"
    if found := read_rows(settings.data_dir / DATABASE, query):
        said = ", ".join(f"{name} ({number})" for name, number in found)
        remedy = "name the admins in ADMIN_IDS: once it is set, it counts alone"
        return warning("ADMIN_IDS", f"empty; by the link of the first start: {said}", remedy)
    return warning(
        "ADMIN_IDS", "empty: nobody hears of problems", "open the link `run` prints once"
    )
