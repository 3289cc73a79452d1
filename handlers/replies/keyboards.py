"""Keyboards: what buttons carry, and how they are laid out under videos."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeVar, dataclass_transform

from telegram import (
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    SwitchInlineQueryChosenChat,
)
from telegram.constants import InlineKeyboardButtonLimit

from generation.orders import quotes, substitutes
from generation.orders.options import Defaults
from generation.orders.quotes import Quote
from generation.orders.reading import read_number
from generation.orders.substitutes import Variations
from handlers.replies.texts import utf16_length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegram import Bot, MaybeInaccessibleMessage

    from generation.models.offer import Offer
    from generation.orders.options import PricedChoice
    from handlers.replies.texts import Translator
    from storage.generations import Generation

Carried = TypeVar("Carried", bound="CallbackData")


@dataclass_transform(frozen_default=True)
@dataclass(frozen=True)
class CallbackData:
    """What a button carries: each subclass is a frozen dataclass of int and str fields."""

    prefix: ClassVar[str]

    def __init_subclass__(cls, *, prefix: str) -> None:
        cls.prefix = prefix
        dataclass(frozen=True)(cls)

    def encode(self) -> str:
        """Return the callback data.

        Raises:
            ValueError: it is longer than 64 bytes or holds a separator.
        """
        values = [str(value) for value in dataclasses.astuple(self)]
        data = ":".join([self.prefix, *values])
        if (
            data.count(":") != len(values)
            or len(data.encode()) > InlineKeyboardButtonLimit.MAX_CALLBACK_DATA
        ):
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
            part = value if field.type == "str" else read_number(value)
            if part is None:
                return None
            read.append(part)
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


def encode_value(value: str | int) -> str:
    """Spell a value as a button can carry it: the colon of a shape separates fields there."""
    return str(value).replace(":", "x")


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: it carries data, opens a link, or hands a text out.

    `share` is written behind the bot's name in the chat somebody picks, `edits` in this one, and
    `copies` goes to the clipboard. Clients that know no `style` show it as any other.
    """

    text: str
    data: CallbackData | None = None
    style: Literal["primary", "success", "danger"] | None = None
    url: str | None = None
    share: str | None = None
    edits: str | None = None
    copies: str | None = None


class SendWords(CallbackData, prefix="words"):
    """Write the words of a card, too long for a button, so that a tap on them copies them."""

    card: int


def copy_buttons(
    card: int | None, prompt: str, translator: Translator, *, inline: bool
) -> list[Button]:
    """Return the buttons that put the prompt of a card where it can be edited.

    `inline` is the bot's mode. Without a card, what is too long for a button has none.
    """
    label = translator.gettext("Copy the words")
    if utf16_length(prompt) > InlineKeyboardButtonLimit.MAX_COPY_TEXT:
        return [] if card is None else [Button(label, SendWords(card))]
    edited = Button(translator.gettext("Edit the words"), edits=prompt)
    return [*[edited][:inline], Button(label, copies=prompt)] if prompt else []


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
                    style=button.style,
                )
                for button in row
            ]
            for row in rows
            if row
        ]
    )


def in_rows(buttons: list[Button], count: int) -> list[list[Button]]:
    """Lay buttons out, so many beside each other."""
    return [buttons[start : start + count] for start in range(0, len(buttons), count)]


def ticked(label: str, *, is_on: bool) -> str:
    """Return what a button says of a choice: the present one is marked."""
    return f"✓ {label}" if is_on else label


