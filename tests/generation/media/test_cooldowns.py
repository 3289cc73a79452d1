"""Who sends what is too much to open rests, and keeps nobody else waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from generation.media.formats import MediaFailed, PictureFault, PictureGone
from generation.media.pictures import BadPicture, MediaCooldowns, Pictures
from generation.media.pool import LIMITS
from storage.ledger import Account

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses

ANN, BOB = Account.person(1), Account.person(2)


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def attempt(
    cooldowns: MediaCooldowns, account: Account, error: Exception | None = None
) -> PictureFault | None:
    """Work for somebody, with this end; return why it was not even begun."""
    begun = False
    try:
        with cooldowns.guard(account):
            begun = True
            if error is not None:
                raise error
    except BadPicture as raised:
        return None if begun else PictureFault(str(raised))
    except (MediaFailed, PictureGone):
        pass
    return None


def test_a_rest_is_a_minute_and_doubles_until_a_day_is_over() -> None:
    clock = Clock()
    cooldowns = MediaCooldowns(clock)
    slow = BadPicture(PictureFault.TOO_SLOW)
    for seconds in (60, 120, 240):
        assert attempt(cooldowns, ANN, slow) is None
        clock.now += seconds - 1
        assert attempt(cooldowns, ANN) is PictureFault.COOLDOWN
        assert attempt(cooldowns, BOB) is None, "nobody else rests"
        clock.now += 1
        assert attempt(cooldowns, ANN) is None
    clock.now += 86_400
    assert attempt(cooldowns, ANN, MediaFailed("the child died")) is None
    clock.now += 60
    assert attempt(cooldowns, ANN) is None


@pytest.mark.parametrize(
    "error", [BadPicture(PictureFault.BROKEN), BadPicture(PictureFault.TOO_SMALL), PictureGone()]
)
def test_what_costs_nothing_sends_nobody_to_rest(error: Exception) -> None:
    cooldowns = MediaCooldowns(Clock())
    assert attempt(cooldowns, ANN, error) is None
    assert attempt(cooldowns, ANN) is None


async def test_nothing_is_fetched_or_opened_for_one_who_rests(
    media: MediaProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    async def fetch(file_id: str, target: Path) -> None:
        fetched.append(file_id)
        Image.new("RGB", (4000, 3000)).save(target, "PNG")

    clock = Clock()
    pictures = Pictures(media, fetch, tmp_path, MediaCooldowns(clock))
    with monkeypatch.context() as patched:
        patched.setitem(LIMITS, "draw_cut", LIMITS["draw_cut"]._replace(seconds=0.0))
        with pytest.raises(BadPicture, match="too_slow"):
            await pictures.cut("worst", (16, 9), ANN)
    with pytest.raises(BadPicture, match="resting"):
        await pictures.cut("next", (16, 9), ANN)
    assert await pictures.cut("another's", (16, 9), BOB)
    clock.now += 60
    assert await pictures.cut("later", (16, 9), ANN)
    assert fetched == ["worst", "another's", "later"]
