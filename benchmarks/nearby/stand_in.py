"""An encoder for machines without the embedded one: small pictures and hashed words, projected at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from blake3 import blake3

from perdure.cot.picture import Picture
from perdure.cot.questions.question import normalised


class StandIn:
    """The interface of `perdure.cot.index.embedding.Encoder`."""

    name = "stand-in"
    version = "1"
    dimensions = 128

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self._projection = rng.normal(size=(16 * 16 * 3, self.dimensions)).astype(np.float32)

    def pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        cells = [np.asarray(picture.image.resize((16, 16)), dtype=np.float32).reshape(-1) for picture in pictures]
        rows = (np.stack(cells) / 255 - 0.5) @ self._projection
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.stack([sum(map(self._word, normalised(text).split()), np.zeros(self.dimensions)) for text in texts])
        return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)

    def _word(self, word: str) -> np.ndarray:
        seed = int.from_bytes(blake3(word.encode()).digest()[:4])
        return np.random.default_rng(seed).normal(size=self.dimensions)
