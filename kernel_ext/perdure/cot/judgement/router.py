"""Who answers what the cache can't: the apprentice, or the master when that is worth its price."""

from __future__ import annotations

import bisect
from collections import deque
from typing import Final, Protocol

from blake3 import blake3

_REMEMBERED: Final = 2_000
_EARLY: Final = 20
"""Confidences after which their distribution says something."""


class Router(Protocol):
    """Decides for one question. ``share`` is the share of questions that the budget pays the master for, or None."""

    @property
    def asks_first(self) -> bool:
        """Whether it needs the apprentice's answer before it can decide."""
        ...

    def escalate(self, key: str, confidence: float, share: float | None) -> bool: ...


def draw(key: str, purpose: str) -> float:
    """A number in [0, 1) that is chance, and the same again for the same question: no global random state is touched."""
    return int.from_bytes(blake3(f"{purpose} {key}".encode()).digest()[:7]) / float(1 << 56)


class ConfidenceRouter:
    """Escalates where the apprentice is least likely to agree with the master.

    Without a budget the line is ``enough``. With one, it is where the share of the questions that can be paid for falls
    below, by the confidences of late; never above ``enough``, since money that buys nothing is kept.
    """

    asks_first = True

    def __init__(self, enough: float = 0.9) -> None:
        self.enough = enough
        self._late: deque[float] = deque(maxlen=_REMEMBERED)
        self._sorted: list[float] = []

    def escalate(self, key: str, confidence: float, share: float | None) -> bool:
        """``key`` settles ties, so that the same question is decided the same way."""
        self._remember(confidence)
        if confidence >= self.enough:
            return False
        if share is None or share >= 1.0:
            return True
        if len(self._sorted) < _EARLY:
            return draw(key, "early") < share
        low, high = bisect.bisect_left(self._sorted, confidence), bisect.bisect_right(self._sorted, confidence)
        return low + draw(key, "tie") * (high - low) < share * len(self._sorted)

    def _remember(self, confidence: float) -> None:
        if len(self._late) == _REMEMBERED:
            self._sorted.pop(bisect.bisect_left(self._sorted, self._late[0]))
        self._late.append(confidence)
        bisect.insort(self._sorted, confidence)


class RandomRouter:
    """The paper's (*Cache-of-Thought*, arXiv 2502.20587, section 3): a coin decides, before anyone was asked."""

    asks_first = False

    def __init__(self, share: float) -> None:
        self.share = share

    def escalate(self, key: str, confidence: float, share: float | None) -> bool:
        """True for ``self.share`` of all questions (fewer if the budget pays for fewer), whatever the confidence."""
        del confidence
        return draw(key, "route") < min(self.share, 1.0 if share is None else share)
