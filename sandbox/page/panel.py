"""The panel beside the chat: what can be tried, what goes wrong next, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from sandbox.aimlapi import Fault as ProviderFault
from sandbox.aimlapi import Render
from sandbox.telegram import Fault as TelegramFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aimlapi import AimlApiSandbox, Submission
    from sandbox.page.cast import Cast
    from sandbox.telegram import FaultRule, TelegramSandbox

Json = dict[str, Any]

LONGEST_RENDER = 120.0  # seconds
LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "pt-br": "Português",
    "ru": "Русский",
    "ar": "العربية",
    "zh-hans": "中文",
}
_FLOOD = 3  # seconds Telegram asks the bot to wait
_RETRY_AFTER = 2  # seconds the provider asks the bot to wait


@dataclass(frozen=True, slots=True)
class Outcome:
    """What may become of the next request for a video, and what the bot should make of it."""

    name: str
    label: str
    hint: str
    render: Callable[[], Render] | None = None
    fault: Callable[[], ProviderFault] | None = None


WORKS = Outcome("works", "It works", "A video comes of it.")
OUTCOMES = {
    one.name: one
    for one in (
        WORKS,
        Outcome(
            "moderation",
            "Moderation refuses it",
            "Refused for what it would show: the credits come back.",
            render=Render.refused,
        ),
        Outcome(
            "down",
            "Provider is down (503)",
            "Surely not accepted: the bot tries again by itself.",
            fault=lambda: ProviderFault.http(503),
        ),
        Outcome(
            "broke",
            "Out of credit (403)",
            "Everything waits and the operator is told; a few seconds later the bot looks again "
            "(outside the demo every five minutes).",
            fault=lambda: ProviderFault.http(403),
        ),
        Outcome(
            "busy",
            "Too many requests (429)",
            f"The bot waits {_RETRY_AFTER} s, as it is told, and tries again.",
            fault=lambda: ProviderFault.http(429, retry_after=_RETRY_AFTER),
        ),
        Outcome(
            "expired",
            "The video’s link has expired",
            "The bot asks for a fresh link at once and pays nothing twice.",
            render=lambda: Render.works(dead_fetches=1),
        ),
    )
}


class Wish(BaseModel):
    """A change of the panel: what is left out stays.

    `blocks` says who blocks the bot, or not, `languages` what people's Telegram is set to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    render_seconds: float | None = Field(default=None, ge=0, le=LONGEST_RENDER)
    next: str | None = None
    flood: bool | None = None
    privacy: bool | None = None
    restart: bool = False
    blocks: dict[int, bool] = Field(default_factory=dict)
    languages: dict[int, str] = Field(default_factory=dict)


class Panel:
    """What the page's visitor has set up, and what the bot has asked of the provider."""

    def __init__(self, telegram: TelegramSandbox, provider: AimlApiSandbox, cast: Cast) -> None:
        self._telegram = telegram
        self._provider = provider
        self._cast = cast
        self._next = WORKS
        self._flood: FaultRule | None = None
        self.restart: Callable[[], None] | None = None
        """What ends the bot and starts it again, where somebody can."""
        self.is_restarting = False

    def change(self, wish: Wish) -> None:
        """Do what is wished; raises LookupError for an unknown outcome or person."""
        if wish.render_seconds is not None:
            self._provider.render_seconds = wish.render_seconds
        if wish.next is not None:
            self._expect(OUTCOMES[wish.next])
        if wish.flood is not None:
            self._flood_next(on=wish.flood)
        if wish.privacy is not None:
            self._telegram.privacy_mode(on=wish.privacy)
        if wish.restart and self.restart is not None and not self.is_restarting:
            self.is_restarting = True
            self.restart()
        for person_id, language in wish.languages.items():
            if language not in LANGUAGES:
                raise LookupError("no such language")
            self._cast.person(person_id).language = language
        for person_id, blocks in wish.blocks.items():
            chat = self._cast.private[person_id]
            if blocks != chat.blocked:
                (chat.block if blocks else chat.unblock)(self._cast.person(person_id))

    def _expect(self, outcome: Outcome) -> None:
        self._provider.faults.clear("submit")
        self._provider.next_render = outcome.render() if outcome.render else None
        if outcome.fault:
            self._provider.faults.next("submit", outcome.fault())
        self._next = outcome

    def _flood_next(self, *, on: bool) -> None:
        if self._flood is not None:
            self._flood.release()
        wait = TelegramFault.flood(_FLOOD)
        self._flood = self._telegram.faults.next("sendMessage", wait) if on else None

    @property
    def floods(self) -> bool:
        """Whether a flood limit waits for the bot's next message."""
        return bool(self._flood and self._flood.left)

    def as_json(self) -> Json:
        """Everything the panel shows; money in US dollars."""
        provider = self._provider
        return {
            "render_seconds": provider.render_seconds,
            "next": self._pending().name,
            "outcomes": [
                {"name": one.name, "label": one.label, "hint": one.hint}
                for one in OUTCOMES.values()
            ],
            "held": self._held,
            "flood": self.floods,
            "privacy": not self._telegram.world.reads_all_group_messages,
            "restarts": self.restart is not None,
            "restarting": self.is_restarting,
            "languages": LANGUAGES,
            "language": {key: one.language for key, one in self._cast.people.items()},
            "blocked": [key for key, chat in self._cast.private.items() if chat.blocked],
            "requests": [self._request(one) for one in provider.submissions],
            "spent_usd": str(provider.spent_usd),
            "balance_usd": str(provider.balance),
        }

    @property
    def _held(self) -> bool:
        """Whether the bot was told that the account is empty, and has not looked at it since."""
        last = self._provider.submissions[-1:]
        return any(
            one.status == HTTPStatus.FORBIDDEN and one.at > self._provider.balance_read_at
            for one in last
        )

    def _pending(self) -> Outcome:
        """What lies in wait, as long as no request has met it."""
        provider = self._provider
        if provider.next_render is None and not provider.faults.waiting().get("submit"):
            self._next = WORKS
        return self._next

    def _request(self, submission: Submission) -> Json:
        generation = self._provider.generations.by_id.get(submission.id or "")
        told: Json = {"model": submission.model, "at": submission.at, "usd": "0"}
        if generation is None:
            status = submission.status
            return told | {"status": "arriving" if status is None else f"refused ({status})"}
        width, height = generation.clip.size
        moderated = generation.status == "error" and "moderation" in generation.render.error_name
        return told | {
            "status": "refused by moderation" if moderated else generation.status,
            "seconds": generation.clip.seconds,
            "width": width,
            "height": height,
            "usd": str(generation.charged if generation.ended else generation.price),
        }
