"""How sure the apprentice's answer is: the probability that the master would say the same.

What is known without asking the master (the model's own token probabilities or the agreement of several samples, what the
retrieved neighbours answered, how near they are, and how the one stands out that says the same) goes through a logistic model, which learns
from audits: questions that both were asked. A shipped prior stands in until there are audits, and yields to them as they come.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_NEAR: Final = 0.03
"""The lead up to which each bit more says as much as the one before."""
_FAR: Final = 0.3
"""The lead from which on more says nothing."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an apprentice's answer, each between 0 and 1."""

    certainty: float
    """The geometric mean of its tokens' probabilities, or the share of samples that agree."""
    support: float
    """The share of the neighbours, weighted by their similarity, whose kept answer is the same; 0.5 if there are none."""
    nearness: float
    """The similarity of the nearest neighbour; 0 if there is none."""
    lead: float = 0.0
    """How much nearer the nearest neighbour with the same answer is than the nearest with another one, -1 to 1: by the picture where there is
    one. A neighbour that there isn't has a similarity of 0."""

    apart: bool = False
    """Whether no two of the neighbours say the same; False where there are fewer than three."""

    def features(self) -> tuple[float, ...]:
        """What the logistic model sees: each on a scale where 0 says nothing.

        Where answers come again and again, an apprentice knows them, and its certainty tells most. Where no two neighbours say the same
        (names, say), it can but repeat one of them, as certainly the wrong as the right: what tells is how that one stands out.
        """
        agreement = 2.0 * self.support - 1.0
        doubt, lead = spread_share(self.certainty), spread_lead(self.lead)
        either = (0.0, 0.0, doubt, lead) if self.apart else (doubt, lead, 0.0, 0.0)
        return (1.0, agreement, agreement * max(self.nearness, 0.0), *either)


def spread_share(share: float) -> float:
    """A share near 1, spread out: 0.99 is far from 0.9, so that what is left to 1 counts, as a logarithm. 0.9 becomes 0."""
    return -math.log10(max(1.0 - share, 1e-4)) - 1.0


def spread_lead(lead: float) -> float:
    """A difference of similarities, spread out: neighbours lie close together, so that 0.1 says much, and 0.5 little more."""
    return math.copysign(math.log1p(min(abs(lead), _FAR) / _NEAR), lead)


PRIOR: Final = (0.8, 0.4, 0.3, 3.0, 0.0, 0.1, 0.6)
"""Weights of `Evidence.features` before any audit: what benchmarks/cot.py fits over all its tasks, rounded, and the steep ones halved, since
other apprentices' certainty tells less."""

_TRUST: Final = 2.0
"""How many audits each weight of the prior is worth, roughly: the inverse variance of its Gaussian."""
_STEPS: Final = 30


class Confidence:
    """The calibrated probability, learned online: a logistic regression with a Gaussian prior at `PRIOR`.

    Fitted anew, by Newton's method, whenever the audits have grown by an eighth. Not safe to be used from several threads.
    """

    def __init__(self, audits: Sequence[tuple[Sequence[float], bool]] = ()) -> None:
        self._seen: list[tuple[tuple[float, ...], bool]] = [
            (tuple(features), agreed) for features, agreed in audits if len(features) == len(PRIOR)
        ]
        self._weights: tuple[float, ...] = PRIOR
        self._fitted = 0

    @property
    def record(self) -> tuple[int, int]:
        """How many audits there were, and in how many the two agreed."""
        return len(self._seen), sum(agreed for _, agreed in self._seen)

    def learn(self, evidence: Evidence, agreed: bool) -> None:
        """Take in one audit."""
        self._seen.append((evidence.features(), agreed))

    @property
    def weights(self) -> tuple[float, ...]:
        """The logistic model's, as they are now."""
        if len(self._seen) > self._fitted + self._fitted // 8:
            self._fit()
        return self._weights

    def probability(self, evidence: Evidence) -> float:
        """That the master would answer the same."""
        return sigmoid(sum(w * x for w, x in zip(self.weights, evidence.features(), strict=True)))

    def _fit(self) -> None:
        import numpy as np

        self._fitted = len(self._seen)
        rows = np.array([features for features, _ in self._seen])
        agreed = np.array([agreed for _, agreed in self._seen], dtype=float)
        self._weights = tuple(float(weight) for weight in _posterior(rows, agreed))


def sigmoid(value: float) -> float:
    """Logits to a probability, never quite 0 or 1."""
    return 1.0 / (1.0 + math.exp(-max(min(value, 30.0), -30.0)))


def _posterior(rows: NDArray[np.float64], agreed: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mode of the posterior (Bishop, *Pattern Recognition and Machine Learning*, section 4.5.1), by Newton's method with steps
    halved until they lead downhill: audits that contradict the prior throw a whole step far over the mark.
    """
    import numpy as np

    prior = np.array(PRIOR)

    def loss(weights: NDArray[np.float64]) -> float:
        turned = np.where(agreed > 0, -1.0, 1.0) * (rows @ weights)
        return float(np.logaddexp(0.0, turned).sum() + _TRUST / 2 * np.square(weights - prior).sum())

    weights = prior.copy()
    now = loss(weights)
    for _ in range(_STEPS):
        said = 1.0 / (1.0 + np.exp(-np.clip(rows @ weights, -30.0, 30.0)))
        slope = rows.T @ (said - agreed) + _TRUST * (weights - prior)
        curve = (rows * (said * (1.0 - said))[:, None]).T @ rows + _TRUST * np.eye(len(prior))
        step = np.linalg.solve(curve, slope)
        share = 1.0
        while (then := loss(weights - share * step)) > now and share > 1e-6:
            share /= 2
        weights = weights - share * step
        if now - then < 1e-6:
            break
        now = then
    result: NDArray[np.float64] = weights
    return result
