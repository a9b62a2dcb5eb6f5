"""How sure the apprentice will be, told before it is asked: where it won't be sure enough, its call would only be paid for besides the master's.

What is known then is what the neighbours say. How the evidence (`perdure.cot.judgement.confidence`) that an answer brought followed
from that is learned from every answer, since no master is needed to see it: a linear regression with a Gaussian prior. What the
forecast says of the confidence changes at once with the confidence's own weights, however old the answers.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from perdure.cot.judgement.confidence import Evidence, sigmoid, spread_lead, spread_share

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REMEMBERED: Final = 1_000
_LEAST: Final = 30
"""Answers before which nothing is forecast."""
_RIDGE: Final = 1.0
"""How many answers the prior, that neighbours say nothing, is worth."""
_CASES: Final = tuple(NormalDist().inv_cdf((n + 0.5) / 15) for n in range(15))
"""Equally likely places of a standard normal variable."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What is known of a question before anybody is asked."""

    nearness: float
    """The similarity of the nearest neighbour; 0 if there is none."""
    consent: float
    """The share of the neighbours, weighted by their similarity, that say what the nearest says; 0.5 if there are none."""
    lead: float
    """How much nearer the nearest that says what the nearest neighbour says is than the nearest that says something else, -1 to 1: by the
    picture where there is one."""

    def features(self) -> tuple[float, ...]:
        """What the regression sees."""
        return (1.0, spread_share(self.nearness), 2.0 * self.consent - 1.0, spread_lead(self.lead))


class Forecast:
    """Learns from the apprentice's answers. Not safe to be used from several threads."""

    def __init__(self) -> None:
        self._seen: deque[tuple[tuple[float, ...], tuple[float, ...]]] = deque(maxlen=_REMEMBERED)
        self._since = 0
        self._fitted: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        """The slopes (a row for each feature, a column for each of the evidence's), and how the evidence varies beside them."""

    def learn(self, prospect: Prospect, evidence: Evidence) -> None:
        """Take in what an answer brought."""
        self._seen.append((prospect.features(), evidence.features()))
        self._since += 1

    def saving(self, prospect: Prospect, weights: Sequence[float], line: float) -> float:
        """What asking the apprentice first is expected to save, as a share of the master's price; 1 while nothing is known.

        A sure answer saves the master's call, less what its doubt is worth: an answer at the ``line`` is just worth it. ``weights``
        are those of the confidence.
        """
        import numpy as np

        if len(self._seen) < _LEAST:
            return 1.0
        if line >= 1.0:
            return 0.0
        if self._fitted is None or self._since > len(self._seen) // 8:
            self._fitted, self._since = self._fit(), 0
        slopes, rest = self._fitted
        told = np.asarray(weights)
        middle = float(np.asarray(prospect.features()) @ slopes @ told)
        deviation = math.sqrt(max(float(told @ rest @ told), 0.0))
        cases = (sigmoid(middle + deviation * case) for case in _CASES)
        return sum(max(sure - line, 0.0) for sure in cases) / len(_CASES) / (1.0 - line)

    def _fit(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        import numpy as np

        rows = np.array([before for before, _ in self._seen])
        found = np.array([after for _, after in self._seen])
        prior = np.zeros((rows.shape[1], found.shape[1]))
        prior[0] = found.mean(0)  # without a slope, the mean
        curve = rows.T @ rows + _RIDGE * np.eye(rows.shape[1])
        slopes = prior + np.linalg.solve(curve, rows.T @ (found - rows @ prior))
        rest = found - rows @ slopes
        return slopes, rest.T @ rest / len(rows)
