"""The introduction: a video to see, and two ideas at their price, each a tap away."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from generation.media.videos import Deliverable
from handlers.account import settings
from handlers.ordering.drafts import OrderDraft
from handlers.ordering.placing import place
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.sending import Refused, SendError
from handlers.routing import Router
from storage import statistics, videos

if TYPE_CHECKING:
    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()

SAMPLE = Deliverable(
    path := Path(__file__).with_name("sample.mp4"),
    "video", width=640, height=360, seconds=4.0, thumbnail=None, size=path.stat().st_size,
)  # fmt: skip
"""What a video of ours is like, for those who had none yet."""

logger = logging.getLogger(__name__)


class FilmIdea(CallbackData, prefix="idea"):
    """Make a video of one of our ideas, for as many credits as the button says."""

    number: int
    credits: int


def ideas(translator: Translator) -> tuple[tuple[str, str], ...]:
    """Return ideas for somebody who has none yet: what a button says, and the prompt."""
    _ = translator.gettext
    return (
        (
            _("A cat in a bathtub storm"),
            _("A cat captains a tiny sailing boat through a bathtub storm, warm evening light"),
        ),
        (
            _("A paper city in a book"),
            _("A paper city unfolds out of an old book, lanterns light up one after another"),
        ),
        (
            _("A very fast snail"),
            _("A snail races across a rainy garden leaf, filmed like a car commercial"),
        ),
        (
            _("Balloons come home"),
            _("A lighthouse on a cloud guides hot-air balloons home at sunrise"),
        ),
        (
            _("Two robots in the rain"),
            _("Two robots share an umbrella at a tram stop, soft rain, city lights"),
        ),
        (
            _("A whale made of stars"),
            _("A whale made of stars swims slowly over a sleeping mountain village"),
        ),
    )


async def introduce(services: Services, sender: Sender, words: str, turn: int) -> None:
    """Greet somebody with two ideas at their price, and with a video who had none yet.

    It is uploaded once, and sent by the id of its file from then on. `turn` chooses the ideas.
    """
    rows = _ideas(services, sender, turn)
    async with services.db.reading() as connection:
        knows = await statistics.ever_asked(connection, sender.account)
        file_id = await videos.shipped(connection, SAMPLE.path.name)
    if knows:
        await sender.reply(words, buttons=rows)
        return
    try:
        if file_id is not None:
            with suppress(Refused):  # Telegram lost it, or it was another bot's
                await sender.outbox.resend(sender.chat, file_id, "video", words, buttons=rows)
                return
        async with sender.outbox.uploading(sender.chat) as upload:
            sent = await sender.outbox.send_file(sender.chat, SAMPLE, words, upload, buttons=rows)
    except SendError as error:
        logger.info("a welcome has no video: %r", error)
        await sender.reply(words, buttons=rows)
        return
    async with services.db.transaction() as tx:
        await videos.note_shipped(tx, SAMPLE.path.name, sent.file_id)


def _ideas(services: Services, sender: Sender, turn: int) -> list[list[Button]]:
    """Return a button for each of two ideas; none where nothing can be ordered."""
    quote = settings.usual_of(services, sender.person) if sender.person else None
    if quote is None:
        return []
    choices = ideas(sender.translator)
    cost = sender.translator.number(quote.credits)
    two = [(2 * turn + place) % len(choices) for place in range(2)]
    return [
        [Button(f"🎬 {choices[number][0]} · {cost}", FilmIdea(number, quote.credits))]
        for number in two
    ]


@router.button(FilmIdea, orders=True)
async def film_idea(sender: Sender, press: FilmIdea, shown: int | None, context: Context) -> None:
    """Make a video of one of our ideas; where it costs more by now, a card asks first."""
    choices = ideas(sender.translator)
    if press.number >= len(choices) or shown is None:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    draft = OrderDraft(
        text=choices[press.number][1],
        picture=None,
        origin="press",
        cause=f"press:idea:{press.number}:{sender.account}",
        message_id=None,
        agreed=press.credits,
    )
    await place(context, sender, draft)
