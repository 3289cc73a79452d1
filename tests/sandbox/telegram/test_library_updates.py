"""A program of python-telegram-bot gets its updates: presses, inline queries, payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultCachedVideo,
    Update,
)
from telegram.ext import (
    CallbackQueryHandler,
    CommandHandler,
    InlineQueryHandler,
    MessageHandler,
    PreCheckoutQueryHandler,
    filters,
)

from tests.sandbox.telegram.clips import clip
from tests.sandbox.telegram.polling_bot import running

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox


async def test_a_press_is_answered_and_the_message_changes(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async def start(update: Update, _: Any) -> None:
        assert update.message is not None
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Start · 9", callback_data="go")]])
        await update.message.reply_html("<b>Ready?</b>", reply_markup=keyboard, do_quote=True)

    async def go(update: Update, _: Any) -> None:
        query = update.callback_query
        assert query is not None
        await query.answer("On its way", show_alert=True)
        await query.edit_message_text("Started")

    handlers = CommandHandler("start", start), CallbackQueryHandler(go, pattern="^go$")
    async with running(telegram, *handlers):
        asked = await chat.send(ann, "/start")
        card = await chat.wait(lambda m: m.buttons)
        assert (card.html(), card.reply_to) == ("<b>Ready?</b>", asked.message_id)

        answer = await card.press("Start", by=ann)
        await chat.wait(lambda m: m.text == "Started")

    assert (answer.text, answer.alert) == ("On its way", True)
    assert card.buttons == []
    assert telegram.unanswered_callbacks == []


async def test_inline_results_are_chosen_and_edited(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async def inline(update: Update, context: Any) -> None:
        assert update.inline_query is not None
        assert update.inline_query.query == "cat"
        film = await context.bot.send_video(chat.id, clip())
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Like", callback_data="like")]])
        result = InlineQueryResultCachedVideo(
            "1", film.video.file_id, "A cat", caption="a cat", reply_markup=keyboard
        )
        await update.inline_query.answer([result], is_personal=True, cache_time=5)

    async def like(update: Update, _: Any) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer()
        await update.callback_query.edit_message_caption("liked")

    async with running(telegram, InlineQueryHandler(inline), CallbackQueryHandler(like)):
        results = await telegram.inline(ann, "cat")
        shared = await telegram.private(bob).send_inline(ann, results[0])
        await shared.press("Like", by=bob)
        await telegram.wait_for_call("editMessageCaption")

    assert (len(results), results.is_personal, results.cache_time) == (1, True, 5)
    assert shared.video is not None
    assert shared.caption == "liked"


async def test_stars_are_paid_once_the_bot_agrees(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async def agree(update: Update, _: Any) -> None:
        assert update.pre_checkout_query is not None
        await update.pre_checkout_query.answer(ok=True)

    async def thank(update: Update, _: Any) -> None:
        assert update.message is not None
        payment = update.message.successful_payment
        assert payment is not None
        await update.message.reply_text(f"{payment.total_amount} for {payment.invoice_payload}")

    paid = MessageHandler(filters.SUCCESSFUL_PAYMENT, thank)
    async with running(telegram, PreCheckoutQueryHandler(agree), paid) as application:
        await application.bot.send_invoice(
            chat.id, "Credits", "50 credits", "order-1", "XTR", [{"label": "50", "amount": 50}]
        )
        answer = await chat.pay(chat.last, ann)
        await chat.wait(lambda m: m.text == "50 for order-1")

    assert answer["ok"] is True


async def test_the_chats_outlive_the_bot(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async def echo(update: Update, _: Any) -> None:
        assert update.message is not None
        await update.message.reply_text(f"{update.message.text}!")

    handler = MessageHandler(filters.TEXT, echo)
    async with running(telegram, handler):
        await chat.send(ann, "one")
        await chat.wait(lambda m: m.text == "one!")
    await chat.send(ann, "two")
    async with running(telegram, handler):
        await chat.wait(lambda m: m.text == "two!")

    assert [m.text for m in chat.messages] == ["one", "one!", "two", "two!"]
