"""One question on its way through `perdure.cot.asking.path`, with all that is found out and spent on the way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from perdure.cot.answer import Answer, Example, Tokens
from perdure.cot.questions.question import Question
from perdure.errors import NoAnswer

if TYPE_CHECKING:
    from perdure.cot.judgement.confidence import Evidence
    from perdure.cot.judgement.match import Match
    from perdure.cot.models.model import Model
    from perdure.cot.questions.context import Context
    from perdure.cot.search.ranking import Sought


class Route(StrEnum):
    """Who may answer."""

    AUTO = "auto"
    """Whoever is cheapest and sure enough."""
    MASTER = "master"
    """The master: its kept answer to this very question, or the master itself."""
    APPRENTICE = "apprentice"
    """The apprentice, and never the master."""
    FRESH = "fresh"
    """The master, asked anew: no kept answer will do."""


@dataclass(eq=False)
class Said:
    """What a model said, parsed."""

    text: str
    value: Any
    reasoning: str
    model: Model
    version: str


@dataclass(eq=False)
class Work:
    """A question and what has come of it so far."""

    question: Question
    route: Route
    ask: str
    """The id that its ledger row will have."""
    asking: Context | None = None
    """The cell that asks, if one does."""
    began: float = field(default_factory=time.perf_counter)
    sought: Sought | None = None
    """Its vectors, once it is embedded."""
    match: Match | None = None
    """The near match that the master is asked to check."""
    examples: tuple[Example, ...] = ()
    evidence: Evidence | None = None
    confidence: float | None = None
    apprentice: Said | None = None
    apprentice_error: NoAnswer | None = None
    """Why the apprentice has said nothing of use."""
    master: Said | None = None
    master_error: NoAnswer | None = None
    """Why the master has said nothing of use."""
    wants_master: bool = False
    referred: bool = False
    """Whether the master is asked because the apprentice was hardly going to be sure enough."""
    audited: bool = False
    """Whether the master is asked to check the apprentice, whose answer would have done."""
    last_call: int | None = None
    """The ledger's number of the last call, whose reply may turn out to be of no use."""
    why: str = ""
    tokens: Tokens = field(default_factory=Tokens)
    cost: float = 0.0
    answer: Answer | None = None
    error: NoAnswer | None = None
    overtaken: bool = False
    """Whether another process was given the answer while this one waited to make the same call: it has to be looked up."""
    looked_up: bool = False
    """Whether that was done. It is done once: what isn't there then, or isn't of use, is asked for."""

    @property
    def open(self) -> bool:
        """Whether it has neither an answer nor an error yet."""
        return self.answer is None and self.error is None

    @property
    def unasked(self) -> bool:
        """Whether the apprentice hasn't been asked."""
        return self.apprentice is None and self.apprentice_error is None

    @property
    def elapsed(self) -> float:
        """Seconds since it was asked."""
        return time.perf_counter() - self.began
