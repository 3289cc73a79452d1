"""A bot's program of python-telegram-bot that polls the sandbox over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from telegram import Update
from telegram.ext import Application, ApplicationBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.telegram import TelegramSandbox


@asynccontextmanager
async def running(
    telegram: TelegramSandbox, *handlers: Any
) -> AsyncIterator[Application[Any, Any, Any, Any, Any, Any]]:
    """An Application that polls the sandbox."""
    application = (
        ApplicationBuilder()
        .token(telegram.token)
        .base_url(f"{telegram.url}/bot")
        .base_file_url(f"{telegram.url}/file/bot")
        .build()
    )
    application.add_handlers(handlers)
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling(poll_interval=0.0, allowed_updates=Update.ALL_TYPES)
        yield application
        await application.updater.stop()
        await application.stop()
