"""What a `perdure.cot.Cot` can be told, with the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from perdure.cot.budget import Budget
from perdure.errors import UsageError

Strategy = Literal["image", "text", "fused", "keyword", "hierarchical"]
STRATEGIES: tuple[Strategy, ...] = ("fused", "image", "text", "keyword", "hierarchical")

Start = Literal["warm", "cold", "none"]


EXAMPLES: Final = 4
"""Examples that an apprentice is shown of which nothing else is known."""


@dataclass(frozen=True, slots=True)
class Options:
    """How questions are answered; checked when made.

    Raises `UsageError` where a value makes no sense.
    """

    delta: float = 0.02
    """The share of wrong answers that near matches may have; 0 turns them off."""
    budget: Budget = field(default_factory=Budget)
    k: int | None = None
    """Examples that the apprentice is shown, at most; None for as many as it makes use of, as far as that is known, or else `EXAMPLES`."""
    strategy: Strategy = "fused"
    """By what the examples are found: see `perdure.cot.search.retrieval`."""
    start: Start = "warm"
    """Which kept answers serve as examples: all, those kept since this `Cot` was made, or none."""
    enough: float = 0.9
    """The confidence at which an apprentice's answer will do."""
    random_share: float | None = None
    """Not None: the paper's random router, which asks the master this share of the questions."""
    audit: float = 0.02
    """The share of confident apprentice's answers that the master is asked to check, and of hopeless questions that are put to it."""
    samples: int = 3
    """Samples whose agreement stands for the confidence, of an apprentice that gives no probabilities."""
    concurrency: int = 8
    """Model calls at once. A model that answers many in one go (``at_once``) is asked so many."""
    urls: bool = False
    """Whether a picture may be fetched from a URL."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.delta < 1.0:
            raise UsageError(f"delta is a share of wrong answers, and can't be {self.delta}. Use 0.02, or 0 for none.")
        if not 0.0 <= self.enough <= 1.0:
            raise UsageError(f"A confidence can't be {self.enough}. Use a number from 0 to 1, such as 0.9.")
        if self.random_share is not None and not 0.0 <= self.random_share <= 1.0:
            raise UsageError(f"A share can't be {self.random_share}. Use a number from 0 to 1.")
        if not 0.0 <= self.audit <= 1.0:
            raise UsageError(f"A share of audits can't be {self.audit}. Use a number from 0 to 1, such as 0.02.")
        if self.k is not None and self.k < 0:
            raise UsageError(f"There can't be {self.k} examples. Use 0 for none, or a number such as 4.")
        if self.strategy not in STRATEGIES:
            raise UsageError(f"There is no strategy {self.strategy!r}. Use one of {', '.join(STRATEGIES)}.")
        if self.start not in {"warm", "cold", "none"}:
            raise UsageError(f"There is no start {self.start!r}. Use warm, cold or none.")
        if self.concurrency < 1 or self.samples < 1:
            raise UsageError("At least one call must be allowed at a time, and one sample.")
