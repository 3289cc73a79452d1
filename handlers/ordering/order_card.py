"""Order cards: messages that describe a video and start it by a button."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from generation.media.formats import MediaError, PictureDelayed, PictureGone
from generation.media.pictures import BadPicture, which_frame
from generation.orders import reading
from generation.orders.options import price_choice
from generation.orders.quotes import Alternative, Quote
from generation.orders.substitutes import accepts_prompt, find_uncropped, with_option
from handlers.ordering.drafts import SentPicture
from handlers.replies.keyboards import (
    Button,
    CallbackData,
    copy_buttons,
    encode_value,
    in_rows,
    ticked,
)
from handlers.replies.sending import Refused
from handlers.replies.texts import (
    bad_picture_text,
    sanitize,
    substitution_note,
    truncate,
    video_summary,
    worth,
)
from storage import cards
from storage.cards import CardKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from generation.orders.balances import Balance, Pool
    from handlers.context import Services
    from handlers.ordering.drafts import OrderDraft
    from handlers.replies.outbox import MessageOptions, SentMessage
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.cards import Card
    from storage.database import Connection

logger = logging.getLogger(__name__)

MAX_PROMPT_SHOWN = 400
"""Characters of the prompt on a card."""


class Start(CallbackData, prefix="start"):
    """Start the video of a card, at the price on the button.

    The card's own option applies if a field is 0 or empty.
    """

    card: int
    seconds: int = 0
    family: str = ""
    fit: str = ""
    shape: str = ""
    resolution: str = ""
    credits: int = 0

    @classmethod
    def with_alternative(cls, card: int, instead: Alternative, credits_: int) -> Self:
        """Return the data of a button that starts an alternative to what the card says."""
        shape = encode_value(instead.aspect_ratio)
        return cls(
            card, instead.seconds, instead.family, instead.fit, shape, instead.resolution, credits_
        )

    @property
    def instead(self) -> Alternative:
        """The alternative to what the card says."""
        shape = self.shape.replace("x", ":")
        return Alternative(self.seconds, self.family, self.fit, shape, self.resolution)


class StartAlone(CallbackData, prefix="alone"):
    """Start the video of a card that changes another video, from the change's own words only."""

    card: int
    credits: int


class Drop(CallbackData, prefix="drop"):
    """Discard a card."""

    card: int


class Toggle(CallbackData, prefix="toggle"):
    """Set an option of a card: `seconds`, `ar` (aspect ratio), `res`, `sound` or `model`."""

    card: int
    option: str
    value: str

    @property
    def meant(self) -> str:
        """The value, spelt as it is offered."""
        return self.value.replace("x", ":") if self.option == "ar" else self.value


class Unfold(CallbackData, prefix="unfold"):
    """Show all values of an option."""

    card: int
    option: str


def _price_text(
    quote: Quote, balance: Balance, pool: Pool | None, translator: Translator, *, in_private: bool
) -> str:
    """Return the price in words, and the balance it comes from: the sender's only in private."""
    cost = translator.number(quote.credits)
    if in_private:
        left = worth(translator, balance.total, quote.credits)
        return translator.gettext("{cost} of your {left}").format(cost=cost, left=left)
    if pool is not None and pool.available >= quote.credits:
        left = translator.credits(pool.total)
        return translator.gettext("{cost} of the group's {left}").format(cost=cost, left=left)
    return translator.credits(quote.credits)


def _card_text(card: Card, quote: Quote, price: str, translator: Translator) -> str:
    prompt = sanitize(truncate(quote.prompt, MAX_PROMPT_SHOWN))
    head = _card_question(card, translator).format(prompt=prompt)
    summary = substitution_note(quote, translator) or video_summary(translator, quote)
    lines = [f"{head}\n", summary]
    if quote.cuts and quote.instead_of is None:
        cut = translator.gettext("{share} of the photo is cut away")
        lines.append(cut.format(share=translator.percent(quote.cut_share)))
    return "\n".join([*lines, *_unmet_text(quote, translator), price])


def _unmet_text(quote: Quote, translator: Translator) -> list[str]:
    """Return in lines what plain words ask for and the video's family does not offer."""
    unmet, model, _ = quote.unmet, quote.choice.family.title, translator.gettext
    length = translator.duration(int(unmet.seconds)) if unmet.seconds else None
    options = " · ".join(filter(None, (length, unmet.aspect_ratio, unmet.resolution)))
    lines = [_("Not with {model}: {options}")] if options else []
    if unmet.silent and not quote.choice.mode.can_be_silent:
        lines.append(_("{model} always makes sound."))
    return [line.format(model=model, options=options) for line in lines]


