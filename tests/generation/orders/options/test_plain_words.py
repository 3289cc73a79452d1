"""Plain words that speak of a video's options, and the many that only seem to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.orders.options import Options
from generation.orders.quotes import Quote, quote
from generation.orders.reading import CHANGE_MARK, apply_change, options_only, plain_options, read
from tests.generation.orders.options.settling import ALL, NOBODY, OFFER

if TYPE_CHECKING:
    from generation.models.offer import Kind

TALL, LONG, MUTE = Options(aspect_ratio="9:16"), Options(seconds="8"), Options(silent=True)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("a cat, vertical", TALL),
        ("a cat on a boat vertical", TALL),
        ("a cat, 8 seconds", LONG),
        ("a cat, 8s", LONG),
        ("a cat for 8 seconds", LONG),
        ("8 second video of a cat", LONG),
        ("竖屏影片一只猫在跑", TALL),
        ("an 8-second clip of a cat", LONG),
        ("a cat. 8 seconds long, please", LONG),
        ("make it 8 seconds", LONG),
        ("vertical video of a cat", TALL),
        ("a cat in vertical format", TALL),
        ("a cat, portrait", TALL),
        ("a cat, 9:16", TALL),
        ("16:9 a cat", Options(aspect_ratio="16:9")),
        ("a 8 second timelapse of clouds", LONG),
        ("a cat (9:16)", TALL),
        ("a cat without sound", MUTE),
        ("a cat, no audio", MUTE),
        ("a cat, silent", MUTE),
        ("a cat with sound", Options(silent=False)),
        ("a cat, square", Options(aspect_ratio="1:1")),
        ("a cat, widescreen, 1080p", Options(aspect_ratio="16:9", resolution="1080p")),
        (
            "a cat, vertical, 8 seconds, without sound",
            Options(aspect_ratio="9:16", seconds="8", silent=True),
        ),
        ("кот, вертикально, 8 секунд", Options(aspect_ratio="9:16", seconds="8")),
        ("вертикальное видео: кот", TALL),
        ("кіт 8 секунд без звуку", Options(seconds="8", silent=True)),
        ("un gato, vertical, 8 segundos", Options(seconds="8", aspect_ratio="9:16")),
        ("um gato, 8 segundos, sem som", Options(seconds="8", silent=True)),
        ("eine Katze, 8 Sekunden lang, im Hochformat", Options(seconds="8", aspect_ratio="9:16")),
        ("un chat pendant 8 secondes, format portrait", Options(seconds="8", aspect_ratio="9:16")),
        ("un gatto, 8 secondi, senza audio", Options(seconds="8", silent=True)),
        ("bir kedi, dikey, 8 saniye", Options(seconds="8", aspect_ratio="9:16")),
        ("kot, 8 sekund, pionowo", Options(seconds="8", aspect_ratio="9:16")),
        ("seekor kucing, 8 detik, tanpa suara", Options(seconds="8", silent=True)),
        ("قطة، عمودي، 8 ثوان", Options(seconds="8", aspect_ratio="9:16")),
        ("یک گربه، عمودی، ۸ ثانیه", Options(seconds="8", aspect_ratio="9:16")),
        ("एक बिल्ली, 8 सेकंड, बिना आवाज़ के", Options(seconds="8", silent=True)),
        ("mushuk, 8 soniya, ovozsiz", Options(seconds="8", silent=True)),
        ("一只猫\uff0c竖屏\uff0c8秒", Options(seconds="8", aspect_ratio="9:16")),
        ("猫、縦長、8秒", Options(seconds="8", aspect_ratio="9:16")),
        ("a cat, eight seconds, vertical, no sound",
         Options(aspect_ratio="9:16", seconds="8", silent=True)),
        ("an eight-second video of a cat", LONG),
        ("eine Katze, acht Sekunden, hochkant", Options(seconds="8", aspect_ratio="9:16")),
        ("ein 8-sekündiges Video einer Katze", LONG),
        ("eine Katze, dreißig Sekunden", Options(seconds="30")),
        ("un gato, ocho segundos, sin sonido", Options(seconds="8", silent=True)),
        ("um gato, oito segundos", LONG),
        ("un chat pendant huit secondes", LONG),
        ("un gatto, otto secondi", LONG),
        ("кот, восемь секунд, без звука", Options(seconds="8", silent=True)),
        ("kot, osiem sekund", LONG),
        ("bir kedi, sekiz saniye", LONG),
        ("seekor kucing, delapan detik", LONG),
        ("قطة، ثمان ثوان", LONG),
        ("یک گربه، هشت ثانیه", LONG),
        ("एक बिल्ली, आठ सेकंड", LONG),
        ("一只猫\uff0c八秒", LONG),
        ("고양이, 팔초", LONG),
        ("a cat, 9x16", TALL),
        ("a cat, \uff18 seconds, \uff19\uff1a\uff11\uff16",
         Options(seconds="8", aspect_ratio="9:16")),
        ("猫、\uff18秒、\uff11\uff10\uff18\uff10\uff50", Options(seconds="8", resolution="1080p")),
        ("قطة، ٨ ثوان، ٩:١٦", Options(seconds="8", aspect_ratio="9:16")),
        ("एक बिल्ली, ८ सेकंड", LONG),
        ("一只猫8秒竖屏", Options(seconds="8", aspect_ratio="9:16")),
        ("แมว 8วินาทีแนวตั้ง", Options(seconds="8", aspect_ratio="9:16")),
        ("고양이, 세로, 8초", Options(seconds="8", aspect_ratio="9:16")),
        ("a cat for 100 seconds", Options(seconds="100")),
        ("a cat, 10 minutes", Options(seconds="600")),
        ("500 seconds", Options(seconds="500")),
        ("1 hour, a cat on a boat, vertical", Options(seconds="3600", aspect_ratio="9:16")),
        ("a 10 minute video of a cat", Options(seconds="600")),
        ("кот, 10 минут", Options(seconds="600")),
        ("eine Katze, zehn Minuten", Options(seconds="600")),
        ("一只猫\uff0c10分钟", Options(seconds="600")),
        ("a cat, 1 minute", Options(seconds="60")),
        ("кот на 2 минуты", Options(seconds="120")),
        ("a cat, one minute", Options(seconds="60")),
        ("a cat for 1 minute and 30 seconds", Options(seconds="90")),
        ("a cat, 1.5 minutes", Options(seconds="90")),
        ("eine Katze, 7,5 Sekunden", LONG),
        ("a cat,8 seconds,9:16,8s", Options(seconds="8", aspect_ratio="9:16")),
        ("一只猫\uff0c两分钟", Options(seconds="120")),
        ("一只猫\uff0c1分钟", Options(seconds="60")),
        ("a cat 16:9 8s silent", Options(seconds="8", aspect_ratio="16:9", silent=True)),
        ("a cat 8 seconds square", Options(seconds="8", aspect_ratio="1:1")),
        ("8 seconds vertical a cat", Options(seconds="8", aspect_ratio="9:16")),
        ("8s vertical cat running in snow", Options(seconds="8", aspect_ratio="9:16")),
        ("vertical 8 seconds: a cat", Options(seconds="8", aspect_ratio="9:16")),
        ("square silent a dog runs", Options(aspect_ratio="1:1", silent=True)),
        ("8 seconds a cat", LONG),
        ("8s my cat on a boat", LONG),
        ("1 minute a cat", Options(seconds="60")),
        ("9:16 a cat", TALL),
        ("without sound a dog barks", MUTE),
        ("video 8 seconds a cat", LONG),
        ("8 second cat video", LONG),
        ("a cat, vertical, not horizontal", TALL),
        ("a cat vertical not horizontal", TALL),
        ("vertical video of a cat on a boat for 8 seconds",
         Options(seconds="8", aspect_ratio="9:16")),
        ("8 секунд вертикально кот бежит", Options(seconds="8", aspect_ratio="9:16")),
        ("8 segundos un gato", LONG),
        ("video vertical de un gato", TALL),
        ("un video de 8 segundos de un gato", LONG),
        ("8 Sekunden eine Katze", LONG),
        ("hochkant 8 Sekunden eine Katze", Options(seconds="8", aspect_ratio="9:16")),
        ("8 saniye dikey bir kedi", Options(seconds="8", aspect_ratio="9:16")),
        ("فيديو عمودي لقطة", TALL),
        ("8 सेकंड एक बिल्ली", LONG),
        ("8秒竖屏 一只猫", Options(seconds="8", aspect_ratio="9:16")),
        ("8秒竖屏一只猫", Options(seconds="8", aspect_ratio="9:16")),
        ("竖屏 一只猫", TALL),
        ("縦長 8秒 猫が走る", Options(seconds="8", aspect_ratio="9:16")),
        ("8秒の縦長動画で猫が走る", Options(seconds="8", aspect_ratio="9:16")),
        ("8초 세로 고양이가 달린다", Options(seconds="8", aspect_ratio="9:16")),
        ("8초짜리 고양이 영상", LONG),
        ("8s cat on a boat", LONG),
        ("12 сек кот на скейте", Options(seconds="12")),
        ("make me an 8 second video of a cat", LONG),
        ("can you make a vertical video of a cat", TALL),
        ("I'd like a short vertical clip of a cat", TALL),
        ("a square video of a cat", Options(aspect_ratio="1:1")),
        ("silent video of a cat", MUTE),
        ("a cat without any audio", MUTE),
        ("a cat, soundless", MUTE),
        ("a cat, filmed vertically, 8s", Options(seconds="8", aspect_ratio="9:16")),
        ("8秒の猫の動画", LONG),
        ("8秒小猫视频", LONG),
        ("猫が走る\uff08縦長\u30fb8秒\uff09", Options(seconds="8", aspect_ratio="9:16")),
        ("a cat · 8 seconds · 9:16", Options(seconds="8", aspect_ratio="9:16")),
        ("猫、8秒くらい", LONG),
        ("고양이, 8초로 만들어줘", LONG),
        ("je veux une vidéo de 8 secondes d'un chat", LONG),
        ("zrób 8 sekundowe wideo kota", LONG),
        ("a cat, vertically", TALL),
        ("a cat, vertical, thanks", TALL),
        ("a cat vertical thank you", TALL),
        ("a cat, 8 seconds max", LONG),
        ("a cat, half a minute", Options(seconds="30")),
        ("a cat in portrait", TALL),
        ("a cat for instagram reels", TALL),
        ("a cat for my phone", TALL),
        ("a cat for youtube", Options(aspect_ratio="16:9")),
        ("a cat, 9 by 16", TALL),
        ("a cat, 9 : 16, 8s", Options(seconds="8", aspect_ratio="9:16")),
        ("a cat, 9/16", TALL),
        ("a cat at 1080p", Options(resolution="1080p")),
        ("a cat. Aspect ratio: 9:16. Duration: 8 seconds.",
         Options(seconds="8", aspect_ratio="9:16")),
        ("a cat\n- vertical\n- 8 seconds\n- no sound",
         Options(seconds="8", aspect_ratio="9:16", silent=True)),
        ("a clock shows 10:10, 9:16", TALL),
        ("a woman in her 30s, 8 seconds", LONG),
        ("a cat, 20s", Options(seconds="20")),
        ("кот в вертикальном формате", TALL),
        ("сделай вертикальное видео про кота", TALL),
        ("кот, 9 на 16, без музыки", Options(aspect_ratio="9:16", silent=True)),
        ("hazme un video de 8 segundos de un gato, sin música", Options(seconds="8", silent=True)),
        ("quiero un video vertical de un gato", TALL),
        ("vertikales Video einer Katze", TALL),
        ("eine Katze, 8 Sekunden, ohne Musik, danke", Options(seconds="8", silent=True)),
        ("une vidéo de 8 secondes d'un chat", LONG),
        ("8 saniyelik dikey bir kedi videosu", Options(seconds="8", aspect_ratio="9:16")),
        ("bir kedi, 8 saniye, lütfen", LONG),
        ("قطة، عمودي، شكرا", TALL),
        ("बिल्ली, 8 सेकंड, धन्यवाद", LONG),
        ("我要一个8秒的视频: 一只猫", LONG),
        ("猫の動画、8秒でお願いします", LONG),
        ("고양이, 8초, 부탁해", LONG),
    ],
)  # fmt: skip
def test_what_is_said_plainly_is_understood(prompt: str, said: Options) -> None:
    assert plain_options(prompt) == said


@pytest.mark.parametrize(
    "prompt",
    [
        "my garden — the roses at dawn", "a vertical garden on a wall", "Times Square at night",
        "a walk to Times Square", "a portrait of my aunt", "an old man, a portrait of him",
        "a silent forest", "the forest is silent", "8 seconds before midnight a bell rings",
        "a clock shows 9:16 in the morning", "a cat sleeps 2 hours",
        "竖屏的猫", "แมว", "the train leaves at 9:15", "a landscape with hills",
        "a mountain landscape", "0 seconds",
        "a man gets up, walks for 3 hours", "he waits 10 minutes", "a cat, 0 seconds",
        "9:15 minutes", "1,000 seconds", "a one minute walk",
        "a 10 second countdown clock", "five minutes to midnight", "a 5 minute walk", "8 cats",
        "8 samurai",
        "a red square on white", "a man without a hat", "the sound of silence", "no sound of steps",
        "vertical takeoff of a plane", "a video of a vertical lift going up",
        "in the square a man sings",
        "a film about love", "a video", "please make a video", "для Саши и мамы, на память",
        "a cat, 4k, ultra detailed",
        "a boxer wins in 8", "1080 people", "s", "8", "", "a, b, in, the", "кот и пёс", "猫",
        "за 8 секунд до полуночи бьют часы",
        "eight seconds before midnight a bell rings", "eight cats", "a cat, eight lives", "八只猫",
        "a second later", "acht Katzen", "a 4x4 in the desert",
        "8 seconds to midnight", "a vertical wind turbine", "the square at noon",
        "a clock shows 10:10", "a 1 minute egg timer", "vertical farming", "a 10 second countdown",
        "vertical and horizontal lines", "a video of vertical and horizontal lines",
        "a video of a 5 minute walk", "a portrait of a man", "portrait of a woman",
        "silent portrait of a woman", "silent night", "a square silent room", "square dance",
        "a 10 second silent countdown", "5 minutes a day of yoga", "8 seconds of silence",
        "one second a bird sits there, the next it is gone", "60 seconds of fame",
        "8 секунд тишины", "8 segundos para medianoche", "eine Minute der Stille",
        "dikey bir bahçe", "sessiz bir orman", "8 ثوان قبل منتصف الليل", "8 सेकंड पहले",
        "a woman in her 30s", "a man in his early 50s, smiling", "a disco in the 80s", "90s disco",
        "a street in Tokyo, 1980s, film grain", "the 60s", "a couple in their 20s walking",
        "a clock showing 9:16", "the train leaves at 9:16", "9:16 a.m. alarm clock",
        "the match ends 4:3", "Germany wins 4:3", "el reloj marca las 9:16", "saat 9:16",
        "a bomb explodes after 8 seconds", "a drop falls every 10 seconds", "her last 5 minutes",
        "через 8 секунд взрыв", "nach 8 Sekunden explodiert es", "in 5 Minuten um die Welt",
        "a portrait", "a silent film", "a cat, a portrait", "muted colors", "a 3/4 view of a car",
        "a boy films a vertical video on his phone", "8 year old girl", "a 5 sec timer",
        "8 seconds in a movie theater", "30 minutes of a movie night",
        "a cat, not vertical", "a cat, no vertical, not 8 seconds", "кот, не вертикально",
        "the camera pans vertically", "birds fly horizontally",
        "十秒倒计时", "八秒后爆炸", "竖起大拇指的人", "縦笛を吹く少女", "10秒前",
        "가로등 아래 고양이", "3分钟热度", "一分钟后下雨",
        "横断歩道を渡る猫", "音なし川", "정사각형 상자", "초콜릿",
    ],
)  # fmt: skip
def test_what_only_seems_so_is_left_alone(prompt: str) -> None:
    assert plain_options(prompt) == Options()


@given(st.text())
def test_any_prompt_is_read(prompt: str) -> None:
    assert plain_options(prompt).model is None


@given(
    st.lists(
        st.sampled_from([" ", ",", "8", "s", "seconds", "video", "vertical", "9:16", "a", "of"])
    )
)
def test_any_mix_is_read(parts: list[str]) -> None:
    assert plain_options("".join(parts)).fit is None
    assert plain_options(" ".join(parts)).fit is None


@pytest.mark.parametrize(
    "again",
    ["8 ", "8 s ", "vertical ", "video vertical ", "a, ", "a ", "9 : ", "八秒", "\ufdfa"],
)
def test_a_text_as_long_as_telegram_takes_is_read_at_once(again: str) -> None:
    began = time.process_time()
    plain_options(again * (4096 // len(again)))
    assert time.process_time() - began < 2


def quoted(text: str, kind: Kind = "t2v", *, reads: bool = True) -> Quote:
    """Return the quote of a text for somebody who saved nothing."""
    found = quote(text, kind=kind, offer=OFFER, defaults=NOBODY, reads=reads)
    assert isinstance(found, Quote), found
    return found


def test_plain_words_choose_the_nearest_and_stay_in_the_prompt() -> None:
    found = quoted("a cat, 7 seconds, vertical, without sound, 480p")
    assert (found.choice.seconds, found.choice.aspect_ratio) == (8, "9:16")
    assert found.prompt == "a cat, 7 seconds, vertical, without sound, 480p"
    assert found.is_from_words
    assert not found.choice.silent, "Sora always makes sound"


def test_what_is_typed_goes_before_what_is_said() -> None:
    found = quoted("a cat, 8 seconds, vertical --seconds 4 --horizontal")
    assert (found.choice.seconds, found.choice.aspect_ratio) == (4, "16:9")
    assert not found.is_from_words


def test_plain_words_that_say_what_is_usual_are_nothing_to_ask_about() -> None:
    assert not quoted("a cat, 4 seconds, horizontal").is_from_words
    assert not quoted("a cat, 8 seconds", reads=False).is_from_words


@pytest.mark.parametrize(
    "words",
    ["for 100 seconds", "1 minute", "10 minutes", "3 seconds", "1:1", "1080p", "without sound"],
)
def test_what_is_said_and_not_to_be_had_is_asked_about(words: str) -> None:
    assert quoted(f"a cat, {words}").is_from_words
    assert not quoted(f"a cat, {words}", reads=False).is_from_words
    assert not quoted("it rains, silent --model veo-3.1 --silent", "i2v").is_from_words


@pytest.mark.parametrize(
    ("text", "unmet"),
    [
        ("a cat, square, 1080p, 8s", Options(aspect_ratio="1:1", resolution="1080p")),
        ("a cat, 10 minutes", Options(seconds="600")),
        ("a cat --seconds ~600 --ar ~1:1", Options(seconds="600", aspect_ratio="1:1")),
        ("a cat without sound", MUTE),
        ("a cat without sound --model veo-3.1", Options()),
        ("a cat without sound --sound", Options()),
        ("a cat, square --vertical", Options()),
        ("a cat, vertical, 8 seconds, 720p", Options()),
    ],
)
def test_what_is_said_and_not_offered_is_named(text: str, unmet: Options) -> None:
    assert quoted(text).unmet == unmet


def test_a_family_that_offers_all_that_is_said_is_named() -> None:
    kling = ALL.only(["sora-2", "kling-3", "seedance-2-fast"])
    for text, kind, family, size in (
        ("a cat, square, 6 seconds", "t2v", "kling-3", None),
        ("a cat, square, 480p", "t2v", "seedance-2-fast", None),
        ("it rains, square", "i2v", "seedance-2-fast", (1280, 720)),
        ("it rains, square", "i2v", "kling-3", (700, 700)),
        ("it rains, square", "i2v", "seedance-2-fast", (1024, 768)),
        ("a cat, 10 minutes", "t2v", None, None),
        ("a cat, vertical", "t2v", None, None),
    ):
        found = quote(text, kind=kind, offer=kling, defaults=NOBODY, picture_size=size, reads=True)  # type: ignore[arg-type]
        assert isinstance(found, Quote)
        assert (found.met_by.choice.family.name if found.met_by else None) == family, text


def test_a_shape_that_only_the_picture_decides_is_asked_about() -> None:
    kling = ALL.only(["kling-3"])
    for size, unmet in (((1280, 720), TALL), ((720, 1280), Options()), (None, TALL)):
        found = quote(
            "it rains, vertical", kind="i2v", offer=kling, defaults=NOBODY, picture_size=size,
            reads=True,
        )  # fmt: skip
        assert isinstance(found, Quote)
        assert (found.unmet, found.is_from_words) == (unmet, unmet != Options())


def test_a_picture_takes_the_shape_that_is_said() -> None:
    assert quoted("it rains", "i2v").choice.aspect_ratio is None
    assert quoted("it rains, vertical", "i2v").choice.aspect_ratio == "9:16"


def test_sound_is_left_out_where_the_model_can() -> None:
    assert quoted("a cat without sound --model veo-3.1").choice.silent


@pytest.mark.parametrize(
    ("before", "said", "text"),
    [
        ("a cat", "at night", f"--seconds 4 a cat.{CHANGE_MARK}At night"),
        ("a cat!", "at night", f"--seconds 4 a cat!{CHANGE_MARK}At night"),
        ("a cat on a boat", "a cat on a red boat", "--seconds 4 a cat on a red boat"),
        ("a cat", "make it 8 seconds", f"a cat.{CHANGE_MARK}Make it 8 seconds"),
        ("", "at night", "--seconds 4 at night"),
        (
            "a cat. Make it night",
            "make it day",
            f"--seconds 4 a cat. Make it night.{CHANGE_MARK}Make it day",
        ),
        ("a cat. Make it night", "a dog. Make it night", "--seconds 4 a dog. Make it night"),
        (
            f"a cat.{CHANGE_MARK}Give it a hat",
            "give it a scarf",
            f"--seconds 4 a cat.{CHANGE_MARK}Give it a hat.{CHANGE_MARK}Give it a scarf",
        ),
        (
            f"a cat.{CHANGE_MARK}At night, vertical",
            "with stars",
            f"--seconds 4 a cat.{CHANGE_MARK}At night, vertical.{CHANGE_MARK}With stars",
        ),
        ("🐈", "at night", f"--seconds 4 🐈.{CHANGE_MARK}At night"),
        ("猫が走る", "夜に", f"--seconds 4 猫が走る.{CHANGE_MARK}夜に"),
        ("a cat", "--vertical", "--seconds 4 a cat --vertical"),
        ("a cat", "", "--seconds 4 a cat"),
    ],
)
def test_a_change_is_merged_with_what_was_before(before: str, said: str, text: str) -> None:
    assert " ".join(apply_change("--seconds 4", before, said).split(" ")).strip() == text


@given(st.text(), st.text())
def test_a_change_of_any_text_by_any_text_is_read(before: str, said: str) -> None:
    text = apply_change("--seconds 4", before, said)
    assert read(text).prompt is not None


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("vertical", "--ar ~9:16"),
        ("make it 8 seconds, vertical, please", "--seconds ~8 --ar ~9:16"),
        ("make it 8 seconds, vertical please", "--seconds ~8 --ar ~9:16"),
        ("--pro -silent", "--pro --silent"),
        ("--model veo-3.1, 8s", "--model veo-3.1 --seconds ~8"),
        ("🐱, vertical", ""),
        ("🐱 vertical", ""),
        ("без звука", "--silent"),
        ("mit Ton, 8 Sekunden", "--seconds ~8 --sound"),
        ("--sound", "--sound"),
        ("no sound --sound", "--sound"),
        ("8秒", "--seconds ~8"),
        ("--seconds 8, vertical", "--seconds 8 --ar ~9:16"),
        ("10 minutes", "--seconds ~600"),
        ("500 seconds", "--seconds ~500"),
        ("1 hour and 30 minutes", "--seconds ~5400"),
        ("0 seconds", "--seconds ~0"),
        ("8秒竖屏", "--seconds ~8 --ar ~9:16"),
        ("竖屏8秒", "--seconds ~8 --ar ~9:16"),
        ("请做一个八秒的竖屏视频", "--seconds ~8 --ar ~9:16"),
        ("1080p竖屏", "--ar ~9:16 --res ~1080p"),
        ("9\uff1a16", "--ar ~9:16"),
        ("\uff18秒", "--seconds ~8"),
        ("縦長で8秒", "--seconds ~8 --ar ~9:16"),
        ("8秒の縦動画", "--seconds ~8 --ar ~9:16"),
        ("1分", "--seconds ~60"),
        ("8초세로영상", "--seconds ~8 --ar ~9:16"),
        ("8วินาทีแนวตั้ง", "--seconds ~8 --ar ~9:16"),
        ("วิดีโอแนวตั้งแปดวินาที", "--seconds ~8 --ar ~9:16"),
        ("dọc, 8 giây", "--seconds ~8 --ar ~9:16"),
        ("竖屏的猫", ""),
        ("a cat, vertical", ""),
        ("can you make it vertical, thank you", "--ar ~9:16"),
        ("9 : 16", "--ar ~9:16"),
        ("1980s", ""),
        ("a portrait", ""),
        ("make it a square", "--ar ~1:1"),
        ("make this vertical", "--ar ~9:16"),
        ("no, vertical", "--ar ~9:16"),
        ("not vertical", ""),
        ("the same but vertical", "--ar ~9:16"),
        ("change it to 8 seconds", "--seconds ~8"),
        ("vertical instead", "--ar ~9:16"),
        ("改成竖屏", "--ar ~9:16"),
        ("--seconds 8 please", "--seconds 8"),
        ("--seconds 8 thanks!", ""),
        ("thank you", ""),
        ("vertical --sideways", ""),
        ("please", ""),
        ("", ""),
        ("the silent forest", ""),
    ],
)
def test_what_speaks_of_options_alone_is_typed(text: str, typed: str) -> None:
    assert options_only(text) == typed


def test_any_length_that_is_read_may_be_replaced_by_the_nearest() -> None:
    typed = options_only(f"{'9' * 50} hours")
    assert typed.startswith("--seconds ~")
    exact, nearest = read(typed).requested.split_nearest()
    assert (exact.seconds, nearest.seconds) == (None, typed.removeprefix("--seconds ~"))
