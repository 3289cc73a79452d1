"""Texts and buttons about access, for senders without it and for the admins who decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import content_brake_text, sanitize
from storage.notices import AskResult, NoticeKind
from storage.outages import ContentBrake

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from handlers.replies.texts import Translator
    from storage.notices import Owed

Row: TypeAlias = tuple[Button, ...]


class AskAccess(CallbackData, prefix="askaccess"):
    """Ask the admins to allow the sender, or their group."""


class AnswerAccess(CallbackData, prefix="access"):
    """Allow, or with `allows` 0 deny, a chat's request of a day; `chat` is our id."""

    chat: int
    day: int
    allows: int


def stranger_text(translator: Translator, number: int) -> str:
    """Return that a person or a group is not allowed; `number` is its Telegram id.

    A person's id is told only to them, a group's to the group.
    """
    _ = translator.gettext
    text = (
        _("This bot is private. Ask its owner to allow you. Your number is {number}.")
        if number > 0
        else _("This bot is private. Ask its owner to allow this group. Its number is {number}.")
    )
    return text.format(number=number)


def stranger_buttons(translator: Translator) -> list[list[Button]]:
    """Return the button to ask for access."""
    return [[Button(translator.gettext("🙋 Ask the owner"), AskAccess())]]


def asked_text(translator: Translator, told: AskResult, *, before: str, now: str = "") -> str:
    """Return the outcome of asking the owner; `before` is the text if that was done already."""
    _ = translator.gettext
    return {
        AskResult.SENT: now or _("I asked the owner, and will tell you what they say."),
        AskResult.ALREADY_ASKED: before,
        AskResult.TOO_MANY: _("Many people ask today. Please try again tomorrow."),
        AskResult.NO_ADMINS: _("This bot has no owner in Telegram, so I cannot ask anybody."),
    }[told]


def shut_out_text(translator: Translator, reason: str | None) -> str:
    """Return that a person is banned, and the reason if an admin gave one."""
    text = translator.gettext("You cannot make videos with this bot any more.")
    if not reason:
        return text
    why = translator.gettext("The reason: {reason}.").format(reason=sanitize(reason.rstrip(".")))
    return f"{text} {why}"


def notice_text(owed: Owed, translator: Translator) -> tuple[str, tuple[Row, ...]] | None:
    """Return the text and buttons of a notice about access; None for any other."""
    _, facts = translator.gettext, owed.facts
    match owed.kind:
        case NoticeKind.ADDED:
            return _added(facts, translator)
        case NoticeKind.ACCESS_WANTED:
            return _wanted(facts, translator)
        case NoticeKind.BANNED:
            text = shut_out_text(translator, facts.get("reason"))
        case NoticeKind.BRAKED:
            text = content_brake_text(
                ContentBrake(0.0, facts.get("wait", 0.0)), None, translator, 0.0
            )
        case NoticeKind.UNBANNED:
            text = _("Good news: you can make videos with this bot again.")
        case NoticeKind.LET_IN:
            text = (
                _("Good news: you can use this bot now. Send me an idea or a photo.")
                if facts.get("alone", True)
                else _("Good news: you can use me here now. Write /video and your idea.")
            )
        case NoticeKind.NOT_LET_IN:
            text = _("The owner of this bot does not let anybody else in for now.")
        case _:
            return None
    return text, ()


def _wanted(facts: Mapping[str, Any], translator: Translator) -> tuple[str, tuple[Row, ...]]:
    _ = translator.gettext
    text = (
        _("🙋 {name} ({number}) asks to use this bot.")
        if facts["number"] > 0
        else _("🙋 The group {name} ({number}) asks to use this bot.")
    )
    asked = facts["chat"], facts["day"]
    yes = Button(_("Allow"), AnswerAccess(*asked, 1), style="success")
    no = Button(_("Deny"), AnswerAccess(*asked, 0))
    text = text.format(name=sanitize(facts["name"]), number=facts["number"])
    return text, ((yes, no, Button(_("Ban"), BanChat(facts["chat"]))),)


class AllowGroup(CallbackData, prefix="letin"):
    """Allow a chat; `chat` is our id."""

    chat: int


class Leave(CallbackData, prefix="leave"):
    """Leave a chat; `chat` is our id."""

    chat: int


class ShowPool(CallbackData, prefix="pool"):
    """Show how to give a chat a pool; `chat` is our id."""

    chat: int


class BanChat(CallbackData, prefix="banchat"):
    """Ban a chat and leave it; `chat` is our id."""

    chat: int


def _added(facts: Mapping[str, Any], translator: Translator) -> tuple[str, tuple[Row, ...]]:
    _, chat = translator.gettext, int(facts["group"])
    line = _("{title} ({members} members) added me, by {by}.").format(
        title=facts["title"], members=translator.number(facts["members"]), by=facts["by"]
    )
    first = Button(_("Pool"), ShowPool(chat))
    if facts["waits"]:
        line += " " + _("I wait there until you let me in.")
        first = Button(_("Allow"), AllowGroup(chat))
    return line, ((first, Button(_("Leave"), Leave(chat)), Button(_("Ban"), BanChat(chat))),)
