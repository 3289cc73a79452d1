"""/privacy explains what is stored; /mydata sends people their data, /deletemydata erases it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handlers.replies.keyboards import Abort, Button, CallbackData
from handlers.routing import Router
from storage import personal_data
from storage.ledger import Pot
from storage.personal_data import Erasure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telegram import Message

    from handlers.context import Context, OperatorPolicy, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()

MAX_FILE_BYTES = 20_000_000
"""Bytes of a file of personal data: Telegram takes 50 MB."""
EXPORT_INTERVAL = 60.0
"""Seconds between two files for one person."""


class EraseData(CallbackData, prefix="erase"):
    """Delete the presser's data; `credits` is how many they were told they would lose."""

    credits: int


def text(policy: OperatorPolicy, translator: Translator) -> str:
    """Say what is stored, for how long, and who can see it."""
    _ = translator.gettext
    kept = _("I keep your ideas until you delete them.")
    if policy.retention_days is not None:
        kept = translator.ngettext(
            "I forget your ideas after {days} day.",
            "I forget your ideas after {days} days.",
            policy.retention_days,
            days=translator.number(policy.retention_days),
        )
    parts = [
        _(
            "What I keep: your name and number at Telegram, your settings, your ideas, and where "
            "your videos are at Telegram. {kept} Photos are deleted here when the video is done."
        ).format(kept=kept),
        _(
            "Who else sees it: the AI service that makes the videos gets your ideas and photos, "
            "but not your name. In a group, everyone there sees what you ask for and get. "
            "The owner of this bot can read what I keep."
        ),
        _(
            "/mydata sends you all of it as a file. /deletemydata deletes it. Only your number "
            "stays, beside credits, payments, bans and what admins did. Copies for emergencies "
            "are deleted after {days} days at most."
        ).format(days=translator.number(COPIES_DAYS)),
    ]
    if policy.privacy_url:
        parts.append(_("More about it: {url}").format(url=policy.privacy_url))
    return "\n\n".join(parts)


COPIES_DAYS = 30
"""Days after which backups are deleted at most."""


@router.command("privacy")
async def privacy(sender: Sender, message: Message, services: Services) -> None:
    """Answer /privacy."""
    reply_to = None if sender.chat.is_private else message.message_id
    await sender.reply(text(services.policy, sender.translator), reply_to=reply_to)


@router.command("mydata")
async def show_data(sender: Sender, message: Message, context: Context) -> None:
    """Send the sender a file with their personal data, in private."""
    services, memory = context.services, context.chat_data
    if sender.person is None or not sender.chat.is_private or memory is None:
        await sender.invite("mydata", message.message_id)
        return
    now = services.clock()
    if now - memory.get("data_sent_at", -EXPORT_INTERVAL) < EXPORT_INTERVAL:
        await sender.reply(
            sender.translator.gettext("I sent it a moment ago. Ask again in a minute.")
        )
        return
    sections: dict[str, list[dict[str, Any]]] = {}
    async for section, rows in personal_data.export(services.db, sender.person.id):
        sections.setdefault(section, []).extend(rows)
    content, is_whole = await asyncio.to_thread(to_json, sections)
    _ = sender.translator.gettext
    caption = _("This is all I keep about you. /deletemydata deletes it.")
    if not is_whole:
        caption = _("This is the newest part of what I keep about you; older entries are left out.")
    await sender.outbox.send_document(
        sender.chat, "my-data.json", content, caption, thread_id=sender.thread_id
    )
    memory["data_sent_at"] = now


def to_json(sections: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[bytes, bool]:
    """Return personal data as JSON, a row per line, and whether it is complete."""
    lines, size = list[str](), 0
    is_whole = all(len(rows) < personal_data.MOST_ROWS for rows in sections.values())
    for section, rows in sections.items():
        entries = list[str]()
        for row in rows:
            entry = json.dumps({name: _json_value(name, value) for name, value in row.items()},
                               ensure_ascii=False)  # fmt: skip
            size += len(entry.encode(errors="replace"))
            if size > MAX_FILE_BYTES:
                is_whole = False
                break
            entries.append(f"  {entry}")
        listed = ",\n".join(entries)
        lines.append(f" {json.dumps(section)}: [\n{listed}\n ]" if entries else f' "{section}": []')
    body = ",\n".join(lines)
    return f"{{\n{body}\n}}\n".encode(errors="replace"), is_whole


def _json_value(name: str, value: object) -> object:
    if isinstance(value, float) and name.endswith(("at", "since")):
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    return value


@router.command("deletemydata")
async def ask_deletion(sender: Sender, message: Message, services: Services) -> None:
    """Ask the sender to confirm that their data is deleted, and the credits with it."""
    if sender.person is None or not sender.chat.is_private:
        await sender.invite("deletemydata", message.message_id)
        return
    async with services.db.reading() as connection:
        stored = await personal_data.stored_credits(connection, sender.person.id)
    await sender.reply(question(stored, sender.translator), buttons=_buttons(stored, sender))


def question(stored: Mapping[Pot, int], translator: Translator) -> str:
    """Return the question that asks for confirmation, with the credits that would be lost."""
    _, ngettext = translator.gettext, translator.ngettext
    lines = [
        _(
            "Delete everything I keep about you? Your ideas, your list of videos, your name and "
            "your settings will be gone. Videos in your chats stay there. What waits is "
            "cancelled; what is being made still comes to you."
        )
    ]
    if bought := stored.get(Pot.BOUGHT, 0):
        lines.append(
            ngettext(
                "⚠️ You have {count} bought credit; it will be gone.",
                "⚠️ You have {count} bought credits; they will be gone.",
                bought,
            )
        )
    if granted := stored.get(Pot.GRANTED, 0):
        lines.append(
            ngettext(
                "⚠️ You have {count} credit as a gift; it will be gone.",
                "⚠️ You have {count} credits as a gift; they will be gone.",
                granted,
            )
        )
    return "\n\n".join(lines)


def _buttons(stored: Mapping[Pot, int], sender: Sender) -> list[list[Button]]:
    yes = Button(
        sender.translator.gettext("Delete everything"),
        EraseData(sum(stored.values())),
        style="danger",
    )
    return [[yes, Button(sender.translator.gettext("Keep"), Abort())]]


@router.button(EraseData, when_banned=True)
async def erase(
    sender: Sender, press: EraseData, shown: int | None, cause: str, services: Services
) -> None:
    """Delete the presser's data; unfinished videos are delivered first."""
    _, person = sender.translator.gettext, sender.person
    if person is None or shown is None or not sender.chat.is_private:
        await sender.answer(_("This button is old. Send /deletemydata again."))
        return
    wanted = Erasure(cause=cause, person=person.id, asked_at=services.clock())
    async with services.db.transaction() as tx:
        stored = await personal_data.stored_credits(tx, person.id)
        is_told = sum(stored.values()) <= press.credits
        if is_told:
            await personal_data.ask_erasure(tx, wanted)
    if not is_told:
        # more credits would be lost than the question said
        await sender.show(question(stored, sender.translator), _buttons(stored, sender), shown)
        return
    # answered first: erasing thousands of videos takes seconds
    await sender.answer()
    await services.erase()
    async with services.db.reading() as connection:
        is_open = any(
            one.person == person.id for one in await personal_data.open_erasures(connection)
        )
    words = _("Done. All I kept about you is deleted.")
    if is_open:
        words = _(
            "What waited is cancelled and your data are being deleted. What is under way still "
            "comes to you, then it is deleted too."
        )
    await sender.show(words, (), shown)
