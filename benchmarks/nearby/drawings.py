"""Drawings of things that stand somewhere, each in a colour: what there is to see is known, so every question has a true answer."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

RGB = tuple[int, int, int]

COLOURS: dict[str, RGB] = {
    "red": (205, 32, 44),
    "orange": (240, 140, 30),
    "yellow": (245, 215, 50),
    "green": (30, 140, 60),
    "blue": (30, 75, 180),
    "purple": (125, 50, 150),
    "pink": (240, 130, 170),
    "brown": (120, 75, 40),
    "black": (20, 20, 22),
    "white": (245, 245, 245),
    "grey": (130, 130, 132),
}
SIDE = 256
_FINER = 2


def named(rgb: RGB) -> str:
    """The colour's name, as the master would say it."""
    return min(COLOURS, key=lambda name: math.dist(COLOURS[name], rgb))


@dataclass(frozen=True)
class Thing:
    """One thing in a drawing, in coordinates from 0 to 1."""

    kind: str
    rgb: RGB
    x: float
    y: float
    width: float
    height: float
    faces: str = ""
    """What a mirror may change (left, right) or that can be asked for (a time, a mood)."""

    @property
    def colour(self) -> str:
        return named(self.rgb)


@dataclass(frozen=True)
class Drawing:
    family: str
    things: tuple[Thing, ...]
    """From the back to the front."""
    background: RGB
    grain: int
    """Seeds the texture of the background; 0 is plain."""

    def image(self) -> Image.Image:
        size = SIDE * _FINER
        picture = Image.new("RGB", (size, size), self.background)
        if self.grain:
            _texture(picture, self.grain)
        pen = ImageDraw.Draw(picture)
        for thing in self.things:
            box = (
                (thing.x - thing.width / 2) * size,
                (thing.y - thing.height / 2) * size,
                (thing.x + thing.width / 2) * size,
                (thing.y + thing.height / 2) * size,
            )
            _PAINTERS[thing.kind](pen, box, thing)
        return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _texture(picture: Image.Image, seed: int) -> None:
    """A slope of light and soft spots, as a wall or a desk has."""
    rng = random.Random(seed)
    small = Image.new("L", (24, 24))
    small.putdata([128 + int(rng.gauss(0, 14)) + 2 * (column - 12) for _ in range(24) for column in range(24)])
    light = small.resize(picture.size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(6))
    dark = Image.new("RGB", picture.size, (0, 0, 0))
    picture.paste(dark, mask=light.point(lambda value: max(0, 128 - value)))
    bright = Image.new("RGB", picture.size, (255, 255, 255))
    picture.paste(bright, mask=light.point(lambda value: max(0, value - 128)))


# -- painters -----------------------------------------------------------------------------------------------------------

Box = tuple[float, float, float, float]
Pen = ImageDraw.ImageDraw


def _points(box: Box, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(box[0] + x * (box[2] - box[0]), box[1] + y * (box[3] - box[1])) for x, y in points]


def _polygon(*points: tuple[float, float]) -> Callable[[Pen, Box, Thing], None]:
    def paint(pen: Pen, box: Box, thing: Thing) -> None:
        turned = [(1 - x, y) if thing.faces == "left" else (x, y) for x, y in points]
        pen.polygon(_points(box, turned), fill=thing.rgb)

    return paint


def _ellipse(pen: Pen, box: Box, thing: Thing) -> None:
    pen.ellipse(box, fill=thing.rgb)


def _rectangle(pen: Pen, box: Box, thing: Thing) -> None:
    pen.rectangle(box, fill=thing.rgb)


def _ring(pen: Pen, box: Box, thing: Thing) -> None:
    pen.ellipse(box, outline=thing.rgb, width=max(3, int((box[2] - box[0]) / 6)))


def _star_points(tips: int, inner: float) -> list[tuple[float, float]]:
    found = []
    for at in range(2 * tips):
        far = 0.5 if at % 2 == 0 else inner
        angle = math.pi * at / tips - math.pi / 2
        found.append((0.5 + far * math.cos(angle), 0.5 + far * math.sin(angle)))
    return found


