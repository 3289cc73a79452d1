"""More credits: what somebody can do who has too few, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import unlinked, worth
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from handlers.replies.texts import Translator
    from storage.notices import Owed

ABOUT_CREDITS = frozenset(
    {
        NoticeKind.GRANTED,
        NoticeKind.RENEWED,
        NoticeKind.CREDITS_WANTED,
        NoticeKind.CREDITS_DENIED,
    }
)
"""Notices whose words stand here."""
OFFERED = 50
"""Credits an admin gives with one tap to who asks."""


@dataclass(frozen=True, slots=True)
class RemindMe(CallbackData):
    """Be told when the presser's allowance renews."""

    prefix: ClassVar[str] = "remind"


@dataclass(frozen=True, slots=True)
class AskOwner(CallbackData):
    """Ask the admins for credits, once a day."""

    prefix: ClassVar[str] = "askowner"


@dataclass(frozen=True, slots=True)
class AnswerRequest(CallbackData):
    """Give somebody the credits they asked for on a day, or with 0 none."""

    prefix: ClassVar[str] = "answer"
    person: int
    day: int
    credits: int


def ways_on(translator: Translator, *, renews: bool, asks: bool) -> list[Button]:
    """Return what somebody can do who has too few; `asks` is whether there is one to be asked."""
    remind = Button(translator.gettext("🔔 Remind me"), RemindMe())
    ask = Button(translator.gettext("🙋 Ask the owner"), AskOwner())
    return [remind][:renews] + [ask][:asks]


def without_pool(name: str, cost: int, translator: Translator) -> str:
    """Say to one who writes as a group or a channel where its credits come from."""
    return translator.gettext(
        "{name}, this costs {cost}, more than is left. You wrote anonymously, so "
        "your own credits do not count. Write as yourself to use them."
    ).format(name=name, cost=translator.credits(cost))


def in_words(owed: Owed, translator: Translator) -> tuple[str, tuple[tuple[Button, ...], ...]]:
    """Put a notice about credits into words, with the buttons under it."""
    _, facts = translator.gettext, owed.facts
    if owed.kind is NoticeKind.CREDITS_DENIED:
        return _("The owner of this bot gives no more credits for now. Yours come back anyway."), ()
    if owed.kind is NoticeKind.CREDITS_WANTED:
        words = _("🙋 {name} has {left} left and asks for more.").format(
            name=unlinked(facts["name"]), left=translator.credits(facts["left"])
        )
        grant = _("Grant {credits}").format(credits=translator.number(OFFERED))
        asked = facts["person"], facts["day"]
        yes = Button(grant, AnswerRequest(*asked, OFFERED))
        return words, ((yes, Button(_("No"), AnswerRequest(*asked, 0))),)
    # what an older version owes does not know its worth
    cost = facts.get("cost", facts["credits"] + 1)
    all_ = worth(translator, facts["credits"], cost)
    if owed.kind is NoticeKind.RENEWED:
        return _("Your credits are back: {all}. What should we film?").format(all=all_), ()
    given = _("You were given {credits}.").format(credits=all_)
    return f"{given} {facts.get('note') or ''}".strip(), ()