def _card_question(card: Card, translator: Translator) -> str:
    _, frame = translator.gettext, which_frame(card.picture or "")
    words = reading.strip_options(card.prompt)
    if card.asks_what_follows:
        return _("What happens next? Write it as an answer to this, or tap Just go on.")
    if frame == "first":
        return (
            _("Animate its first frame?\n\n“{prompt}”")
            if words
            else _("Animate its first frame? Write what should happen, or tap Gentle movement.")
        )
    if frame == "last":
        return (
            _("Animate its last frame?\n\n“{prompt}”")
            if words
            else _("Animate its last frame? Write what should happen, or tap Gentle movement.")
        )
    if words or card.kind is not CardKind.PICTURE:
        return _("Make a video of this?\n\n“{prompt}”")
    return _("Nice! What should happen? Write it, or tap Gentle movement.")


def card_buttons(
    services: Services, sender: Sender, card: Card, quote: Quote, *, unfolded: str = ""
) -> list[list[Button]]:
    """Return the buttons to start or drop a card and, in private, to change its options.

    The `unfolded` option shows all its values. Nobody gets buttons who could not press them.
    """
    translator = sender.translator
    _, cost = translator.gettext, translator.number(quote.credits)
    if not sender.account.is_person:
        return []
    if card.asks_what_follows:
        label = _("🎞 Just go on · {credits}")
    elif card.kind is CardKind.PICTURE and not reading.strip_options(card.prompt):
        label = _("Gentle movement · {credits}")
    elif quote.cuts:
        label = _("✂️ Crop · {credits}")
    else:
        label = _("🎬 Make it · {credits}")
    start = Start(card.id, credits=quote.credits)
    first = [Button(label.format(credits=cost), start, style="success")]
    others = list[list[Button]]()
    if quote.cuts:
        whole = _("Whole picture · {credits}").format(credits=cost)
        first.append(Button(whole, Start(card.id, fit="pad", credits=quote.credits)))
    other = quote.met_by
    sent = SentPicture.on(card) if quote.cuts_unasked else None
    if other is None and sent and sent.size:
        other = find_uncropped(quote.choice, quote.prompt, sent.size, services.offer)
    if other is not None:
        text = _("With {title} · {credits}").format(
            title=other.choice.family.title, credits=translator.number(other.credits)
        )
        instead = Alternative(family=other.choice.family.name)
        others.append([Button(text, Start.with_alternative(card.id, instead, other.credits))])
    if reading.CHANGE_MARK in card.prompt and not card.asks_what_follows:
        alone = _("Only my words · {credits}").format(credits=cost)
        others.append([Button(alone, StartAlone(card.id, quote.credits))])
        inline, place = services.outbox.supports_inline, card.id if sender.chat.is_private else None
        others.append(copy_buttons(place, quote.prompt, translator, inline=inline))
    leave = Button(_("No"), Drop(card.id))
    rows = [first, *others, [leave]] if quote.cuts else [[*first, leave], *others]
    if sender.chat.is_private:
        rows += _toggles(services, card, quote, translator, unfolded)
    return rows


MAX_VALUES_SHOWN = 4
"""Values of an option that are shown before it is unfolded."""


def _toggles(
    services: Services, card: Card, quote: Quote, translator: Translator, unfolded: str
) -> list[list[Button]]:
    """Return the buttons of each option that has several values, the chosen one ticked."""
    choice, mode, rows = quote.choice, quote.choice.mode, list[list[Button]]()
    _ = translator.gettext
    brief = {str(seconds): translator.short_duration(seconds) for seconds in mode.seconds}
    shapes = {shape: shape for shape in mode.aspect_ratios}
    lines = {one: one for one in mode.resolutions}
    sound = {"on": _("With sound"), "off": _("No sound")} if mode.fields.sound else {}
    for option, offered, present in (
        ("seconds", brief, str(choice.seconds)),
        ("ar", shapes, quote.aspect_ratio),
        ("res", lines, choice.resolution),
        ("sound", sound, "off" if choice.silent else "on"),
    ):
        values = [*offered] if unfolded == option else _pick_evenly([*offered], present)
        row = [
            Button(
                ticked(offered[value], is_on=value == present),
                Toggle(card.id, option, encode_value(value)),
            )
            for value in values
        ]
        if len(values) < len(offered):
            row.append(Button(_("More…"), Unfold(card.id, option)))
        if len(offered) > 1:
            rows += in_rows(row, 5)
    families = {
        family.name: price_choice(near, services.offer)
        for family in services.offer.for_kind(choice.kind)
        if accepts_prompt(family, choice.kind, quote.prompt)
        and (near := with_option(choice, "model", family.name, services.offer))
    }
    if len(families) > 1 and unfolded == "model":
        for name, other in families.items():
            label = f"{other.choice.family.title} · {translator.number(other.credits)}"
            label = ticked(label, is_on=name == choice.family.name)
            rows.append([Button(label, Toggle(card.id, "model", name))])
    elif len(families) > 1:
        label = _("Model: {title}").format(title=choice.family.title)
        rows.append([Button(label, Unfold(card.id, "model"))])
    return rows


