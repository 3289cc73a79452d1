"""The way from a group to the private chat, for what concerns one person only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.replies.keyboards import Button

if TYPE_CHECKING:
    from telegram import Message

    from handlers.identity import Sender


async def show_the_way(sender: Sender, message: Message, payload: str, *, before: str = "") -> None:
    """Say in a group that this is answered in private, with a button that opens it there.

    The button starts the bot with `payload`, which `handlers.account.welcome` understands. `before`
    is what everybody may know.
    """
    await sender.reply(
        before or sender.translator.gettext("That is between you and me."),
        buttons=[
            [
                Button(
                    sender.translator.gettext("Open in private"),
                    url=f"{sender.outbox.link}?start={payload}",
                )
            ]
        ],
        reply_to=message.message_id,
    )
