"""Exact search in memory: slower than Chroma with many answers, and always there."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


class ExactIndex:
    """Rows of one matrix, all of them compared at every query."""

    def __init__(self, dimensions: int) -> None:
        import numpy as np

        self._lock = threading.Lock()
        self._rows: Rows = np.empty((64, dimensions), dtype=np.float32)
        self._ids: list[str] = []
        self._places: dict[str, int] = {}
        self._number = 0

    def fed(self) -> int:
        return self._number

    def note(self, number: int) -> None:
        self._number = number

    def count(self) -> int:
        return len(self._ids)

    def clear(self) -> None:
        with self._lock:
            self._ids.clear()
            self._places.clear()
            self._number = 0

    def add(self, ids: Sequence[str], vectors: Rows) -> None:
        with self._lock:
            fresh = len(self._ids)
            for id in ids:
                if id not in self._places:
                    self._places[id] = len(self._ids)
                    self._ids.append(id)
            self._make_room()
            if len(self._ids) - fresh == len(ids):
                self._rows[fresh : len(self._ids)] = vectors
            else:
                for id, vector in zip(ids, vectors, strict=True):
                    self._rows[self._places[id]] = vector

    def _make_room(self) -> None:
        import numpy as np

        if len(self._ids) > len(self._rows):
            larger = np.empty((max(len(self._ids), 2 * len(self._rows)), self._rows.shape[1]), dtype=np.float32)
            larger[: len(self._rows)] = self._rows
            self._rows = larger

    def remove(self, ids: Sequence[str]) -> None:
        with self._lock:
            for id in ids:
                place = self._places.pop(id, None)
                if place is not None:
                    last = self._ids.pop()
                    if last != id:  # the last row takes the place
                        self._ids[place] = last
                        self._places[last] = place
                        self._rows[place] = self._rows[len(self._ids)]

    def query(self, vector: Rows, k: int) -> list[tuple[str, float]]:
        import numpy as np

        with self._lock:
            count = len(self._ids)
            if not count:
                return []
            products = self._rows[:count] @ vector
            best = np.arange(count) if k >= count else np.argpartition(-products, k)[:k]
            best = best[np.lexsort((best, -products[best]))]
            return [(self._ids[at], float(products[at])) for at in best]

    def everything(self) -> Iterator[tuple[Sequence[str], Rows]]:
        with self._lock:
            ids, rows = list(self._ids), self._rows[: len(self._ids)].copy()
        if ids:
            yield ids, rows
