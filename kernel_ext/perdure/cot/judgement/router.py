"""Who answers what the cache can't: the apprentice, or the master when that is worth its price."""

from __future__ import annotations

import math
from typing import Final, Protocol

from blake3 import blake3

from perdure.cot.judgement.confidence import sigmoid

_STEP: Final = 0.1
"""How far one question moves the line, in logits, once many have."""
_MOST: Final = 0.5
"""How far one of the first does."""
_ENDS: Final = 8.0
"""Logits between which the line stays."""


class Router(Protocol):
    """Decides for one question. ``share`` is the share of questions that the budget pays the master for, or None."""

    @property
    def asks_first(self) -> bool:
        """Whether it needs the apprentice's answer before it can decide."""
        ...

    def line(self, share: float | None) -> float:
        """The confidence below which a question goes to the master, as things stand."""
        ...

    def escalate(self, key: str, confidence: float, share: float | None) -> bool: ...

    def sent(self, share: float | None) -> None:
        """Take note of a question that went to the master without the apprentice being asked."""
        ...


def draw(key: str, purpose: str) -> float:
    """A number in [0, 1) that is chance, and the same again for the same question: no global random state is touched."""
    return int.from_bytes(blake3(f"{purpose} {key}".encode()).digest()[:7]) / float(1 << 56)


class ConfidenceRouter:
    """Escalates where the apprentice is least likely to agree with the master.

    Without a budget the line is ``enough``. With one, it is where the share of the questions that can be paid for falls below;
    never above ``enough``, since money that buys nothing is kept. That place isn't known, and it moves: confidences fall while
    one learns how seldom an apprentice is right. So the line follows what happens: each question that went to the master moves
    it down a little, each other up, in the proportion that brings it to rest where the share is met (*Adaptive conformal inference*,
    Gibbs and Candes 2021, section 2).
    """

    asks_first = True

    def __init__(self, enough: float = 0.9) -> None:
        self.enough = enough
        self._place: float | None = None
        self._share = 0.5
        """The share that the place belongs to."""
        self._moved = 0

    def line(self, share: float | None) -> float:
        """``enough`` where the budget pays for everything; otherwise where it has come to."""
        if share is None or share >= 1.0:
            return self.enough
        if share <= 0.0:
            return 0.0
        return min(sigmoid(self._at(share)), self.enough)

    def escalate(self, key: str, confidence: float, share: float | None) -> bool:
        """True below the line."""
        del key
        below = confidence < self.line(share)
        self._follow(share, sent=below)
        return below

    def sent(self, share: float | None) -> None:
        """Counts as one below the line."""
        self._follow(share, sent=True)

    def _follow(self, share: float | None, *, sent: bool) -> None:
        if share is None or not 0.0 < share < 1.0:
            return
        self._moved += 1
        step = max(_STEP, _MOST / self._moved**0.5)
        place = min(self._at(share), _logit(self.enough))
        self._share = share
        self._place = max(-_ENDS, min(place + step * (share - sent), _ENDS))

    def _at(self, share: float) -> float:
        """Where the line begins for this share: as if all confidences were equally frequent, or from where it had come to."""
        return _logit(share) if self._place is None else self._place + _logit(share) - _logit(self._share)


def _logit(share: float) -> float:
    kept = min(max(share, 1e-4), 1.0 - 1e-4)
    return math.log(kept / (1.0 - kept))


class RandomRouter:
    """The paper's (*Cache-of-Thought*, arXiv 2502.20587, section 3): a coin decides, before anyone was asked."""

    asks_first = False

    def __init__(self, share: float) -> None:
        self.share = share

    def line(self, share: float | None) -> float:
        """No confidence is low enough."""
        del share
        return 0.0

    def sent(self, share: float | None) -> None:
        """Changes nothing."""

    def escalate(self, key: str, confidence: float, share: float | None) -> bool:
        """True for ``self.share`` of all questions (fewer if the budget pays for fewer), whatever the confidence."""
        del confidence
        return draw(key, "route") < min(self.share, 1.0 if share is None else share)
