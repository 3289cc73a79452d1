"""Keyboards: what buttons carry and how they are laid out, under cards and under videos."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from telegram import (
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    SwitchInlineQueryChosenChat,
)

from generation.media.pictures import which_frame
from generation.orders import quotes, reading, substitutes
from generation.orders.options import Defaults
from generation.orders.quotes import Instead
from handlers.replies.texts import described, gone, shortened, unlinked, worth
from storage.cards import CardKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from telegram import MaybeInaccessibleMessage

    from generation.models.offer import Offer
    from generation.orders.balances import Balance, Pool
    from generation.orders.quotes import Quote
    from generation.orders.substitutes import Priced
    from handlers.replies.texts import Translator
    from storage.cards import Card
    from storage.generations import Generation

LONGEST = 64
"""Bytes of callback data Telegram takes."""


@dataclass(frozen=True, slots=True)
class CallbackData:
    """What a button carries: subclasses are frozen dataclasses of int and str fields."""

    prefix: ClassVar[str]

    def encode(self) -> str:
        """Return the callback data.

        Raises:
            ValueError: it is longer than 64 bytes or holds a separator.
        """
        values = [str(value) for value in dataclasses.astuple(self)]
        data = ":".join([self.prefix, *values])
        if data.count(":") != len(values) or len(data.encode()) > LONGEST:
            raise ValueError(f"not to be carried by a button: {data}")
        return data

    @classmethod
    def decode(cls, data: object) -> Self | None:
        """Read callback data; None where this class did not make it."""
        if not isinstance(data, str):
            return None
        prefix, *values = data.split(":")
        fields = dataclasses.fields(cls)
        if prefix != cls.prefix or len(values) != len(fields):
            return None
        read: list[int | str] = []
        for value, field in zip(values, fields, strict=True):
            if field.type == "str":
                read.append(value)
            elif value.isascii() and value.isdigit() and len(value) < 19:  # noqa: PLR2004 - below 2**63
                read.append(int(value))
            else:
                return None
        decoded = cls(*read)
        try:
            # one meaning, one spelling: "07" is not 7
            return decoded if decoded.encode() == data else None
        except ValueError:
            # longer than a button carries, or no text at all: half a surrogate pair
            return None

    @classmethod
    def matches(cls, data: object) -> bool:
        """Whether this class made the callback data; a pattern for CallbackQueryHandler."""
        return cls.decode(data) is not None


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: it carries data, opens a link, or hands a text out.

    `share` is written behind the bot's name in the chat somebody picks, `edits` in this one, and
    `copies` goes to the clipboard.
    """

    text: str
    data: CallbackData | None = None
    url: str | None = None
    share: str | None = None
    edits: str | None = None
    copies: str | None = None


