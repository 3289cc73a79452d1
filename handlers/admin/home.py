"""/admin and /people: today's figures, and pages of people, groups, models and money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.models import pricing
from generation.models.offer import KINDS
from generation.orders import balances
from generation.orders.options import Choice, Defaults, Options, price_choice, resolve
from handlers.admin.access import apply_ban, apply_unban
from handlers.admin.figures import ShowFigures, budget_line, owed_line
from handlers.admin.grants import GrantTo
from handlers.admin.invites import ShowInvites
from handlers.admin.limits import LimitTo
from handlers.admin.pausing import SwitchPause
from handlers.admin.records import ShowAudit
from handlers.replies.keyboards import (
    Button,
    CallbackData,
    ShowHome,
    clamp_page,
    home_row,
    page_buttons,
)
from handlers.replies.letting_in import Leave, ShowPool
from handlers.replies.texts import N_, held_back_text, pause_text, sanitize, truncate, videos
from handlers.routing import Router
from storage import DAY_SECONDS, chats, ledger, outages, statistics
from storage.generations import AT_PROVIDER, State
from storage.ledger import Account
from storage.outages import CooldownReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generation.models.offer import Family
    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.chats import Chat
    from storage.database import Connection
    from storage.outages import Cooldown

router = Router()

PER_PAGE = 8
"""People, groups or models on a page, each with a row of buttons."""
BALANCE_MAX_AGE = 300.0
"""Seconds after which the provider is asked for the account's balance again."""
MAX_NAME_LENGTH = 40
MAX_SEARCH_BYTES = 40
"""Bytes of the search words: the buttons that turn pages carry them."""


class _ShowPeople(CallbackData, prefix="people"):
    """Show a page of people, all or those with the words in their names; the first is 0."""

    page: int
    words: str


class _ShowGroups(CallbackData, prefix="groups"):
    page: int


class _ShowModels(CallbackData, prefix="served"):
    page: int


class _ShowMoney(CallbackData, prefix="money"):
    """Show the budget, the balance at the provider, and the unspent credits."""


class _BanPerson(CallbackData, prefix="banperson"):
    person: int


class _UnbanPerson(CallbackData, prefix="unban"):
    person: int


@router.command("admin")
@router.button(ShowHome, admins=True)
async def home(sender: Sender, services: Services, shown: int | None = None) -> None:
    """Show an admin today's figures, and the buttons of the other pages."""
    await sender.answer()
    translator, now = sender.translator, services.clock()
    _, count = translator.gettext, translator.number
    async with services.db.reading(in_thread=True) as tx:
        today = await statistics.day(tx, since=services.today(), until=now + 1.0)
        states = await statistics.in_work(tx)
        pause = await outages.paused(tx, now=now)
        outage = await outages.current(tx)
    lines = [
        _("📅 Today"),
        _("Asked for: {asked} · delivered: {delivered}").format(
            asked=count(today.asked), delivered=count(today.delivered)
        ),
        _("Spent: {spent} · new people: {people}").format(
            spent=translator.money(pricing.from_micros(today.spent_micros)),
            people=count(today.new_people),
        ),
        _("Being made: {running} · waiting: {waiting}").format(
            running=count(sum(states.get(state, 0) for state in AT_PROVIDER)),
            waiting=count(states.get(State.QUEUED, 0)),
        ),
    ]
    if pause is not None:
        lines.append(f"⏸ {pause_text(pause, translator, now)}")
    elif outage is not None:
        lines.append(held_back_text(None, translator))
    switch = _("▶️ Resume") if pause else _("⏸ Pause")
    rows = [
        [Button(_("👥 People"), _ShowPeople(0, "")), Button(_("💬 Groups"), _ShowGroups(0))],
        [Button(_("🎞 Models"), _ShowModels(0)), Button(_("💵 Money"), _ShowMoney())],
        [Button(_("📊 Figures"), ShowFigures(7)), Button(_("📜 Audit"), ShowAudit(0))],
        [Button(switch, SwitchPause(0 if pause else 1)), Button(_("🔗 Links"), ShowInvites(0))],
    ]
    await sender.show("\n".join(lines), rows, shown)


# people


