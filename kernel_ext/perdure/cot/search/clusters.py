"""Groups of entries with like keywords, for retrieval in two steps: the group first, then the entry.

After the hierarchical search of *Cache-of-Thought* (arXiv 2502.20587). Spherical k-means with about as many groups as a group
has members, the square root of the number of entries: both steps then look at few vectors. It is made anew when a tenth of the
entries has changed; until then, whoever came later belongs to every group.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

_ROUNDS: Final = 8
_SAMPLE: Final = 10_000
"""Rows that the centres are found with."""
_CHUNK: Final = 8_192
"""Rows that are compared with the centres at once."""


class Clusters:
    """The groups of these rows, as of the change ``number``."""

    def __init__(self, batches: Iterable[tuple[Sequence[str], Rows]], number: int) -> None:
        import numpy as np

        ids: list[str] = []
        parts: list[Rows] = []
        for batch, vectors in batches:
            ids += batch
            parts.append(vectors)
        self.number: Final = number
        self.size: Final = len(ids)
        self._groups: list[list[str]] = []
        self._centres: Rows = np.empty((0, 0), dtype=np.float32)
        if ids:
            rows = np.concatenate(parts)
            centres = _centres(rows)
            nearest = _nearest(rows, centres)
            used = np.unique(nearest)
            self._centres = centres[used]
            self._groups = [[ids[at] for at in np.flatnonzero(nearest == group)] for group in used]

    def __len__(self) -> int:
        return len(self._groups)

    def members(self, vector: Rows, enough: int) -> list[str]:
        """The members of the nearest groups, nearest first, until there are enough; of the last group all."""
        import numpy as np

        found: list[str] = []
        if self._groups:
            for group in np.argsort(-(self._centres @ vector), kind="stable"):
                found += self._groups[group]
                if len(found) >= enough:
                    break
        return found


def _centres(rows: Rows) -> Rows:
    import numpy as np

    wanted = max(1, round(math.sqrt(len(rows))))
    chance = np.random.default_rng(0)  # its own: the same rows always give the same groups
    sample = rows[np.sort(chance.permutation(len(rows))[:_SAMPLE])]
    distinct = np.unique(sample, axis=0)
    centres: Rows = distinct[np.sort(chance.permutation(len(distinct))[:wanted])]
    for _ in range(_ROUNDS):
        nearest = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres).astype(np.float32)
    return centres


def _nearest(rows: Rows, centres: Rows) -> NDArray[np.intp]:
    import numpy as np

    chunks = [np.argmax(rows[start : start + _CHUNK] @ centres.T, axis=1) for start in range(0, len(rows), _CHUNK)]
    return np.concatenate(chunks)
