"""Routing: handlers, the arguments they are called with, and the access check before them.

A module that answers people has a `Router` and decorates its handlers with it: commands of the
table, buttons by their callback data, messages by a filter. The sender is identified and their
access checked once, before the handler runs (for presses see `handlers.presses`). A decorated
handler declares the arguments it needs by name (see `HANDLER_ARGUMENTS`), and stays a plain
function.
"""

from __future__ import annotations

import inspect
import logging
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from telegram import MessageEntity
from telegram.ext import MessageHandler, filters

from handlers import commands
from handlers.commands import Scope
from handlers.replies.letting_in import shut_out_text, stranger_buttons, stranger_text
from handlers.replies.sending import SendError, Unreachable, Unreadable
from handlers.replies.texts import contact_text
from handlers.senders import ALBUM, Access, cause_of, identify_sender
from storage import cards
from storage.chats import Asking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine

    from telegram import Message, Update
    from telegram.ext import BaseHandler

    from handlers.context import Context, Services
    from handlers.replies.keyboards import CallbackData
    from handlers.senders import Sender
    from storage.cards import Card

F = TypeVar("F", bound="Callable[..., Coroutine[Any, Any, Any]]")

HANDLER_ARGUMENTS = {
    "sender": "Sender",
    "services": "Services",
    "context": "Context",
    "update": "Update",
    "cause": "str",
    "message": "Message",
    "words": "Sequence[str]",
    "query": "CallbackQuery",
    "shown": "int",
}
"""The parameters a handler may declare, and their types.

A button's handler may also declare `press` (the fields of its callback data), `sure` (whether the
presser confirmed, see `presses.ask_to_confirm`) and `shown` (the id of the message that shows the
button, None if it is gone or never had it; a handler that declares `shown: int` is not called
without it).
"""

logger = logging.getLogger(__name__)


_OURS = frozenset(name for command in commands.COMMANDS for name in command.names)
_WRITTEN = re.compile(r"/ ?(\w{1,64})(?:@(\w{3,32}))?(?![\w/@<>])", re.ASCII)
_BEHIND_A_COMMAND = ":,;\uff1a\uff0c\u3001"
"""Punctuation that some people put between a command and its arguments."""
_RIGHT_BEHIND_IT = re.compile(r"\A[-!.=>…–—]+(?=\s)")
"""The same directly after the command; after a blank, it may begin an option."""


def cut(text: str, units: int) -> tuple[str, str]:
    """Split a text after this many UTF-16 units, in which Telegram counts."""
    encoded = text.encode("utf-16-le")
    return (
        encoded[: units * 2].decode("utf-16-le", "replace"),
        encoded[units * 2 :].decode("utf-16-le", "replace"),
    )


def command_in(message: Message) -> tuple[str, str] | None:
    """Return the command at the start of a text or caption, and its arguments.

    None if there is no command, or if it is addressed to another bot.
    """
    found = _command(message)
    if found is None:
        return None
    name, _, bot = found[0][1:].lstrip().partition("@")
    if bot and bot.lower() != message.get_bot().username.lower():
        return None
    rest = _RIGHT_BEHIND_IT.sub("", found[1]).lstrip().lstrip(_BEHIND_A_COMMAND).strip()
    again = rest.startswith(("@", "/"))
    return name.lower(), strip_bot_calls(rest, message.get_bot().username) if again else rest


def strip_bot_calls(text: str, username: str) -> str:
    """Return a text without mentions of the bot and repeated order commands at its start."""
    prefix = (
        rf"(?:\s|[{_BEHIND_A_COMMAND}]|@{username}\b|/(?:video|animate)(?:@{username})?\b(?!/))*"
    )
    return re.sub(prefix, "", text, count=1, flags=re.IGNORECASE).rstrip()


def begins_with_command(message: Message) -> bool:
    """Whether a text or caption begins with a command, for this bot or another."""
    return _command(message) is not None


def _command(message: Message) -> tuple[str, str] | None:
    """Return the command as it is written, and the rest of the text.

    Telegram marks no command in text formatted as code, nor one with a blank after the slash, as
    some phones write it. In a private chat, such a command counts as well.
    """
    text = message.text or message.caption or ""
    if not text.startswith("/"):
        return None
    for entity in message.entities or message.caption_entities:
        if entity.offset == 0 and entity.type == MessageEntity.BOT_COMMAND:
            return cut(text, entity.length)
    written = _WRITTEN.match(text)
    if written is None or written[1].lower() not in _OURS or message.chat.type != "private":
        return None
    return written[0], text[written.end() :]


