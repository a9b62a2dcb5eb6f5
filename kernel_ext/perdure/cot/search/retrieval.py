"""The kept answers that are most like a question: found by one of several strategies, ranked by exact similarity.

The strategies are those of *Cache-of-Thought* (arXiv 2502.20587), side by side so that they can be compared. All rank in the same way
(`perdure.cot.search.ranking`); they differ in how candidates are found and in what counts as near.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.cot.index.chroma import Index, Server
from perdure.cot.index.embedding import Encoder, question_vectors
from perdure.cot.index.feeding import Entries, Row
from perdure.cot.index.searching import FEW, Search
from perdure.cot.questions.question import Question
from perdure.cot.search.clusters import Clusters
from perdure.cot.search.keywords import keyword_text
from perdure.cot.search.ranking import DIVERSITY, Candidates, Hit, Sought

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

_CANDIDATES: Final = 48
"""Candidates that are ranked, at least."""
_PER_EXAMPLE: Final = 8
_GROUP: Final = 128
"""Candidates of the hierarchical strategy."""
_STALE: Final = 0.1
"""The share of changed entries from which on the groups are made anew."""


class Strategy(StrEnum):
    """How candidates are found, and what counts as near."""

    IMAGE = "image"
    """By the pictures alone; by the question where it has none."""
    TEXT = "text"
    """By the question's words alone."""
    FUSED = "fused"
    """By pictures and words, half each."""
    KEYWORD = "keyword"
    """By the keywords of the question and the apprentice's first answer, against those of the kept questions and answers."""
    HIERARCHICAL = "hierarchical"
    """The groups of entries with the nearest keywords first, then fused inside them."""


def sought(encoder: Encoder, question: Question, first_answer: str | None = None) -> Sought:
    """The question's vectors; with the apprentice's first answer also those that the strategies by keywords need."""
    picture, text = question_vectors(encoder, question)
    words = "" if first_answer is None else keyword_text(question.text, first_answer)
    keywords = encoder.texts([words])[0] if words else None
    return Sought(picture, text, keywords, question.format.value, question.choices)


