"""Handwritten digits of scikit-learn (UCI, CC-BY 4.0), 8 x 8 upscaled to 64 x 64 in ink of a random colour."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from benchmarks.embedded import phrasing

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

Split = Literal["train", "test"]
TRAINING: Final = 1_297
"""The first so many are for training; the 500 after them, by other writers, for the test."""


def labels(split: Split) -> list[int]:
    """The digits in their order."""
    return [int(label) for label in _part(_data()[1], split)]


def picture(number: int, split: Split) -> Image:
    """One digit, 64 x 64: black or coloured ink on white."""
    from PIL import Image

    ink = _part(_data()[0], split)[number] / 16.0
    rng = np.random.default_rng([("train", "test").index(split), number])
    colour = rng.integers(0, 120, 3) if rng.random() < 0.5 else np.zeros(3)
    small = Image.fromarray((255 - ink[..., None] * (255 - colour)).round().astype(np.uint8), "RGB")
    return small.resize((64, 64), Image.Resampling.BICUBIC)


def questions(label: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Questions about a digit with their answers."""
    bound = int(rng.integers(1, 9))

    def yes(holds: bool) -> str:
        return "yes" if holds else "no"

    return [
        (str(rng.choice(phrasing.DIGIT)), str(label)),
        (str(rng.choice(phrasing.EVEN)), yes(label % 2 == 0)),
        (str(rng.choice(phrasing.ODD)), yes(label % 2 == 1)),
        (str(rng.choice(phrasing.OVER)).format(n=bound), yes(label > bound)),
    ]


@cache
def _data() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images, data.target


def _part(values: NDArray[np.generic], split: Split) -> NDArray[np.generic]:
    return values[:TRAINING] if split == "train" else values[TRAINING:]