class PredicateFilter(filters.MessageFilter):
    """A filter that matches the messages for which a function returns True."""

    def __init__(self, holds: Callable[[Message], bool]) -> None:
        super().__init__()
        self.holds = holds

    def filter(self, message: Message) -> bool:
        """Whether the function returns True for the message."""
        return self.holds(message)


ANY_COMMAND = filters.TEXT & PredicateFilter(begins_with_command)
"""Texts that begin with a command, for this bot or another."""


def command_filter(names: Collection[str]) -> PredicateFilter:
    """Return a filter of texts and captions that begin with one of these commands for this bot."""
    return PredicateFilter(lambda message: (command_in(message) or ("",))[0] in names)


class Admission(TypedDict, total=False):
    """Conditions under which a handler may run.

    Attributes:
        admins: only for admins.
        orders: it orders a video, so only people and chats that the operator allows.
        refuses_silently: no answer without permission, as the message may not be for the bot.
        when_off: also if a group's admins switched the bot off.
        when_banned: also for banned people in private chats, about their own data.
        even_late: also for a press that waited while the bot was down.
        confirm_label: of the button that confirms an act that cannot be undone. It may contain
            fields of the pressed button's data, and the `{name}` of a person.
    """

    admins: bool
    orders: bool
    refuses_silently: bool
    when_off: bool
    when_banned: bool
    even_late: bool
    confirm_label: str


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, the names of its arguments, and the conditions under which it may run.

    `press` is the callback data of its buttons. If `is_shown`, a press counts only while a message
    shows the button.
    """

    answer: Callable[..., Coroutine[Any, Any, Any]]
    wanted: frozenset[str]
    admission: Admission
    press: type[CallbackData] | None
    is_shown: bool

    @classmethod
    def to(
        cls,
        answer: Callable[..., Coroutine[Any, Any, Any]],
        admission: Admission,
        press: type[CallbackData] | None = None,
    ) -> Route:
        """Return the route to a handler.

        Raises:
            TypeError: it declares a parameter that routing does not provide.
        """
        offered = HANDLER_ARGUMENTS | ({"press": press.__name__, "sure": "bool"} if press else {})
        asked = inspect.signature(answer).parameters.values()
        # a command's handler that also answers presses has defaults for these
        of_press = {"press", "query", "shown"} if press else set[str]()
        wanted = [one for one in asked if one.default is one.empty or one.name in of_press]
        for one in wanted:
            if offered.get(one.name) not in str(one.annotation).split(" | "):
                raise TypeError(f"{answer.__qualname__}: no argument for {one}")
        is_shown = any((one.name, one.annotation) == ("shown", "int") for one in wanted)
        return cls(answer, frozenset(one.name for one in wanted), admission, press, is_shown)

    async def run(self, update: Update, context: Context, sender: Sender, **found: Any) -> None:
        """Call the handler with its arguments; apologize to the sender if it raises."""
        found |= {
            "sender": sender,
            "services": context.services,
            "context": context,
            "update": update,
            "cause": f"update:{update.update_id}",
        }
        async with _apologize_on_error(sender):
            await self.answer(**{name: found[name] for name in self.wanted})


@asynccontextmanager
async def _apologize_on_error(sender: Sender) -> AsyncIterator[None]:
    """Tell the sender about an unexpected exception, and raise it again."""
    try:
        yield
    except (Unreachable, Unreadable):
        raise
    except Exception:
        text = sender.translator.gettext("Something broke on my side. Please try that again.")
        if sender.press is not None and not sender.press.is_given:
            await sender.answer(text)
        elif sender.chat.is_private:
            try:
                await sender.reply(text)
            except SendError as error:
                logger.warning("no apology in chat %d: %r", sender.chat.id, error)
        raise


class Router:
    """A module's handlers, in the order in which they are tried."""

    def __init__(self) -> None:
        self.handlers: list[BaseHandler[Update, Context, None]] = []
        self.buttons: list[Route] = []

    def command(self, name: str) -> Callable[[F], F]:
        """Register the handler of a command of the table, under all its names.

        Edited messages count only for commands that order (see `message`). Commands of admins
        count only in private chats and not if forwarded: the words may be another person's.

        Raises:
            KeyError: the table has no such command.
        """
        command = commands.BY_NAME[name]
        admins = command.scope is Scope.ADMIN
        where = _updates(orders=command.orders)
        if admins:
            where = where & filters.ChatType.PRIVATE & ~filters.FORWARDED

        def register(answer: F) -> F:
            admission = Admission(
                admins=admins,
                orders=command.orders,
                when_off=command.when_off,
                when_banned=command.when_banned,
            )
            route = Route.to(answer, admission)
            ours = where & filters.TEXT & command_filter(command.names)
            self.handlers.append(MessageHandler(ours, _message_callback(route)))
            return answer

        return register

    def message(
        self, where: filters.BaseFilter, **admission: Unpack[Admission]
    ) -> Callable[[F], F]:
        """Register a handler of new messages that match a filter; see `Admission`.

        A handler that orders also gets edited messages, while their card waits for a tap.
        """

        def register(answer: F) -> F:
            spoken = _message_callback(Route.to(answer, admission))
            of_kind = _updates(orders=admission.get("orders", False)) & where
            self.handlers.append(MessageHandler(of_kind, spoken))
            return answer

        return register

    def button(self, press: type[CallbackData], **admission: Unpack[Admission]) -> Callable[[F], F]:
        """Register the handler of buttons with this callback data; see `Admission`."""

        def register(answer: F) -> F:
            self.buttons.append(Route.to(answer, admission, press))
            return answer

        return register


