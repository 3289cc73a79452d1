"""The demo: the bot with both sandboxes and a chat page in the browser, without any account.

This is the only module that imports the sandbox. `.env` and the environment are not read.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import webbrowser
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.app import Times
from bot.lifecycle import run
from bot.operations.checks import log_summary
from bot.process import ExitCode
from bot.settings.definition import Settings
from sandbox.aimlapi import AimlApiSandbox
from sandbox.page import ChatPage
from sandbox.telegram import TelegramSandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

RENDER_SECONDS = 8.0
POLL_SECONDS = 1.0
"""Short, because the sandbox may be polled often."""
DOWN_SECONDS = 1.5
"""How long a restart from the page takes: long enough to be seen."""
STARS_PER_CREDIT = 12
"""The price of a credit in play Stars."""
TIMES = Times(probe=8.0, checkup=math.inf, menus=0.0)
"""Outages end soon, and the checks of `doctor`, which would warn of the sandbox, are off."""
KEY = "sandbox-key-for-this-machine"


async def demo(*, port: int, data_dir: Path | None, browser: bool) -> ExitCode:
    """Run until a signal ends it; without `data_dir`, the data are deleted afterwards."""
    # hide the warning of who may spend how much: nothing costs anything
    logging.getLogger(log_summary.__module__).setLevel(logging.ERROR)
    async with AsyncExitStack() as stack:
        folder = data_dir or Path(stack.enter_context(TemporaryDirectory(prefix="video-bot-")))
        telegram = await stack.enter_async_context(TelegramSandbox())
        provider = await stack.enter_async_context(
            AimlApiSandbox(key=KEY, render_seconds=RENDER_SECONDS, quick_clips=False)
        )
        try:
            chat_page = await stack.enter_async_context(
                ChatPage(telegram, provider, port=port, plays=True)
            )
        except OSError as taken:
            sys.stderr.write(f"No port for the page from {port} on: {taken}\n")
            return ExitCode.FAILURE

        async def show() -> None:
            sys.stdout.write(f"The chat is open at {chat_page.url} (Ctrl-C ends it)\n")
            sys.stdout.flush()
            if browser:
                await asyncio.to_thread(webbrowser.open, chat_page.url)

        chosen, opened = settings(chat_page, folder), show
        while True:
            stopping = asyncio.Event()
            chat_page.panel.restart = stopping.set
            code = await run(chosen, times=TIMES, opened=opened, stopping=stopping)
            if code is not ExitCode.STOPPED or not chat_page.panel.is_restarting:
                return code
            opened = partial(asyncio.sleep, DOWN_SECONDS)  # inside `run`, which handles signals


def settings(chat_page: ChatPage, data_dir: Path) -> Settings:
    """Return settings for both sandboxes: the defaults, but without a budget, and with sales."""
    return Settings(
        telegram_bot_token=SecretStr(chat_page.telegram.token),
        telegram_api_url=chat_page.telegram.url,
        aimlapi_key=SecretStr(chat_page.provider.key),
        aimlapi_url=chat_page.provider.url,
        data_dir=data_dir,
        admin_ids=frozenset({chat_page.participants.operator.id}),
        poll_interval_seconds=POLL_SECONDS,
        budget_usd=None,  # play money should not run out
        stars_per_credit=STARS_PER_CREDIT,
        support_contact=f"@{chat_page.participants.operator.username}",
    )


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Return whether the machine has a desktop on which a browser can open."""
    if environ.keys() & {"CI", "SSH_CONNECTION"}:
        return False
    return platform in {"darwin", "win32"} or bool(environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"})
