"""Questions in the order in which they come: each once, or by Zipf's law in all that happens to pictures and words on their way."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.embedded import phrasing
from benchmarks.thinking.tasks import Item, Task
from perdure.cot.picture import Picture

REPEATED: Final = 0.4
"""So many different questions are there in a stream with repetition, for each question asked."""
SKEW: Final = 1.0
CHANGES: Final = {"as it was": 0.5, "saved as a JPEG": 0.2, "resized": 0.15, "in other words": 0.15}
"""How a question comes."""
_WORDINGS: Final = (
    phrasing.NAMING, phrasing.COUNT, phrasing.EXISTS, phrasing.ABSENT, phrasing.COLOUR, phrasing.SHAPE, phrasing.LEFT, phrasing.RIGHT,
    phrasing.ABOVE, phrasing.BELOW, phrasing.MORE, phrasing.FEWER, phrasing.LARGEST, *phrasing.EASY,
)  # fmt: skip


def once(task: Task, seed: int, length: int) -> list[Item]:
    """Every question once."""
    return task.asked(seed, length)


def repeated(task: Task, seed: int, length: int) -> list[Item]:
    """Some questions often and many seldom, each time as `CHANGES` has it."""
    rng = np.random.default_rng([seed, 3])
    items = task.asked(seed, max(int(length * REPEATED), 1))
    weights = 1.0 / np.arange(1, len(items) + 1) ** SKEW
    drawn = rng.choice(len(items), length, p=weights / weights.sum())
    kinds = rng.choice(list(CHANGES), length, p=list(CHANGES.values()))
    return [_changed(items[int(at)], str(kind), rng) for at, kind in zip(drawn, kinds, strict=True)]


def _changed(item: Item, kind: str, rng: np.random.Generator) -> Item:
    asked = item.question
    match kind:
        case "as it was":
            return item
        case "in other words":
            return replace(item, question=replace(asked, text=_reworded(asked.text, rng)))
        case "saved as a JPEG":
            (picture,) = asked.pictures
            out = io.BytesIO()
            picture.image.save(out, "JPEG", quality=int(rng.integers(60, 96)))
            changed = Image.open(out).convert("RGB")
        case _:
            (picture,) = asked.pictures
            side = round(picture.image.width * float(rng.uniform(0.6, 1.8)))
            changed = picture.image.resize((side, side), Image.Resampling.BICUBIC)
    return replace(item, question=replace(asked, pictures=(Picture(changed),)))


def _reworded(text: str, rng: np.random.Generator) -> str:
    """The same question in other words, where there are others."""
    for patterns, wordings in _patterns():
        found = next((match for match in (pattern.fullmatch(text) for pattern in patterns) if match), None)
        if found is None:
            continue
        slots = found.groupdict()
        if "thing" in slots:
            slots.setdefault("a_thing", phrasing.article(slots["thing"]))
        elif "a_thing" in slots:
            slots["thing"] = slots["a_thing"].partition(" ")[2]
        others = [other for wording in wordings if (other := wording.format(**slots)) != text]
        return str(rng.choice(others)) if others else text
    return text


@cache
def _patterns() -> list[tuple[list[re.Pattern[str]], Sequence[str]]]:
    return [
        ([re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(text))) for text in wordings], wordings)
        for wordings in _WORDINGS
    ]
