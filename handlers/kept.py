"""Videos nobody could receive: kept for a while, and brought to whoever comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import kept

if TYPE_CHECKING:
    from handlers.context import Services
    from handlers.identity import Asker


async def offer(services: Services, asker: Asker) -> None:
    """Say what is kept for whoever is here again, and send it, free of charge.

    To a person it comes in private. What was asked in the name of a group or a channel
    comes where it was asked: nobody else can be found.
    """
    async with services.db.reading() as connection:
        if not asker.chat.is_private:
            found = await kept.of_nobody(connection, asker.chat.id, now=services.clock())
        else:
            found = await kept.of(connection, asker.account, now=services.clock())
    if not found:
        return
    text = asker.speech.ngettext(
        "I have a video for you that I could not deliver. Here it comes.",
        "I have {count} videos for you that I could not deliver. Here they come.",
        len(found),
    ).format(count=asker.speech.number(len(found)))
    await services.outbox.say(asker.chat, text, thread_id=asker.thread_id)
    for generation in found:
        services.bring(generation, asker.chat)
