"""An answer, with where it came from and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Source(StrEnum):
    """Who answered."""

    EXACT = "exact"
    """The kept answer to this very question: no model was called."""
    NEAR = "near"
    """The kept answer to a near question about a near picture, under the error bound: no model was called."""
    APPRENTICE = "apprentice"
    """The small model, perhaps with kept answers as examples."""
    MASTER = "master"
    """The large model."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one or more model calls: those of the ``prompt``, and those of the ``completion``."""

    prompt: int = 0
    completion: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)


@dataclass(frozen=True, slots=True)
class Example:
    """A kept answer that was shown to the apprentice, or given as a near match."""

    entry: str
    """The id of the cache entry."""
    question: str
    """What was asked then."""
    answer: str
    """What was answered."""
    similarity: float
    """Cosine of the fused embeddings, at most 1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question. Plain data: it can be pickled, and is part of the commit that asked for it."""

    text: str
    """What the model said, without its reasoning."""
    value: Any
    """The text as the format asked for has it: a choice, a number, a bool, or data from JSON; None if it isn't in that form."""
    source: Source
    """Who answered this time."""
    confidence: float | None
    """The probability that the master would say the same, as far as it has been measured; None where nobody knows."""
    id: str
    """The ask's id in the ledger: what ``%cot show``, ``wrong`` and ``forget`` take."""
    entry: str | None
    """The id of the cache entry that it became or came from."""
    model: str
    """Who said it first: the name of the model, or ``user`` for a correction."""
    model_version: str
    """What tells its weights apart: a digest, or what the server calls itself."""
    prompt_version: str
    """The version of the words around the question that the model was shown."""
    question: str
    """As it was asked this time."""
    pictures: tuple[str, ...] = ()
    """Keys of the pictures asked about."""
    examples: tuple[Example, ...] = ()
    """The kept answers that the apprentice was shown, or the one that was given as a near match."""
    tokens: Tokens = Tokens()
    """Of every model call that this question made."""
    cost: float = 0.0
    """Dollars, of every model call that this question made."""
    latency: float = 0.0
    """Seconds."""
    reasoning: str = ""
    """What the model wrote before its answer, if it did."""
    why: str = ""
    """One sentence: why it came from there."""
    cache: str = field(default="", repr=False)
    """The folder of the cache that has the rest."""

    @property
    def commit(self) -> str | None:
        """The id of the commit whose cell asked, once that cell is a commit; None also where the cache isn't at hand."""
        from perdure.cot.cache import Cache
        from perdure.errors import PerdureError

        if not self.cache or not Path(self.cache).is_dir():
            return None
        try:
            with Cache.open(self.cache, read_only=True) as cache:
                return cache.commit_of(self.id)
        except PerdureError:
            return None

    def __str__(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from perdure.cot.faces.display import plain

        printer.text(plain(self))

    def _repr_html_(self) -> str:
        from perdure.cot.faces.display import html

        return html(self)
