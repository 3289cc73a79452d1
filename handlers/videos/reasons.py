"""Why a video was turned down, told to its sender alone: what a group's link opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.replies.notices import WHY, in_words
from storage import generations, notices

if TYPE_CHECKING:
    from handlers.context import Services
    from handlers.identity import Sender


async def show(services: Services, sender: Sender, payload: str) -> None:
    """Say what the group was not told, to the one who asked, alone with them."""
    number = payload.removeprefix(WHY)
    owed = None
    if number.isascii() and number.isdigit() and len(number) <= 18:  # noqa: PLR2004 - SQLite's integers
        async with services.db.reading() as connection:
            generation = await generations.find(connection, int(number))
            if generation is not None and generation.account == sender.account:
                owed = await notices.last_about(connection, generation.id)
    if owed is None:
        words = sender.translator.gettext("There is nothing to tell you about that one.")
        await sender.reply(words)
        return
    told = in_words(owed, sender.translator, name=sender.name, link=None)
    await sender.reply(told.text, buttons=told.buttons)