class Retriever:
    """Finds entries. Safe to be used from several threads.

    ``place`` is the index's folder, or the ``http://`` address of a team's Chroma server, where ``cache`` (an id) tells this cache's
    rows from others'. With at most ``few`` entries, search is exact and needs no Chroma.
    """

    def __init__(
        self,
        entries: Entries,
        encoder: Encoder,
        place: Path | str,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        cache: str = "",
        few: int = FEW,
    ) -> None:
        self._entries: Final = entries
        self._encoder: Final = encoder
        self._cache: Final = cache
        self._few: Final = few
        self._servers: Final = {
            patient: Server(place, token=token, headers=headers, patient=patient) for patient in (True, False)
        }
        self._lock: Final = threading.Lock()
        self._fused: Final = Search(
            entries,
            _stacked,
            2 * encoder.dimensions,
            lambda patient: self._index("fused", patient),
            few,
            stored=True,
        )
        self._keywords: Search | None = None
        self._clusters: Clusters | None = None

    @property
    def degraded(self) -> str | None:
        """Why search is slower than it could be, for people to read; None while all is well."""
        searches = [search for search in (self._fused, self._keywords) if search is not None]
        return next((search.degraded for search in searches if search.degraded is not None), None)

    def retrieve(
        self,
        sought: Sought,
        k: int,
        strategy: Strategy | str = Strategy.FUSED,
        *,
        diversity: float = DIVERSITY,
        without: Sequence[str] = (),
    ) -> list[Hit]:
        """At most ``k`` entries, the most useful first; none of those ``without``.

        Without keywords, the strategies that go by them are `fused`.
        """
        strategy = Strategy(strategy)
        if k < 1:
            return []
        if sought.keywords is None and strategy in {Strategy.KEYWORD, Strategy.HIERARCHICAL}:
            strategy = Strategy.FUSED
        found = self._found(sought, max(_CANDIDATES, _PER_EXAMPLE * k) + len(without), strategy)
        for id in without:
            found.pop(id, None)
        if not found:
            return []
        rows = self._entries.rows(list(found))
        if gone := [id for id in found if id not in rows]:
            self._forget(gone)
        present = [rows[id] for id in found if id in rows]
        if not present:
            return []
        candidates = Candidates(sought, present)
        return candidates.best(_relevance(candidates, present, found, sought, strategy), k, diversity)

    def count(self) -> int:
        """How many entries can be found."""
        return sum(len(ids) for ids, _ in self._entries.vectors())

    def settle(self) -> None:
        """Wait until Chroma serves, or has been given up for now."""
        self._fused.settle()
        if self._keywords is not None:
            self._keywords.settle()

    def rebuild(self) -> None:
        """Throw the index away and make it again from the entries, now.

        :raises PerdureError: if that can't be done.
        """
        for search in (self._fused, self._by_keywords()):
            search.rebuild()

    def close(self) -> None:
        """Let go of all connections; the owner ends some time after the last of all kernels' is gone."""
        for server in self._servers.values():
            server.close()

    def _index(self, kind: str, patient: bool) -> Index:
        return Index(self._servers[patient], self._encoder, kind=kind, cache=self._cache)

    def _by_keywords(self) -> Search:
        with self._lock:
            if self._keywords is None:
                self._keywords = Search(
                    self._entries,
                    self._keyword_vectors,
                    self._encoder.dimensions,
                    lambda patient: self._index("keywords", patient),
                    self._few,
                )
            return self._keywords

    def _keyword_vectors(self, rows: Sequence[Row]) -> Rows:
        texts = [" ".join(row.keywords) or keyword_text(row.question, row.answer) or row.question for row in rows]
        return self._encoder.texts(texts)

    def _found(self, sought: Sought, wanted: int, strategy: Strategy) -> dict[str, float]:
        """Candidates with what the search says of their nearness."""
        if strategy is Strategy.KEYWORD and sought.keywords is not None:
            return dict(self._by_keywords().query(sought.keywords, wanted))
        if strategy is Strategy.HIERARCHICAL and sought.keywords is not None:
            return dict.fromkeys(self._group(sought.keywords), 0.0)
        return dict(self._fused.query(_query(sought, strategy), wanted))

    def _group(self, keywords: Rows) -> list[str]:
        number = self._entries.number()
        with self._lock:
            clusters = self._clusters
        if clusters is None or number - clusters.number > max(64, _STALE * clusters.size):
            at, rows = self._by_keywords().everything()
            clusters = Clusters(rows, at)
            with self._lock:
                self._clusters = clusters
        loose = [row.id for row in self._entries.changed_since(clusters.number, number - clusters.number).rows]
        return list(dict.fromkeys([*clusters.members(keywords, _GROUP)[: 2 * _GROUP], *loose]))

    def _forget(self, gone: Sequence[str]) -> None:
        self._fused.forget(gone)
        if self._keywords is not None:
            self._keywords.forget(gone)


def _stacked(rows: Sequence[Row]) -> Rows:
    import numpy as np

    return np.stack([row.vector for row in rows]).astype(np.float32)


def _query(sought: Sought, strategy: Strategy) -> Rows:
    """The vector whose inner product with a fused one is what the strategy goes by."""
    import numpy as np

    root = np.float32(math.sqrt(2.0))
    nothing = np.zeros_like(sought.text)
    if sought.picture is None or strategy is Strategy.TEXT:
        return np.concatenate([nothing, root * sought.text])
    if strategy is Strategy.IMAGE:
        return np.concatenate([root * sought.picture, nothing])
    return np.concatenate([sought.picture / root, sought.text / root])


def _relevance(
    candidates: Candidates, rows: Sequence[Row], found: Mapping[str, float], sought: Sought, strategy: Strategy
) -> Rows:
    import numpy as np

    match strategy:
        case Strategy.IMAGE:
            return candidates.text if sought.picture is None else candidates.picture
        case Strategy.TEXT:
            return candidates.text
        case Strategy.KEYWORD:
            return np.asarray([found[row.id] for row in rows], dtype=np.float32)
    return candidates.fused
