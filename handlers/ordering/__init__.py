"""Ordering: from a message or a tap to an accepted order."""

from __future__ import annotations

from handlers.ordering.conversation import ask_anew, ask_for_picture
from handlers.ordering.drafts import OrderDraft, SentPicture, answered, any_picture_of, draft_of
from handlers.ordering.messages import SENT_THROUGH_US
from handlers.ordering.placing import place
from handlers.ordering.refusals import ways_on_for

__all__ = [
    "SENT_THROUGH_US",
    "OrderDraft",
    "SentPicture",
    "answered",
    "any_picture_of",
    "ask_anew",
    "ask_for_picture",
    "draft_of",
    "place",
    "ways_on_for",
]
