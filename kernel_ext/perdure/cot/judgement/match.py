"""A near match: the kept answer that may do for a question, and what was decided on it."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.cot.answer import Example
from perdure.cot.cache import Entry


@dataclass(frozen=True, slots=True)
class Match:
    """The best near match of a question, and what was decided on it."""

    entry: Entry
    score: float
    similarity: float
    accept: bool
    audit: bool
    bound: float
    why: str

    @property
    def confidence(self) -> float:
        """That the kept answer is right, at the least."""
        return 1.0 - self.bound

    @property
    def example(self) -> Example:
        """The kept answer, as an answer tells what it came from."""
        return Example(self.entry.id, self.entry.text, self.entry.answer, self.similarity)
