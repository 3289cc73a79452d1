"""`doctor`: checks everything a start needs, and prints a remedy for each problem."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
from telegram import Bot

from bot.operations import checks
from bot.operations.checks import (
    Finding,
    Verdict,
    check_database,
    check_lock,
    failure,
    ok,
    read_rows,
    warning,
)
from bot.process import DATABASE
from bot.settings.sources import ENV_FILE
from bot.updates.listening import TelegramRequest, TelegramTimeouts
from generation.media.pool import MediaProcesses
from generation.models import availability, pricing
from generation.models.availability import Feeds, FeedUnavailable, Snapshot
from generation.models.offer import Offer
from generation.provider.client import AimlApi
from generation.provider.connections import Connections
from handlers.replies.sending import SendError, translate_errors
from storage import ledger, payments
from storage.ledger import Pot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from decimal import Decimal

    from bot.settings.definition import Settings

_MARKS = {Verdict.OK: "ok     ", Verdict.WARNING: "warning", Verdict.FAILURE: "FAILURE"}
_COLOURS = {Verdict.OK: "\x1b[32m", Verdict.WARNING: "\x1b[33m", Verdict.FAILURE: "\x1b[31m"}
_PLAIN = "\x1b[0m"

CLOCK_SECONDS = 60.0
"""How far our clock may differ from the provider's: its log is searched by time."""

logger = logging.getLogger(__name__)


async def diagnose(settings: Settings) -> list[Finding]:
    """Run all checks with the same settings as `run`; nothing is changed but the folder made."""
    request = TelegramRequest(1, TelegramTimeouts())
    bot = Bot(
        settings.telegram_bot_token.get_secret_value(),
        base_url=f"{settings.telegram_api_url.rstrip('/')}/bot",
        base_file_url=f"{settings.telegram_api_url.rstrip('/')}/file/bot",
        request=request,
    )
    media = MediaProcesses()
    try:
        await request.initialize()
        connections = Connections()
        async with httpx.AsyncClient(transport=connections) as http:
            api = AimlApi(connections, url=settings.aimlapi_url, key=settings.aimlapi_key)
            checked = run_checks(settings, bot=bot, api=api, http=http, media=media)
            return [
                *[finding async for findings in checked for finding in findings],
                *check_database(settings.data_dir / DATABASE),
                *check_lock(settings.data_dir),
            ]
    finally:
        await request.shutdown()
        await media.aclose()


async def run_checks(
    settings: Settings,
    *,
    bot: Bot,
    api: AimlApi,
    http: httpx.AsyncClient,
    media: MediaProcesses,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[list[Finding]]:
    """Yield the findings of one check after the other."""
    yield checks.check_sqlite()
    yield checks.check_folder(settings.data_dir)
    yield checks.check_env_file(ENV_FILE)
    yield await checks.check_media(media)
    yield await checks.check_telegram(bot.get_me)
    yield await checks.check_files(bot, is_local=settings.telegram_api_local)
    yield await _check_webhook(bot, settings.webhook_url)
    yield check_webhook_secret(settings)
    yield await checks.check_key(api, settings.aimlapi_url)
    feeds = Feeds(http, url=settings.aimlapi_url)
    try:
        snapshot = Snapshot(await feeds.models(), await feeds.retired())
    except FeedUnavailable:
        snapshot = Snapshot()
    yield _check_models(Offer.load(), settings.models, snapshot)
    yield await check_clock(settings.aimlapi_url, http, clock())
    yield checks.check_spending(settings)
    yield checks.check_admins(settings)
    yield check_selling(settings)


async def _check_webhook(bot: Bot, url: str | None) -> list[Finding]:
    """Check whether Telegram can reach the webhook, if there is one."""
    if url is None:
        return []
    about = "WEBHOOK_URL"
    try:
        with translate_errors():
            info = await bot.get_webhook_info()
    except SendError as error:
        return warning(about, f"not looked at: {error}", "look again later")
    # imported only if there is a webhook
    from bot.updates.webhook import is_same_url  # noqa: PLC0415 - as above

    if not is_same_url(info.url, url):
        return ok(about, "Telegram does not know it yet: `run` tells it")
    if info.pending_update_count and info.last_error_message:
        found = f"Telegram could not bring an update: {info.last_error_message}"
        return warning(about, found, "look at the proxy in front of WEBHOOK_PORT")
    return ok(about, "Telegram brings updates there")


MIN_WEBHOOK_SECRET_LENGTH = 16
"""A shorter secret may be guessed."""


def check_webhook_secret(settings: Settings) -> list[Finding]:
    """Check that the webhook's secret cannot be guessed: forged updates could be an admin's."""
    secret = settings.webhook_secret
    if settings.webhook_url is None or secret is None:
        return []
    length = MIN_WEBHOOK_SECRET_LENGTH
    if len(secret.get_secret_value()) < length:
        remedy = f"take {length} characters or more, such as of `openssl rand -hex 32`"
        return warning("WEBHOOK_SECRET", "so short that others may guess it", remedy)
    return ok("WEBHOOK_SECRET", "too long to be guessed")


async def log_problems(checked: AsyncIterator[list[Finding]]) -> None:
    """Log warnings and failures; the start goes on nevertheless."""
    async for findings in checked:
        for one in findings:
            if one.verdict is not Verdict.OK:
                remedy = one.remedy or "Nothing to do"
                logger.warning("%s: %s. %s.", one.about, one.found.rstrip("."), remedy)


def wrong_settings(problems: Sequence[str]) -> list[Finding]:
    """Return a finding for each wrong setting; nothing else can be checked then."""
    named = (problem.partition(" ") for problem in problems)
    remedy = "correct it in .env, or in the environment"
    return [Finding(name, Verdict.FAILURE, found, remedy) for name, _, found in named]


def has_passed(findings: Sequence[Finding]) -> bool:
    """Return whether no check failed."""
    return all(one.verdict is not Verdict.FAILURE for one in findings)


def as_json(findings: Sequence[Finding]) -> str:
    """Return findings as a JSON list of objects."""
    return json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False)


