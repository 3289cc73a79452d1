"""Places: the layers between sky and ground, from the sea to a room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sandbox.aimlapi.drawing import strips
from sandbox.aimlapi.drawing.figures import Colour, mixed
from sandbox.aimlapi.drawing.landscape import Landscape
from sandbox.aimlapi.drawing.light import SLATE, Light, distant, light_of, lit, shine, stars
from sandbox.aimlapi.drawing.strips import WHITE, Strip, gradient, ridge

if TYPE_CHECKING:
    import random

    from sandbox.aimlapi.drawing.idea import Idea
    from sandbox.aimlapi.shapes import Size

_SNOW: Colour = (242, 247, 255)


def _sky_above(
    size: Size, light: Light, dice: random.Random, idea: Idea, horizon: float
) -> Landscape:
    """Return a sky down to the horizon, with sun or moon, stars and clouds."""
    width, height = size
    still = Image.new("RGB", size, light.sky[2])
    still.paste(gradient((width, round(height * horizon) + 2), light.sky))
    sparks = None
    if light.is_dark and not idea.weather & {"storm", "rain", "fog"}:
        sparks = (stars(size, dice, light.stars), stars(size, dice, light.stars))
    if light.radius:
        shine(still, light)
    made = Landscape(still, light, horizon, 0.86, stars=sparks, snows="snow" in idea.weather)
    heavy = bool(idea.weather & {"storm", "rain", "snow"})
    tone = mixed(mixed(WHITE, light.sky[1], 0.35), light.tint, 0.5)
    tone = mixed(tone, SLATE, 0.55) if heavy else tone
    if light.is_dark:
        tone = mixed(tone, light.sky[0], 0.6)
    made.behind.append(
        strips.clouds(size, dice, tone, level=-0.02, count=16 if heavy else 5, depth=0.05)
    )
    return made


def _ground(made: Landscape, size: Size, top: float, colours: tuple[Colour, Colour]) -> None:
    """Paint a flat ground from a share of the height down to the lower edge."""
    width, height = size
    start = round(height * top)
    shaded = tuple(lit(made.light, colour) for colour in colours)
    made.still.paste(gradient((width, height - start), shaded), (0, start))


def _hills(
    made: Landscape, size: Size, dice: random.Random, tone: Colour, levels: tuple[float, ...]
) -> None:
    tone = mixed(tone, _SNOW, 0.85 * made.snows)
    for number, level in enumerate(levels):
        depth = 0.15 + 0.6 * number / max(1, len(levels) - 1)
        upper = distant(made.light, tone, depth)
        lower = distant(made.light, mixed(tone, (20, 30, 30), 0.25), depth)
        made.behind.append(ridge(size, dice, level, 0.035, (upper, lower), depth=depth * 0.6))


def _sea(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.62)
    made.ground = 0.83
    deep, bright = lit(light, (24, 84, 128)), mixed(light.sky[2], lit(light, (70, 160, 190)), 0.5)
    width, height = size
    made.still.paste(
        gradient((width, round(height * 0.38) + 1), (bright, deep)), (0, round(height * 0.62))
    )
    if light.radius:
        _glitter(made.still, light, dice, 0.62)
    waves = list[Strip]()
    for share in (0, 0.25, 0.5, 0.75, 1):
        upper, lower = 0.25 + 0.6 * share, 0.45 + 0.55 * share
        colours = mixed(bright, deep, upper), mixed(bright, deep, lower)
        waves.append(strips.wave(size, dice, 0.655 + 0.26 * share**1.3, colours, 0.1 + 0.9 * share))
    made.behind += waves[:3]
    made.before += waves[3:]  # nearer than what floats
    return made


def _beach(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sea(size, light, dice, idea)
    made.ground, made.before = 0.87, []
    sand = lit(light, (240, 214, 164)), lit(light, (206, 170, 118))
    made.behind.append(ridge(size, dice, 0.78, 0.008, sand, depth=1.0))
    return made


def _glitter(picture: Image.Image, light: Light, dice: random.Random, top: float) -> None:
    """Paint the sun's reflection on water."""
    width, height = picture.size
    pen = ImageDraw.Draw(picture, "RGBA")
    for _ in range(80):
        share = dice.random()
        y = height * (top + (1 - top) * share)
        x = light.place[0] * width + dice.gauss(0, 0.02 + 0.06 * share) * width
        reach = width * dice.uniform(0.006, 0.024)
        pen.line((x - reach, y, x + reach, y), (*light.sun, 90), max(1, height // 260))


def _lake(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.62)
    made.ground, made.mirrors = 0.8, True
    _peaks(made, size, dice, (0.5, 0.58))
    made.behind.append(
        strips.trees(size, dice, 0.625, 0.12, distant(light, (40, 84, 70), 0.75), depth=0.3)
    )
    made.before.append(strips.tufts(size, dice, 0.07, lit(light, (62, 112, 70))))
    return made


def _peaks(made: Landscape, size: Size, dice: random.Random, levels: tuple[float, ...]) -> None:
    for number, level in enumerate(levels):
        depth = 0.2 + 0.4 * number
        colours = (
            distant(made.light, (98, 108, 148), depth),
            distant(made.light, (66, 82, 120), depth * 0.6),
        )
        cap = distant(made.light, (246, 248, 255), depth + 0.2) if number == 0 else None
        made.behind.append(
            ridge(size, dice, level, 0.09, colours, depth=0.1 + 0.12 * number, ragged=True, cap=cap)
        )


def _mountains(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.7)
    _peaks(made, size, dice, (0.46, 0.6))
    _hills(made, size, dice, (92, 142, 92), (0.72, 0.79))
    made.behind.append(
        strips.trees(size, dice, 0.8, 0.12, distant(light, (38, 84, 66), 0.85), depth=0.55)
    )
    _closest(made, size, dice, (96, 148, 84))
    return made


def _closest(made: Landscape, size: Size, dice: random.Random, tone: Colour) -> None:
    """Add the ground on which subjects stand, and grass before it."""
    tone = mixed(tone, _SNOW, 0.92 * made.snows)
    colours = (lit(made.light, tone), lit(made.light, mixed(tone, (10, 30, 30), 0.4)))
    _ground(made, size, made.horizon, (tone, tone))
    made.behind.append(ridge(size, dice, 0.8, 0.008, colours, depth=1.0))
    made.before.append(
        strips.tufts(size, dice, 0.07, lit(made.light, mixed(tone, (20, 50, 40), 0.3)))
    )


def _meadow(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.7)
    _hills(made, size, dice, (112, 172, 104), (0.62, 0.68, 0.74))
    made.behind.insert(
        -1, strips.trees(size, dice, 0.74, 0.09, distant(light, (52, 110, 80), 0.6), depth=0.35)
    )
    _closest(made, size, dice, (122, 180, 88))
    return made


def _garden(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _meadow(size, light, dice, idea)
    tone = lit(light, (84, 146, 78))
    made.before = [strips.tufts(size, dice, 0.16, tone, flowers=True)]
    return made


def _forest(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.74)
    for number, depth in enumerate((0.2, 0.45, 0.7)):
        tone = distant(light, mixed((34, 86, 66), _SNOW, 0.35 * made.snows), depth + 0.12)
        row = strips.trees(
            size, dice, 0.76 + 0.03 * number, 0.38 + 0.12 * number, tone, depth=depth
        )
        made.behind.append(row)
    _closest(made, size, dice, (74, 118, 72))
    return made


def _city(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.72)
    dark = light.is_dark or idea.time == "dusk"
    for number, depth in enumerate((0.2, 0.5, 0.85)):
        tone = distant(light, (86, 92, 122) if number < 2 else (66, 70, 98), depth)  # noqa: PLR2004  # the nearest is darkest
        awake = (0.1, 0.3, 0.5)[number] if dark else 0.04
        tall = 0.42 - 0.05 * number
        made.behind.append(
            strips.skyline(size, dice, 0.8, tall, tone, lit=awake, depth=depth * 0.7)
        )
    width, height = size
    road = gradient(
        (strips.length(width), round(height * 0.22)),
        tuple(lit(light, tone) for tone in ((112, 112, 124), (70, 70, 84))),
    ).convert("RGBA")
    pen = ImageDraw.Draw(road)
    pen.rectangle((0, 0, road.width, height * 0.03), lit(light, (150, 146, 146)))
    dash = road.width / 12
    for number in range(12):
        box = (number * dash, height * 0.135, (number + 0.55) * dash, height * 0.148)
        pen.rectangle(box, lit(light, (236, 226, 190)))
    made.behind.append(Strip.of(road, width, round(height * 0.79), 1.0))
    made.ground = 0.88
    return made


def _desert(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.66)
    _hills(made, size, dice, (232, 178, 104), (0.62, 0.68, 0.75))
    colours = (lit(light, (242, 194, 120)), lit(light, (196, 138, 80)))
    made.behind.append(ridge(size, dice, 0.8, 0.012, colours, depth=1.0))
    return made


def _ice(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.68)
    _peaks(made, size, dice, (0.52, 0.62))
    _hills(made, size, dice, (214, 228, 244), (0.68, 0.75))
    made.behind.append(
        strips.trees(size, dice, 0.77, 0.13, distant(light, (80, 112, 122), 0.7), depth=0.5)
    )
    colours = (lit(light, (244, 248, 255)), lit(light, (190, 206, 232)))
    made.behind.append(ridge(size, dice, 0.79, 0.012, colours, depth=1.0))
    return made


def _sky(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 1.0)
    made.ground = 0.72
    tone = mixed(mixed(WHITE, light.sky[2], 0.3), light.tint, 0.5)
    tone = mixed(tone, light.sky[0], 0.5) if light.is_dark else tone
    for level, depth in ((0.42, 0.25), (0.56, 0.5)):
        made.behind.append(strips.clouds(size, dice, tone, level=level, count=12, depth=depth))
    made.before.append(strips.clouds(size, dice, tone, level=0.68, count=15, depth=0.9))
    return made


def _space(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    del idea  # it looks the same at all times
    width, height = size
    still = gradient(size, ((8, 8, 30), (26, 16, 62), (14, 30, 70)))
    for colour in ((150, 60, 160), (50, 90, 200), (210, 90, 120)):
        side = round(height * dice.uniform(0.8, 1.3))
        cloud = (
            Image.radial_gradient("L")
            .resize((side, side))
            .point([round(80 * max(0, 1 - level / 181) ** 2) for level in range(256)])
        )
        where = (dice.randrange(-side // 3, width), dice.randrange(-side // 2, height // 2))
        still.paste(colour, where, cloud)
    made = Landscape(still, replace(light, tint=(232, 232, 246)), 1.0, 0.74)
    made.stars = (stars(size, dice, 260), stars(size, dice, 260))
    _planet(still, (0.2 * width, 0.86 * height), 0.42 * min(size))
    return made


def _planet(picture: Image.Image, place: tuple[float, float], radius: float) -> None:
    side = round(radius * 2)
    body = gradient((side, side), ((246, 176, 120), (214, 106, 112), (120, 66, 130), (70, 50, 116)))
    pen = ImageDraw.Draw(body, "RGBA")
    for number in range(7):
        y = side * (0.12 + 0.12 * number)
        pen.ellipse((-side * 0.2, y, side * 1.2, y + side * 0.07), (255, 230, 200, 40 - 4 * number))
    disc = Image.new("L", (side * 2, side * 2))
    ImageDraw.Draw(disc).ellipse((0, 0, 2 * side, 2 * side), fill=255)
    where = (round(place[0] - radius), round(place[1] - radius))
    picture.paste(body, where, disc.resize((side, side), Image.Resampling.BOX))


def _underwater(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    del idea
    width, height = size
    tint = mixed(light.tint, (150, 220, 240), 0.5)
    deep = mixed((6, 46, 92), (0, 10, 40), 0.5 * light.is_dark)
    still = gradient(size, (mixed((120, 216, 226), light.sky[0], 0.3), (32, 132, 176), deep))
    rays = Image.new("L", (width // 4, height // 4))
    pen = ImageDraw.Draw(rays)
    for number in range(6):
        x = rays.width * (number / 5 + dice.uniform(-0.08, 0.08))
        pen.polygon([(x, -4), (x + 9, -4), (x - 10, rays.height), (x - 34, rays.height)], 46)
    still.paste(WHITE, mask=rays.filter(ImageFilter.GaussianBlur(3)).resize(size))
    made = Landscape(still, replace(light, tint=tint), 1.0, 0.66)
    for level, depth in ((0.84, 0.3), (0.9, 0.7)):
        tone = mixed((40, 110, 130), (150, 130, 110), depth)
        made.behind.append(
            ridge(size, dice, level, 0.02, (tone, mixed(tone, deep, 0.6)), depth=depth)
        )
    made.before.append(strips.tufts(size, dice, 0.22, (24, 110, 96)))
    return made


def _room(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    width, height = size
    still = gradient(size, ((232, 198, 160), (244, 218, 184)))
    outside = _sky_above(size, light, dice, idea, 0.7)
    _hills(outside, size, dice, (112, 162, 112), (0.6, 0.7))
    outside.paint(view := Image.new("RGB", size), 0.0, 0.0)
    frame = (round(width * 0.54), round(height * 0.1), round(width * 0.9), round(height * 0.58))
    pen = ImageDraw.Draw(still)
    edge = max(3, height // 60)
    pen.rectangle((frame[0] - edge, frame[1] - edge, frame[2] + edge, frame[3] + edge), "#fff8ec")
    still.paste(view.resize((frame[2] - frame[0], frame[3] - frame[1])), frame[:2])
    middle = (frame[0] + frame[2]) // 2
    pen.rectangle((middle - edge // 3, frame[1], middle + edge // 3, frame[3]), "#fff8ec")
    pen.rectangle((0, height * 0.72, width, height), "#a9714b")
    pen.rectangle((0, height * 0.72, width, height * 0.735), "#c58f62")
    for number in range(1, 4):
        y = height * (0.735 + 0.07 * number)
        pen.line((0, y, width, y), "#94603d", max(1, height // 300))
    pen.ellipse((width * 0.2, height * 0.78, width * 0.8, height * 0.95), "#c9564c")
    pen.ellipse((width * 0.24, height * 0.8, width * 0.76, height * 0.93), "#dd7a62")
    tint = mixed(light.tint, (255, 236, 206), 0.6)
    if light.is_dark:
        still = ImageChops.multiply(still, Image.new("RGB", size, (150, 132, 150)))
    return Landscape(still, replace(light, tint=tint), 1.0, 0.88, window=frame)


def _puddle(size: Size, light: Light, dice: random.Random, idea: Idea) -> Landscape:
    made = _sky_above(size, light, dice, idea, 0.52)
    made.mirrors, made.ground = True, 0.76
    awake = 0.3 if light.is_dark else 0.1
    made.behind.append(
        strips.skyline(
            size, dice, 0.53, 0.34, distant(light, (96, 100, 124), 0.6), lit=awake, depth=0.2
        )
    )
    made.behind.append(
        strips.trees(size, dice, 0.53, 0.1, distant(light, (56, 104, 84), 0.8), depth=0.3)
    )
    made.before.append(strips.tufts(size, dice, 0.06, lit(light, (80, 116, 84))))
    return made


PLACES = {
    "sea": _sea,
    "beach": _beach,
    "lake": _lake,
    "mountains": _mountains,
    "forest": _forest,
    "city": _city,
    "desert": _desert,
    "meadow": _meadow,
    "garden": _garden,
    "space": _space,
    "underwater": _underwater,
    "ice": _ice,
    "sky": _sky,
    "room": _room,
    "puddle": _puddle,
}


def landscape(idea: Idea, size: Size, dice: random.Random) -> Landscape:
    """Return the landscape of an idea."""
    return PLACES[idea.place](size, light_of(idea.time, idea.weather), dice, idea)
