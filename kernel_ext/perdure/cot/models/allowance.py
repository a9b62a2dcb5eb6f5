"""How many tokens a prompt can have at most, told without a model: what a budget sets aside."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Final

from perdure.cot.models.model import Prompt

LARGEST: Final = 16_384
"""Tokens of the largest picture that the families known to us make: Qwen's, at their limit of pixels."""
_FLOOR: Final = 8_192
"""What a small picture may have where it is cut in tiles and each is blown up (LLaVA-OneVision: 10 of 729)."""
_OPENING: Final = 256
"""A system turn that a template writes by itself."""
_TURN: Final = 64
"""Marks around a turn."""


def text_tokens(prompt: Prompt) -> int:
    """At most as many tokens as bytes (no tokenizer has tokens of less), also if it normalises, and the marks around the turns."""
    texts = [part for turn in prompt for part in turn.parts if isinstance(part, str)]
    size = sum(max(len(text.encode()), len(unicodedata.normalize("NFKC", text).encode())) for text in texts)
    return size + _TURN * len(prompt) + _OPENING


def picture_tokens(model: str, width: int, height: int) -> int:
    """Tokens of one picture for a hosted model: by its maker's rule where that is known, else generously."""
    for names, rule in _RULES:
        if names.match(model.rpartition("/")[2]):
            return rule(width, height)
    patches = math.ceil(width / 14) * math.ceil(height / 14)
    return max(_FLOOR, min(patches, LARGEST))


def _tiles(base: int, each: int) -> Callable[[int, int], int]:
    """OpenAI's rule: tiles of 512 pixels of the picture scaled into 2048 x 2048, with a shorter side of 768."""

    def rule(width: int, height: int) -> int:
        longer = min(2048.0, 768 * max(width, height) / max(1, min(width, height)))
        return base + each * 2 * math.ceil(longer / 512)

    return rule


def _patches(factor: float) -> Callable[[int, int], int]:
    """OpenAI's rule for its smaller models: patches of 32 pixels, at most 1,536, times a factor."""

    def rule(width: int, height: int) -> int:
        return math.ceil(factor * min(1536, math.ceil(width / 32) * math.ceil(height / 32)))

    return rule


_RULES: Final = [
    (re.compile(names), rule)
    for names, rule in [
        (r"gpt-4o-mini", _tiles(2833, 5667)),
        (r"gpt-4\.1-mini|gpt-5-mini", _patches(1.62)),
        (r"gpt-4\.1-nano|gpt-5-nano", _patches(2.46)),
        (r"o4-mini", _patches(1.72)),
        (r"gpt-4o|gpt-4\.1|gpt-4\.5", _tiles(85, 170)),
        (r"o1|o3", _tiles(75, 150)),
    ]
]
