"""Models that look at the pixels: plain programs, given to `Cot` as objects."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from perdure.cot import Picture, Price, Prompt, Reply, Sampling, Tokens

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 60), "blue": (40, 70, 220), "yellow": (240, 210, 40)}


def disc(colour: str, *, size: int = 64, radius: int = 20, at: tuple[int, int] = (32, 32)) -> Image.Image:
    """A disc on white."""
    image = Image.new("RGB", (size, size), "white")
    x, y = at
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), COLOURS[colour])
    return image


def colour_of(picture: Picture) -> str:
    """The colour of the disc."""
    counts = {
        name: sum(
            n
            for n, pixel in picture.image.getcolors(1 << 16) or []
            if sum(abs(a - b) for a, b in zip(pixel, rgb, strict=True)) < 60
        )
        for name, rgb in COLOURS.items()
    }
    return max(counts, key=lambda name: counts[name])


@dataclass
class Painter:
    """Says which colour the last picture has, as surely as it is told to; ``says`` may tell otherwise."""

    name: str = "painter"
    version: str = "1"
    price: Price | None = field(default_factory=lambda: Price(call=0.01))
    certainty: float | None = 0.99
    says: Callable[[str, Prompt], str] = lambda colour, prompt: colour
    prompts: list[Prompt] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def generate(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        with self.lock:
            self.prompts.append(prompt)
        pictures = [part for turn in prompt for part in turn.parts if isinstance(part, Picture)]
        text = self.says(colour_of(pictures[-1]) if pictures else "none", prompt)
        logprob = None if self.certainty is None else math.log(self.certainty)
        return Reply(text, Tokens(100, 2), self.version, logprob)

    def most(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Tokens:  # noqa: B008 - frozen
        return Tokens(1000, sampling.max_tokens)

    def close(self) -> None:
        pass

    @property
    def calls(self) -> int:
        return len(self.prompts)
