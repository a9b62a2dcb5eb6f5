"""Bounds on an error rate that hold at any time: whoever looks, stops or goes on after each audit is not misled.

`upper` mixes test supermartingales over a grid of bets (Howard, Ramdas, McAuliffe and Sekhon 2021, *Time-uniform, nonparametric,
nonasymptotic confidence sequences*, section 3.3, discrete mixtures), each the Chernoff bet on a Bernoulli outcome. For chances of error
m1, m2, ... that may change from one audit to the next and depend on the past, a bet of size L on outcomes y1, y2, ... has

    exp(-L (y1 + ... + yn)) / product of (1 - mi (1 - exp(-L)))

as a martingale that starts at 1, and since log(1 - m (1 - exp(-L))) is concave in m, the same with every mi replaced by their mean is no
greater. By Ville's inequality it passes 1 / alpha at some time with probability alpha at most. So what is bounded is the *mean of
the chances so far*, and nothing is assumed of them: neither independence nor that they stay as they are.

`Alarm` says when the rate has risen lately (Shin, Ramdas and Rinaldo 2024, *E-detectors*, the e-CUSUM).
"""

from __future__ import annotations

import math
from typing import Final

_BETS: Final = (0.02, 0.06, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""exp(-L) of each bet: a bet does best where the true rate is about this part of the bound."""
_LOGS: Final = tuple(math.log(bet) for bet in _BETS)
_STEPS: Final = 100
_EXACT: Final = 1e-9
"""The part of the bound by which what is found may be over it, never under it."""


def _wealth(wrong: float, audits: float, rate: float) -> tuple[float, float]:
    """Logarithm of the mixture's wealth, and how fast that rises with the rate."""
    ups = [1 - rate * (1 - bet) for bet in _BETS]
    terms = [wrong * log - audits * math.log(up) for log, up in zip(_LOGS, ups, strict=True)]
    top = max(terms)
    parts = [math.exp(term - top) for term in terms]
    total = sum(parts)
    slope = audits * sum(part * (1 - bet) / up for part, bet, up in zip(parts, _BETS, ups, strict=True)) / total
    return top + math.log(total / len(_BETS)), slope


def evidence(wrong: float, audits: float, rate: float) -> float:
    """Logarithm of the mixture's wealth against "the mean chance of error is ``rate`` or more".

    It passes log(1 / alpha) at some time, though the claim is true, with probability alpha at most. Counts may be fractions.
    """
    return _wealth(wrong, audits, rate)[0]


def upper(wrong: float, audits: float, alpha: float) -> float:
    """What the mean chance of error is under, at all times at once with probability 1 - ``alpha``, after so many audits."""
    needed = math.log(1 / alpha)
    if evidence(wrong, audits, 1.0) < needed:
        return 1.0
    bound = 1.0
    # The wealth is convex in the rate, so Newton's steps from above stay above.
    for _ in range(_STEPS):
        wealth, slope = _wealth(wrong, audits, bound)
        step = (wealth - needed) / slope
        bound -= step
        if step < _EXACT * bound:
            break
    return min(bound * (1 + _EXACT), 1.0)


class Alarm:
    """Tells that the rate of errors has risen above ``rate``, whenever that began.

    While the chance of error stays at or under ``rate``, false alarms come no oftener than once in ``patience`` audits in the mean.
    """

    def __init__(self, rate: float, patience: float = 1000.0) -> None:
        # The bet is on the square root: 10 % where 1 % is allowed, 22 % where 5 % are.
        risen = math.sqrt(rate)
        self._wrong = risen / rate
        self._right = (1 - risen) / (1 - rate)
        self._patience = patience
        self._wealth = 1.0

    def sees(self, *, wrong: bool) -> bool:
        """Take one audit; whether this is an alarm. After one it begins anew."""
        self._wealth = max(self._wealth, 1.0) * (self._wrong if wrong else self._right)
        if self._wealth < self._patience:
            return False
        self._wealth = 1.0
        return True
