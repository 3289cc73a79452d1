"""/quota: the sender's balance, the credits on hold, and when the allowance renews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.models.pricing import Period
from generation.orders import balances
from handlers.membership import pool_text
from handlers.ordering.refusals import more_credits_buttons
from handlers.replies.letting_in import asked_text
from handlers.replies.more_credits import AskOwner, RemindMe
from handlers.replies.texts import videos, worth
from handlers.routing import Router
from handlers.senders import Access
from storage import generations, notices, people
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from telegram import Message

    from generation.orders.balances import Balance, Terms
    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()


def text(
    balance: Balance,
    *,
    pending: int,
    cost: int,
    terms: Terms,
    translator: Translator,
    now: float,
    selling: bool = False,
) -> str:
    """Describe a balance; `cost` is that of a usual video, `pending` counts unfinished ones."""
    _ = translator.gettext
    lines = [_balance_line(balance, cost, translator)]
    if balance.unexpiring > 0:
        lines.append(
            _("{kept} of them do not expire.").format(kept=translator.number(balance.unexpiring))
            if balance.allowance > 0
            else _("They do not expire.")
        )
    if balance.bought > 0:
        lines[-1] += " " + (
            _("You bought those.")
            if balance.bought == balance.unexpiring
            else _("You bought {bought} of those.").format(bought=translator.number(balance.bought))
        )
    elif balance.bought < 0:
        lines.append(
            _("{owed} are taken off: a payment went back whose credits you had used.").format(
                owed=translator.credits(-balance.bought)
            )
        )
    if balance.held > 0:
        lines.append(
            translator.ngettext(
                "{held} credit is set aside for {videos} being made.",
                "{held} credits are set aside for {videos} being made.",
                balance.held,
                held=translator.number(balance.held),
                videos=videos(translator, max(1, pending)),
            )
        )
    if balance.renews_at is not None and terms.free_credits > 0:
        lines.append(
            _("Your free allowance renews {when}: {all}.").format(
                when=translator.time_until(balance.renews_at - now),
                all=worth(translator, terms.free_credits, cost),
            )
        )
    elif terms.period is Period.LIFETIME and terms.free_credits > 0:
        lines.append(_("The free allowance is given once."))
    if balance.total < cost and cost > terms.free_credits:
        lines.append(
            _("One video costs more than your whole allowance. You get more with /buy.")
            if selling
            else _(
                "One video costs more than your whole allowance. Ask the owner of this bot "
                "for credits."
            )
        )
    return "\n".join(lines)


def _balance_line(balance: Balance, cost: int, translator: Translator) -> str:
    """Say how many credits are left, in videos if they are enough for one."""
    if balance.total >= cost:
        return translator.gettext("You have {left}.").format(
            left=worth(translator, balance.total, cost)
        )
    return translator.gettext("You have {left}. A usual video costs {cost}.").format(
        left=translator.credits(balance.total), cost=translator.number(cost)
    )


@router.command("quota")
async def quota(sender: Sender, message: Message, services: Services) -> None:
    """Show the sender's balance in private; in a group, show its pool."""
    if not sender.chat.is_private:
        await sender.invite("quota", message.message_id, await pool_text(services, sender))
        return
    now = services.clock()
    async with services.db.reading() as connection:
        balance = await balances.balance(connection, sender.account, services.terms, now)
        pending = await generations.pending_of(connection, sender.account)
    words = text(
        balance,
        pending=len(pending),
        cost=services.usual_cost,
        terms=services.terms_of(sender.person),
        translator=sender.translator,
        now=now,
        selling=bool(services.policy.stars_per_credit),
    )
    rows = []
    if balance.total < services.usual_cost:
        rows = [await more_credits_buttons(services, sender, balance, services.usual_cost)]
    await sender.reply(words, buttons=rows)


@router.button(RemindMe)
async def schedule_reminder(sender: Sender, services: Services) -> None:
    """Schedule a notice for when the presser's allowance renews, once for each renewal."""
    now, _ = services.clock(), sender.translator.gettext
    async with services.db.transaction() as tx:
        balance = await balances.balance(tx, sender.account, services.terms, now)
        renews_at = balance.renews_at
        if sender.chat.is_private and renews_at is not None:
            person = sender.account.id
            await notices.owe_person(
                tx, person, NoticeKind.RENEWED, cause=f"renewal:{person}:{renews_at:.0f}", now=now,
                due_at=renews_at, credits=services.terms_of(sender.person).free_credits,
                cost=services.usual_cost,
            )  # fmt: skip
    if renews_at is None:
        await sender.answer(_("Your credits do not renew."), alert=True)
        return
    services.wake(sender.chat.id)
    words = _("I will tell you {when}, when your credits renew.")
    await sender.answer(
        words.format(when=sender.translator.time_until(renews_at - now)), alert=True
    )


@router.button(AskOwner)
async def ask_owner(sender: Sender, services: Services) -> None:
    """Owe every admin a notice that the presser asks for credits, once a day."""
    now, person, _ = services.clock(), sender.person, sender.translator.gettext
    if person is None or sender.access is not Access.MEMBER:
        await sender.answer(_("This button is not for you."))
        return
    day = int(services.today())
    async with services.db.transaction() as tx:
        balance = await balances.balance(tx, sender.account, services.terms, now)
        told = await services.admins.ask(
            tx, NoticeKind.CREDITS_WANTED, cause=f"wanted:{person.id}:{day}", now=now,
            person=person.id, day=day, left=balance.total,
            name=await people.name_and_id(tx, person.id),
        )  # fmt: skip
    before = _("I asked today already. I will tell you what the owner says.")
    await sender.answer(asked_text(sender.translator, told, before=before), alert=True)
