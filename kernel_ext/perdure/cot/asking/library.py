"""The kept answers as examples: what is near a question, which of it helps, and what of it the apprentice is shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.cot.asking.options import EXAMPLES, Options
from perdure.cot.cache import Cache, Entry, Kind, Vector
from perdure.cot.index.embedding import Encoder, fused, question_vectors
from perdure.cot.models.model import Prompt
from perdure.cot.picture import Picture
from perdure.cot.questions.prompting import Shown
from perdure.cot.questions.question import Question
from perdure.cot.search.keywords import keyword_prompt
from perdure.cot.search.ranking import DIVERSITY, Hit
from perdure.cot.search.retrieval import Retriever, sought
from perdure.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from perdure.cot.calling.work import Work

HELPS: Final = 0.8
"""The similarity from which on an example is shown: below it the bare model does better. Measured by benchmarks/cot.py."""
_ALL: Final = 1 << 40
_MORE: Final = 4
"""Neighbours that are looked at besides those that may be shown: they say what is usually answered around here."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A kept answer near a question."""

    entry: Entry
    hit: Hit

    @property
    def similarity(self) -> float:
        """The cosine of picture and question together."""
        return self.hit.similarity


class Library:
    """Finds neighbours for the questions of one `perdure.cot.Cot`. Where there is no encoder, nothing is near anything."""

    def __init__(self, options: Options, cache: Cache, encoder: Encoder | None, retriever: Retriever | None) -> None:
        self._options, self._cache = options, cache
        self._encoder, self._retriever = encoder, retriever
        self._k = EXAMPLES if options.k is None else options.k
        self._since = 0.0 if options.start == "warm" else time.time()
        self.missing: str | None = None
        """Why there are no embeddings, for people to read; None if there are."""

    @property
    def wants_keywords(self) -> bool:
        """Whether the apprentice is asked twice: the strategy goes by its first answer."""
        return self._options.strategy in {"keyword", "hierarchical"} and self._retriever is not None

    def embed(self, works: Sequence[Work]) -> None:
        """Give the questions their vectors."""
        encoder = self._encoder
        if encoder is None:
            return
        try:
            encoder.texts([work.question.text for work in works])  # all at once is quicker; the encoder remembers them
            encoder.pictures([picture for work in works for picture in work.question.pictures])
            for work in works:
                work.sought = sought(encoder, work.question)
        except MissingExtra as error:
            self._encoder = self._retriever = None
            self.missing = str(error)
        except Exception as error:  # noqa: BLE001 - out of memory, a torn checkpoint: questions are answered without examples
            for work in works:
                work.sought = None
            self.missing = (
                f"The encoder failed with {type(error).__name__}, so there are no examples and no near matches."
            )

    def vector(self, work: Work) -> Vector | None:
        """What an entry of this question is found by."""
        if self._encoder is None or work.sought is None:
            return None
        values = fused(work.sought.picture, work.sought.text)
        return Vector.of(self._encoder.name, self._encoder.version, values)

    def neighbours(self, work: Work, first_answer: str | None = None) -> list[Neighbour]:
        """The master's (or the user's) answers nearest to the question, the most useful first."""
        if self._options.start == "none" or self._k == 0:
            return []
        return self._found(work, self._k + _MORE, self._options.strategy, first_answer)

    def nearest(self, work: Work, k: int) -> list[Neighbour]:
        """Candidates for a near match: by picture and words together, whatever the strategy for examples."""
        return self._found(work, k, "fused", None, diversity=0.0)

    def _found(
        self, work: Work, k: int, strategy: str, first_answer: str | None, diversity: float = DIVERSITY
    ) -> list[Neighbour]:
        if self._retriever is None or self._encoder is None or work.sought is None:
            return []
        asked = work.sought if first_answer is None else sought(self._encoder, work.question, first_answer)
        hits = self._retriever.retrieve(asked, 2 * k, strategy, diversity=diversity)
        entries = self._cache.entries(hit.entry for hit in hits)
        found = [Neighbour(entries[hit.entry], hit) for hit in hits if hit.entry in entries]
        return [one for one in found if self._serves(one.entry)][:k]

    def _serves(self, entry: Entry) -> bool:
        # An apprentice that learns from apprentices repeats their mistakes.
        return entry.kind in {Kind.MASTER, Kind.USER} and entry.usable() and entry.created >= self._since

    def helpful(self, neighbours: Sequence[Neighbour]) -> list[Neighbour]:
        """Those that are shown, the nearest last: it stands next to the question."""
        chosen = [one for one in neighbours if one.similarity >= HELPS][: self._k]
        return sorted(chosen, key=lambda one: one.similarity)

    def shown(self, neighbour: Neighbour) -> Shown:
        """A neighbour as a model is shown it."""
        entry = neighbour.entry
        pictures = tuple(filter(None, map(self._picture, entry.pictures)))
        return Shown(pictures, entry.text, entry.choices, entry.answer, entry.reasoning)

    def _picture(self, key: str) -> Picture | None:
        return self._cache.picture(key)

    def keyword_prompt(self, question: Question) -> Prompt:
        """What the strategies that go by keywords ask the apprentice first."""
        return keyword_prompt(question)

    @property
    def degraded(self) -> str | None:
        """Why retrieval is less than it could be; None while all is well."""
        return self.missing or (self._retriever.degraded if self._retriever is not None else None)

    def rebuild(self) -> int:
        """Make the index anew; returns how many entries it has.

        :raises UsageError: if there is no encoder.
        """
        if self._retriever is None:
            raise UsageError("There is no encoder, so there is no index. Run: pip install 'perdure[cot]'")
        self._embed_again()
        self._retriever.rebuild()
        return self._retriever.count()

    def _embed_again(self) -> None:
        """Give vectors to the entries that another encoder's were made for; those whose pictures weren't kept have none."""
        encoder = self._encoder
        if encoder is None:
            return
        for entry in self._cache.without_vector(encoder.name, encoder.version, _ALL):
            pictures = [self._cache.picture(key) for key in entry.pictures]
            known = [picture for picture in pictures if picture is not None]
            if entry.kind not in {Kind.MASTER, Kind.USER} or len(known) < len(pictures):
                continue
            picture, text = question_vectors(encoder, Question(entry.text, tuple(known)))
            self._cache.set_vectors({entry.id: Vector.of(encoder.name, encoder.version, fused(picture, text))})

    def close(self) -> None:
        """Let go of the index."""
        if self._retriever is not None:
            self._retriever.close()
