"""Scenes that we draw: one to five coloured shapes on a plain ground, and questions about them that must be composed.

Count, colour, shape, place, comparison, existence and its denial. A scene is made from its seed; seeds of the test split
are never drawn for training.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from benchmarks.embedded import phrasing

if TYPE_CHECKING:
    from PIL.Image import Image

Split = Literal["train", "test"]
SIDE: Final = 64
FINE: Final = 3
"""Drawn this many times larger, then made smaller, so that edges are smooth."""
COLOURS: Final = {
    "red": (214, 40, 40),
    "green": (46, 160, 67),
    "blue": (38, 90, 220),
    "yellow": (245, 205, 30),
    "purple": (140, 60, 180),
    "orange": (245, 130, 30),
    "black": (25, 25, 25),
}
SHAPES: Final = ("circle", "square", "triangle", "star", "cross", "ring")
GROUNDS: Final = ((255, 255, 255), (235, 235, 235), (250, 240, 220), (222, 236, 250), (232, 248, 230))
KINDS: Final = ("count", "exists", "absent", "colour", "shape", "place", "more", "largest")


@dataclass(frozen=True, slots=True)
class Thing:
    """One shape of a scene; ``x`` grows to the right and ``y`` downwards."""

    shape: str
    colour: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a scene with its answer."""

    kind: str
    text: str
    answer: str
    meaning: str
    """The same for all wordings of one question."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn, and where."""

    things: tuple[Thing, ...]
    ground: tuple[int, int, int]


def scene(seed: int, split: Split) -> Scene:
    """The scene of this seed."""
    rng = _rng(seed, split)
    wanted = int(rng.integers(1, 6))
    colours = list(rng.permutation(list(COLOURS))[: int(rng.integers(2, 6))])
    shapes = list(rng.permutation(SHAPES)[: int(rng.integers(2, 5))])
    large = int(rng.integers(wanted)) if rng.random() < 0.6 else -1
    things: list[Thing] = []
    for number in range(wanted):
        radius = float(rng.uniform(11, 13) if number == large else rng.uniform(6, 8))
        for _ in range(60):
            x, y = (float(place) for place in rng.uniform(radius + 1, SIDE - radius - 1, 2))
            if all(math.hypot(x - other.x, y - other.y) > radius + other.radius + 1 for other in things):
                things.append(Thing(str(rng.choice(shapes)), str(rng.choice(colours)), x, y, radius))
                break
    return Scene(tuple(things), GROUNDS[int(rng.integers(len(GROUNDS)))])


