"""Buttons, their callback data, and the layout of the buttons under videos."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, dataclass_transform

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
    """The callback data of a button; each subclass is a frozen dataclass of int and str fields."""

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
            raise ValueError(f"not valid as callback data: {data}")
        return data

    @classmethod
    def decode(cls, data: object) -> Self | None:
        """Parse callback data; return None if it is not of this class."""
        if not isinstance(data, str):
            return None
        prefix, *values = data.split(":")
        fields = dataclasses.fields(cls)
        if prefix != cls.prefix or len(values) != len(fields):
            return None
        read: list[Any] = [
            value if field.type == "str" else read_number(value)
            for value, field in zip(values, fields, strict=True)
        ]
        if None in read:
            return None
        decoded = cls(*read)
        try:
            # only the canonical form is accepted: "07" is not 7
            return decoded if decoded.encode() == data else None
        except ValueError:
            # too long, or half a surrogate pair, which cannot be encoded
            return None


def encode_value(value: str | int) -> str:
    """Encode a value for callback data, where the colon of an aspect ratio is the separator."""
    return str(value).replace(":", "x")


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: it sends data, opens a link, or inserts or copies a text.

    `share` is an inline query in a chat that the user picks, `edits` one in this chat, and
    `copies` is copied to the clipboard. Older clients ignore the `style`.
    """

    text: str
    data: CallbackData | None = None
    style: Literal["primary", "success", "danger"] | None = None
    url: str | None = None
    share: str | None = None
    edits: str | None = None
    copies: str | None = None


class SendWords(CallbackData, prefix="words"):
    """Send the prompt of a card as text that a tap copies: it is too long for a copy button."""

    card: int


def copy_buttons(
    card: int | None, prompt: str, translator: Translator, *, inline: bool
) -> list[Button]:
    """Return the buttons that copy the prompt of a card or insert it for editing.

    `inline` is whether the bot has inline mode. Without a card, a long prompt has no button.
    """
    label = translator.gettext("Copy the words")
    if utf16_length(prompt) > InlineKeyboardButtonLimit.MAX_COPY_TEXT:
        return [] if card is None else [Button(label, SendWords(card))]
    edited = Button(translator.gettext("Edit the words"), edits=prompt)
    return [*[edited][:inline], Button(label, copies=prompt)] if prompt else []