@router.command("people")
async def list_people(sender: Sender, words: Sequence[str], services: Services) -> None:
    """Show an admin the people who use the bot, or those with the words in their names."""
    wanted = " ".join(words).replace(":", "").removeprefix("@").encode()[:MAX_SEARCH_BYTES]
    await show_people(sender, _ShowPeople(0, wanted.decode(errors="ignore")), None, services)


@router.button(_ShowPeople, admins=True)
async def show_people(
    sender: Sender, press: _ShowPeople, shown: int | None, services: Services
) -> None:
    """Show a page of people, with the ids that commands take and a row of buttons for each."""
    _, skip = sender.translator.gettext, press.page * PER_PAGE
    page, all_ = await statistics.most_active(
        services.db, limit=PER_PAGE, skip=skip, called=press.words
    )
    valid, pages = clamp_page(press.page, all_, PER_PAGE)
    if valid != press.page:
        await show_people(sender, _ShowPeople(valid, press.words), shown, services)
        return
    lines, rows = list[str](), list[list[Button]]()
    for place, one in enumerate(page, start=skip + 1):
        line = (
            _("{place}. {name} ({number}): {videos}, banned")
            if one.is_banned
            else _("{place}. {name} ({number}): {videos}")
        )
        name = f"@{one.username}" if one.username else sanitize(one.name)
        asked = videos(sender.translator, one.asked)
        lines.append(line.format(place=place, name=name, number=one.person, videos=asked))
        ban = (
            Button(_("{place} · Unban").format(place=place), _UnbanPerson(one.person))
            if one.is_banned
            else Button(_("{place} · Ban").format(place=place), _BanPerson(one.person))
        )
        grant = Button(_("{place} · Grant").format(place=place), GrantTo(one.person))
        limit = Button(_("{place} · Limit").format(place=place), LimitTo(one.person))
        rows.append([grant, limit, ban])
    await sender.answer()
    rows.append(page_buttons(press.page, pages, lambda page: _ShowPeople(page, press.words)))
    text = "\n".join(lines) or _("Nobody here.")
    hint = _("To find somebody, write:\n/people NAME")
    await sender.show(f"{text}\n\n{hint}", [*rows, home_row(sender.translator)], shown)


@router.button(_BanPerson, admins=True, confirm_label=N_("Yes, ban {name}"))
async def ban_person(sender: Sender, press: _BanPerson, cause: str, context: Context) -> None:
    """Ban a person from the list."""
    await sender.answer(await apply_ban(context, sender, press.person, cause), alert=True)


@router.button(_UnbanPerson, admins=True)
async def unban_person(sender: Sender, press: _UnbanPerson, cause: str, services: Services) -> None:
    """Undo the ban of a person from the list."""
    text = await apply_unban(services, sender, press.person, cause)
    await sender.answer(text, alert=True)


# groups


@router.button(_ShowGroups, admins=True)
async def show_groups(
    sender: Sender, press: _ShowGroups, shown: int | None, services: Services
) -> None:
    """Show the groups the bot is in, newest first, with buttons for each."""
    _, skip = sender.translator.gettext, press.page * PER_PAGE
    rows, lines = list[list[Button]](), list[str]()
    async with services.db.reading(in_thread=True) as tx:
        page, all_ = await chats.groups(tx, limit=PER_PAGE, skip=skip)
        for place, chat in enumerate(page, start=skip + 1):
            lines.append(await _group_line(tx, services, chat, place, sender.translator))
            rows.append(
                [
                    Button(_("{place} · Pool").format(place=place), ShowPool(chat.id)),
                    Button(_("{place} · Leave").format(place=place), Leave(chat.id)),
                ]
            )
    valid, pages = clamp_page(press.page, all_, PER_PAGE)
    if valid != press.page:
        await show_groups(sender, _ShowGroups(valid), shown, services)
        return
    await sender.answer()
    rows += [page_buttons(press.page, pages, _ShowGroups), home_row(sender.translator)]
    text = "\n".join(lines) or _("I am in no group.")
    await sender.show(text, rows, shown)


