"""More credits: what somebody can do who has too few, what is sold, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from telegram.constants import InvoiceLimit

from generation.orders.reading import read_number
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import unlinked, worth
from storage.notices import NoticeKind
from storage.payments import Charge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.replies.texts import Translator
    from storage.notices import Owed

_TO_ALL = frozenset({NoticeKind.GROUP_PURCHASED, NoticeKind.GROUP_REFUNDED})
_SAY_WHAT_IS_OWED = frozenset(
    {NoticeKind.GROUP_REFUNDED, NoticeKind.REFUNDED, NoticeKind.TAKEN_BACK}
)
HANDLER_ARGUMENTS = 50
"""Credits an admin gives with one tap to who asks."""


PACKAGES = (5, 10, 25, 50)
"""What is sold, in usual videos; the credits are rounded up."""
MAX_STARS = 10_000
"""In one invoice: Telegram takes no more."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What an invoice sells: so many credits for so many Stars, to one person or to a group.

    `owner` has the credits then: a person, or a group, by Telegram's id below zero; a group's
    invoice stands in the topic `thread_id`, if in any, and whoever wants to may pay it.
    """

    owner: int
    credits: int
    stars: int
    thread_id: int | None = None

    @property
    def group(self) -> int | None:
        """Telegram's id of the group it is for; None where it is for a person."""
        return self.owner if self.owner < 0 else None

    @property
    def payload(self) -> str:
        """What the invoice carries, and Telegram tells with the payment; at most 128 bytes."""
        if self.group is None:
            return f"credits:1:{self.owner}:{self.credits}:{self.stars}"
        return f"credits:2:{-self.group}:{self.thread_id or 0}:{self.credits}:{self.stars}"

    @classmethod
    def read(cls, payload: str) -> Self | None:
        """Read what an invoice carries; None where it is none of ours, or of another version."""
        words = payload.split(":") if len(payload) <= InvoiceLimit.MAX_PAYLOAD_LENGTH else []
        match words[:2], [read_number(word) for word in words[2:]]:
            case ["credits", "1"], [int(person), int(credits_), int(stars)]:
                made = cls(person, credits_, stars)
            case ["credits", "2"], [int(group), int(thread), int(credits_), int(stars)]:
                made = cls(-group, credits_, stars, thread or None)
            case _:
                return None
        return made if made.payload == payload and made.credits else None


def charge_for(
    bought: Purchase | None, charge_id: str, *, person: int, stars: int, paid_at: float
) -> Charge:
    """Return what was paid for an invoice; one that nobody can read gives no credits."""
    return Charge(
        charge_id=charge_id,
        person=person,
        credits=bought.credits if bought else 0,
        stars=stars,
        paid_at=paid_at,
        group=bought.group if bought else None,
        thread_id=bought.thread_id if bought else None,
    )


