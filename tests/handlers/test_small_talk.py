"""What is no order: small talk from the first word to the last, and nothing that merely has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.ordering.drafts import SmallTalk, small_talk

SAID = {
    SmallTalk.NO: [
        "no", "No.", "NO!!!", "nooooo", "no thanks", "No, thank you so much!", "nope", "nah",
        "never mind", "Nevermind", "nvm", "cancel", "Cancel it please", "cancel that!", "stop",
        "STOP", "Stop it!", "stop please", "forget it", "don't", "don’t do it", "ok, no", "hi, no",
        "oh no, sorry", "I changed my mind", "wrong chat, sorry", "not now", "👎", "no 🙏",
    ],
    SmallTalk.THANKS: [
        "thanks", "thanks!", "Thanks a lot!!", "thank you", "thank you so much!", "Thank you 🙏",
        "thx", "ty", "many thanks", "ok thanks", "great, thank you!", "hi, thanks", "thankssss",
        "haha thanks", "Thank you very much, my friend", "🙏🏽", "THANK YOU", "cheers mate",
        "__thanks__",
        "thanks for the video", "wow, thanks 😊", "thank\u00a0you",
    ],
    SmallTalk.HELLO: [
        "hi", "Hi!", "hello?", "hello", "hey there", "hiiii", "Good morning", "good evening, bot",
        "hey, how are you?", "hello 👋", "bye", "see you later", "are you there?", "yo",
    ],
    SmallTalk.NOTED: [
        "ok", "OK!", "okay", "yes", "yeah", "great", "wow", "so cool", "haha", "lol", "👍",
        "❤️", "😂😂😂", "I love it", "that's amazing!", "well done", "hm", "Hmmm...", "yes please",
    ],
}  # fmt: skip

IDEAS = [
    "a cat says thanks to the sun", "stop motion of a paper boat", "a stop sign in the rain",
    "hello kitty on a bicycle", "no man's land at dawn", "a hand waves hi", "the great wave",
    "cool cat", "nobody at the beach", "Thanksgiving dinner", "yes, a dragon", "wow, a dog",
    "no thanks, make it a dog instead", "cancel culture as a paper theatre", "high tide", "okapi",
    "hi-fi in an old room", "thank you card on a wooden table", "a boy says hello, then never mind",
    "ok corral", "good morning in Paris", "dancing", "waves", "she winks",
    "the wind moves the grass",
    "a fox", "make it rain", "stop the clouds", "never ending stairs", "hey jude as a puppet show",
    "bye bye birdie on a stage", "love", "fire", "🐱🚀", "кот", "猫", "7", "nothing but snow",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"), [(text, kind) for kind, texts in SAID.items() for text in texts]
)
def test_small_talk_is_known(text: str, kind: SmallTalk) -> None:
    assert small_talk(text) is kind


@pytest.mark.parametrize("idea", IDEAS)
def test_an_idea_that_has_such_words_is_an_idea(idea: str) -> None:
    assert small_talk(idea) is None


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "please", "so much", "no " * 100])
def test_what_says_nothing_or_too_much_is_no_small_talk(text: str) -> None:
    assert small_talk(text) is None


@given(st.sampled_from(SAID[SmallTalk.THANKS]), st.sampled_from(IDEAS))
def test_thanks_beside_an_idea_leaves_it_an_idea(thanks: str, idea: str) -> None:
    assert small_talk(f"{thanks} {idea}") is None
    assert small_talk(f"{idea} {thanks}") is None


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert small_talk(text) in {None, *SmallTalk}
