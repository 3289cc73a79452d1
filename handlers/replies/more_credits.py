"""Texts, buttons and invoices about more credits: requests, purchases and payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from telegram.constants import InvoiceLimit

from generation.orders.reading import read_number
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import sanitize, worth
from storage.notices import NoticeKind
from storage.payments import Charge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.replies.texts import Translator
    from storage.notices import Owed

_GROUP_PAYMENTS = frozenset({NoticeKind.GROUP_PURCHASED, NoticeKind.GROUP_REFUNDED})
_MENTIONING_DEBT = frozenset(
    {NoticeKind.GROUP_REFUNDED, NoticeKind.REFUNDED, NoticeKind.TAKEN_BACK}
)
GRANTED_CREDITS = 50
"""Credits that an admin grants a requester with one tap."""
PACKAGES = (5, 10, 25, 50)
"""The packages for sale, in usual videos; their credits are rounded up to tens."""
MAX_STARS = 10_000
"""The most Stars that Telegram allows in one invoice."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """The contents of an invoice: credits for Stars, for a person or a group.

    `owner` receives the credits: a Telegram id, below zero for a group. A group's invoice is in
    the topic `thread_id`, if any, and anyone may pay it.
    """

    owner: int
    credits: int
    stars: int
    thread_id: int | None = None

    @property
    def group(self) -> int | None:
        """The Telegram id of the group that receives the credits, or None if a person does."""
        return self.owner if self.owner < 0 else None

    @property
    def payload(self) -> str:
        """The invoice payload, which Telegram returns with the payment; at most 128 bytes."""
        if self.group is None:
            return f"credits:1:{self.owner}:{self.credits}:{self.stars}"
        return f"credits:2:{-self.group}:{self.thread_id or 0}:{self.credits}:{self.stars}"

    @classmethod
    def read(cls, payload: str) -> Self | None:
        """Parse an invoice payload; return None if it is malformed or of another version."""
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
    """Return the charge of a payment; it gives no credits if the invoice is unreadable."""
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
    """Return the sizes of the packages, in credits; `cost` is that of a usual video."""
    most = MAX_STARS // stars_per_credit
    rounded = (-(-count * cost // 10) * 10 for count in PACKAGES)
    return sorted({min(credits_, most) for credits_ in rounded})


class ShowPackages(CallbackData, prefix="buy"):
    """Show the packages for sale."""


def buy_buttons(stars_per_credit: int, translator: Translator) -> list[Button]:
    """Return the button that shows the packages; none if nothing is for sale."""
    return [Button(translator.gettext("⭐ Buy"), ShowPackages())] if stars_per_credit else []


class LetBuy(CallbackData, prefix="letbuy"):
    """Allow a person to buy again after their payment was taken back."""

    person: int


class AnswerSupport(CallbackData, prefix="support"):
    """Answer a person's question: an admin replies to the message with this button."""

    person: int


class WriteBack(CallbackData, prefix="writeback"):
    """Answer an admin: the person replies to the message with this button."""


class RemindMe(CallbackData, prefix="remind"):
    """Request a notice when the sender's allowance renews."""


class AskOwner(CallbackData, prefix="askowner"):
    """Ask the admins for credits, once a day."""


class AnswerRequest(CallbackData, prefix="answer"):
    """Grant a person the credits they asked for on a day; 0 denies them."""

    person: int
    day: int
    credits: int


def notice_text(
    owed: Owed, translator: Translator
) -> tuple[str, tuple[tuple[Button, ...], ...]] | None:
    """Return the text and buttons of a notice about credits; None for any other."""
    _, facts, row = translator.gettext, owed.facts, tuple[Button, ...]()
    match owed.kind:
        case NoticeKind.CREDITS_DENIED:
            text = _("The owner of this bot gives no more credits for now. Yours come back anyway.")
        case NoticeKind.CREDITS_WANTED:
            text = _("🙋 {name} has {left} left and asks for more.").format(
                name=sanitize(facts["name"]), left=translator.credits(facts["left"])
            )
            grant = _("Grant {credits}").format(credits=translator.number(GRANTED_CREDITS))
            asked = facts["person"], facts["day"]
            yes = Button(grant, AnswerRequest(*asked, GRANTED_CREDITS))
            row = (yes, Button(_("No"), AnswerRequest(*asked, 0)))
        case NoticeKind.GIFT_TAKEN:
            text = _("🎁 {name} took your gift of {credits}.").format(
                name=sanitize(facts["name"]), credits=translator.credits(facts["credits"])
            )
        case NoticeKind.RENEWED | NoticeKind.GRANTED:
            text = _given(owed.kind, facts, translator)
        case NoticeKind.PURCHASED:
            text = _receipt(facts, translator)
        case NoticeKind.SUPPORT_ANSWERED:
            text = _("💬 The owner of this bot answers:\n{words}").format(words=facts["words"])
            row = (Button(_("Write back"), WriteBack()),)
        case NoticeKind.SUPPORT_WANTED:
            text = _support_text(facts, translator)
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
    # notices stored by an older version have no cost
    all_ = worth(translator, facts["credits"], facts.get("cost", facts["credits"] + 1))
    if kind is NoticeKind.RENEWED:
        return _("Your credits are back: {all}. What should we film?").format(all=all_)
    given = _("You were given {credits}.").format(credits=all_)
    return f"{given} {facts.get('note') or ''}".strip()


def sold(count: int, group: str | None, translator: Translator) -> str:
    """Return how many credits a payment bought, and for which group if for one."""
    credits_ = translator.credits(count)
    if group is None:
        return credits_
    return translator.gettext("{credits} for {group}").format(
        credits=credits_, group=sanitize(group)
    )


def _receipt(facts: Mapping[str, Any], translator: Translator) -> str:
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
    """Return the text of a notice about a payment; None for any other."""
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
        name=sanitize(facts.get("name", "")),
        stars=translator.number(facts["stars"]),
        credits=worth(translator, facts["credits"], facts["cost"])
        if kind in _GROUP_PAYMENTS
        else sold(facts["credits"], facts.get("for_group"), translator),
        used=translator.number(used),
        why=facts.get("why", ""),
    )
    if used and kind in _MENTIONING_DEBT:
        owe = (
            translator.ngettext(
                "{used} of them was used: you owe it, and the next credits pay it first.",
                "{used} of them were used: you owe them, and the next credits pay them first.",
                used, used=translator.number(used),
            )
            if facts.get("for_group") is None
            else translator.ngettext(
                "{used} of them was used: the next credits bought for the group pay it first.",
                "{used} of them were used: the next credits bought for the group pay them first.",
                used, used=translator.number(used),
            )
        )  # fmt: skip
        text = f"{text} {owe}"
    return text


def _support_text(facts: Mapping[str, Any], translator: Translator) -> str:
    """Return a person's question, with their payments and recent failures for the admin."""
    _ = translator.gettext
    lines = [
        _("🛟 {name} asks: {words}").format(
            name=sanitize(facts["name"]), words=sanitize(facts["words"])
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
        # with the same reasons as in the log
        failed = ", ".join(f"{number} ({reason})" for number, reason in facts["failures"])
        lines.append(_("Videos that failed last: {failed}").format(failed=failed))
    return "\n".join(lines)