def _updates(*, orders: bool) -> filters.BaseFilter:
    return filters.UpdateType.MESSAGES if orders else filters.UpdateType.MESSAGE


def _message_callback(route: Route) -> Callable[[Update, Context], Coroutine[Any, Any, None]]:
    """Return the callback that runs a route for a message."""

    async def handle(update: Update, context: Context) -> None:
        message = update.message or update.edited_message
        sender = None if message is None else await identify_sender(update, context.services)
        if message is None or sender is None:
            return
        if update.message is None and sender.edited is None:
            return
        refusal = access_refusal(sender, route.admission, context.services, message)
        try:
            if refusal is None:
                words = (command_in(message) or ("", ""))[1].split()
                await route.run(update, context, sender, message=message, words=words)
            elif refusal and claim_answer(context, cause_of(message)):
                is_stranger = sender.access is Access.STRANGER and route.admission.get("orders")
                rows = stranger_buttons(sender.translator) if is_stranger else ()
                await sender.reply(refusal, reply_to=message.message_id, buttons=rows)
        finally:
            if sender.edited is None:
                await sender.remove_cards(context.services, sender.closed)
            elif not sender.edited.is_replaced:
                await _drop_card(context.services, sender, sender.edited.card)

    return handle


async def _drop_card(services: Services, sender: Sender, card: Card) -> None:
    """Close a card whose message was edited into no order."""
    async with services.db.transaction() as tx:
        await cards.close(tx, card.id, "dropped")
    await sender.remove_cards(services, card)


def access_refusal(
    sender: Sender, admission: Admission, services: Services, message: Message | None = None
) -> str | None:
    """Return why the sender is refused, "" to refuse without an answer, None if they may."""
    _ = sender.translator.gettext
    is_allowed = admission.get("when_banned") and sender.chat.is_private
    if sender.access is Access.BANNED and not is_allowed:
        text = shut_out_text(sender.translator, sender.banned_for)
        if services.policy.support_contact is not None:
            text = f"{text} {contact_text(sender.translator, services.policy.support_contact)}"
        if services.policy.stars_per_credit:
            text += " " + _("About a payment, write /paysupport.")
        # in a group, everybody would read the reason, except in the answer to a press
        return text if sender.press or sender.chat.is_private else ""
    if sender.group and sender.group.asking is Asking.NOBODY and not admission.get("when_off"):
        return _("I am switched off here.") if sender.press else ""
    if admission.get("orders") and sender.access is Access.STRANGER:
        number = sender.chat.telegram_id
        return "" if admission.get("refuses_silently") else stranger_text(sender.translator, number)
    if untimely := _timing_refusal(sender, admission):
        return untimely
    if admission.get("admins") and not (sender.is_admin and sender.chat.is_private):
        return (
            _("This button is not for you.")
            if message is None
            else commands.unknown(message.text or "", sender.translator)
        )
    return None


def _timing_refusal(sender: Sender, admission: Admission) -> str:
    """Return why the request comes too late or too fast, or "" if it does not."""
    _ = sender.translator.gettext
    if sender.is_excess:
        return _(
            "That was too much at once. Please wait a minute, then send the last message again."
        )
    if sender.press and sender.is_late and not admission.get("even_late"):
        return _("That was long ago. Tap again if you still want it.")
    return ""


def claim_answer(context: Context, cause: str) -> bool:
    """Return whether to answer this message, and mark its album as answered.

    Each picture of an album is a message of its own, and one answer is enough for all.
    """
    seen = context.chat_data
    if seen is None or not cause.startswith(ALBUM):
        return True
    known = seen.get("album")
    seen["album"] = cause
    return bool(known != cause)
