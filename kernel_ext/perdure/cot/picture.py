"""A picture as every part of `perdure.cot` sees it: decoded, upright, RGB, and named by its pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from blake3 import blake3

if TYPE_CHECKING:
    from PIL.Image import Image

THUMBNAIL: Final = 256
"""Pixels of a thumbnail's longer side."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Decoded pixels. Two pictures are equal when their pixels are, whatever file they came from.

    Made by `perdure.cot.pictures.loading.load`, which sees to the mode and the size; ``image`` is never changed in place.
    """

    image: Image
    """Mode RGB, turned as its EXIF says, transparency laid on white."""
    origin: str | None = None
    """Where it came from, for people to read: a path, a URL, a variable's name."""

    @cached_property
    def key(self) -> str:
        """40 hex digits of the BLAKE3 digest of the size and the pixels."""
        state = blake3(b"%d %d " % self.image.size)
        state.update(self.image.tobytes())
        return state.hexdigest()[:40]

    def thumbnail(self, side: int = THUMBNAIL) -> bytes:
        """A PNG of at most ``side`` pixels each way."""
        small = self.image
        if max(small.size) > side:
            small = small.copy()
            small.thumbnail((side, side))
        return encoded(small)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def encoded(image: Image) -> bytes:
    """A PNG of the image."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
