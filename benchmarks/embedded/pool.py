"""All training pictures as one array of bytes, and the questions about them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.embedded import digits, easy, emoji, scenes

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCENES: Final = 16_000
"""Training scenes: seeds from 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question about one picture of the pool."""

    picture: int
    text: str
    answer: str
    meaning: str = ""
    """The same for questions that mean the same, where it is known."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Training data. ``pictures[drawn[concept][n]]`` is the n-th vendor's drawing of a training concept."""

    pictures: NDArray[np.uint8]
    concepts: tuple[emoji.Concept, ...]
    drawn: tuple[tuple[int, ...], ...]
    easy: tuple[Row, ...]
    digits: tuple[Row, ...]
    scenes: tuple[Row, ...]
    captions: dict[int, tuple[str, ...]]
    """Descriptions of pictures that are no emoji."""


@cache
def pool() -> Pool:
    """The training data, made from the sources at the first call and kept in the ``build`` folder."""
    kept = emoji.FOLDER / "pool.pickle"
    if not kept.exists():
        made = _made()
        kept.with_suffix(".new").write_bytes(pickle.dumps(made, protocol=5))
        kept.with_suffix(".new").replace(kept)
        return made
    found: Pool = pickle.loads(kept.read_bytes())
    return found


def _made() -> Pool:
    rng = np.random.default_rng(1)
    pictures: list[NDArray[np.uint8]] = []
    captions: dict[int, tuple[str, ...]] = {}

    def add(image) -> int:  # type: ignore[no-untyped-def]
        pictures.append(np.asarray(image, dtype=np.uint8))
        return len(pictures) - 1

    concepts = emoji.train()
    drawn = tuple(tuple(add(emoji.picture(concept, vendor)) for vendor in concept.vendors) for concept in concepts)
    numbers = {number: add(easy.picture(number, "train")) for number in easy.pictures("train")}
    easy_rows = tuple(Row(numbers[asked.picture], asked.text, asked.answer) for asked in easy.questions("train"))
    said: dict[int, dict[str, str]] = {}
    for row in easy_rows:
        if row.answer not in {"yes", "no"}:
            is_shape = row.answer in {"circle", "rectangle", "triangle"}
            said.setdefault(row.picture, {})["shape" if is_shape else "colour"] = row.answer
    for index, found in said.items():
        captions[index] = (f"a {found['colour']} {found['shape']}",) if len(found) == 2 else ()
    digit_rows = []
    for number, label in enumerate(digits.labels("train")):
        index = add(digits.picture(number, "train"))
        captions[index] = (f"the digit {label}",)
        digit_rows += [Row(index, text, answer) for _ in range(3) for text, answer in digits.questions(label, rng)]
    scene_rows = []
    for seed in range(SCENES):
        scene = scenes.scene(seed, "train")
        index = add(scenes.draw(scene))
        captions[index] = tuple(scenes.caption(scene, rng) for _ in range(2))
        scene_rows += [Row(index, a.text, a.answer, a.meaning) for a in scenes.questions(seed, "train", 8)]
    return Pool(np.stack(pictures), concepts, drawn, easy_rows, tuple(digit_rows), tuple(scene_rows), captions)