def _pick_evenly(offered: Sequence[str], present: str | None) -> list[str]:
    """Return at most `MAX_VALUES_SHOWN` values, evenly spread, the present one included."""
    last = len(offered) - 1
    if last < MAX_VALUES_SHOWN:
        return [*offered]
    places = {round(last * step / (MAX_VALUES_SHOWN - 1)) for step in range(MAX_VALUES_SHOWN)}
    if present in offered:
        at = offered.index(present)
        # it replaces the nearest one
        places = places - {min(places, key=lambda place: abs(place - at))} | {at}
    return [offered[place] for place in sorted(places)]


async def record_shown(tx: Connection, sender: Sender, card: int, said: SentMessage) -> None:
    """Store where a card is shown: in private if its group does not let the bot write."""
    alone = None if said.chat is sender.chat else said.chat.telegram_id
    await cards.shown(tx, card, said.message_id, alone_with=alone)


async def show_card(
    services: Services, sender: Sender, card: Card, text: str, **how: Unpack[MessageOptions]
) -> None:
    """Send a card, unless it is closed or already shown."""
    if card.state != "open" or (card.card_message is not None and sender.edited is None):
        return
    how["reply_to"] = card.message_id
    said = await sender.reply_about_order(text, **how)
    async with services.db.transaction() as tx:
        await record_shown(tx, sender, card.id, said)


PICTURE_TIMEOUT_SECONDS = 6.0
"""How long a card waits for its picture to be fetched and drawn."""
T = TypeVar("T")


async def _none_if_slow(work: Awaitable[T]) -> T | None:
    """Return the result of work on a picture, or None if it fails or takes too long."""
    try:
        async with asyncio.timeout(PICTURE_TIMEOUT_SECONDS):
            return await work
    except (PictureGone, PictureDelayed, MediaError, TimeoutError) as error:
        logger.info("a card shows no picture: %r", error)
        return None


async def with_picture_size(
    services: Services, sender: Sender, draft: OrderDraft
) -> tuple[OrderDraft, str | None]:
    """Return the draft with the size of its picture, and why the picture is unusable, if it is.

    The picture is fetched if Telegram did not tell its size, except for buttons below a video,
    which has shown how it is cropped.
    """
    sent = draft.picture
    if sent is None or sent.size is not None or not (draft.asks or draft.origin == "message"):
        return draft, None
    try:
        size = await _none_if_slow(services.pictures.size(sent.file_id, sender.account))
    except BadPicture as error:
        return draft, bad_picture_text(error.reason, sender.translator)
    if size is not None:
        draft = replace(draft, picture=replace(sent, width=size[0], height=size[1]))
    return draft, None


async def show_order_card(
    services: Services,
    sender: Sender,
    card: Card,
    quote: Quote,
    funds: tuple[Balance, Pool | None],
    *,
    was: Quote | None = None,
) -> None:
    """Send a card, or update the one already shown with its present words and options.

    If its group does not let the bot write, it is sent, and priced, in private. `was` is the
    quote that the card showed before.
    """

    def said(*, in_private: bool) -> str:
        price = _price_text(quote, *funds, translator, in_private=in_private)
        words = _card_text(card, quote, price, translator)
        if sender.is_late:
            words = translator.gettext("I was away. Still want this?") + "\n\n" + words
        if not sender.account.is_person:
            # anonymous admins and channels press buttons as a different user
            words += "\n" + translator.gettext("Send the command again to start it.")
        return words

    translator = sender.translator
    here, picture = said(in_private=sender.chat.is_private), None
    sent, rows = SentPicture.on(card), card_buttons(services, sender, card, quote)
    turned = was is not None and (was.cuts or quote.cuts) and was.frame != quote.frame
    if sent is not None and (turned or (quote.cuts and card.card_message is None)):
        drawn = services.pictures.cut(sent.file_id, quote.frame, card.account)
        with suppress(BadPicture):
            picture = await _none_if_slow(drawn)
    if card.card_message is not None and not sender.edited:
        # a card whose picture changed needs the new picture, too
        if picture or not turned:
            with suppress(Refused):
                await sender.outbox.edit(
                    sender.chat, card.card_message, here, rows, picture=picture
                )
                return
        await sender.delete_card(card)
        card = replace(card, card_message=None)
    alone = said(in_private=True)
    await show_card(services, sender, card, here, buttons=rows, alone=alone, picture=picture)
