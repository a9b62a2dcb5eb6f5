"""Kept answers in memory, as `perdure.cot.search.retrieval` sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.thinking.tasks import Item
from perdure.cot.index.embedding import Encoder, fused, question_vectors
from perdure.cot.index.feeding import Changes, Row
from perdure.cot.questions.prompting import Shown

_TOGETHER = 4_000
"""Questions that are embedded at once: fewer than an encoder remembers."""


class Shelf:
    """The interface of `perdure.cot.index.feeding.Entries`; ids are places."""

    def __init__(self, encoder: Encoder, items: Sequence[Item], answers: Sequence[str]) -> None:
        self.items, self.answers = items, answers
        self._rows: dict[str, Row] = {}
        for start in range(0, len(items), _TOGETHER):
            some = items[start : start + _TOGETHER]
            encoder.texts([item.question.text for item in some])
            encoder.pictures([picture for item in some for picture in item.question.pictures])
            for at, item in enumerate(some, start):
                vector = fused(*question_vectors(encoder, item.question))
                asked = item.question
                self._rows[str(at)] = Row(str(at), vector, asked.text, answers[at], asked.format.value, asked.choices)

    def shown(self, id: str) -> Shown:
        """An entry as a model is shown it."""
        asked = self.items[int(id)].question
        return Shown(asked.pictures, asked.text, asked.choices, self.answers[int(id)])

    def number(self) -> int:
        return len(self._rows)

    def changed_since(self, number: int, limit: int) -> Changes:
        rows = list(self._rows.values())[number : number + limit]
        return Changes(rows, (), number + len(rows))

    def vectors(self) -> Iterator[tuple[Sequence[str], NDArray[np.float32]]]:
        rows = list(self._rows.values())
        for start in range(0, len(rows), _TOGETHER):
            some = rows[start : start + _TOGETHER]
            yield [row.id for row in some], np.stack([row.vector for row in some])

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        return {id: self._rows[id] for id in ids if id in self._rows}
