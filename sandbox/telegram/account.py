"""The bot's account: its files, updates, calls, profile, and the queries it has to answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.telegram.changes import Changes
from sandbox.telegram.faults import Faults
from sandbox.telegram.files import FileStore
from sandbox.telegram.queries import Answer, InlineAnswer, Queries, Query
from sandbox.telegram.stars import Stars
from sandbox.telegram.updates import UpdateQueue
from sandbox.telegram.webhook import WebhookCalls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.telegram.actors import Person
    from sandbox.telegram.floods import FloodLimits
    from sandbox.telegram.messages import Button, Message


@dataclass(slots=True)
class Call:
    """A call of the bot: ``at`` in seconds of the clock; ``error`` is why it failed, or None.

    ``params`` holds uploads as ``Uploaded`` (name, type, size), never as bytes.
    """

    method: str
    params: dict[str, Any]
    at: float
    error: str | None = None


@dataclass(slots=True)
class Profile:
    """The bot's name and descriptions by language, and its commands by scope and language."""

    name: dict[str, str] = field(default_factory=dict)
    description: dict[str, str] = field(default_factory=dict)
    short_description: dict[str, str] = field(default_factory=dict)
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    menu_button: dict[int | None, dict[str, Any]] = field(default_factory=dict)


class BotAccount:
    """The server's state for the bot, except for chats."""

    def __init__(
        self, *, token: str, bot: Person, directory: Path, clock: Callable[[], float]
    ) -> None:
        self.token = token
        self.bot = bot
        self.clock = clock
        self.files = FileStore(directory, bot.id)
        self.changes = Changes()
        self.updates = UpdateQueue(clock)
        self.faults = Faults()
        self.rewrite_result: Callable[[str, Any], Any] = lambda _method, result: result
        """Returns the result to send for a method, given the one it would have."""
        self.floods: FloodLimits | None = None
        self.calls: list[Call] = []
        self.callbacks = Queries()
        self.inline_queries = Queries()
        self.checkouts = Queries()
        self.stars = Stars()
        self.profile = Profile()
        self.webhook_url = ""
        self.webhook = WebhookCalls(self.updates, self.changes, clock)
        self.reads_all_group_messages = False
        self.supports_inline_queries = True
        self._ids = 0

    def fresh_id(self) -> int:
        """Return a number not returned before."""
        self._ids += 1
        return self._ids

    async def press(
        self,
        message: Message,
        button: Button,
        *,
        by: Person,
        timeout: float,  # noqa: ASYNC109 - a test says how long it is ready to wait
    ) -> Answer:
        """Press a button and wait for the bot's answer.

        Raises:
            AssertionError: if the button has no callback, or no answer came in time.
        """
        if button.data is None:
            raise AssertionError(f"{button} asks the bot nothing")
        query = Query(f"{self.bot.id}{self.fresh_id():08}", by, self.clock())
        self.callbacks.ask(query)
        content = {
            "id": query.id,
            "from": by.as_json(),
            "chat_instance": str(-message.chat.id),
            "data": button.data,
        }
        if message.inline_message_id is not None:
            content["inline_message_id"] = message.inline_message_id
        elif message.deleted:
            chat = message.chat.as_json()
            content["message"] = {"chat": chat, "message_id": message.message_id, "date": 0}
        else:
            content["message"] = message.as_json()
        self.updates.push("callback_query", content)
        answer: Answer = await self._answer(query, f"press of {button.text!r}", timeout)
        return answer

    async def ask_inline(
        self,
        person: Person,
        text: str,
        offset: str,
        timeout: float,  # noqa: ASYNC109 - as above
    ) -> InlineAnswer:
        """Send an inline query and wait for its results.

        Raises:
            AssertionError: if no answer came in time.
        """
        query = Query(f"{self.bot.id}{self.fresh_id():08}", person, self.clock())
        self.inline_queries.ask(query)
        content = {"id": query.id, "from": person.as_json(), "query": text, "offset": offset}
        self.updates.push("inline_query", content)
        answer: InlineAnswer = await self._answer(query, f"inline query {text!r}", timeout)
        return answer

    async def checkout(
        self,
        message: Message,
        person: Person,
        timeout: float,  # noqa: ASYNC109 - as above
    ) -> dict[str, Any]:
        """Return the bot's answerPreCheckoutQuery for a payment of this invoice.

        Raises:
            AssertionError: if no answer came in time.
        """
        query = Query(f"{self.bot.id}{self.fresh_id():08}", person, self.clock())
        self.checkouts.ask(query)
        invoice = message.extra["invoice"]
        content = {
            "id": query.id,
            "from": person.as_json(),
            "currency": invoice["currency"],
            "total_amount": invoice["total_amount"],
            "invoice_payload": message.payload,
        }
        self.updates.push("pre_checkout_query", content)
        answer: dict[str, Any] = await self._answer(query, "payment", timeout)
        return answer

    async def _answer(self, query: Query, what: str, seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                await query.answered.wait()
        except TimeoutError:
            raise AssertionError(f"the bot did not answer the {what} within {seconds} s") from None
        return query.answer
