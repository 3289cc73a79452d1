"""Videos nobody could receive: kept for a while, and brought to whoever comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import kept

if TYPE_CHECKING:
    from handlers.context import Services
    from handlers.identity import Asker


async def offer(services: Services, asker: Asker) -> None:
    """Say what is kept for somebody who is here in private again, and send it, free of charge."""
    if asker.person is None:
        return
    async with services.db.reading() as connection:
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
