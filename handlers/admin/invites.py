"""/invite and /gift: links that give access to the bot; and requests for access by a button."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from generation.orders.reading import read_number
from handlers.admin.access import banned_text, grant_access, owe_notice
from handlers.admin.grants import MAX_CREDITS
from handlers.admin.records import record
from handlers.replies.keyboards import Button, CallbackData, clamp_page, home_row, page_buttons
from handlers.replies.letting_in import AnswerAccess, AskAccess, asked_text, stranger_buttons
from handlers.replies.texts import N_, sanitize, worth
from handlers.routing import Router
from handlers.senders import Access
from storage import chats, ledger, notices, people
from storage.ledger import Account, Pot
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.context import Services
    from handlers.senders import Sender

router = Router()

INVITE_PREFIX, GIFT_PREFIX = "invite-", "gift-"
"""Prefixes of the /start payloads of such links; the maker of a gift is told who took it."""
MAX_USES = 1000
"""The most uses of one link: more is a typing error."""


class _RevokeInvite(CallbackData, prefix="revoke"):
    invite: int


def read_invite(words: Sequence[str]) -> tuple[int, int] | None:
    """Read `[N] [CREDITS]`: how many people may use a link (1 by default), and credits for each."""
    numbers = [read_number(word) for word in words]
    uses, credits_ = (*numbers, 1, 0)[:2] if len(numbers) != 1 else (numbers[0], 0)
    if len(words) > 2 or uses is None or credits_ is None:  # noqa: PLR2004 - as it is written
        return None
    return (uses, credits_) if 0 < uses <= MAX_USES and credits_ <= MAX_CREDITS else None


@router.command("invite")
async def invite(sender: Sender, words: Sequence[str], cause: str, services: Services) -> None:
    """Make a link that allows people to use the bot, with credits for each."""
    translator, wanted = sender.translator, read_invite(words)
    if wanted is None:
        text = translator.gettext(
            "Write /invite [N] [CREDITS]\n"
            "N: how many people may use the link, up to {most}.\n"
            "CREDITS: what each of them is given."
        )
        await sender.reply(text.format(most=translator.number(MAX_USES)))
        return
    uses, credits_ = wanted
    parts = [translator.ngettext(
        "This link is for {count} person.", "This link is for {count} people.", uses
    )]  # fmt: skip
    if credits_:
        each = worth(translator, credits_, services.usual_cost)
        parts.append(translator.gettext("Each gets {credits}.").format(credits=each))
    if not services.policy.allowed_ids:
        parts.append(
            translator.gettext("ALLOWED_IDS is empty, so everyone is let in without it, too.")
        )
    text, details = " ".join(parts), f"{uses} × {credits_}"
    await _send_link(
        services, sender, cause,
        prefix=INVITE_PREFIX, text=text, details=details, uses=uses, credits_=credits_,
    )  # fmt: skip


async def _send_link(
    services: Services, sender: Sender, cause: str,
    *, prefix: str, text: str, details: str, uses: int, credits_: int,
) -> None:  # fmt: skip
    """Make a link and send it; its secret begins with the prefix, so that a gift is no invite."""
    secret, by, now = prefix + secrets.token_urlsafe(12), sender.account.id, services.clock()
    async with services.db.transaction() as tx:
        link = await people.make_invite(
            tx, secret, uses=uses, credits_=credits_, cause=cause, by=by, now=now
        )
        act = prefix.removesuffix("-")
        await record(tx, services, sender, cause, act, details=f"#{link.id}: {details}")
    revoke = Button(sender.translator.gettext("Revoke"), _RevokeInvite(link.id))
    await sender.reply(f"{text}\n\n{sender.outbox.link}?start={link.secret}", buttons=[[revoke]])


@router.command("gift")
async def gift(sender: Sender, words: Sequence[str], cause: str, services: Services) -> None:
    """Make a link that gives credits to the first person who opens it, and allows them."""
    translator = sender.translator
    credits_ = read_number(words[0]) if len(words) == 1 else None
    if not credits_ or credits_ > MAX_CREDITS:
        text = translator.gettext("Write /gift CREDITS\nCREDITS: up to {most}.")
        await sender.reply(text.format(most=translator.number(MAX_CREDITS)))
        return
    text = translator.gettext(
        "🎁 Whoever opens this link first gets {credits}. I tell you who it was."
    ).format(credits=worth(translator, credits_, services.usual_cost))
    await _send_link(
        services, sender, cause,
        prefix=GIFT_PREFIX, text=text, details=str(credits_), uses=1, credits_=credits_,
    )  # fmt: skip


@router.button(_RevokeInvite, admins=True, confirm_label=N_("Yes, revoke #{invite}"))
async def revoke(
    sender: Sender, press: _RevokeInvite, shown: int | None, cause: str, services: Services
) -> None:
    """Revoke a link; people who used it stay allowed."""
    async with services.db.transaction() as tx:
        link = await people.invite(tx, press.invite)
        if link is not None and await people.revoke_invite(tx, link.id):
            details = f"#{link.id}: revoked"
            await record(tx, services, sender, cause, "invite", details=details)
    if link is None:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    text = sender.translator.ngettext(
        "This link is revoked. {count} person used it.",
        "This link is revoked. {count} people used it.",
        link.used,
    )
    await sender.show(text, [home_row(sender.translator)], shown)


PER_PAGE = 8


class ShowInvites(CallbackData, prefix="invites"):
    """Show a page of valid links; the first is 0."""

    page: int


@router.button(ShowInvites, admins=True)
async def show_invites(
    sender: Sender, press: ShowInvites, shown: int | None, services: Services
) -> None:
    """Show the valid links, newest first, with buttons that revoke them."""
    translator, number = sender.translator, press.page
    async with services.db.reading() as tx:
        page, all_ = await people.usable_invites(tx, limit=PER_PAGE, skip=number * PER_PAGE)
    valid, pages = clamp_page(number, all_, PER_PAGE)
    if valid != number:
        await show_invites(sender, ShowInvites(valid), shown, services)
        return
    lines, rows = list[str](), list[list[Button]]()
    for link in page:
        line = translator.gettext("#{id}: {used} of {uses} used, {credits} each")
        lines.append(
            line.format(
                id=link.id,
                used=translator.number(link.used),
                uses=translator.number(link.uses),
                credits=translator.credits(link.credits),
            )
        )
        label = translator.gettext("Revoke #{id}").format(id=link.id)
        rows.append([Button(label, _RevokeInvite(link.id))])
    text = "\n".join(lines) or translator.gettext("No link is good. /invite makes one.")
    rows += [page_buttons(number, pages, ShowInvites), home_row(translator)]
    await sender.answer()
    await sender.show(text, rows, shown)


async def follow_invite(sender: Sender, services: Services, payload: str) -> bool:
    """Allow the sender by a link, once, with its credits; return whether they are allowed."""
    _, person, now = sender.translator.gettext, sender.person, services.clock()
    is_allowed, given = sender.access is not Access.STRANGER, 0
    async with services.db.transaction() as tx:
        link = await people.invite_by_secret(tx, payload)
        if link is None or person is None:
            is_good = False
        elif await people.was_invited(tx, link.id, person.id):
            is_good = is_allowed
        elif is_good := link.is_usable:
            cause, is_allowed, given = f"invite:{link.id}:{person.id}", True, link.credits
            await people.use_invite(tx, link.id, person.id, now=now)
            await people.allow(tx, person.id, cause=cause, by=link.created_by, now=now)
            if given:
                account = Account.person(person.id)
                await ledger.grant(tx, account, Pot.GRANTED, given, cause=cause, note=None, now=now)
                await owe_notice(
                    tx, sender.chat, NoticeKind.GRANTED, cause, now,
                    credits=given, cost=services.usual_cost,
                )  # fmt: skip
                services.wake(sender.chat.id)
            if payload.startswith(GIFT_PREFIX):
                maker = await notices.owe_person(
                    tx, link.created_by, NoticeKind.GIFT_TAKEN, cause=f"{cause}:taken", now=now,
                    credits=given, name=await people.name_and_id(tx, person.id),
                )  # fmt: skip
                services.wake(maker)
    if not is_good:
        text = _("This link is no longer good. Ask whoever sent it for a new one.")
        buttons = () if is_allowed else stranger_buttons(sender.translator)
        await sender.reply(text, buttons=buttons)
    return is_allowed


@router.button(AskAccess)
async def ask_access(sender: Sender, services: Services) -> None:
    """Owe every admin a notice that the presser asks for access, once a day."""
    now, _ = services.clock(), sender.translator.gettext
    if sender.access is Access.MEMBER:
        await sender.answer(_("You can use this bot. Send me an idea or a photo."), alert=True)
        return
    day, chat = int(services.today()), sender.chat
    name = f"@{sender.person.username}" if sender.person and sender.person.username else ""
    async with services.db.transaction() as tx:
        told = await services.admins.ask(
            tx, NoticeKind.ACCESS_WANTED, cause=f"access:{chat.telegram_id}:{day}", now=now,
            chat=chat.id, day=day, number=chat.telegram_id,
            name=" ".join(filter(None, (chat.title, name if chat.is_private else ""))),
        )  # fmt: skip
    before = _(
        "I asked today already. If the owner says yes, I tell you. If not, ask again tomorrow."
    )
    await sender.answer(asked_text(sender.translator, told, before=before), alert=True)


@router.button(AnswerAccess, admins=True)
async def answer_access(
    sender: Sender, press: AnswerAccess, shown: int, services: Services
) -> None:
    """Answer a request for access; the first admin's answer counts."""
    _, is_banned = sender.translator.gettext, False
    async with services.db.transaction() as tx:
        chat = await chats.find(tx, press.chat)
        if chat is not None and press.allows:
            is_banned = await people.any_banned(tx, {chat.telegram_id})
        if chat is not None and not is_banned:
            who, cause = chat.telegram_id, f"access:{press.chat}:{press.day}:answered"
            if press.allows:
                is_first = await grant_access(tx, services, sender, who, cause)
            elif is_first := await record(tx, services, sender, cause, "deny", whom=who):
                await owe_notice(tx, chat, NoticeKind.NOT_LET_IN, cause, services.clock())
                services.wake(chat.id)
    if chat is None:
        await sender.answer(_("This button is old."))
        return
    if is_banned:
        await sender.answer(banned_text(chat.telegram_id, sender.translator), alert=True)
        return
    text = (
        _("{name} was answered already.")
        if not is_first
        else _("{name} may use this bot now, and is told.")
        if press.allows
        else _("{name} is told that they may not use this bot.")
    ).format(name=sanitize(chat.title))
    await sender.answer("" if is_first else text)
    await sender.show(text, (), shown)
