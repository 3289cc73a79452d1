"""Whatever can be owed has words."""

from __future__ import annotations

from typing import Any

import pytest

from generation.media.formats import PictureFault
from handlers.replies.notices import notice_text
from handlers.replies.texts import Languages
from storage.notices import NoticeKind, Owed

FACTS: dict[str, Any] = {
    "credits": 9, "was": "Sora 2", "title": "Veo", "family": "veo", "seconds": 4, "cost": 4,
    "picture": PictureFault.BROKEN, "note": None, "members": 3, "by": "Bob", "waits": False,
    "group": 2, "reporter": "Bob", "place": "here", "owner": "Ann", "words": "", "prompt": "a cat",
    "generation": 1, "by_person": True, "reason": "key", "explanation": "401", "model": "m",
    "successor": "Veo", "moved": "m: $1 → $2", "update": 7,
    "left": 0, "person": 5, "day": 0, "old": -1, "new": -2, "name": "Bob", "number": 5,
    "chat": 1, "balance": 1, "lasts": 60.0, "today": 1, "usual": 1, "delivered": 1, "spent": 1,
    "people": 1, "stars": 1, "payment": 1, "used": 1, "payments": [], "failures": [],
    "for_group": "Film club",
}  # fmt: skip


def words(kind: NoticeKind, **facts: Any) -> str:
    """Put a notice into words."""
    owed = Owed(
        cause="c", chat=1, kind=kind, facts=FACTS | facts, generation=1, id=1, due_at=0.0, sends=0
    )
    return notice_text(owed, Languages().translator("en"), name="Ann", link=None)[0]


WORDLESS = {NoticeKind.UNKNOWN, NoticeKind.FILM, NoticeKind.GOODBYE}
"""What is no text with buttons, or is said by itself."""


@pytest.mark.parametrize("kind", sorted({*NoticeKind} - WORDLESS))
def test_every_kind_of_notice_has_words(kind: NoticeKind) -> None:
    text = words(kind)
    assert text
    assert "{" not in text


@pytest.mark.parametrize("fault", PictureFault)
def test_everything_that_may_be_wrong_with_a_picture_has_words(fault: PictureFault) -> None:
    assert words(NoticeKind.FAILED_PICTURE, picture=fault)


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        (NoticeKind.FAILED_PEOPLE, "Try a photo without people."),
        (NoticeKind.FAILED_MODEL_GONE, "/models shows what there is."),
        (NoticeKind.FAILED_CLOSED, "try again in an hour"),
        (NoticeKind.FAILED_WAITED, "try again in a while"),
        (NoticeKind.FAILED_MODERATION, "Try other words"),
        (NoticeKind.FAILED_REJECTED, "Try other words"),
    ],
)
def test_where_no_other_model_can_be_offered_it_is_said_what_to_try(
    kind: NoticeKind, hint: str
) -> None:
    facts = {name: value for name, value in FACTS.items() if name != "family"}
    owed = Owed(cause="c", chat=1, kind=kind, facts=facts, generation=1, id=1, due_at=0.0, sends=0)
    told = notice_text(owed, Languages().translator("en"), name="Ann", link=None)
    assert hint in told[0]