def packages(cost: int, stars_per_credit: int) -> list[int]:
    """Return the numbers of credits that are sold, where a usual video costs so many."""
    most = MAX_STARS // stars_per_credit
    rounded = (-(-count * cost // 10) * 10 for count in PACKAGES)
    return sorted({min(credits_, most) for credits_ in rounded})


class ShowPackages(CallbackData, prefix="buy"):
    """Show what can be bought."""


def sales(stars_per_credit: int, translator: Translator) -> list[Button]:
    """Return the button that shows what is sold, if anything."""
    return [Button(translator.gettext("⭐ Buy"), ShowPackages())] if stars_per_credit else []


class LetBuy(CallbackData, prefix="letbuy"):
    """Let somebody buy again whose payment was taken back."""

    person: int


class AnswerSupport(CallbackData, prefix="support"):
    """Answer somebody's question: an admin replies to the message that has this button."""

    person: int


class WriteBack(CallbackData, prefix="writeback"):
    """Answer an admin: who asked replies to the message that has this button."""


class RemindMe(CallbackData, prefix="remind"):
    """Be told when the presser's allowance renews."""


class AskOwner(CallbackData, prefix="askowner"):
    """Ask the admins for credits, once a day."""


class AnswerRequest(CallbackData, prefix="answer"):
    """Give somebody the credits they asked for on a day, or with 0 none."""

    person: int
    day: int
    credits: int


def in_words(
    owed: Owed, translator: Translator
) -> tuple[str, tuple[tuple[Button, ...], ...]] | None:
    """Put a notice about credits into words, with the buttons under it; None for any other."""
    _, facts, row = translator.gettext, owed.facts, tuple[Button, ...]()
    match owed.kind:
        case NoticeKind.CREDITS_DENIED:
            text = _("The owner of this bot gives no more credits for now. Yours come back anyway.")
        case NoticeKind.CREDITS_WANTED:
            text = _("🙋 {name} has {left} left and asks for more.").format(
                name=unlinked(facts["name"]), left=translator.credits(facts["left"])
            )
            grant = _("Grant {credits}").format(credits=translator.number(HANDLER_ARGUMENTS))
            asked = facts["person"], facts["day"]
            yes = Button(grant, AnswerRequest(*asked, HANDLER_ARGUMENTS))
            row = (yes, Button(_("No"), AnswerRequest(*asked, 0)))
        case NoticeKind.GIFT_TAKEN:
            text = _("🎁 {name} took your gift of {credits}.").format(
                name=unlinked(facts["name"]), credits=translator.credits(facts["credits"])
            )
        case NoticeKind.RENEWED | NoticeKind.GRANTED:
            text = _given(owed.kind, facts, translator)
        case NoticeKind.PURCHASED:
            text = receipt(facts, translator)
        case NoticeKind.SUPPORT_ANSWERED:
            text = _("💬 The owner of this bot answers:\n{words}").format(words=facts["words"])
            row = (Button(_("Write back"), WriteBack()),)
        case NoticeKind.SUPPORT_WANTED:
            text = support_wanted(facts, translator)
            row = (Button(_("Answer"), AnswerSupport(facts["person"])),)
        case kind if (about := _about_payment(kind, facts, translator)) is not None:
            text = about
            if kind is NoticeKind.PAYMENT_TAKEN_BACK:
                row = (Button(_("Let them buy again"), LetBuy(facts["person"])),)
        case _:
            return None
    return text, (row,) if row else ()


def _given(kind: NoticeKind, facts: Mapping[str, Any], translator: Translator) -> str:
    _ = translator.gettext
    # what an older version owes does not know its worth
    all_ = worth(translator, facts["credits"], facts.get("cost", facts["credits"] + 1))
    if kind is NoticeKind.RENEWED:
        return _("Your credits are back: {all}. What should we film?").format(all=all_)
    given = _("You were given {credits}.").format(credits=all_)
    return f"{given} {facts.get('note') or ''}".strip()


def sold(count: int, group: str | None, translator: Translator) -> str:
    """Write how many credits a payment bought, and for which group where it did for one."""
    credits_ = translator.credits(count)
    if group is None:
        return credits_
    return translator.gettext("{credits} for {group}").format(
        credits=credits_, group=unlinked(group)
    )


def receipt(facts: Mapping[str, Any], translator: Translator) -> str:
    """Say what was paid and what for."""
    _ = translator.gettext
    stars = translator.number(facts["stars"])
    if not facts["credits"]:
        return _(
            "I got {stars} ⭐ from you, but I cannot read what for. I told the owner of this bot. "
            "Write /paysupport if you hear nothing."
        ).format(stars=stars)
    return _(
        "Thank you! You bought {credits}. They do not expire.\n"
        "Payment {payment}: {stars} ⭐. Questions? /paysupport"
    ).format(
        credits=worth(translator, facts["credits"], facts["cost"])
        if facts.get("for_group") is None
        else sold(facts["credits"], facts.get("for_group"), translator),
        payment=facts["payment"],
        stars=stars,
    )


def _about_payment(
    kind: NoticeKind, facts: Mapping[str, Any], translator: Translator
) -> str | None:
    """Say what became of a payment, to all concerned; None for any other notice."""
    _, used = translator.gettext, facts.get("used", 0)
    text = {
        NoticeKind.GROUP_PURCHASED: _(
            "🎁 {name} bought {credits} for all of this group. Thank you!"
        ),
        NoticeKind.GROUP_REFUNDED: _(
            "A payment for this group went back, so the credits it bought are gone: {credits}."
        ),
        NoticeKind.REFUNDED: _(
            "Your payment {payment} was refunded: {stars} ⭐ are back with you, and its credits "
            "are gone."
        ),
        NoticeKind.TAKEN_BACK: _(
            "Your payment {payment} of {stars} ⭐ was taken back, so its credits are gone, and you "
            "cannot buy for now. Write /paysupport and what happened."
        ),
        NoticeKind.PAYMENT_UNREADABLE: _(
            "⚠️ {name} paid {stars} ⭐ by an invoice I cannot read, so I gave no credits. Look at "
            "/refund {payment}."
        ),
        NoticeKind.PAYMENT_TAKEN_BACK: _(
            "⚠️ Payment {payment} of {name} was taken back: {stars} ⭐ for {credits}, {used} of "
            "them used. They cannot buy for now."
        ),
        NoticeKind.REFUND_DONE: _(
            "✅ Payment {payment} went back: {name} has {stars} ⭐ again. {used} of {credits} were "
            "used."
        ),
        NoticeKind.REFUND_REFUSED: _(
            "⚠️ Telegram does not give payment {payment} of {name} back ({stars} ⭐): {why}"
        ),
    }.get(kind)
    if text is None:
        return None
    text = text.format(
        payment=facts["payment"],
        name=unlinked(facts.get("name", "")),
        stars=translator.number(facts["stars"]),
        credits=worth(translator, facts["credits"], facts["cost"])
        if kind in _TO_ALL
        else sold(facts["credits"], facts.get("for_group"), translator),
        used=translator.number(used),
        why=facts.get("why", ""),
    )
    if used and kind in _SAY_WHAT_IS_OWED:
        owe = (
            translator.ngettext(
                "{used} of them was used: you owe it, and the next credits pay it first.",
                "{used} of them were used: you owe them, and the next credits pay them first.",
                used,
            )
            if facts.get("for_group") is None
            else translator.ngettext(
                "{used} of them was used: the next credits bought for the group pay it first.",
                "{used} of them were used: the next credits bought for the group pay them first.",
                used,
            )
        )
        text = f"{text} {owe.format(used=translator.number(used))}"
    return text


def support_wanted(facts: Mapping[str, Any], translator: Translator) -> str:
    """Say who asks what about their payments, with what an admin needs to answer."""
    _ = translator.gettext
    lines = [
        _("🛟 {name} asks: {words}").format(
            name=unlinked(facts["name"]), words=unlinked(facts["words"])
        )
    ]
    for paid in facts["payments"]:
        line = (
            _("Payment {payment}: {credits}, {stars} ⭐, {time} ago, went back")
            if paid["used"] is None
            else _("/refund {payment} · {credits}, {stars} ⭐, {time} ago, {used} used")
        )
        lines.append(
            line.format(
                payment=paid["payment"],
                credits=sold(paid["credits"], paid.get("for_group"), translator),
                stars=translator.number(paid["stars"]),
                time=translator.duration(paid["ago"]),
                used=translator.number(paid["used"] or 0),
            )
        )
    if not facts["payments"]:
        lines.append(_("They have paid nothing."))
    if facts["failures"]:
        # the reasons are those of the log
        failed = ", ".join(f"{number} ({reason})" for number, reason in facts["failures"])
        lines.append(_("Videos that failed last: {failed}").format(failed=failed))
    return "\n".join(lines)