def keyboard(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    """Lay buttons out in rows; None where there are none."""
    if not any(rows):
        return None
    return InlineKeyboardMarkup(
        [
            [
                InlineKeyboardButton(
                    button.text,
                    callback_data=button.data.encode() if button.data else None,
                    url=button.url,
                    switch_inline_query_chosen_chat=_anywhere(button.share),
                    switch_inline_query_current_chat=button.edits,
                    copy_text=CopyTextButton(button.copies) if button.copies else None,
                )
                for button in row
            ]
            for row in rows
            if row
        ]
    )


def _anywhere(share: str | None) -> SwitchInlineQueryChosenChat | None:
    if share is None:
        return None
    return SwitchInlineQueryChosenChat(
        share,
        allow_user_chats=True,
        allow_bot_chats=True,
        allow_group_chats=True,
        allow_channel_chats=True,
    )


def carries(message: MaybeInaccessibleMessage, press: CallbackData) -> bool:
    """Whether a message has a button that carries this: a made-up press may name any message."""
    markup = message.reply_markup if isinstance(message, Message) else None
    rows = markup.inline_keyboard if markup else ()
    return any(button.callback_data == press.encode() for row in rows for button in row)


@dataclass(frozen=True, slots=True)
class Sure(CallbackData):
    """Do what another button does, after it was asked whether that is meant.

    `act` is the prefix of what that button carries, `number` its one field.
    """

    prefix: ClassVar[str] = "sure"
    act: str
    number: int

    @property
    def meant(self) -> str:
        """What the other button carries."""
        return f"{self.act}:{self.number}"


@dataclass(frozen=True, slots=True)
class Keep(CallbackData):
    """Do nothing of what was asked about."""

    prefix: ClassVar[str] = "keep"


@dataclass(frozen=True, slots=True)
class Cancel(CallbackData):
    """Cancel a request of the list."""

    prefix: ClassVar[str] = "cancel"
    generation: int


@dataclass(frozen=True, slots=True)
class Undo(CallbackData):
    """Cancel a request below the message that says it was accepted."""

    prefix: ClassVar[str] = "undo"
    generation: int


@dataclass(frozen=True, slots=True)
class Again(CallbackData):
    """Make another video like this one; whoever taps pays."""

    prefix: ClassVar[str] = "again"
    generation: int


def video_under(message: Message | None) -> int | None:
    """Return the number of the video a message of ours shows: the buttons below it carry it.

    Message ids would not do: Telegram gives none for videos it still prepares, and new ones
    to a group that moves.
    """
    if message is None or message.reply_markup is None:
        return None
    if message.from_user is None or message.from_user.id != message.get_bot().id:
        return None
    carried = (
        Again.decode(button.callback_data)
        for row in message.reply_markup.inline_keyboard
        for button in row
    )
    return next((press.generation for press in carried if press is not None), None)


@dataclass(frozen=True, slots=True)
class GoOn(CallbackData):
    """Make a video that begins with this one's last frame; whoever taps pays."""

    prefix: ClassVar[str] = "goon"
    generation: int


@dataclass(frozen=True, slots=True)
class Change(CallbackData):
    """Ask for other words, and make them with all else as it was."""

    prefix: ClassVar[str] = "change"
    generation: int


@dataclass(frozen=True, slots=True)
class Remove(CallbackData):
    """Take the video out of the chat."""

    prefix: ClassVar[str] = "remove"
    generation: int


@dataclass(frozen=True, slots=True)
class More(CallbackData):
    """Show the buttons that are needed less."""

    prefix: ClassVar[str] = "more"
    generation: int


MOST_FETCHED = 20_000_000
"""Bytes a bot may fetch from Telegram (the hosted server's limit for getFile)."""


@dataclass(frozen=True, slots=True)
class ResultButtons:
    """Lays out the buttons under a video; `shares` is whether the bot has inline mode."""

    offer: Offer
    credit_usd: Decimal
    shares: bool

    def under(
        self,
        video: Generation,
        translator: Translator,
        *,
        in_private: bool,
        unfolded: bool = False,
        size: int | None = None,
    ) -> list[list[Button]]:
        """Return the rows: in private the useful three and the others on demand, in a group all.

        `size` is how many bytes the video has, where they count: of a large one no frame is had.
        """
        _ = translator.gettext
        again = Button(
            _("🔁 Again · {credits}").format(credits=translator.number(video.credits)),
            Again(video.id),
        )
        on = self._on(video, translator) if (size or 0) <= MOST_FETCHED else []
        delete = Button(_("🗑 Delete"), Remove(video.id))
        # the long label has a row of its own
        if not in_private:
            return [[again, delete], on]
        first = [again, Button(_("✏️ Change"), Change(video.id))]
        if self.shares:
            first.append(Button(_("↗️ Share"), share=f"#{video.id}"))
        return [first, on, [delete]] if unfolded else [first, [Button(_("More…"), More(video.id))]]

    def _on(self, video: Generation, translator: Translator) -> list[Button]:
        """Return the button to go on from the last frame, with its price, where that is offered."""
        quote = quotes.quote(
            substitutes.going_on(video, self.offer),
            kind="i2v",
            offer=self.offer,
            defaults=Defaults(),
            credit_usd=self.credit_usd,
        )
        if not isinstance(quote, quotes.Quote):
            return []
        label = translator.gettext("🎞 Animate its last frame · {credits}")
        return [Button(label.format(credits=translator.number(quote.credits)), GoOn(video.id))]


LONGEST_PROMPT = 400
"""Characters of the prompt shown on a card."""


@dataclass(frozen=True, slots=True)
class Start(CallbackData):
    """Make the video of a card, for as many credits as the button says.

    What is 0 or empty else stays as the card says.
    """

    prefix: ClassVar[str] = "start"
    card: int
    seconds: int = 0
    family: str = ""
    fit: str = ""
    shape: str = ""
    resolution: str = ""
    credits: int = 0

    @classmethod
    def with_instead(cls, card: int, instead: Instead, credits_: int) -> Self:
        """Return what a button for something else than the card says carries."""
        # the colon of a shape separates fields in a button
        shape = instead.aspect_ratio.replace(":", "x")
        return cls(
            card, instead.seconds, instead.family, instead.fit, shape, instead.resolution, credits_
        )

    @property
    def instead(self) -> Instead:
        """What was tapped in the place of what the card says."""
        shape = self.shape.replace("x", ":")
        return Instead(self.seconds, self.family, self.fit, shape, self.resolution)


@dataclass(frozen=True, slots=True)
class StartAlone(CallbackData):
    """Make the video of a card that changes another, by what should be different alone."""

    prefix: ClassVar[str] = "alone"
    card: int
    credits: int


@dataclass(frozen=True, slots=True)
class Drop(CallbackData):
    """Make nothing of a card."""

    prefix: ClassVar[str] = "drop"
    card: int


def price(
    quote: Quote, balance: Balance, pool: Pool | None, translator: Translator, *, in_private: bool
) -> str:
    """Say what a video costs, and of what; how much somebody has is told to them alone."""
    cost = translator.number(quote.credits)
    if in_private:
        left = worth(translator, balance.total, quote.credits)
        return translator.gettext("{cost} of your {left}").format(cost=cost, left=left)
    if pool is not None and pool.available >= quote.credits:
        left = translator.credits(pool.left)
        return translator.gettext("{cost} of the group's {left}").format(cost=cost, left=left)
    return translator.credits(quote.credits)


def text(card: Card, quote: Quote, price: str, translator: Translator) -> str:
    """Return what a card says; `price` is in words."""
    prompt = unlinked(shortened(quote.prompt, LONGEST_PROMPT))
    head = _head(card, translator).format(prompt=prompt)
    if quote.instead_of is not None:
        return f"{head}\n\n{gone(quote, translator)}\n{price}"
    parts = [described(translator, quote), price]
    mode = quote.choice.mode
    if mode.sound and mode.fields.sound is None and reading.plain(quote.prompt).silent:
        sounds = translator.gettext("{model} always makes sound.")
        parts.insert(1, sounds.format(model=quote.choice.family.title))
    if quote.cuts:
        cut = translator.gettext("{share} of the photo is cut away")
        parts.insert(1, cut.format(share=translator.share(quote.lost)))
    return "\n".join([f"{head}\n", *parts])


def _head(card: Card, translator: Translator) -> str:
    """Ask what a card asks."""
    _, frame = translator.gettext, which_frame(card.picture or "")
    if frame == "first" and card.prompt:
        return _("Animate its first frame?\n\n“{prompt}”")
    if frame == "last" and card.prompt:
        return _("Animate its last frame?\n\n“{prompt}”")
    if card.prompt or card.kind is not CardKind.PICTURE:
        return _("Make a video of this?\n\n“{prompt}”")
    if frame == "first":
        return _("Animate its first frame? Write what should happen, or tap Gentle movement.")
    if frame == "last":
        return _("Animate its last frame? Write what should happen, or tap Gentle movement.")
    return _("Nice! What should happen? Write it, or tap Gentle movement.")


def buttons(
    card: Card, quote: Quote, translator: Translator, *, keeping: Priced | None = None
) -> list[list[Button]]:
    """Return a card's buttons: to start, to leave it, to keep the whole of a picture.

    `keeping` is another family's video that keeps its shape.
    """
    cost = translator.number(quote.credits)
    if card.kind is CardKind.PICTURE and not card.prompt:
        label = translator.gettext("Gentle movement · {credits}")
    elif quote.cuts:
        label = translator.gettext("✂️ Crop · {credits}")
    else:
        label = translator.gettext("🎬 Make it · {credits}")
    first = [Button(label.format(credits=cost), Start(card.id, credits=quote.credits))]
    others = list[list[Button]]()
    if quote.cuts:
        whole = translator.gettext("Whole picture · {credits}").format(credits=cost)
        # beside what it is the other choice to
        first.append(Button(whole, Start(card.id, fit="pad", credits=quote.credits)))
        if keeping is not None:
            family = keeping.choice.family
            other = translator.gettext("With {title} · {credits}").format(
                title=family.title, credits=translator.number(keeping.credits)
            )
            instead = Instead(family=family.name)
            others.append([Button(other, Start.with_instead(card.id, instead, keeping.credits))])
    if reading.CHANGE in card.prompt:
        alone = translator.gettext("Only my words · {credits}").format(credits=cost)
        others.append([Button(alone, StartAlone(card.id, quote.credits))])
    leave = Button(translator.gettext("No"), Drop(card.id))
    return [first, *others, [leave]] if quote.cuts else [[*first, leave], *others]
