"""easy-VQA (PyPI ``easy-vqa``, MIT, by Victor Zhou): single shapes, 107 questions in English, train and test apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the set."""

    text: str
    answer: str
    picture: int
    """The picture's number in its split."""


def questions(split: Split) -> list[Asked]:
    """All questions of the split, in the package's order."""
    import easy_vqa

    given = easy_vqa.get_train_questions() if split == "train" else easy_vqa.get_test_questions()
    return [Asked(*row) for row in zip(*given, strict=True)]


def pictures(split: Split) -> dict[int, Path]:
    """The files, by number."""
    import easy_vqa

    return easy_vqa.get_train_image_paths() if split == "train" else easy_vqa.get_test_image_paths()


def picture(number: int, split: Split) -> Image:
    """One picture, 64 x 64."""
    from PIL import Image

    with Image.open(pictures(split)[number]) as opened:
        return opened.convert("RGB")


def answers() -> list[str]:
    """The 13 answers that occur."""
    import easy_vqa

    return list(easy_vqa.get_answers())
