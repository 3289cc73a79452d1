"""How a talk with the provider fails. Each class is one reaction.

    ProviderError
    ├── NotTaken           submit: surely not accepted → submit again later
    │   └── RateLimited    submit: the account asks too often → all wait, and then go one by one
    ├── HeldBack           both: the account is refused → hold everything back, tell the admins
    ├── ModelGone          submit: this model is not served → leave it alone, go on with the next
    ├── Rejected           submit: this request is refused → failed, say what to change
    ├── Broken             submit: the model broke, nothing is billed → failed, offer another try
    ├── OutcomeUnknown     submit: it may run and be billed → look for it, never submit it again
    ├── Unavailable        asking: no answer to use → ask again later
    └── NoSuchGeneration   asking: the id is not known there

Messages are the provider's words, already shortened and free of keys and pictures: fit for a log,
not for a chat.
"""

from __future__ import annotations

from enum import StrEnum


class ProviderError(Exception):
    """The provider did not do what was asked."""


class NotTaken(ProviderError):
    """A submission was surely not accepted and may be repeated.

    `retry_after` is the wait the provider asks for, in seconds, None where it named none.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(NotTaken):
    """A submission was not accepted because the account asks too often, whatever it asks."""


class HoldReason(StrEnum):
    """What is wrong with the account."""

    KEY = "key"
    MONEY = "money"
    FORBIDDEN = "forbidden"


class HeldBack(ProviderError):
    """The provider refuses the account, so every submission would fail alike."""

    def __init__(self, message: str, *, reason: HoldReason) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def is_scope(self) -> bool:
        """Whether the key may merely lack a scope: told by a question, it says nothing of money."""
        return self.reason is HoldReason.FORBIDDEN


class ModelGone(ProviderError):
    """The provider does not serve the model that was asked for."""


class Rejected(ProviderError):
    """The provider refuses this one request for good.

    `moderation` tells that its content was the reason, `people` that it was people shown in it.
    """

    def __init__(self, message: str, *, moderation: bool = False, people: bool = False) -> None:
        super().__init__(message)
        self.moderation = moderation
        self.people = people


class Broken(ProviderError):
    """The provider failed while taking the request; its documentation bills nothing for that."""


class OutcomeUnknown(ProviderError):
    """Whether the submission was accepted cannot be told from the answer, or none came."""


class Unavailable(ProviderError):
    """A question got no usable answer. `retry_after` is in seconds, None where none was named."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoSuchGeneration(ProviderError):
    """The provider does not know the generation it was asked about."""
