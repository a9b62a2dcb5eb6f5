"""Which of the entries found are shown as examples, and in what order: exact similarities, the same kind of answer first, no repeats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.cot.index.feeding import Row
from perdure.cot.questions.question import normalised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

SAME_FORM: Final = 0.02
"""What an example gains by having the format and the options of the question: it shows how to answer."""
DIVERSITY: Final = 0.1
"""How much of an example's worth is that it is unlike those already chosen (maximal marginal relevance)."""
REPEAT: Final = 0.98
"""From this similarity on, an entry with the answer of one already chosen shows nothing new."""


@dataclass(frozen=True, eq=False)
class Sought:
    """A question as retrieval sees it. Made by `perdure.cot.search.retrieval.sought`."""

    picture: Rows | None
    text: Rows
    keywords: Rows | None = None
    """The vector of the question's keywords, for the strategies that go by them."""
    format: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found. Similarities are cosines, exact, at most 1."""

    entry: str
    """Its id."""
    similarity: float
    """Of picture and question together: the mean of the two, or the question's alone where nobody has pictures."""
    picture_similarity: float | None
    """None where the question or the entry has no picture."""
    text_similarity: float


def helps(hits: Sequence[Hit], threshold: float) -> list[Hit]:
    """The hits that are worth being shown: those at least that similar. Often none, and then the bare question does better."""
    return [hit for hit in hits if hit.similarity >= threshold]


class Candidates:
    """Entries with their exact similarities to what is sought."""

    def __init__(self, sought: Sought, rows: Sequence[Row]) -> None:
        import numpy as np

        self._sought: Final = sought
        self._rows: Final = rows
        self._vectors: Final[Rows] = np.stack([row.vector for row in rows]).astype(np.float32)
        half = self._vectors.shape[1] // 2
        root = np.float32(math.sqrt(2.0))
        pictures, texts = self._vectors[:, :half], self._vectors[:, half:]
        self._seen: Final = np.any(pictures, axis=1)
        self.text: Final[Rows] = np.clip(texts @ sought.text * root, -1.0, 1.0)
        looked = np.zeros_like(self.text) if sought.picture is None else pictures @ sought.picture * root
        self.picture: Final[Rows] = np.clip(looked, -1.0, 1.0)
        nobody = ~self._seen if sought.picture is None else np.zeros_like(self._seen)
        self.fused: Final[Rows] = np.where(nobody, self.text, (self.picture + self.text) / 2).astype(np.float32)

    def best(self, relevance: Rows, k: int, diversity: float = DIVERSITY) -> list[Hit]:
        """At most ``k`` of them, the most useful first."""
        import numpy as np

        same_form = [
            row.format == self._sought.format and set(row.choices) == set(self._sought.choices) for row in self._rows
        ]
        worth = relevance + SAME_FORM * np.asarray(same_form, dtype=np.float32)
        unit = self._vectors / np.maximum(np.linalg.norm(self._vectors, axis=1, keepdims=True), 1e-12)
        closest = np.zeros(len(worth), dtype=np.float32)
        chosen: list[int] = []
        while len(chosen) < k:
            merit = (1 - diversity) * worth - diversity * closest
            at = int(np.argmax(merit))
            if merit[at] == -np.inf:
                break
            chosen.append(at)
            alike = unit @ unit[at]
            closest = np.maximum(closest, alike)
            said = normalised(self._rows[at].answer)
            for other in np.flatnonzero(alike >= REPEAT).tolist():
                if other == at or normalised(self._rows[other].answer) == said:
                    worth[other] = -np.inf
        return [self._hit(at) for at in chosen]

    def _hit(self, at: int) -> Hit:
        both = self._sought.picture is not None and bool(self._seen[at])
        return Hit(
            self._rows[at].id,
            float(self.fused[at]),
            float(self.picture[at]) if both else None,
            float(self.text[at]),
        )
