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


OTHERS = {
    SmallTalk.NO: [
        "нет", "Нет, спасибо!", "не надо", "отмена", "Стоп!", "ні, дякую", "скасувати", "no, gracias",
        "cancelar", "¡Para ya!", "olvídalo", "não", "nao, obrigado", "deixa pra lá", "nein danke",
        "abbrechen bitte", "Stopp!", "vergiss es", "non merci", "annuler", "laisse tomber", "no grazie",
        "annulla", "lascia perdere", "hayır", "iptal", "Vazgeçtim", "boş ver", "لا", "لا شكرا", "إلغاء",
        "توقف", "نه ممنون", "لغو", "بی‌خیال", "नहीं", "रद्द करो", "नहीं, धन्यवाद", "nahi", "tidak", "batal",
        "I don't know", "one moment, let me think", "не знаю", "später", "plus tard", "わからない", "不知道",
        "nee, bedankt", "không, cảm ơn", "όχι", "לא, תודה", "nu, mulțumesc", "nej tack", "ne, díky",
        "nggak jadi, maaf", "yo‘q", "bekor qilish", "kerak emas", "nie", "anuluj", "nieważne", "不要",
        "取消", "不用了，谢谢", "いいえ", "キャンセルして", "やめてください", "아니요", "취소", "취소해 주세요", "됐어",
    ],
    SmallTalk.THANKS: [
        "спасибо", "Спасибо большое!", "дякую", "щиро дякую!", "gracias", "muchas gracias por todo",
        "obrigada", "valeu!", "danke schön", "vielen Dank!", "merci beaucoup", "grazie mille",
        "teşekkürler", "çok teşekkür ederim", "شكراً", "شكرا جزيلا لك", "ممنون", "خیلی ممنون", "धन्यवाद",
        "बहुत बहुत धन्यवाद", "shukriya", "terima kasih banyak", "makasih ya kak", "katta rahmat",
        "dziękuję bardzo", "dzięki!", "谢谢", "好的谢谢", "謝謝你", "ありがとう", "ありがとうございます！", "고마워요",
        "dank je wel!", "cảm ơn bạn nhiều", "ขอบคุณมากครับ", "maraming salamat po", "ευχαριστώ πολύ",
        "תודה רבה", "mersi mult", "moc děkuji", "köszönöm szépen", "tack så mycket", "tusen takk",
        "kiitos paljon", "благодаря много", "hvala puno", "অনেক ধন্যবাদ", "asante sana",
        "정말 감사합니다", "ok gracias", "ок, спасибо 🙏", "super, danke", "wow, merci",
    ],
    SmallTalk.HELLO: [
        "привет", "Добрый день!", "привіт", "hola", "buenos días", "oi, tudo bem?", "bom dia",
        "guten Morgen", "Hallo, wie geht’s?", "bonjour", "salut ça va", "buongiorno", "ciao", "merhaba",
        "selam, nasılsın", "مرحبا", "السلام عليكم", "سلام", "नमस्ते", "namaste", "halo kak", "selamat pagi",
        "assalomu alaykum", "cześć", "dzień dobry", "你好", "早上好", "こんにちは", "おはようございます", "안녕하세요",
    ],
    SmallTalk.NOTED: [
        "да", "хорошо", "класс!", "хаха", "так", "чудово", "sí, claro", "vale", "jajaja", "legal", "kkkkk",
        "ja", "alles klar", "sehr schön", "oui", "d’accord", "trop cool", "va bene", "bellissimo", "tamam",
        "çok güzel", "نعم", "تمام", "ما شاء الله", "بله", "باشه", "हाँ", "ठीक है", "theek hai", "iya", "mantap",
        "wkwkwk", "ha", "juda yaxshi", "dobra", "super", "好的", "哈哈哈哈", "はい", "すごい！", "네", "ㅋㅋㅋㅋ", "좋아요",
        "?", "??", "...", "🥲", "🫶🏻", "😡😡", "👀",
    ],
}  # fmt: skip

IDEAS_ELSEWHERE = [
    "стоп-кадр старого города", "нет войне, плакат на стене", "да здравствует кот", "спасибо написано на песке",
    "привет с Марса", "ні душі на вулиці", "para mi amigo un pastel", "gracias a la vida en un muro",
    "hola en letras de neón", "no hay nadie en la playa", "sim city à noite", "obrigado escrito na areia",
    "nein sagt der alte Mann", "ein Hallo im Wald", "danke als Neonschild", "merci écrit dans le sable",
    "non loin de la mer", "ciao bella in vespa", "dur yolcu heykeli", "evet diyen bir papağan", "لا أحد على الشاطئ",
    "سلام في الصحراء", "नहा रहा हाथी", "नमस्ते करता हुआ रोबोट", "jangan kapal di laut", "salom deb turgan robot",
    "tak wygląda zima", "不倒翁跳舞", "你好世界的霓虹灯", "好大一只猫", "牛", "草", "取消文化的剧场", "はいからさん", "すごい猫",
    "안녕이라고 말하는 고양이", "좋은 아침의 서울", "super man", "hammer", "cool cat", "🐱🚀", "🌋", "die Hand sagt ja",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"), [(text, kind) for kind, texts in OTHERS.items() for text in texts]
)
def test_small_talk_is_known_in_every_language(text: str, kind: SmallTalk) -> None:
    assert small_talk(text) is kind


@pytest.mark.parametrize("idea", IDEAS_ELSEWHERE)
def test_an_idea_in_any_language_is_an_idea(idea: str) -> None:
    assert small_talk(idea) is None


@pytest.mark.parametrize("text", ["", " ", "please", "so much", "no " * 100])
def test_what_says_nothing_or_too_much_is_no_small_talk(text: str) -> None:
    assert small_talk(text) is None


@given(st.sampled_from(SAID[SmallTalk.THANKS]), st.sampled_from(IDEAS))
def test_thanks_beside_an_idea_leaves_it_an_idea(thanks: str, idea: str) -> None:
    assert small_talk(f"{thanks} {idea}") is None
    assert small_talk(f"{idea} {thanks}") is None


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert small_talk(text) in {None, *SmallTalk}
