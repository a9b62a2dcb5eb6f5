"""The entries of a cache as retrieval sees them: the good ones, with the vectors of one encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from perdure.cot.cache import Cache, Entry, Standing
from perdure.cot.index.embedding import Encoder
from perdure.cot.index.feeding import Changes, Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


class Kept:
    """The `perdure.cot.index.feeding.Entries` of a cache. Entries with another encoder's vectors aren't among them."""

    def __init__(self, cache: Cache, encoder: Encoder) -> None:
        self._cache: Final = cache
        self._encoder: Final = (encoder.name, encoder.version)

    def number(self) -> int:
        """The number of the latest change."""
        return self._cache.change_number()

    def changed_since(self, number: int, limit: int) -> Changes:
        """The first changes after that number."""
        changes = self._cache.changed_since(number, limit)
        rows = [row for row in map(self._row, changes.added) if row is not None]
        there = {row.id for row in rows}
        removed = [*changes.removed, *(entry.id for entry in changes.added if entry.id not in there)]
        return Changes(rows, removed, changes.number)

    def vectors(self) -> Iterator[tuple[Sequence[str], Rows]]:
        """All ids and vectors, in batches."""
        return self._cache.vectors(*self._encoder)

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        """Those of the ids that are there."""
        found = map(self._row, self._cache.entries(ids).values())
        return {row.id: row for row in found if row is not None}

    def _row(self, entry: Entry) -> Row | None:
        vector = entry.vector
        if vector is None or (vector.encoder, vector.version) != self._encoder or entry.standing is not Standing.GOOD:
            return None
        return Row(entry.id, vector.array, entry.text, entry.answer, entry.format.value, entry.choices, entry.keywords)
