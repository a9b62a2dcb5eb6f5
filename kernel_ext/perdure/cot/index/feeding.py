"""How an index keeps up with the kept answers: it remembers up to which change it has been fed, and takes in what came later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

BATCH: Final = 5_000
"""Changes that are taken in at once; Chroma takes 5,461 rows at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """What retrieval has to know of an entry."""

    id: str
    vector: Rows
    """As `perdure.cot.index.embedding.fused` makes it; of any float type."""
    question: str
    answer: str
    format: str
    choices: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    """Those that were kept with it, if any were."""


class Changes(NamedTuple):
    """What has happened since a number."""

    rows: Sequence[Row]
    """New entries, and those that are otherwise now."""
    removed: Sequence[str]
    """Ids of those that are no longer there."""
    number: int
    """To be given the next time; the one that was given if nothing has happened."""


class Entries(Protocol):
    """The kept answers, as far as they can be retrieved: those with a vector of one encoder. Safe to be used from several threads.

    Those of a `perdure.cot.cache.Cache` are `perdure.cot.search.kept.Kept`.
    """

    def number(self) -> int:
        """The number of the latest change; 0 before the first."""
        ...

    def changed_since(self, number: int, limit: int) -> Changes:
        """The first ``limit`` changes after that number."""
        ...

    def vectors(self) -> Iterator[tuple[Sequence[str], Rows]]:
        """All ids and vectors, in batches: less work than `changed_since` from 0."""
        ...

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        """Those of the ids that are there, in any order."""
        ...


class Searcher(Protocol):
    """An index of vectors: approximate in Chroma (`perdure.cot.index.chroma`), exact in memory (`perdure.cot.index.exact`)."""

    def fed(self) -> int:
        """The change up to which it has been fed."""
        ...

    def note(self, number: int) -> None:
        """Remember that it has been fed up to that change."""
        ...

    def add(self, ids: Sequence[str], vectors: Rows) -> None:
        """Take in rows, in place of those with the same ids."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Drop rows; ids that aren't there don't matter."""
        ...

    def query(self, vector: Rows, k: int) -> list[tuple[str, float]]:
        """The ids with the largest inner products, best first."""
        ...

    def count(self) -> int:
        """How many rows it has."""
        ...

    def clear(self) -> None:
        """Drop all rows and begin with change 0."""
        ...

    def everything(self) -> Iterator[tuple[Sequence[str], Rows]]:
        """All rows, in batches."""
        ...


Vectors = Callable[[Sequence[Row]], "Rows"]
"""What an index holds of entries: a row for each."""


def catch_up(index: Searcher, entries: Entries, vectors: Vectors) -> int:
    """Feed the index until it is in step; returns the change that it stands at.

    Every step can be repeated, so a process that dies in between leaves nothing wrong: the next one feeds the same again. It
    goes on until there is nothing new, so whoever took in an entry also sees that it has been removed meanwhile.
    """
    since = index.fed()
    if since > entries.number():  # fed from a history that is no more: the cache was deleted and made again
        index.clear()
        since = 0
    while (changes := entries.changed_since(since, BATCH)).number > since:
        if changes.removed:
            index.remove(changes.removed)
        if changes.rows:
            index.add([row.id for row in changes.rows], vectors(changes.rows))
        since = changes.number
        index.note(since)
    return since
