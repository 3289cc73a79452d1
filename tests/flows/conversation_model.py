"""The rules of a conversation, as a person would tell them: what is open, and what is an order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sandbox.telegram import Message, Person
    from sandbox.telegram.people import Conversation

UNDO = 60
"""Seconds an order waits that started without a tap on its price."""
SURE, FRESH, JUST_NOW, SECOND_TAP = 120, 900, 10, 10
"""Seconds: an answer is surely one, is one at all; a photo follows its words; a second tap."""

Waits = Literal["idea", "picture", "photo", "tap"]
To = Literal["", "question", "photo", "made", "other"]


@dataclass(frozen=True)
class Open:
    """A question or a card.

    It waits for an idea, for a picture (with the words that came), for what should happen in a
    photo, or for its tap; `pictured` is a card with a picture on it. `by` put it up, `about` is the
    photo. What should be `changed` in a video is always asked about, with words of both. What
    `follows` a video is asked as of a photo; where nothing is said, that is asked about.
    """

    waits: Waits
    at: float
    by: Message | None
    words: str = ""
    pictured: bool = False
    about: Message | None = None
    changed: bool = False
    follows: bool = False


@dataclass
class Order:
    """What must be paid for: whose it is, where, with which words (None: whichever).

    Until `until` it can be cancelled; `like` is the tap that is no other order while it is made.
    What is `forgotten`, its owner deleted: there is nothing to go on from. It was ordered `by` a
    message that answered and closed nothing if it is `plain`; `is_card` if an edit made it a card.
    """

    who: Person
    where: Conversation
    words: str | None
    until: float
    like: object = None
    cancelled: bool = False
    done: bool = False
    forgotten: bool = False
    by: Message | None = None
    plain: bool = False
    is_card: bool = False


@dataclass
class Said:
    """A message, or a tap: who, where, with which words, and as an answer to what.

    `to` is `question` for what is open, `photo` with `answered` for an earlier photo, `made` for a
    video the bot made, `other` for anything else it wrote.
    """

    who: Person
    where: Conversation
    words: str = ""
    to: To = ""
    message: Message | None = None
    answered: Message | None = None

    @property
    def is_private(self) -> bool:
        """Whether they are alone with the bot."""
        return self.where.type == "private"


@dataclass
class Rules:
    """What is open and what was ordered, after all that was done."""

    now: float
    open: dict[tuple[int, int], Open] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    tapped: dict[int, tuple[object, float]] = field(default_factory=dict)

    def command(self, said: Said, name: str) -> None:
        """A command that orders nothing closes what is open; /cancel is content with that."""
        was = self.close(said)
        pending = [
            one
            for one in self.orders
            if one.who is said.who
            and not (one.cancelled or one.done)
            and (said.is_private or one.where is said.where)
        ]
        if name == "cancel" and was is None and len(pending) == 1:
            self.cancel(pending[0])

    def cancel_one(self, said: Said, order: Order) -> None:
        """/cancel with a number closes what is open all the same."""
        self.close(said)
        if order.who is said.who:
            self.cancel(order)

    def refused(self, said: Said) -> None:
        """What cannot be had is no order; something like it may be tapped, whenever."""
        self.close(said)

    def proposed(self, said: Said) -> None:
        """The tap of something like what could not be had is an order."""
        self.close(said)
        self.order(said, None, at_once=True)

    def bare_video(self, said: Said) -> None:
        """/video alone asks for an idea."""
        self.close(said)
        self._ask(said, "idea")

    def animate(self, said: Said) -> None:
        """/animate that answers nothing is about the photo that waits, else it asks for one."""
        was = self._answered(said)
        if was is not None and was.waits == "photo":
            self._take(said, was)
        else:
            self._ask(said, "picture", said.words)

    def ordered(self, said: Said, *, asks: bool = False) -> None:
        """A command with all it needs; what is small talk is asked about."""
        was = self.close(said)
        if asks:
            self._ask(said, "tap", said.words)
        else:
            self.order(said, said.words)
            self.orders[-1].plain = was is None and said.answered is None

    def talk(self, said: Said) -> None:
        """Words are an answer; alone with the bot they are an idea, too."""
        card = self.open.get(_key(said))
        was = self._answered(said)
        if was is not None:
            self._take(said, was)
        elif said.is_private:
            # what answers a video or a card is a change of it, with words of both, and what follows
            # a picture at once; whether what is changed in a video has one is told elsewhere
            follows = (
                card is not None
                and card.waits == "tap"
                and (card.pictured or not card.words)
                and self.now - card.at < JUST_NOW
            )
            changes = (
                said.to == "made"
                or (said.to == "question" and card is not None)
                or (not said.to and follows)
            )
            pictured = said.to == "photo" or (changes and card is not None and card.pictured)
            self._ask(said, "tap", "" if changes else said.words)
            self.open[_key(said)] = replace(self.open[_key(said)], pictured=pictured)

    def edit(self, said: Said, *, is_idea: bool) -> None:
        """A card follows the edits of its message; where that is no idea any more, it goes.

        An order that has not left is cancelled, and such a card; nothing else is followed, and
        nothing is ordered.
        """
        if (order := self.undone_by(said.message)) is not None:
            order.cancelled = order.is_card = True
            self.close(said)
            if is_idea:
                self._ask(said, "tap", said.words)
            return
        card = self.open.get(_key(said))
        if card is not None and card.by is said.message and is_idea:
            # a change has words of both
            words = said.words if card.words else ""
            self.open[_key(said)] = replace(card, words=words)
        elif card is not None and card.by is said.message:
            self.close(said)

    def small_talk(self, said: Said, *, praise: bool) -> None:
        """Thanks, no, hi are never an order; a card that is praised stands again."""
        was = self.close(said)
        stands = was is not None and was.waits in {"tap", "photo"} and not was.follows
        if praise and said.is_private and was is not None and stands:
            self.open[_key(said)] = replace(was, at=self.now, by=said.message)

    def picture(self, said: Said, *, own: bool = True, moves: bool = False) -> None:
        """A picture is an answer; alone with the bot, it is an order where it comes with words.

        One that is not their own, forwarded or of an album, is asked about, and one that moves.
        """
        before = self.open.get(_key(said))
        was = self._answered(said)
        if was is not None and was.waits in {"idea", "picture"}:
            self._take(said, was, asks=not own or (moves and was.waits == "idea"), picture=True)
        elif said.words and own and not moves and said.is_private:
            self.order(said, said.words)
        elif said.is_private:
            words, just_now = said.words, before is not None and self.now - before.at < JUST_NOW
            if not words and own and before is not None and just_now:
                words = before.words if before.waits == "tap" and not before.pictured else ""
            self._ask(said, "tap" if words else "photo", words, pictured=True)

    def sticker(self, said: Said) -> None:
        """A sticker is a picture where one was asked for, else a gesture.

        It is square, and asked about: no shape of a video keeps most of it.
        """
        was = self._answered(said)
        if was is not None and was.waits == "picture":
            self._take(said, was, asks=True, picture=True)

    def order(
        self, said: Said, words: str | None, *, like: object = None, at_once: bool = False
    ) -> None:
        """Order a video; one that was ordered with a tap on its price leaves at once."""
        until = self.now if at_once else self.now + UNDO
        by = None if at_once else said.message
        self.orders.append(Order(said.who, said.where, words or None, until, like, by=by))

    def undone_by(self, edited: Message | None) -> Order | None:
        """Return the order of a message that an edit puts back on a card."""
        made = [one for one in self.orders if one.by is edited and not one.is_card]
        left = [one for one in made if one.cancelled or (self.now < one.until and not one.done)]
        return left[-1] if edited and left else None

    def cancel(self, order: Order) -> None:
        """Cancel an order, where that is not too late."""
        order.cancelled = order.cancelled or (self.now < order.until and not order.done)

    def close(self, said: Said) -> Open | None:
        """Close what is open, as whatever somebody writes does."""
        return self.open.pop(_key(said), None)

    def _ask(self, said: Said, waits: Waits, words: str = "", *, pictured: bool = False) -> None:
        message = said.message
        about = message if pictured else None
        self.open[_key(said)] = Open(waits, self.now, message, words, pictured, about)

    def _answered(self, said: Said) -> Open | None:
        """Close what is open; return it where it is a question, and this its answer."""
        was = self.close(said)
        if was is None or was.waits == "tap":
            return None
        about = was.waits == "photo" and said.answered is was.about
        fresh = said.is_private and not said.to and self.now - was.at <= FRESH
        return was if said.to == "question" or about or fresh else None

    def _take(self, said: Said, was: Open, *, asks: bool = False, picture: bool = False) -> None:
        words = f"{was.words} {said.words}".strip()
        if was.changed or (was.follows and not said.words):
            self._ask(said, "tap", pictured=picture or was.follows)
        elif was.waits == "picture" and not picture:
            self._ask(said, "picture", words)
        elif not asks and (said.to or self.now - was.at <= SURE):
            self.order(said, words)
        elif was.waits == "photo":
            self._ask(said, "tap" if words else "photo", words, pictured=True)
            self.open[_key(said)] = replace(self.open[_key(said)], about=was.about)
        else:
            self._ask(said, "photo" if picture and not words else "tap", words, pictured=picture)

    # what somebody taps

    def start(self, said: Said, *, alone: bool = False) -> None:
        """The tap of a card that is open and theirs starts it, maybe with its new words alone."""
        was = self.close(said)
        assert was is not None, "a card stood open that should be closed"
        self.order(said, None if alone else was.words, at_once=True)

    def change(self, said: Said) -> None:
        """What should be different in a video is asked for."""
        self.open[_key(said)] = Open("idea", self.now, None, changed=True)

    def go_on(self, said: Said, video: Message) -> None:
        """What happens after a video is asked for; a tap just goes on."""
        self.open[_key(said)] = Open("photo", self.now, None, "", True, video, follows=True)

    def again(self, said: Said, like: object, words: str | None, *, own: bool) -> None:
        """Another one like a video: at the first tap of one's own in private, else the second."""
        if not own:
            tapped, at = self.tapped.pop(said.who.id, (None, 0.0))
            second = tapped == like and self.now - at <= SECOND_TAP
            if not second and not self._is_made(like):
                self.tapped[said.who.id] = (like, self.now)
            if not second:
                return
        if not self._is_made(like):
            self.close(said)
            self.order(said, words, like=like, at_once=True)

    def _is_made(self, like: object) -> bool:
        return any(o.like == like and not (o.cancelled or o.done) for o in self.orders)


def _key(said: Said) -> tuple[int, int]:
    return said.where.id, said.who.id
