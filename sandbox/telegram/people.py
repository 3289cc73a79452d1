"""What people do in chats: write, send files, edit, pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.telegram.actors import ANONYMOUS_ADMIN, CHANNEL
from sandbox.telegram.formatting import read_caption, read_inline_text
from sandbox.telegram.markup import Entity, add_detected
from sandbox.telegram.media import photo_sizes
from sandbox.telegram.membership import chat_member
from sandbox.telegram.stars import StarPayment
from sandbox.telegram.world import BotStatus, Chat

if TYPE_CHECKING:
    from sandbox.telegram.actors import Person, Topic
    from sandbox.telegram.files import StoredFile
    from sandbox.telegram.messages import Json, Message


class Conversation(Chat):
    """A chat with the actions of people."""

    async def send(
        self,
        by: Person,
        text: str,
        *,
        reply_to: Message | None = None,
        reply_elsewhere: Message | None = None,
        quote: str | None = None,
        topic: Topic | None = None,
        entities: list[Entity] | None = None,
        forwarded_from: Person | str | None = None,
        via_bot: Person | None = None,
        sender_chat: Chat | None = None,
    ) -> Message:
        """Send a text; entities of commands, mentions and links are added.

        ``reply_elsewhere`` is the answered message of another chat ("Reply in another chat"),
        ``quote`` the quoted part of the answered message. ``forwarded_from`` is the author, or
        the name of one who hides the account. With ``sender_chat``, an admin writes as the group
        or as a channel.
        """
        if sender_chat is not None:
            by = ANONYMOUS_ADMIN if sender_chat is self else CHANNEL
        found = add_detected(text, entities or [])
        origin = self._origin(forwarded_from)
        extra: Json = {}
        if reply_elsewhere is not None:
            author = self._origin(reply_elsewhere.sender)
            extra["external_reply"] = reply_elsewhere.as_external_reply() | {"origin": author}
        if quote is not None:
            extra["quote"] = {"text": quote, "position": 0, "is_manual": True}
        return self._say(
            by,
            reply_to,
            topic,
            extra=extra,
            text=text,
            entities=found,
            forward_origin=origin,
            via_bot=via_bot,
            sender_chat=sender_chat,
        )

    async def forward(self, by: Person, message: Message, *, topic: Topic | None = None) -> Message:
        """Forward a message of any chat, with its author and without its buttons."""
        return self._say(by, None, topic, **message.forwarded())

    async def send_photo(
        self,
        by: Person,
        picture: bytes,
        *,
        caption: str | None = None,
        reply_to: Message | None = None,
        topic: Topic | None = None,
        album: str | None = None,
        forwarded_from: Person | str | None = None,
    ) -> Message:
        """Send a picture as a photo, of which Telegram makes JPEGs of several sizes."""
        sizes = [self.world.files.add_picture("photo", size) for size in photo_sizes(picture)]
        return self._say(
            by,
            reply_to,
            topic,
            photo=sizes,
            album=album,
            forward_origin=self._origin(forwarded_from),
            **_captioned(caption),
        )

    async def send_document(
        self,
        by: Person,
        data: bytes,
        file_name: str,
        mime_type: str,
        *,
        thumbnail: bytes | None = None,
        caption: str | None = None,
        reply_to: Message | None = None,
        topic: Topic | None = None,
        album: str | None = None,
    ) -> Message:
        """Send a file unchanged; its type and thumbnail are given by the sender."""
        files = self.world.files
        small = files.add_picture("thumbnail", photo_sizes(thumbnail)[0]) if thumbnail else None
        file = files.add(
            "document", data, file_name=file_name, mime_type=mime_type, thumbnail=small
        )
        return self._say(by, reply_to, topic, media=file, album=album, **_captioned(caption))

    async def send_video(
        self,
        by: Person,
        data: bytes,
        *,
        width: int = 1280,
        height: int = 720,
        duration: int = 4,
        caption: str | None = None,
        reply_to: Message | None = None,
        topic: Topic | None = None,
        album: str | None = None,
    ) -> Message:
        """Send a video; ``duration`` in seconds."""
        file = self._framed("video", data, width, height, duration)
        return self._say(by, reply_to, topic, media=file, album=album, **_captioned(caption))

    async def send_animation(
        self,
        by: Person,
        data: bytes,
        *,
        width: int = 320,
        height: int = 180,
        duration: int = 2,
        caption: str | None = None,
        reply_to: Message | None = None,
        topic: Topic | None = None,
    ) -> Message:
        """Send a GIF, which is an mp4 to Telegram; ``duration`` in seconds."""
        file = self._framed("animation", data, width, height, duration)
        return self._say(by, reply_to, topic, media=file, **_captioned(caption))

    async def send_voice(
        self, by: Person, data: bytes, *, duration: int = 3, topic: Topic | None = None
    ) -> Message:
        """Send a voice message; ``duration`` in seconds."""
        file = self.world.files.add("voice", data, duration=duration, mime_type="audio/ogg")
        return self._say(by, None, topic, media=file)

    async def send_sticker(
        self,
        by: Person,
        data: bytes,
        *,
        moves: bool = False,
        height: int = 512,
        topic: Topic | None = None,
    ) -> Message:
        """Send a sticker: a WEBP picture, or a WEBM video if it moves; 512 pixels wide."""
        file = self.world.files.add("sticker", data, width=512, height=height, streaming=moves)
        return self._say(by, None, topic, media=file)

    async def send_contact(self, by: Person, phone_number: str, first_name: str) -> Message:
        """Send a contact."""
        contact = {"phone_number": phone_number, "first_name": first_name}
        return self._say(by, None, None, extra={"contact": contact})

    async def send_location(self, by: Person, latitude: float, longitude: float) -> Message:
        """Send a location, in degrees."""
        place = {"latitude": latitude, "longitude": longitude}
        return self._say(by, None, None, extra={"location": place})

    async def edit(self, message: Message, text: str) -> Message:
        """Change the text of a message, or the caption of its file."""
        if message.text is not None:
            message.text = text
        else:
            message.caption = text
        message.entities = add_detected(text, [])
        message.edited_at = int(self.world.clock())
        self.world.edited(message)
        return message

    async def send_inline(self, by: Person, result: Json, *, topic: Topic | None = None) -> Message:
        """Send a result of an inline query: a stored video or an article's text."""
        content: dict[str, Any] = {"reply_markup": result.get("reply_markup")}
        if "video_file_id" in result:
            content["media"] = self.world.files.by_id(result["video_file_id"])
            content["caption"], content["entities"] = read_caption(result)
        else:
            content["text"], content["entities"] = read_inline_text(result["input_message_content"])
        message = self._say(by, None, topic, via_bot=self.world.bot, **content)
        message.inline_message_id = f"inline-{self.world.fresh_id()}"
        self.world.inline_messages[message.inline_message_id] = message
        return message

    async def delete_message(self, message: Message) -> None:
        """Delete a message; the bot gets no update."""
        self.world.delete(message)

    async def pay(
        self,
        invoice: Message,
        by: Person,
        timeout: float = 10,  # noqa: ASYNC109 - a test says how long it is ready to wait
        *,
        notices: int = 1,
    ) -> Json:
        """Pay an invoice if the bot agrees; return the bot's answer.

        The bot gets ``notices`` updates of the payment, as an update may be lost or come twice.
        They come in the payer's private chat with the bot, even for an invoice in a group, unless
        there is none.

        Raises:
            AssertionError: if the bot did not answer in time, or the invoice cannot be paid.
        """
        if invoice.forward_origin is not None and invoice.extra["invoice"]["start_parameter"]:
            raise AssertionError("a forwarded copy has a link to the bot instead of its pay button")
        alone = self.world.chats.get(by.id, self)
        where = alone if isinstance(alone, Conversation) and self.type != "private" else self
        answer = await self.world.checkout(invoice, by, timeout)
        if answer["ok"]:
            stars, payload = invoice.extra["invoice"]["total_amount"], invoice.payload or ""
            charge = f"charge-{self.world.fresh_id()}"
            payment = StarPayment(charge, by, stars, payload)
            self.world.stars.record_payment(payment, now=self.world.clock())
            for _ in range(notices):
                where.service(by, successful_payment=payment.as_json())
        return answer

    def refund(self, charge_id: str, *, notices: int = 1) -> None:
        """Refund a payment without the bot, as Telegram may, with so many updates to the bot."""
        self.world.refund(self.world.stars.payments[charge_id], notices=notices)

    def service(self, by: Person, topic: Topic | None = None, **extra: Any) -> Message:
        """Add a service message of Telegram."""
        return self._say(by, None, topic, extra=extra)

    def set_bot_status(self, status: BotStatus, by: Person) -> None:
        """Change the bot's status in this chat, with a my_chat_member update."""
        bot = self.world.bot
        change = {
            "chat": self.as_json(),
            "from": by.as_json(),
            "date": int(self.world.clock()),
            "old_chat_member": chat_member(bot, self.bot_status),
            "new_chat_member": chat_member(bot, status),
        }
        self.bot_status = status
        self.world.updates.push("my_chat_member", change)
        self.world.changes.tell("standing", chat_id=self.id)

    def _say(
        self, by: Person, reply_to: Message | None, topic: Topic | None, **content: Any
    ) -> Message:
        if self.type == "private":
            self.started = True
        if topic is None and reply_to is not None:
            topic = reply_to.topic
        return self.world.post(self, by, reply_to=reply_to, topic=topic, **content)

    def _framed(self, kind: str, data: bytes, width: int, height: int, duration: int) -> StoredFile:
        return self.world.files.add(
            kind,
            data,
            width=width,
            height=height,
            duration=duration,
            file_name=f"{kind}.mp4",
            mime_type="video/mp4",
        )

    def _origin(self, author: Person | str | None) -> Json | None:
        """Return the MessageOrigin of a forward; a bare name stands for a hidden account."""
        date = int(self.world.clock())
        if author is None:
            return None
        if isinstance(author, str):
            return {"type": "hidden_user", "date": date, "sender_user_name": author}
        return {"type": "user", "date": date, "sender_user": author.as_json()}


def _captioned(caption: str | None) -> dict[str, Any]:
    if caption is None:
        return {}
    return {"caption": caption, "entities": add_detected(caption, [])}