async def _group_line(
    tx: Connection, services: Services, chat: Chat, place: int, translator: Translator
) -> str:
    account, now = Account.chat(chat.id), services.clock()
    pool = await balances.pool(tx, chat.id, account, services.terms, now)
    line = (
        translator.gettext("{place}. {title}: {videos}, no pool")
        if pool is None or not pool.size
        else translator.gettext("{place}. {title}: {videos}, pool: {left} of {all} left")
    )
    if pool is not None and pool.bought:
        line = translator.gettext("{line}, {bought} bought").format(
            line=line, bought=translator.number(pool.bought)
        )
    return line.format(
        place=place,
        title=sanitize(truncate(chat.title, MAX_NAME_LENGTH)),
        videos=videos(translator, await statistics.made_in(tx, chat.id)),
        left=translator.number(pool.left) if pool else "",
        all=translator.credits(pool.size) if pool else "",
    )


# models


@router.button(_ShowModels, admins=True)
async def show_models(
    sender: Sender, press: _ShowModels, shown: int | None, services: Services
) -> None:
    """Show the operator's models, whether they are served, and what they cost."""
    translator, now = sender.translator, services.clock()
    async with services.db.reading() as tx:
        cooldowns = {one.model: one for one in await outages.cooldowns(tx, now=now)}
    families = services.catalogue.named.families
    number, pages = clamp_page(press.page, len(families), PER_PAGE)
    lines = [
        f"{family.title} · {_usual_price(family, services, translator)}\n"
        f"{_availability(family, services, cooldowns, translator, now)}"
        for family in families[number * PER_PAGE : (number + 1) * PER_PAGE]
    ]
    await sender.answer()
    rows = [page_buttons(number, pages, _ShowModels), home_row(translator)]
    await sender.show("\n\n".join(lines), rows, shown)


def _usual_price(family: Family, services: Services, translator: Translator) -> str:
    """Return the price of a family's usual video, or "" if it makes none."""
    for kind in KINDS:
        usual = resolve(Options(model=family.name), Defaults(), services.catalogue.named, kind)
        if isinstance(usual, Choice):
            cost = price_choice(usual, services.offer)
            length, price = translator.duration(usual.seconds), translator.money(cost.usd)
            return f"{length} · {price} · {translator.credits(cost.credits)}"
    return ""


def _availability(
    family: Family,
    services: Services,
    cooldowns: Mapping[str, Cooldown],
    translator: Translator,
    now: float,
) -> str:
    """Say whether a family is served, or why one of its models is not."""
    _ = translator.gettext
    for mode in family.modes.values():
        cooldown = cooldowns.get(mode.model)
        if cooldown is not None:
            text = (
                _("⏳ {model} failed too often. I try it again {when}.")
                if cooldown.reason is CooldownReason.FAILING
                else _("⚠️ {model} was not found. I try it again {when}.")
            )
            return text.format(model=mode.model, when=translator.time_until(cooldown.until - now))
        if mode.model in services.catalogue.unserved:
            return _("✖️ {model} is withdrawn.").format(model=mode.model)
    return _("✅ Served")


# money


@router.button(_ShowMoney, admins=True)
async def show_money(sender: Sender, shown: int | None, services: Services) -> None:
    """Show the budget, the balance at the provider, and the unspent credits."""
    translator, terms, now = sender.translator, services.terms, services.clock()
    _ = translator.gettext
    await sender.answer()
    async with services.db.reading() as tx:
        known = await outages.provider_balance(tx)
    if known is None or now - known.heard_at > BALANCE_MAX_AGE:
        await services.account.check()
    async with services.db.reading(in_thread=True) as tx:
        left = await balances.budget_left(tx, terms, now)
        known = await outages.provider_balance(tx)
        owed = await ledger.owed(tx)
    lines = [budget_line(left, terms, translator, now)]
    if known is None:
        lines.append(_("The AI/ML API has not told its balance yet."))
    else:
        outlook = await services.account.outlook(known.micros)
        lines.append(
            _("AI/ML API: {balance} left ({ago} ago).").format(
                balance=translator.money(pricing.from_micros(known.micros)),
                ago=translator.duration(max(1.0, now - known.heard_at)),
            )
        )
        if outlook.days_left is not None:
            lines.append(
                _("At {cost} a day it lasts about {time}.").format(
                    cost=translator.money(pricing.from_micros(int(outlook.daily_cost))),
                    time=translator.duration(outlook.days_left * DAY_SECONDS),
                )
            )
    lines.append(owed_line(owed, services.offer, translator))
    await sender.show("\n".join(lines), [home_row(translator)], shown)