def _clock(pen: Pen, box: Box, thing: Thing) -> None:
    pen.ellipse(box, fill=COLOURS["white"], outline=thing.rgb, width=max(4, int((box[2] - box[0]) / 18)))
    hour, minute = (int(part) for part in thing.faces.split(":"))
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    for turn, length, width in ((hour / 12 + minute / 720, 0.26, 12), (minute / 60, 0.4, 7)):
        angle = 2 * math.pi * turn - math.pi / 2
        reach = length * (box[2] - box[0])
        end = (middle[0] + reach * math.cos(angle), middle[1] + reach * math.sin(angle))
        pen.line([middle, end], fill=thing.rgb, width=width)


def _face(pen: Pen, box: Box, thing: Thing) -> None:
    pen.ellipse(box, fill=thing.rgb)
    wide = box[2] - box[0]
    for x in (0.33, 0.67):
        eye = _points(box, [(x - 0.06, 0.32), (x + 0.06, 0.44)])
        pen.ellipse((*eye[0], *eye[1]), fill=COLOURS["black"])
    happy = thing.faces == "smiling"
    (left, top), (right, bottom) = _points(box, [(0.28, 0.42 if happy else 0.62), (0.72, 0.78 if happy else 0.98)])
    pen.arc(
        (left, top, right, bottom),
        20 if happy else 200,
        160 if happy else 340,
        fill=COLOURS["black"],
        width=int(wide / 18),
    )


def _gauge(pen: Pen, box: Box, thing: Thing) -> None:
    pen.pieslice(box, 180, 360, fill=COLOURS["white"], outline=COLOURS["black"], width=6)
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    angle = math.pi * (1 + int(thing.faces) / 10)
    reach = 0.42 * (box[2] - box[0])
    pen.line(
        [middle, (middle[0] + reach * math.cos(angle), middle[1] + reach * math.sin(angle))], fill=thing.rgb, width=9
    )


def _flower(pen: Pen, box: Box, thing: Thing) -> None:
    wide = box[2] - box[0]
    stem = _points(box, [(0.47, 0.4), (0.53, 1.0)])
    pen.rectangle((*stem[0], *stem[1]), fill=COLOURS["green"])
    for petal in range(6):
        angle = petal * math.pi / 3
        x, y = _points(box, [(0.5 + 0.22 * math.cos(angle), 0.3 + 0.22 * math.sin(angle) * 0.9)])[0]
        pen.ellipse((x - wide * 0.14, y - wide * 0.14, x + wide * 0.14, y + wide * 0.14), fill=thing.rgb)
    x, y = _points(box, [(0.5, 0.3)])[0]
    pen.ellipse((x - wide * 0.1, y - wide * 0.1, x + wide * 0.1, y + wide * 0.1), fill=COLOURS["yellow"])


