"""Confidence intervals by the paired bootstrap: the same questions are drawn for both sides, whole subjects at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 2_000
LEVEL: Final = 0.95

Scores = NDArray[np.float64]
"""One number for each question; for instance 1 where the answer was right."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def points(self) -> str:
        """In percentage points."""
        return f"{100 * self.value:+.1f} [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"

    def share(self) -> str:
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


class Bootstrap:
    """Draws subjects with replacement; the same draws for all that is asked of it."""

    def __init__(self, subjects: Sequence[str], seed: int = 0) -> None:
        names, self._of = np.unique(np.asarray(subjects), return_inverse=True)
        rng = np.random.default_rng(seed)
        number = len(names)
        self._times = rng.multinomial(number, np.full(number, 1 / number), DRAWS).astype(np.float64)
        self._sizes = self._times @ np.bincount(self._of, minlength=number)

    def mean(self, scores: Scores) -> Interval:
        """Of the mean."""
        return self._interval(float(scores.mean()), self._means(scores))

    def difference(self, scores: Scores, others: Scores) -> Interval:
        """Of the mean of ``scores`` less that of ``others``, question by question."""
        return self.mean(scores - others)

    def ratio(self, scores: Scores, others: Scores) -> Interval:
        """Of the relative gain of the mean of ``scores`` over that of ``others``."""
        below = np.maximum(self._means(others), 1e-9)
        value = float(scores.mean()) / max(float(others.mean()), 1e-9) - 1
        return self._interval(value, self._means(scores) / below - 1)

    def _means(self, scores: Scores) -> Scores:
        sums = np.bincount(self._of, weights=scores, minlength=self._times.shape[1])
        found: Scores = (self._times @ sums) / self._sizes
        return found

    @staticmethod
    def _interval(value: float, drawn: Scores) -> Interval:
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(value, float(low), float(high))
