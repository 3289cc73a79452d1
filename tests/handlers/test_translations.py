"""Every text passes through gettext, in the language of whoever reads it."""

from __future__ import annotations

import gettext
from typing import TYPE_CHECKING

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from babel.numbers import format_decimal
from telegram import Message

from generation.orders.balances import Balance
from handlers import attachments, commands
from handlers.account import quota, settings, welcome
from handlers.commands import Scope, menu
from handlers.replies.texts import Languages, Translator
from handlers.videos import cancel, history
from tests.generation.orders.defaults import terms
from tests.handlers.shared import OFFER, person

if TYPE_CHECKING:
    from sandbox.telegram import PrivateChat, TelegramSandbox

MARK = "¿"


class Marked(gettext.NullTranslations):
    """A language whose every text begins with a mark."""

    def gettext(self, message: str) -> str:
        return MARK + message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return MARK + super().ngettext(msgid1, msgid2, n)


SPEECH = Languages({"en": Marked()}).translator("en")


def test_menus_are_translated() -> None:
    for scope in Scope:
        assert all(command.description.startswith(MARK) for command in menu(SPEECH, scope))


@pytest.mark.parametrize(
    "text",
    [
        welcome.greeting(SPEECH, OFFER, terms()),
        commands.description(SPEECH, OFFER, terms()).replace("\n\n", "\n"),
        welcome.group_greeting(SPEECH),
        quota.text(
            Balance(allowance=30, bought=4, held=9, renews_at=60.0),
            pending=1, cost=9, terms=terms(), translator=SPEECH, now=0.0,
        ),
        history.text(history.VideoPage(history.ShowVideos(), ()), SPEECH),
        cancel.text([], SPEECH, in_private=True, groups={}),
        cancel.text([], SPEECH, in_private=False, groups={}),
        "\n".join("\n".join(idea) for idea in welcome.ideas(SPEECH)),
    ],
)  # fmt: skip
def test_each_line_is_translated(text: str) -> None:
    assert all(line.startswith(MARK) for line in text.splitlines()), text


def test_what_stands_on_settings_is_translated() -> None:
    quote = settings.usual_quote(person(), OFFER)
    assert quote is not None
    assert settings.text(quote, SPEECH).startswith(MARK)


def test_advice_is_translated() -> None:
    message = Message.de_json({"message_id": 1, "date": 0, "chat": {"id": 5, "type": "private"}})
    assert attachments.advice(message, SPEECH).startswith(MARK)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("language", ["xx", "zh-hans", "", None])
async def test_a_language_without_texts_is_answered_in_english(
    telegram: TelegramSandbox, language: str | None
) -> None:
    somebody = telegram.person("Cleo", language=language)
    chat: PrivateChat = telegram.private(somebody)
    await chat.send(somebody, "/quota")
    await chat.wait(lambda message: "You have 54 credits" in (message.text or ""))


@pytest.mark.parametrize("count", [0, 7, 54, 999, 1000, 12345])
def test_a_number_is_written_as_babel_writes_it_in_every_language(count: int) -> None:
    # Toki Pona alone sets apart two digits
    languages = [name for name in locale_identifiers() if "_" not in name and name != "tok"]
    translators = (Translator(Locale.parse(name), gettext.NullTranslations()) for name in languages)
    wrong = [
        f"{one.locale}: {one.number(count)}"
        for one in translators
        if one.number(count) != format_decimal(count, locale=one.locale)
    ]
    assert wrong == []