def clamp_page(number: int, count: int, per_page: int) -> tuple[int, int]:
    """Return the page to show, the last one where that is no more; and how many there are."""
    pages = max(1, -(-count // per_page))
    return min(number, pages - 1), pages


def page_buttons(number: int, pages: int, to: Callable[[int], CallbackData]) -> list[Button]:
    """Return the buttons to the pages beside one; `to` is what they carry, with the page."""
    return [
        Button(f"{arrow} {other + 1}/{pages}", to(other))
        for arrow, other in (("◀", number - 1), ("▶", number + 1))
        if 0 <= other < pages
    ]


class ShowHome(CallbackData, prefix="home"):
    """Go back to the first page of /admin."""


def home_row(translator: Translator) -> list[Button]:
    """Return the way back to the first page of /admin."""
    return [Button(translator.gettext("🏠 Home"), ShowHome())]


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


def button_data(message: MaybeInaccessibleMessage | None, kind: type[Carried]) -> list[Carried]:
    """Return what the buttons of a message carry that is of a kind, in their order."""
    markup = message.reply_markup if isinstance(message, Message) else None
    rows = markup.inline_keyboard if markup else ()
    found = (kind.decode(button.callback_data) for row in rows for button in row)
    return [press for press in found if press is not None]


def carries_button(message: MaybeInaccessibleMessage, press: CallbackData) -> bool:
    """Whether a message has a button that carries this: a made-up press may name any message."""
    return press in button_data(message, type(press))


def is_from_bot(message: Message | None) -> bool:
    """Whether the bot wrote a message: nobody else writes in its name, so its buttons are ours."""
    author = message.from_user if message is not None else None
    return message is not None and author is not None and author.id == message.get_bot().id


class Confirm(CallbackData, prefix="sure"):
    """Do what another button does, after it was asked whether that is meant.

    `act` is the prefix of what that button carries, `number` its one field.
    """

    act: str
    number: int

    @property
    def meant(self) -> str:
        """What the other button carries."""
        return f"{self.act}:{self.number}"


class Keep(CallbackData, prefix="keep"):
    """Do nothing of what was asked about."""


class Cancel(CallbackData, prefix="cancel"):
    """Cancel a request of the list."""

    generation: int


class Undo(CallbackData, prefix="undo"):
    """Cancel a request below the message that says it was accepted."""

    generation: int


def undo_buttons(generation: Generation, translator: Translator) -> list[list[Button]]:
    """Return *Cancel*; whoever asked in the name of a chat presses as somebody else."""
    if not generation.account.is_person:
        return []
    return [[Button(translator.gettext("Cancel"), Undo(generation.id))]]


class Again(CallbackData, prefix="again"):
    """Make another video like this one; whoever taps pays."""

    generation: int


def video_under(message: Message | None) -> int | None:
    """Return the number of the video a message of ours shows: the buttons below it carry it.

    Message ids would not do: Telegram gives none for videos it still prepares, and new ones
    to a group that moves.
    """
    found = button_data(message, Again) if is_from_bot(message) else []
    return found[0].generation if found else None


class GoOn(CallbackData, prefix="goon"):
    """Ask what happens next, for a video that begins with this one's last frame."""

    generation: int


class Change(CallbackData, prefix="change"):
    """Ask for other words, and make them with all else as it was."""

    generation: int


class Remove(CallbackData, prefix="remove"):
    """Take the video out of the chat."""

    generation: int


class More(CallbackData, prefix="more"):
    """Show the buttons that are needed less."""

    generation: int


class Vary(CallbackData, prefix="vary"):
    """Make a video's words or picture once more, as the button says; whoever taps pays."""

    generation: int
    seconds: int
    family: str
    shape: str
    resolution: str
    credits: int

    @classmethod
    def to(cls, video: Generation, other: PricedChoice) -> Self:
        """Return what a button to this other video carries."""
        choice = other.choice
        shape = encode_value(choice.aspect_ratio or "")
        return cls(
            video.id, choice.seconds, choice.family.name, shape, choice.resolution or "",
            other.credits,
        )  # fmt: skip

    def over(self, video: Generation) -> Generation:
        """Return the video that is meant; of a picture, nothing is cut for another shape."""
        shape = self.shape.replace("x", ":") or None
        turned = video.kind == "i2v" and shape is not None and shape != video.aspect_ratio
        return dataclasses.replace(
            video,
            seconds=self.seconds,
            family=self.family,
            aspect_ratio=shape,
            resolution=self.resolution or None,
            fit="pad" if turned else video.fit,
        )


MAX_PAIRED_LENGTH = 18
"""Characters of a label that has another one beside it: on a phone both are as wide."""
MAX_FETCH_BYTES, MAX_FETCH_BYTES_LOCAL = 20_000_000, 2_000_000_000
"""Bytes a bot may fetch from Telegram: the hosted server's limit, and that of one's own."""


def max_fetch_bytes(bot: Bot) -> int:
    """Return how many bytes of a file this bot may fetch."""
    return MAX_FETCH_BYTES_LOCAL if bot.local_mode else MAX_FETCH_BYTES


@dataclass(frozen=True, slots=True)
class ResultButtons:
    """Lays out the buttons under a video.

    `supports_inline` tells whether the bot has inline mode; a video larger than `max_fetch_bytes`
    cannot be continued, since its last frame cannot be fetched.
    """

    offer: Offer
    supports_inline: bool
    max_fetch_bytes: int = MAX_FETCH_BYTES

    def under(
        self,
        video: Generation,
        translator: Translator,
        *,
        in_private: bool,
        unfolded: bool = False,
        size: int | None = None,
    ) -> list[list[Button]]:
        """Return the rows: the useful ones, and on demand what else can be made of it.

        `size` is how many bytes the video has, where they count: of a large one no frame is had.
        """
        _ = translator.gettext
        again = Button(
            _("🔁 Again · {credits}").format(credits=translator.number(video.credits)),
            Again(video.id),
        )
        delete = Button(_("🗑 Delete"), Remove(video.id), style="danger")
        more = [Button(_("More…"), More(video.id))]
        on = list[Button]()
        if (unfolded or not in_private) and (size or 0) <= self.max_fetch_bytes:
            # the long label has a row of its own
            on = self._on(video, translator)
        others = self._others(video, translator) if unfolded else []
        if not in_private:
            return [[again, delete], on, *(others if unfolded else [more])]
        first = [again, Button(_("✏️ Change"), Change(video.id))]
        if self.supports_inline:
            first.append(Button(_("↗️ Share"), share=f"#{video.id}"))
        return [first, on, *others, [delete]] if unfolded else [first, more]

    def _others(self, video: Generation, translator: Translator) -> list[list[Button]]:
        """Return buttons to what else is offered: longer, in another shape, sharper, by others."""
        _, found = translator.gettext, Variations.of(video, self.offer)
        sharper = found.resolution
        # the better sister of its model may make it
        is_own = sharper is None or sharper.choice.family.name == video.family
        labels = [
            (found.longer, _("⏱ Longer: {length} · {credits}")),
            (found.shape, _("📐 {shape} · {credits}")),
            (
                sharper,
                _("✨ HD {resolution} · {credits}")
                if is_own
                else _("✨ HD {resolution}, {title} · {credits}"),
            ),
            *((other, _("With {title} · {credits}")) for other in found.others),
        ]
        rows = list[list[Button]]()
        for other, label in labels:
            if other is None:
                continue
            choice = other.choice
            text = label.format(
                length=translator.duration(choice.seconds),
                shape=choice.aspect_ratio,
                resolution=choice.resolution,
                title=choice.family.title,
                credits=translator.number(other.credits),
            )
            button = Button(text, Vary.to(video, other))
            if rows and all(len(one.text) <= MAX_PAIRED_LENGTH for one in (*rows[-1], button)):
                rows[-1].append(button)
            else:
                rows.append([button])
        return rows

    def going_on(self, video: Generation) -> Quote | None:
        """Return what goes on from a video's last frame; None where none is offered."""
        quote = quotes.quote(
            substitutes.continuation_text(video, self.offer),
            kind="i2v", offer=self.offer, defaults=Defaults(),
        )  # fmt: skip
        return quote if isinstance(quote, Quote) else None

    def _on(self, video: Generation, translator: Translator) -> list[Button]:
        """Return the button to go on from the last frame, with its price, where that is offered."""
        if (quote := self.going_on(video)) is None:
            return []
        label = translator.gettext("🎞 Continue · {credits}")
        return [Button(label.format(credits=translator.number(quote.credits)), GoOn(video.id))]
