"""The way from a group to the private chat, for what concerns one person only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.replies.keyboards import Button

if TYPE_CHECKING:
    from telegram import Update

    from handlers.context import Context
    from handlers.identity import Sender


async def show_the_way(
    sender: Sender, update: Update, context: Context, payload: str, *, before: str = ""
) -> None:
    """Say in a group that this is answered in private, with a button that opens it there.

    The button starts the bot with `payload`, which `handlers.account.welcome` understands. `before`
    is what everybody may know.
    """
    message = update.effective_message
    await context.services.outbox.say(
        sender.chat,
        before or sender.translator.gettext("That is between you and me."),
        buttons=[
            [
                Button(
                    sender.translator.gettext("Open in private"),
                    url=f"{context.bot.link}?start={payload}",
                )
            ]
        ],
        reply_to=message.message_id if message else None,
        thread_id=sender.thread_id,
    )
