"""The panel beside the chat: actions to try, the next fault, and the provider's requests."""

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
    from sandbox.page.participants import Participants
    from sandbox.telegram import FaultRule, TelegramSandbox

Json = dict[str, Any]

MAX_RENDER_SECONDS = 120.0
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
_FLOOD_SECONDS = 3  # Telegram's retry_after
_RETRY_AFTER = 2  # seconds, of the provider


@dataclass(frozen=True, slots=True)
class Outcome:
    """A choice for the next request for a video; `hint` says how the bot should react."""

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


class PanelChange(BaseModel):
    """A change of the panel's settings; those left out stay.

    `blocks` has, by person, whether they block the bot; `languages` the language of their Telegram.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    render_seconds: float | None = Field(default=None, ge=0, le=MAX_RENDER_SECONDS)
    next: str | None = None
    flood: bool | None = None
    privacy: bool | None = None
    restart: bool = False
    blocks: dict[int, bool] = Field(default_factory=dict)
    languages: dict[int, str] = Field(default_factory=dict)


class Panel:
    """The settings a visitor has made, and the bot's requests to the provider."""

    def __init__(
        self, telegram: TelegramSandbox, provider: AimlApiSandbox, participants: Participants
    ) -> None:
        self._telegram = telegram
        self._provider = provider
        self._participants = participants
        self._next = WORKS
        self._flood: FaultRule | None = None
        self.restart: Callable[[], None] | None = None
        """Restarts the bot; None if that is not possible."""
        self.is_restarting = False

    def apply(self, change: PanelChange) -> None:
        """Apply a change; raises LookupError for an unknown outcome, language or person."""
        if change.render_seconds is not None:
            self._provider.render_seconds = change.render_seconds
        if change.next is not None:
            self._set_next(OUTCOMES[change.next])
        if change.flood is not None:
            self._set_flood(on=change.flood)
        if change.privacy is not None:
            self._telegram.privacy_mode(on=change.privacy)
        if change.restart and self.restart is not None and not self.is_restarting:
            self.is_restarting = True
            self.restart()
        for person_id, language in change.languages.items():
            if language not in LANGUAGES:
                raise LookupError("no such language")
            self._participants.person(person_id).language = language
        for person_id, blocks in change.blocks.items():
            chat = self._participants.private[person_id]
            if blocks != chat.blocked:
                (chat.block if blocks else chat.unblock)(self._participants.person(person_id))

    def _set_next(self, outcome: Outcome) -> None:
        self._provider.faults.clear("submit")
        self._provider.next_render = outcome.render() if outcome.render else None
        if outcome.fault:
            self._provider.faults.next("submit", outcome.fault())
        self._next = outcome

    def _set_flood(self, *, on: bool) -> None:
        if self._flood is not None:
            self._flood.release()
        wait = TelegramFault.flood(_FLOOD_SECONDS)
        self._flood = self._telegram.faults.next("sendMessage", wait) if on else None

    @property
    def floods(self) -> bool:
        """Whether the bot's next message meets a flood limit."""
        return bool(self._flood and self._flood.left)

    def as_json(self) -> Json:
        """Return everything the panel shows; money in US dollars."""
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
            "language": {key: one.language for key, one in self._participants.people.items()},
            "blocked": [key for key, chat in self._participants.private.items() if chat.blocked],
            "requests": [self._request(one) for one in provider.submissions],
            "spent_usd": str(provider.spent_usd),
            "balance_usd": str(provider.balance),
        }

    @property
    def _held(self) -> bool:
        """Whether the last request found no credit, and the bot has not read the balance since."""
        last = self._provider.submissions[-1:]
        return any(
            one.status == HTTPStatus.FORBIDDEN and one.at > self._provider.balance_read_at
            for one in last
        )

    def _pending(self) -> Outcome:
        """Return the outcome of the next request; after it, that is the normal one."""
        provider = self._provider
        if provider.next_render is None and not provider.faults.waiting().get("submit"):
            self._next = WORKS
        return self._next

    def _request(self, submission: Submission) -> Json:
        generation = self._provider.generations.by_id.get(submission.id or "")
        request: Json = {"model": submission.model, "at": submission.at, "usd": "0"}
        if generation is None:
            status = submission.status
            return request | {"status": "arriving" if status is None else f"refused ({status})"}
        width, height = generation.clip.size
        moderated = generation.status == "error" and "moderation" in generation.render.error_name
        return request | {
            "status": "refused by moderation" if moderated else generation.status,
            "seconds": generation.clip.seconds,
            "width": width,
            "height": height,
            "usd": str(generation.charged if generation.ended else generation.price),
        }