def as_text(findings: Sequence[Finding], *, coloured: bool) -> str:
    """Return a line per finding, and its remedy below."""
    lines = []
    for one in findings:
        mark = _MARKS[one.verdict]
        if coloured:
            mark = f"{_COLOURS[one.verdict]}{mark}{_PLAIN}"
        lines.append(f"{mark}  {one.about}: {one.found}")
        if one.remedy:
            lines.append(f"{'':9}→ {one.remedy}")
    return "\n".join(lines)


def _check_models(known: Offer, names: tuple[str, ...], snapshot: Snapshot) -> list[Finding]:
    """Check which of the families in MODELS are served."""
    if not snapshot.models:
        return warning("MODELS", "the provider does not say what it serves", "look again later")
    live = availability.at_live_prices(known, snapshot)
    out = availability.gone(known, snapshot)
    offer = availability.in_order(live, names).without(out)
    lost = [name for name in names if name not in offer]
    if not offer.families:
        remedy = "name others: `models` lists what there is"
        return failure("MODELS", "none of its families is served", remedy)
    said = f"{', '.join(offer.names)}; the default is {offer.names[0]}"
    if lost:
        return warning("MODELS", f"{said}; gone: {', '.join(lost)}", "take them out of MODELS")
    return ok("MODELS", said)


async def check_clock(url: str, http: httpx.AsyncClient, now: float) -> list[Finding]:
    """Compare our clock with the provider's."""
    try:
        answer = await http.head(url, timeout=10)
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError, TypeError):
        return warning("clock", "nobody tells the time to compare it with", "keep it set by NTP")
    apart = abs(now - theirs)
    if apart > CLOCK_SECONDS:
        found = f"{apart:.0f} seconds from the provider's"
        return failure("clock", found, "set it by NTP: lost requests are looked for by their time")
    return ok("clock", "as the provider's")


def check_selling(settings: Settings) -> list[Finding]:
    """Compare the price of a credit with its cost, now and at the time of earlier purchases."""
    about, cost = "STARS_PER_CREDIT", settings.credit_usd
    findings = []
    if settings.stars_per_credit:
        brings = settings.stars_per_credit * settings.star_usd
        said = f"a credit brings {usd(brings)} and stands for {usd(cost)}"
        if brings < cost:
            enough = math.ceil(cost / settings.star_usd)
            said = f"{said}: you lose {usd(cost - brings)} on each credit"
            findings = warning(about, said, f"from {enough} on you do not, if STAR_USD is right")
        else:
            findings = ok(about, said)
    database = settings.data_dir / DATABASE
    [(owed,)] = read_rows(database, ledger.unspent(Pot.BOUGHT)) or [(0,)]
    rates = [pricing.from_micros(rate) for (rate,) in read_rows(database, payments.RATES)]
    if owed and (others := [usd(rate) for rate in rates if rate != cost]):
        said = (
            f"{usd(cost)} now, and people hold {owed} credits, bought when one was "
            f"{' or '.join(others)}: they buy more or less for them than they were told"
        )
        findings += warning("CREDIT_USD", said, "change it back, or give them the difference")
    return findings


def usd(amount: Decimal) -> str:
    """Format an amount with all its digits, and at least two decimals."""
    whole, _, part = f"{amount.normalize():f}".partition(".")
    return f"${whole}.{part:0<2}"
