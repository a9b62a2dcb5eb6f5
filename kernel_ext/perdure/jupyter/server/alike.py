"""Alike: the answers about the pictures most like a given one, by the vectors that the cache has of them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from perdure.cot.cache import Ask, Cache
from perdure.errors import MissingExtra, StoreMissing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


def alike(cache: Cache, ask: Ask, limit: int) -> list[tuple[float, str]]:
    """Cosine and entry of those that are most alike, the most alike first, without the answer's own.

    :raises StoreMissing: if the cache has no vector of the answer's picture.
    """
    entry = cache.entries([ask.answer.entry]).get(ask.answer.entry) if ask.answer.entry is not None else None
    if entry is None or entry.vector is None or not entry.pictures:
        raise StoreMissing(
            "The cache has no vector of this answer's picture: only the master's answers get one. Ask it: `%cot ask --master`."
        )
    own = _pictures(entry.vector.array[None, :])[0]
    best: list[tuple[float, str]] = []
    for ids, rows in cache.vectors(entry.vector.encoder, entry.vector.version):
        found = ((float(cosine), id_) for id_, cosine in zip(ids, _pictures(rows) @ own, strict=True))
        fit = (pair for pair in found if pair[0] > 0 and pair[1] != entry.id)
        best = heapq.nlargest(limit, [*best, *fit])
    return best


def _pictures(rows: Rows) -> Rows:
    """The pictures' halves of fused vectors (see `perdure.cot.index.embedding.fused`), as unit rows; zeros where there is none."""
    try:
        import numpy as np
    except ImportError:
        raise MissingExtra(
            "To compare pictures needs NumPy. Install it where the server runs: pip install 'perdure[cot]'"
        ) from None
    left = rows[:, : rows.shape[1] // 2]
    lengths = np.linalg.norm(left, axis=1, keepdims=True)
    return np.asarray(left / np.maximum(lengths, 1e-12), dtype=np.float32)


def with_similarity(cards: list[dict[str, Any]], similarity: dict[str, float]) -> list[dict[str, Any]]:
    """The cards, each told how alike its picture is."""
    return [{**card, "similarity": similarity[card["id"]]} for card in cards]