def draw(drawn: Scene) -> Image:
    """The picture, 64 x 64."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (SIDE * FINE, SIDE * FINE), drawn.ground)
    pen = ImageDraw.Draw(image)
    for thing in drawn.things:
        _draw(pen, thing, drawn.ground)
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def questions(seed: int, split: Split, count: int = 6) -> list[Asked]:
    """Questions about the scene of this seed, of kinds as different as it allows."""
    rng = _rng(seed, split, 1)
    things = scene(seed, split).things
    found: dict[str, Asked] = {}
    kinds = [str(kind) for kind in rng.permutation(KINDS)]
    for attempt in range(4 * count):
        asked = _ask(kinds[attempt % len(kinds)], things, rng)
        if asked is not None:
            found.setdefault(asked.meaning, asked)
        if len(found) == count:
            break
    return list(found.values())


def caption(drawn: Scene, rng: np.random.Generator) -> str:
    """What is in the scene, in words: for the encoder."""
    ordered = sorted(drawn.things, key=lambda thing: thing.x)
    if rng.random() < 0.5:
        return "from left to right " + ", ".join(f"{thing.colour} {thing.shape}" for thing in ordered)
    counted = Counter(f"{thing.colour} {thing.shape}" for thing in rng.permutation(np.array(ordered, dtype=object)))
    return "a picture of " + " and ".join(f"{n} {what}{'s' * (n > 1)}" for what, n in counted.items())


def _rng(seed: int, split: Split, part: int = 0) -> np.random.Generator:
    return np.random.default_rng([("train", "test").index(split), part, seed])


def _draw(pen, thing: Thing, ground: tuple[int, int, int]) -> None:  # type: ignore[no-untyped-def]
    x, y, r = thing.x * FINE, thing.y * FINE, thing.radius * FINE
    fill = COLOURS[thing.colour]
    match thing.shape:
        case "circle":
            pen.ellipse((x - r, y - r, x + r, y + r), fill)
        case "ring":
            pen.ellipse((x - r, y - r, x + r, y + r), fill)
            pen.ellipse((x - r / 2, y - r / 2, x + r / 2, y + r / 2), ground)
        case "square":
            s = r * 0.85
            pen.rectangle((x - s, y - s, x + s, y + s), fill)
        case "cross":
            pen.rectangle((x - r, y - r / 3, x + r, y + r / 3), fill)
            pen.rectangle((x - r / 3, y - r, x + r / 3, y + r), fill)
        case "triangle":
            pen.polygon([(x, y - r), (x + r, y + r * 0.8), (x - r, y + r * 0.8)], fill)
        case "star":
            turns = [(math.pi * (n / 5 - 0.5), r if n % 2 == 0 else r * 0.42) for n in range(10)]
            pen.polygon([(x + far * math.cos(turn), y + far * math.sin(turn)) for turn, far in turns], fill)


def _ask(kind: str, things: tuple[Thing, ...], rng: np.random.Generator) -> Asked | None:
    def pick(wordings: tuple[str, ...]) -> str:
        return str(rng.choice(wordings))

    def yes(holds: bool) -> str:
        return "yes" if holds else "no"

    described = Counter(words for thing in things for words in _descriptions(thing))
    single = [thing for thing in things if described[f"{thing.colour} {thing.shape}"] == 1]
    match kind:
        case "count":
            what = _any_words(things, rng, 0.85)
            return Asked(kind, pick(phrasing.COUNT).format(things=_many(what)), str(described[what]), f"count {what}")
        case "exists" | "absent":
            what = _any_words(things, rng, 0.5)
            template = pick(phrasing.EXISTS if kind == "exists" else phrasing.ABSENT)
            text = template.format(a_thing=phrasing.article(what), thing=what)
            return Asked(kind, text, yes((described[what] > 0) == (kind == "exists")), f"{kind} {what}")
        case "colour":
            shapes = [thing for thing in things if described[thing.shape] == 1]
            if not shapes:
                return None
            one = shapes[int(rng.integers(len(shapes)))]
            return Asked(kind, pick(phrasing.COLOUR).format(thing=one.shape), one.colour, f"colour {one.shape}")
        case "shape":
            coloured = [thing for thing in things if described[f"{thing.colour} shape"] == 1]
            if not coloured:
                return None
            one = coloured[int(rng.integers(len(coloured)))]
            text = pick(phrasing.SHAPE).format(
                thing=f"{one.colour} shape" if rng.random() < 0.5 else f"{one.colour} thing"
            )
            return Asked(kind, text, one.shape, f"shape {one.colour}")
        case "place":
            if len(single) < 2:
                return None
            first, second = (single[int(n)] for n in rng.permutation(len(single))[:2])
            side, wordings, gap = _SIDES[int(rng.integers(4))]
            apart = (getattr(second, gap) - getattr(first, gap)) * (1 if side in {"left", "above"} else -1)
            if abs(apart) < 5:
                return None
            one, two = (f"{thing.colour} {thing.shape}" for thing in (first, second))
            return Asked(kind, pick(wordings).format(one=one, two=two), yes(apart > 0), f"{side} {one} {two}")
        case "more":
            one, two = (_any_words(things, rng, 0.9, plain=False) for _ in range(2))
            if one == two or set(one.split()) & set(two.split()) - {"shape"}:
                return None
            fewer = rng.random() < 0.5
            text = pick(phrasing.FEWER if fewer else phrasing.MORE).format(ones=_many(one), twos=_many(two))
            gap = described[one] - described[two]
            return Asked(kind, text, yes(gap < 0 if fewer else gap > 0), f"{'fewer' if fewer else 'more'} {one} {two}")
        case _:
            large = [thing for thing in things if thing.radius > 10]
            if len(large) != 1 or len(things) < 2:
                return None
            return Asked(kind, pick(phrasing.LARGEST), large[0].colour, "largest")


_SIDES: Final = (
    ("left", phrasing.LEFT, "x"),
    ("right", phrasing.RIGHT, "x"),
    ("above", phrasing.ABOVE, "y"),
    ("below", phrasing.BELOW, "y"),
)


def _descriptions(thing: Thing) -> tuple[str, ...]:
    return "shape", thing.shape, f"{thing.colour} shape", f"{thing.colour} {thing.shape}"


def _any_words(things: tuple[Thing, ...], rng: np.random.Generator, present: float, *, plain: bool = True) -> str:
    """Words for something that is there, or (else) for anything."""
    if things and rng.random() < present:
        words = _descriptions(things[int(rng.integers(len(things)))])
    else:
        words = _descriptions(Thing(str(rng.choice(SHAPES)), str(rng.choice(list(COLOURS))), 0, 0, 1))
        if rng.random() < 0.6 and things:
            words = (words[0], words[1], words[2], f"{things[0].colour} {words[1]}")
    if plain and present > 0.8 and rng.random() < 0.25:
        return "shape"
    return words[int(rng.integers(1, 4))]


def _many(what: str) -> str:
    return what + ("es" if what.endswith("s") else "s")