def keyboard(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    """Return the markup of rows of buttons, or None if there are none."""
    if not any(rows):
        return None
    return InlineKeyboardMarkup(
        [
            [
                InlineKeyboardButton(
                    button.text,
                    callback_data=button.data.encode() if button.data else None,
                    url=button.url,
                    switch_inline_query_chosen_chat=_chat_picker(button.share),
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
    """Split buttons into rows of `count`."""
    return [buttons[start : start + count] for start in range(0, len(buttons), count)]


def ticked(label: str, *, is_on: bool) -> str:
    """Return the label of a choice, with a check mark if it is the present one."""
    return f"✓ {label}" if is_on else label


def clamp_page(number: int, count: int, per_page: int) -> tuple[int, int]:
    """Return the page to show, at most the last one, and the number of pages."""
    pages = max(1, -(-count // per_page))
    return min(number, pages - 1), pages


def page_buttons(number: int, pages: int, to: Callable[[int], CallbackData]) -> list[Button]:
    """Return the buttons to the previous and next page; `to` makes their data."""
    return [
        Button(f"{arrow} {other + 1}/{pages}", to(other))
        for arrow, other in (("◀", number - 1), ("▶", number + 1))
        if 0 <= other < pages
    ]


class ShowHome(CallbackData, prefix="home"):
    """Go back to the first page of /admin."""


def home_row(translator: Translator) -> list[Button]:
    """Return the row with the button to the first page of /admin."""
    return [Button(translator.gettext("🏠 Home"), ShowHome())]


def _chat_picker(share: str | None) -> SwitchInlineQueryChosenChat | None:
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
    """Return the callback data of a kind in the buttons of a message, in their order."""
    markup = message.reply_markup if isinstance(message, Message) else None
    rows = markup.inline_keyboard if markup else ()
    found = (kind.decode(button.callback_data) for row in rows for button in row)
    return [press for press in found if press is not None]


def carries_button(message: MaybeInaccessibleMessage, press: CallbackData) -> bool:
    """Return whether a message has a button with this data: a client can forge a press."""
    return press in button_data(message, type(press))


def is_from_bot(message: Message | None) -> bool:
    """Return whether the bot wrote a message, so that its buttons can be trusted."""
    author = message.from_user if message is not None else None
    return message is not None and author is not None and author.id == message.get_bot().id


class Confirm(CallbackData, prefix="sure"):
    """Confirm the press of another button.

    `act` is the prefix of that button's data, `number` its only field.
    """

    act: str
    number: int

    @property
    def meant(self) -> str:
        """The data of the other button."""
        return f"{self.act}:{self.number}"


class Abort(CallbackData, prefix="keep"):
    """Abort the confirmation of another button."""


class Cancel(CallbackData, prefix="cancel"):
    """Cancel a request, from the list of requests."""

    generation: int


class Undo(CallbackData, prefix="undo"):
    """Cancel a request, from its status message."""

    generation: int


def undo_buttons(generation: Generation, translator: Translator) -> list[list[Button]]:
    """Return *Cancel*; none if the sender wrote as a chat, since they press as a person."""
    if not generation.account.is_person:
        return []
    return [[Button(translator.gettext("Cancel"), Undo(generation.id))]]


class Again(CallbackData, prefix="again"):
    """Repeat the order of a video; the person who presses pays."""

    generation: int


def video_under(message: Message | None) -> int | None:
    """Return the id of the generation that a message of the bot shows, or None; read its buttons.

    Message ids are not reliable: Telegram returns none for a video it still processes, and they
    change if a group becomes a supergroup.
    """
    found = button_data(message, Again) if is_from_bot(message) else []
    return found[0].generation if found else None


class Continue(CallbackData, prefix="goon"):
    """Ask for the prompt of a video that begins with the last frame of this one."""

    generation: int


class Change(CallbackData, prefix="change"):
    """Ask for another prompt, and order it with the same options."""

    generation: int


class Remove(CallbackData, prefix="remove"):
    """Delete the video from the chat."""

    generation: int


class ShowMore(CallbackData, prefix="more"):
    """Show the buttons hidden at first."""

    generation: int


class Vary(CallbackData, prefix="vary"):
    """Order a video's prompt or picture with other options; the person who presses pays."""

    generation: int
    seconds: int
    family: str
    shape: str
    resolution: str
    credits: int

    @classmethod
    def to(cls, video: Generation, other: PricedChoice) -> Self:
        """Return the data of a button that orders `other`."""
        choice = other.choice
        shape = encode_value(choice.aspect_ratio or "")
        return cls(
            video.id, choice.seconds, choice.family.name, shape, choice.resolution or "",
            other.credits,
        )  # fmt: skip

    def over(self, video: Generation) -> Generation:
        """Return the video with these options; a picture is padded, not cropped."""
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
"""Characters of a label that may share a row: on a phone, buttons of a row are equally wide."""
MAX_FETCH_BYTES, MAX_FETCH_BYTES_LOCAL = 20_000_000, 2_000_000_000
"""The largest file a bot may fetch, in bytes: from Telegram's server, and from a local one."""


def max_fetch_bytes(bot: Bot) -> int:
    """Return the size of the largest file that this bot may fetch, in bytes."""
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
        """Return the rows of buttons; `unfolded` adds the less used ones.

        `size` is that of the video in bytes; without it, the limit is not checked.
        """
        _ = translator.gettext
        again = Button(
            _("🔁 Again · {credits}").format(credits=translator.number(video.credits)),
            Again(video.id),
        )
        delete = Button(_("🗑 Delete"), Remove(video.id), style="danger")
        more = [Button(_("More…"), ShowMore(video.id))]
        on, can_continue = list[Button](), (size or 0) <= self.max_fetch_bytes
        if (
            (unfolded or not in_private)
            and can_continue
            and (quote := self.continuation_quote(video))
        ):
            # the long label has a row of its own
            label = _("🎞 Continue · {credits}").format(credits=translator.number(quote.credits))
            on.append(Button(label, Continue(video.id)))
        others = self._variation_rows(video, translator) if unfolded else []
        if not in_private:
            return [[again, delete], on, *(others if unfolded else [more])]
        first = [again, Button(_("✏️ Change"), Change(video.id))]
        if self.supports_inline:
            first.append(Button(_("↗️ Share"), share=f"#{video.id}"))
        return [first, on, *others, [delete]] if unfolded else [first, more]

    def _variation_rows(self, video: Generation, translator: Translator) -> list[list[Button]]:
        """Return rows of variations: longer, other aspect ratio or resolution, other families."""
        _, found = translator.gettext, Variations.of(video, self.offer)
        sharper = found.resolution
        # another family may offer the higher resolution
        same_family = sharper is None or sharper.choice.family.name == video.family
        labels = [
            (found.longer, _("⏱ Longer: {length} · {credits}")),
            (found.shape, _("📐 {shape} · {credits}")),
            (
                sharper,
                _("✨ HD {resolution} · {credits}")
                if same_family
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

    def continuation_quote(self, video: Generation) -> Quote | None:
        """Return the quote of a video that continues this one; None if none is offered."""
        quote = quotes.quote(
            substitutes.continuation_text(video, self.offer),
            kind="i2v", offer=self.offer, defaults=Defaults(),
        )  # fmt: skip
        return quote if isinstance(quote, Quote) else None
