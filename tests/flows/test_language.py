"""Every text a person sees passes through gettext, in that person's language."""

from __future__ import annotations

import gettext
import re
from typing import TYPE_CHECKING

from generation.models.offer import Offer
from handlers.replies.texts import Languages
from sandbox.aimlapi import Fault
from storage import chats
from tests.flows.media_files import photo
from tests.flows.predicates import answers, says, shows_video

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message, TelegramSandbox
    from tests.harness import Harness


class Marked(gettext.NullTranslations):
    """A language in which every translated text stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{super().ngettext(msgid1, msgid2, n)}⟧"


MARKED = Languages({"en": gettext.NullTranslations(), "eo": Marked()})
ORDERS = ("/start", "/help", "/quota", "/history", "/settings", "/cancel", "/video", "/nonsense",
          "/video a boat --seconds 5", "a lighthouse", "/animate")  # fmt: skip


def words_of(message: Message) -> list[str]:
    """Return what the bot wrote: the text and its buttons."""
    return [text for text in (message.text, *message.labels) if text]


def is_nobodys(words: str) -> bool:
    """Whether it is nothing but a number, a time of Babel's, or a name of a model or language."""
    for title in sorted((family.title for family in Offer.load()), key=len, reverse=True):
        words = words.replace(title, "")
    return not re.search(r"[^\W\d]", re.sub(r"sekundoj|\bs\.|\d+p|English|Esperanto", "", words))


async def test_every_text_is_said_in_the_persons_language(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox
) -> None:
    ann = telegram.person("Ann", language="eo")
    chat = telegram.private(ann)
    async with harness.running(languages=MARKED):
        for order in ORDERS:
            before = len(chat.from_bot)
            await chat.send(ann, order)
            await chat.wait(lambda _: len(chat.from_bot) != before)  # noqa: B023 - awaited here
        provider.faults.next("submit", Fault.moderation())
        refused = await chat.send(ann, "/video something not allowed")
        await chat.wait(answers(refused.message_id))
        await chat.send_photo(ann, photo(), caption="waves")
        await chat.wait(shows_video("waves"))
        said = [words for message in chat.from_bot for words in words_of(message)]
    assert len(said) > len(ORDERS)
    assert [words for words in said if "⟦" not in words and not is_nobodys(words)] == []


async def test_people_whose_language_has_no_texts_are_spoken_to_in_english(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    for claimed in ("en-BR", "EN", "xx", "zh-hans-x-odd", ""):
        person = telegram.person("Cai", language=claimed or None)
        chat = telegram.private(person)
        async with harness.running(languages=MARKED):
            await chat.send(person, "/help")
            answer = await chat.wait(lambda message: message.text is not None)
        assert "⟦" not in (answer.text or ""), f"a client that claims {claimed!r}"


async def test_a_group_is_spoken_to_in_the_language_its_admins_chose(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    ann = telegram.person("Ann", language="eo")
    group = telegram.group("Film club", [ann], with_bot=False)
    async with harness.running(languages=MARKED):
        group.add_bot(ann)
        hello = await group.wait(says("Hello!"))
        assert (hello.text or "").startswith("⟦"), "it is the language of who took the bot in"
        group.make_admin(ann)
        await group.send(ann, "/settings")
        settings = await group.wait(lambda message: bool(message.buttons))
        assert "✓ Esperanto" in settings.labels
        await settings.press("English", by=ann)
        await group.wait(lambda message: "✓ English" in message.labels)
        async with harness.db.reading() as connection:
            chat = await chats.by_telegram_id(connection, group.id)
            assert chat is not None
            assert (await chats.group_of(connection, chat.id)).language == "en"
