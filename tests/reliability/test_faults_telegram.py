"""What Telegram can do to a call, and what is left at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from handlers.replies.status import FAILURE_EDIT_SECONDS
from sandbox.telegram import Fault as Said
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.reliability.fault_cases import MAX_ROW_SECONDS, End, scene
from tests.reliability.fault_proxy import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import LoggedErrors

FINE = End("delivered", 9, 1, 1)
LONGER = End("delivered", 17, 1, 1)
TWICE = End("delivered", 9, 1, 2)
KEPT = End("undeliverable", 9, 1, 0)
BACK = End("failed", 0, 0, 0)
NOTHING = End(None, 0, 0, 0)

SENT = {Fault.FORBIDDEN: KEPT, Fault.TRUNCATED: TWICE, Fault.LOST: TWICE}
"""A second copy comes only after an answer that was lost, and only where the first arrived."""
AWAY_SECONDS = 0.7
"""How long nobody listens: some retries come and go."""
FETCHED = {
    "getFile": {Fault.BAD_REQUEST: BACK, Fault.FORBIDDEN: BACK},
    "file": {Fault.BAD_REQUEST: BACK, Fault.FORBIDDEN: BACK, Fault.HTML: BACK},
}
"""Where a picture cannot be had: its sender is told so."""


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_video_sent_that_meets(fault: Fault, tmp_path: Path, errors: LoggedErrors) -> None:
    async with scene(tmp_path, errors, fault) as here:
        here.to_telegram.arm("sendVideo", fault)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        assert await here.settle() == SENT.get(fault, FINE)


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize(
    "calls",
    [("getUpdates", "sendMessage"), ("sendChatAction", "deleteMessage")],
    ids=" and ".join,
)
async def test_what_stands_around_a_video_and_meets(
    calls: tuple[str, ...], fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    """Each of them, one after the other."""
    async with scene(tmp_path, errors, fault) as here:
        for call in calls:
            here.to_telegram.arm(call, fault)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        assert await here.settle() == FINE


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("call", ["getFile", "file"])
async def test_a_picture_fetched_that_meets(
    call: str, fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with scene(tmp_path, errors, fault) as here:
        here.to_telegram.arm(call, fault)
        await here.chat.send_photo(here.ann, photo(), caption="/animate waves move slowly")
        end = await here.settle()
    expected = FETCHED[call].get(fault, FINE)
    assert (end.state, end.submissions, end.copies) == (
        expected.state, expected.submissions, expected.copies,
    )  # fmt: skip
    assert bool(end.charged) == bool(expected.charged)


FOR_NOW = Said.error(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
ELSEWHERE = Said.answers(
    {"file_id": "a", "file_unique_id": "b", "file_path": "/var/lib/telegram-bot-api/x/photos/1"}
)


@pytest.mark.parametrize(
    ("fault", "times", "state"),
    [
        (FOR_NOW, 3, "delivered"),
        (FOR_NOW, None, "failed"),
        (Said.flood(40), 1, "delivered"),
        (Said.answers({"file_id": "a", "file_unique_id": "b"}), 2, "delivered"),
        (Said.answers({"file_id": "a", "file_unique_id": "b"}), None, "failed"),
        (Said.answers({"odd": True}), 1, "delivered"),
        (Said.answers(True), 1, "delivered"),
        (ELSEWHERE, None, "failed"),
    ],
    ids=lambda value: value.description or str(value.result) if isinstance(value, Said) else None,
)
async def test_a_picture_that_telegram_does_not_hand_out(
    fault: Said, times: int | None, state: str, tmp_path: Path, errors: LoggedErrors,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """It is asked for during a minute, not before Telegram wants to be asked; then given up."""
    async with scene(tmp_path, errors) as here:
        here.harness.telegram.faults.next("getFile", fault, times=times or 99)
        asked = here.clock()
        await here.chat.send_photo(here.ann, photo(), caption="/animate waves move slowly")
        await here.to_telegram.called("getFile")
        end = await here.settle()
        passed = here.clock() - asked
        tries = here.to_telegram.calls["getFile"]
        await here.chat.wait(shows_video() if end.charged else says("no longer get your picture"))
    assert (end.state, bool(end.charged), end.submissions) == (
        state, state == "delivered", int(state == "delivered"),
    )  # fmt: skip
    assert tries == (7 if times is None else times + 1)
    assert passed >= (60 if times is None else fault.parameters.get("retry_after", 0))
    warned = [one for one in caplog.messages if "TELEGRAM_API_LOCAL" in one]
    assert len(warned) == (fault is ELSEWHERE), "what the operator can mend is said once"
    assert all("/var/lib/telegram-bot-api/" in one for one in warned)


@pytest.mark.parametrize("call", ["sendMessage", "editMessageText"])
@pytest.mark.parametrize("fault", list(Fault))
async def test_a_notice_that_meets(
    fault: Fault, call: str, tmp_path: Path, errors: LoggedErrors
) -> None:
    """While whoever asked still looks at its status, that turns into the notice."""
    async with scene(tmp_path, errors, fault) as here:
        here.to_provider.arm("submit", Fault.BROKEN)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        await here.chat.wait(says("Expected in about"))
        here.to_telegram.arm(call, fault)
        if call == "sendMessage":
            here.clock.skip(FAILURE_EDIT_SECONDS + 1)
        assert await here.settle() == BACK
        told = [one for one in here.chat.from_bot if "credits are back" in (one.text or "")]
        assert told or fault in {Fault.BAD_REQUEST, Fault.FORBIDDEN}


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_press_whose_effect_is_to_be_shown_and_meets(
    fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    """What was chosen holds, what was ordered comes, whatever becomes of its answer or message."""
    async with scene(tmp_path, errors, fault) as here:
        await here.chat.send(here.ann, "/settings")
        choices = await here.chat.wait(lambda message: message.buttons)
        here.to_telegram.arm("editMessageText", fault)
        here.press(choices, "8 sec")
        await here.to_telegram.called("editMessageText")
        await here.chat.send(here.ann, "a cat on a sailing boat")
        card = await here.chat.wait(says("Make a video of this?"))
        here.to_telegram.arm("answerCallbackQuery", fault)
        here.press(card, "Make it")
        assert await here.settle() == LONGER
        video = await here.chat.wait(shows_video())
        here.to_telegram.arm("editMessageReplyMarkup", fault)
        here.press(video, "More…")
        await here.to_telegram.called("editMessageReplyMarkup")
        assert await here.settle() == LONGER
        if "More…" in str(video.buttons):
            await video.press("More…")
        await here.chat.wait(lambda message: "Delete" in str(message.buttons))


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_card_that_meets(fault: Fault, tmp_path: Path, errors: LoggedErrors) -> None:
    async with scene(tmp_path, errors, fault) as here:
        here.to_telegram.arm("sendMessage", fault)
        await here.chat.send(here.ann, "a cat on a sailing boat")
        assert await here.settle() == NOTHING
        if fault is not Fault.FORBIDDEN:
            await here.chat.wait(lambda message: message.text)


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_video_refused_as_one_and_sent_as_a_document_that_meets(
    fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with scene(tmp_path, errors, fault) as here:
        here.to_telegram.arm("sendVideo", Fault.BAD_REQUEST)
        here.to_telegram.arm("sendDocument", fault)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        assert await here.settle() == (SENT | {Fault.BAD_REQUEST: KEPT}).get(fault, FINE)


ODD = [
    True, [], {"odd": True},
    {"message_id": "7", "date": 0, "chat": {"id": 1, "type": "private"}},
    {"message_id": 7, "date": 0, "chat": {"id": 1, "type": "private"}, "text": "no file"},
]  # fmt: skip
"""What a yes of Telegram's may hold beside what it should."""


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_a_video_whose_yes_cannot_be_read_is_there_and_comes_again_where_it_is_asked_for(
    odd: object, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with scene(tmp_path, errors) as here:
        here.harness.telegram.faults.next("sendVideo", Said.answers(odd))
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        await here.to_telegram.called("sendVideo")
        assert await here.settle() == End("undeliverable", 9, 1, 1)
        assert not [one for one in here.chat.from_bot if "could not deliver" in (one.text or "")]
        await here.chat.send(here.ann, "/start")
        await here.to_telegram.called("sendVideo", 2)
        async with asyncio.timeout(MAX_ROW_SECONDS):
            while (end := await here.settle()).state != "delivered":
                await asyncio.sleep(0.02)
    assert end == TWICE


@pytest.mark.parametrize("odd", [True, {"odd": True}], ids=str)
async def test_no_yes_that_cannot_be_read_is_taken_for_a_no(
    odd: object, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with scene(tmp_path, errors) as here:
        for call in (
            "sendMessage", "editMessageText", "editMessageReplyMarkup", "answerCallbackQuery",
            "deleteMessage", "sendChatAction",
        ):  # fmt: skip
            here.harness.telegram.faults.always(call, Said.answers(odd))
        await here.chat.send(here.ann, "/settings")
        here.press(await here.chat.wait(lambda message: message.buttons), "8 sec")
        await here.to_telegram.called("editMessageText")
        await here.chat.send(here.ann, "a cat on a sailing boat")
        here.press(await here.chat.wait(says("Make a video of this?")), "Make it")
        video = await here.chat.wait(shows_video())
        assert await here.settle() == LONGER
        here.press(video, "More…")
        await here.chat.wait(lambda message: "Delete" in str(message.buttons))
        await here.chat.send(here.ann, "/help")
        await here.chat.wait(says("/video"))
    said = [one.text for one in here.chat.from_bot if one.text]
    assert not [text for text in said if "broke" in text]
    assert len(said) == len(set(said)), "nothing is said twice"


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_kept_video_brought_that_meets(
    fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    """What fails is offered again, and a second copy comes only where the first arrived unseen."""
    async with scene(tmp_path, errors, fault) as here:
        here.to_telegram.arm("sendVideo", Fault.FORBIDDEN)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        assert await here.settle() == KEPT
        here.to_telegram.arm("sendVideo", fault)
        await here.chat.send(here.ann, "/start")
        await here.to_telegram.called("sendVideo", 2)
        async with asyncio.timeout(MAX_ROW_SECONDS):
            while (end := await here.settle()).state != "delivered":
                # one that is asked for while it is being brought is not brought twice
                await here.chat.send(here.ann, "/start")
                await asyncio.sleep(0.3)
        assert end == (TWICE if fault in {Fault.TRUNCATED, Fault.LOST} else FINE)


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_video_of_the_history_that_meets(
    fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with scene(tmp_path, errors, fault) as here:
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        await here.chat.wait(shows_video())
        assert await here.settle() == FINE
        await here.chat.send(here.ann, "/history")
        listed = await here.chat.wait(says("Tap a number"))
        here.to_telegram.arm("sendVideo", fault)
        here.press(listed, "1")
        await here.to_telegram.called("sendVideo", 2)
        end = await here.settle()
    sorry = [one for one in here.chat.from_bot if "I am sorry" in (one.text or "")]
    broke = [one for one in here.chat.from_bot if "Something broke" in (one.text or "")]
    assert (end.state, end.charged, end.submissions) == ("delivered", 9, 1)
    # who has blocked the bot sees neither
    assert end.copies == 2 or sorry or broke or fault is Fault.FORBIDDEN


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_reaction_in_a_group_that_meets(
    fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with scene(tmp_path, errors, fault) as here:
        here.chat = here.harness.telegram.group("Film club", [here.ann])
        here.to_telegram.arm("setMessageReaction", fault)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        assert await here.settle() == FINE


@pytest.mark.parametrize("after", ["submit", "download"])
async def test_a_telegram_nobody_listens_at(
    after: str, tmp_path: Path, errors: LoggedErrors
) -> None:
    """While the video is made, or when it is to be sent."""
    async with scene(tmp_path, errors) as here:
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        await here.to_provider.called(after)
        await here.to_telegram.refuse(AWAY_SECONDS)
        assert await here.settle() == FINE
