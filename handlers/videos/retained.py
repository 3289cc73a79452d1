"""Videos nobody could receive: kept for a while, and brought to whoever comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import retention

if TYPE_CHECKING:
    from handlers.context import Services
    from handlers.identity import Sender


async def offer(services: Services, sender: Sender) -> None:
    """Say what is kept for whoever is here again, and send it, free of charge.

    To a person it comes in private. What was asked in the name of a group or a channel
    comes where it was asked: nobody else can be found.
    """
    async with services.db.reading() as connection:
        if not sender.chat.is_private:
            found = await retention.of_nobody(connection, sender.chat.id, now=services.clock())
        else:
            found = await retention.of(connection, sender.account, now=services.clock())
    if not found:
        return
    text = sender.translator.ngettext(
        "I have a video for you that I could not deliver. Here it comes.",
        "I have {count} videos for you that I could not deliver. Here they come.",
        len(found),
    ).format(count=sender.translator.number(len(found)))
    await sender.reply(text)
    for generation in found:
        services.bring(generation, sender.chat)