_PAINTERS: dict[str, Callable[[Pen, Box, Thing], None]] = {
    **dict.fromkeys(("circle", "dot", "wheel", "light", "apple", "ball", "plate"), _ellipse),
    **dict.fromkeys(
        ("square", "stripe", "block", "bar", "window", "door", "wall", "chimney", "case", "book", "shelf", "trunk", "box", "pole"),
        _rectangle,
    ),
    "ring": _ring,
    "triangle": _polygon((0.5, 0), (1, 1), (0, 1)),
    "roof": _polygon((0.5, 0), (1, 1), (0, 1)),
    "wedge": _polygon((0, 0), (1, 0.5), (0, 1)),
    "diamond": _polygon((0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)),
    "cross": _polygon(
        (0.35, 0), (0.65, 0), (0.65, 0.35), (1, 0.35), (1, 0.65), (0.65, 0.65), (0.65, 1), (0.35, 1), (0.35, 0.65), (0, 0.65), (0, 0.35), (0.35, 0.35),
    ),
    "star": _polygon(*_star_points(5, 0.2)),
    "crown": _polygon((0, 0), (0.25, 0.5), (0.5, 0), (0.75, 0.5), (1, 0), (1, 1), (0, 1)),
    "arrow": _polygon((0, 0.35), (0.55, 0.35), (0.55, 0.05), (1, 0.5), (0.55, 0.95), (0.55, 0.65), (0, 0.65)),
    "bottle": _polygon((0.38, 0), (0.62, 0), (0.62, 0.3), (0.9, 0.45), (0.9, 1), (0.1, 1), (0.1, 0.45), (0.38, 0.3)),
    "cup": _polygon((0, 0), (1, 0), (0.8, 1), (0.2, 1)),
    "fish": _polygon((0, 0.2), (0.25, 0.45), (0.6, 0.1), (1, 0.5), (0.6, 0.9), (0.25, 0.55), (0, 0.8)),
    "tree": _polygon((0.5, 0), (1, 0.75), (0.58, 0.75), (0.58, 1), (0.42, 1), (0.42, 0.75), (0, 0.75)),
    "clock": _clock,
    "face": _face,
    "gauge": _gauge,
    "flower": _flower,
}  # fmt: skip

# -- families -----------------------------------------------------------------------------------------------------------

_VIVID = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black")
_PALE: tuple[RGB, ...] = (
    (250, 250, 250),
    (235, 230, 215),
    (215, 230, 240),
    (225, 240, 220),
    (240, 220, 225),
    (200, 205, 210),
)


def _colour(rng: random.Random, among: tuple[str, ...] = _VIVID) -> RGB:
    base = COLOURS[rng.choice(among)]
    return tuple(max(0, min(255, value + rng.randrange(-8, 9))) for value in base)  # type: ignore[return-value]


def _scattered(rng: random.Random, kinds: tuple[str, ...], number: int, sizes: tuple[float, float]) -> list[Thing]:
    """Things that don't cover each other."""
    found: list[Thing] = []
    for _ in range(60 * number):
        size = rng.uniform(*sizes)
        x, y = rng.uniform(size / 2 + 0.02, 0.98 - size / 2), rng.uniform(size / 2 + 0.02, 0.98 - size / 2)
        if all(max(abs(x - other.x), abs(y - other.y)) > (size + other.width) / 2 + 0.015 for other in found):
            kind = rng.choice(kinds)
            faces = rng.choice(("left", "right")) if kind in {"arrow", "fish"} else ""
            found.append(Thing(kind, _colour(rng), x, y, size, size, faces))
        if len(found) == number:
            break
    return found


def _scene(rng: random.Random) -> Drawing:
    kinds = ("circle", "square", "triangle", "star", "ring", "diamond", "cross", "arrow")
    things = _scattered(rng, kinds, rng.randrange(3, 10), (0.06, 0.2))
    return Drawing("scene", tuple(things), rng.choice(_PALE), rng.randrange(1, 10**6) if rng.random() < 0.7 else 0)


def _flag(rng: random.Random) -> Drawing:
    colours = rng.sample((*_VIVID, "white"), 5)
    rgb = [COLOURS[name] for name in colours]
    number = rng.choice((2, 3, 3, 3, 4))
    things = []
    if rng.random() < 0.5:
        things += [Thing("stripe", rgb[at % 3], (at + 0.5) / number, 0.5, 1 / number, 1.0) for at in range(number)]
    else:
        things += [Thing("stripe", rgb[at % 3], 0.5, (at + 0.5) / number, 1.0, 1 / number) for at in range(number)]
    kind = rng.random()
    if kind < 0.25:
        things.append(Thing("wedge", rgb[3], 0.18, 0.5, 0.36, 1.0, "right"))
    elif kind < 0.5:
        things.append(Thing("block", rgb[3], 0.22, 0.25, 0.44, 0.5))
    elif kind < 0.7:
        things.append(Thing("circle", rgb[3], 0.5, 0.5, 0.34, 0.34))
    emblem = rng.choice(("star", "crown", "cross", "dot"))
    for at in range(rng.randrange(0, 6)):
        across, down = (0.1 + 0.13 * (at % 3), 0.13 + 0.2 * (at // 3)) if kind < 0.7 else (0.2 + 0.15 * (at % 5), 0.5)
        size = 0.05 if emblem == "dot" else 0.09
        things.append(Thing(emblem, rgb[4], across, down, size, size))
    return Drawing("flag", tuple(things), rgb[0], 0)


def _house(rng: random.Random) -> list[Thing]:
    wall, roof, door, pane = (_colour(rng) for _ in range(4))
    things = [Thing("wall", wall, 0.5, 0.66, 0.64, 0.5), Thing("roof", roof, 0.5, 0.28, 0.78, 0.3)]
    if rng.random() < 0.6:
        things.insert(0, Thing("chimney", _colour(rng), rng.choice((0.3, 0.7)), 0.22, 0.08, 0.24))
    places = [(0.3, 0.55), (0.5, 0.55), (0.7, 0.55), (0.3, 0.78), (0.7, 0.78)]
    things += [Thing("window", pane, x, y, 0.11, 0.12) for x, y in sorted(rng.sample(places, rng.randrange(1, 6)))]
    return [*things, Thing("door", door, 0.5, 0.8, 0.12, 0.22)]


def _battery(rng: random.Random) -> list[Thing]:
    things = [
        Thing("case", COLOURS["black"], 0.47, 0.5, 0.74, 0.36),
        Thing("block", COLOURS["black"], 0.88, 0.5, 0.08, 0.16),
    ]
    rgb = _colour(rng, ("red", "yellow", "green", "blue"))
    return things + [Thing("bar", rgb, 0.19 + 0.14 * at, 0.5, 0.1, 0.28) for at in range(rng.randrange(1, 6))]


def _signal(rng: random.Random) -> list[Thing]:
    things = [
        Thing("pole", COLOURS["grey"], 0.5, 0.8, 0.06, 0.4),
        Thing("case", COLOURS["black"], 0.5, 0.38, 0.3, 0.64),
    ]
    lit = rng.choice(("red", "yellow", "green"))
    return things + [
        Thing("light", COLOURS[name] if name == lit else (60, 60, 62), 0.5, 0.18 + 0.2 * at, 0.16, 0.16)
        for at, name in enumerate(("red", "yellow", "green"))
    ]


def _badge(rng: random.Random) -> list[Thing]:
    kind = rng.choice(("clock", "face", "arrow", "arrow"))
    faces = {
        "clock": f"{rng.randrange(1, 13)}:{rng.choice((0, 15, 30, 45)):02d}",
        "face": rng.choice(("smiling", "frowning")),
        "arrow": rng.choice(("left", "right")),
    }[kind]
    colours = (
        ("red", "blue", "black", "purple", "brown")
        if kind == "clock"
        else ("yellow", "orange", "pink", "blue", "green", "red")
    )
    things = [Thing(kind, _colour(rng, colours), 0.5, 0.5, 0.62, 0.62, faces)]
    corners = [(0.12, 0.12), (0.88, 0.12), (0.12, 0.88), (0.88, 0.88)]
    dots = [
        Thing("dot", _colour(rng, ("red", "green", "blue")), x, y, 0.08, 0.08)
        for x, y in rng.sample(corners, rng.randrange(0, 4))
    ]
    return things + dots


def _icon(rng: random.Random) -> Drawing:
    things = rng.choice((_house, _house, _battery, _signal, _badge, _badge, _badge))(rng)
    return Drawing("icon", tuple(things), rng.choice(_PALE), 0)


def _shelf(rng: random.Random) -> Drawing:
    things: list[Thing] = []
    for row in range(rng.choice((2, 3))):
        floor = 0.32 + 0.3 * row
        things.append(Thing("shelf", COLOURS["brown"], 0.5, floor + 0.015, 0.96, 0.03))
        for column in range(rng.randrange(2, 8)):
            kind = rng.choice(("book", "bottle", "cup", "box"))
            high = rng.uniform(0.1, 0.2)
            things.append(Thing(kind, _colour(rng), 0.1 + 0.12 * column, floor - high / 2, 0.07, high))
    return Drawing("shelf", tuple(things), rng.choice(_PALE), rng.randrange(1, 10**6))


def _garden(rng: random.Random) -> Drawing:
    lawn = Thing("block", (90, 160, 80), 0.5, 0.85, 1.0, 0.3)
    things = _scattered(rng, ("tree", "flower", "apple", "ball", "fish"), rng.randrange(3, 9), (0.07, 0.22))
    return Drawing("garden", (lawn, *things), (190, 215, 240), rng.randrange(1, 10**6))


def _panel(rng: random.Random) -> Drawing:
    things = [Thing("gauge", _colour(rng, ("red", "blue", "black")), 0.5, 0.45, 0.7, 0.6, str(rng.randrange(1, 10)))]
    places = [(0.12 + 0.19 * at, 0.8) for at in range(5)]
    things += [
        Thing("plate", _colour(rng, ("red", "green", "yellow", "blue")), x, y, 0.09, 0.09)
        for x, y in sorted(rng.sample(places, rng.randrange(1, 6)))
    ]
    return Drawing("panel", tuple(things), rng.choice(_PALE), 0)


EVALUATED: dict[str, Callable[[random.Random], Drawing]] = {"scene": _scene, "flag": _flag, "icon": _icon}
"""What the promise is checked on."""
FITTED: dict[str, Callable[[random.Random], Drawing]] = {"shelf": _shelf, "garden": _garden, "panel": _panel}
"""What the score and its prior come from: other things, other arrangements."""


def look_alike(drawing: Drawing, rng: random.Random) -> Drawing:
    """The same drawing with one detail changed, so that it can be seen."""
    before = drawing.image()
    while True:
        changed = _changed(drawing, rng)
        apart = np.abs(np.asarray(changed.image(), dtype=np.int16) - np.asarray(before)).max(axis=2)
        if np.count_nonzero(apart > 60) >= 25:
            return changed


def _changed(drawing: Drawing, rng: random.Random) -> Drawing:
    things = list(drawing.things)
    small = [at for at, thing in enumerate(things) if thing.width < 0.4 and thing.height < 0.4] or list(
        range(len(things))
    )
    at = rng.choice(small)
    thing = things[at]
    how = rng.choice(("gone", "recoloured", "moved", "turned", "turned", "added"))
    if how == "turned" and thing.faces in {"left", "right"}:
        things[at] = replace(thing, faces="left" if thing.faces == "right" else "right")
    elif how == "turned" and ":" in thing.faces:
        hour, minute = thing.faces.split(":")
        things[at] = replace(thing, faces=f"{int(hour) % 12 + 1}:{minute}")
    elif how == "turned" and thing.faces:
        others = {"smiling": "frowning", "frowning": "smiling"}
        things[at] = replace(
            thing,
            faces=others.get(thing.faces, str(int(thing.faces) % 9 + 1) if thing.faces.isdigit() else thing.faces),
        )
    elif how == "gone" and len(things) > 2:
        del things[at]
    elif how == "moved" and thing.width < 0.25 and abs(thing.x - 0.5) > 0.1:
        things[at] = replace(thing, x=1 - thing.x)
    elif how == "added" and thing.width < 0.25:
        things.append(
            replace(
                thing,
                x=min(max(thing.x + rng.choice((-0.17, 0.17)), 0.08), 0.92),
                y=min(max(thing.y + rng.choice((-0.17, 0.17)), 0.08), 0.92),
            )
        )
    else:
        others_ = [name for name in _VIVID if name != thing.colour]
        things[at] = replace(thing, rgb=COLOURS[rng.choice(others_)])
    return replace(drawing, things=tuple(things))
