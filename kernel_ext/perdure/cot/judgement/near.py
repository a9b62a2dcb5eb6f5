"""Near match: the kept answer to a near question about a near picture, while the error that is measured stays under a bound.

A candidate that the index finds gets a `score` from what differs in the words (`perdure.cot.judgement.wording`) and in the pictures
(`perdure.cot.judgement.likeness`); the embedding's cosine only finds it. The scores fall into a few *bands*, and `Calibration` opens a band only
while its bound on the share of wrong answers is at most ``delta``. The bound comes from *audits*: a would-be hit drawn by chance is
asked of the master all the same, and its kept answer agrees with the master's or is wrong.

**What is promised.** With probability 1 - ``ALPHA`` or more, at all times and for all bands at once: the mean, over the audits of a band,
of the chance that its kept answer was wrong when it was drawn, is under the band's bound. A band is open only while that bound is at
most ``delta``. Whether a would-be hit is audited is a coin that knows nothing of the answers, so audits stand for the hits beside them:
where a band's errors don't become more frequent with time, the long-run share of wrong answers among near hits is at most ``delta``, with
the same probability. The would-be hits may depend on one another and on all that came before.

**What is not.** *Wrong* means "not what the master says now", not "untrue". The promise is for the hits of a calibration together: a
certain kind of question among them may do worse. The shipped prior counts as ``PRIOR_WEIGHT / delta`` audits of streams that we
drew ourselves; where they are no guide to yours, the promise holds for what your own audits say once they outweigh it, and about twenty
wrong answers in a band (simulated in `tests/cot/test_near.py`) go out before it closes. When errors become more frequent later (the
master changed, the pictures are of another kind), an alarm empties the band and closes it until its own audits open it again;
how many wrong answers go out before is the same small number, divided by the rate of audits, and is not bounded by ``delta``.
"""

from __future__ import annotations

import bisect
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from perdure.cot.judgement.bound import Alarm, evidence, upper
from perdure.cot.judgement.likeness import Likeness
from perdure.cot.judgement.near_prior import EDGES, PRIOR, WEIGHTS
from perdure.cot.judgement.wording import Verdict, Wording
from perdure.errors import UsageError

ALPHA: Final = 0.05
"""The probability with which the promise may fail."""
PRIOR_WEIGHT: Final = 15.0
"""The prior weighs at most as much as this over ``delta`` audits: enough to begin with, and soon outweighed."""
CHANGED: Final = 0.15
"""A detail that differs by more than this has been changed: no match, whatever the question."""
FLOOR: Final = 0.02
"""The share of would-be hits that is audited however much is known, so that a change is noticed."""
_FIRST: Final = 5.0
"""One would-be hit in so many is audited at first."""
_SHUT: Final = 0.01
"""The share of would-be hits that is audited in a band that is known to be too often wrong."""


def features(likeness: Likeness, wording: Wording) -> tuple[float, ...]:
    """What the score is made of: each difference beyond what compression does, and colours again where the question is about them."""
    colour = math.log1p(max(likeness.colour - 0.03, 0.0) / 0.03)
    return (
        1.0,
        math.log1p(max(likeness.detail - 0.05, 0.0) / 0.03),
        colour,
        colour * wording.colours,
        float(likeness.mirrored),
        math.log1p(likeness.cut / 0.05),
        math.log1p(max(likeness.lost - 0.1, 0.0) / 0.1),
        float(wording.verdict is Verdict.PARAPHRASE),
    )


def score(likeness: Likeness | None, wording: Wording) -> float:
    """The chance, by the shipped model, that the kept answer is what the master would say: 0 where words or pictures forbid it.

    :param likeness: None where the pictures can't be compared, such as when their thumbnails weren't kept.
    """
    if not wording or likeness is None or likeness.detail > CHANGED or (likeness.mirrored and wording.sides):
        return 0.0
    total = math.fsum(weight * value for weight, value in zip(WEIGHTS, features(likeness, wording), strict=True))
    return 1.0 / (1.0 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a would-be hit."""

    accept: bool
    """Its band is open: the kept answer may be given, unless ``audit``."""
    audit: bool
    """Ask the master all the same, give what the master says, and tell `Calibration.learn` whether the kept answer agreed."""
    bound: float
    """What the share of wrong answers in its band is under, with probability 1 - ``ALPHA``."""
    why: str
    """One sentence for people."""


@dataclass(frozen=True, slots=True)
class Band:
    """What is known of one band of the score."""

    low: float
    """The least score in it."""
    audits: int
    """Audits of this cache, since the last alarm."""
    wrong: int
    """Those whose kept answer was not what the master said."""
    bound: float
    open: bool
    alarms: int
    """How often its errors were found to have become more frequent."""


class _Band:
    """The counts of one band, the prior's among them."""

    def __init__(self, delta: float, prior: tuple[int, int]) -> None:
        weight = min(1.0, PRIOR_WEIGHT / delta / max(prior[0], 1))
        self._prior = (prior[0] * weight, prior[1] * weight)
        self._delta = delta
        self._alarm = Alarm(delta)
        self.audits = self.wrong = self.alarms = 0
        self._bound: float | None = None

    @property
    def _counts(self) -> tuple[float, float]:
        return self.wrong + self._prior[1], self.audits + self._prior[0]

    @property
    def _alpha(self) -> float:
        # What may fail is shared out among the bands, and in each among its beginnings: 1/2, 1/6, 1/12, ... add up to one.
        return ALPHA / len(EDGES) / ((self.alarms + 1) * (self.alarms + 2))

    def learn(self, *, wrong: bool) -> None:
        self._bound = None
        self.audits += 1
        self.wrong += wrong
        if self._alarm.sees(wrong=wrong):
            # What was known is no longer so, and the prior was no guide.
            self.audits = self.wrong = 0
            self._prior = (0.0, 0.0)
            self.alarms += 1

    @property
    def bound(self) -> float:
        if self._bound is None:
            self._bound = upper(*self._counts, self._alpha)
        return self._bound

    @property
    def open(self) -> bool:
        # The same as that the bound is at most delta, and quicker.
        return evidence(*self._counts, self._delta) >= math.log(1 / self._alpha)

    @property
    def rate(self) -> float:
        """The share of would-be hits to audit: less, the more is known, and little where all is lost."""
        wrong, audits = self._counts
        if not self.open and evidence(audits - wrong, audits, 1 - self._delta) > math.log(20):
            return _SHUT
        return max(FLOOR, 1.0 / (_FIRST + self._delta * self.audits))


class Calibration:
    """Decides on would-be hits, and learns from audits. All of its state is the audits, in their order; safe to be used by several threads.

    :param delta: the share of wrong answers that near hits may have; 0 turns them off.
    :param audits: all audits there have been: the score, and whether the kept answer agreed with the master's.
    """

    def __init__(
        self,
        delta: float,
        audits: Iterable[tuple[float, bool]] = (),
        prior: tuple[tuple[int, int], ...] = PRIOR,
    ) -> None:
        if not 0.0 <= delta < 1.0:
            raise UsageError(f"delta is {delta}. It must be from 0 (no near matches) to under 1, such as 0.02.")
        self.delta: Final = delta
        self._lock = threading.Lock()
        self._bands = [_Band(delta, counts) for counts in prior] if delta else []
        for at, agreed in audits:
            self.learn(at, agreed=agreed)

    def decide(self, score: float, key: str, turn: int = 0) -> Decision:
        """Whether a would-be hit is given, and whether it is audited.

        :param key: the question's; the same key and turn are drawn alike, so that nothing depends on a random state.
        :param turn: how often this key was a would-be hit before, so that a question that comes often is audited at some time.
        """
        with self._lock:
            band = self._of(score)
            if band is None:
                why = "near matches are off" if not self.delta else "too much differs"
                return Decision(accept=False, audit=False, bound=1.0, why=why)
            audit, bound = _draw(key, turn) < band.rate, band.bound
            if band.open:
                why = f"such near matches are wrong at most {bound:.1%} of the time ({1 - ALPHA:.0%} sure)"
            else:
                why = f"such near matches may be wrong {bound:.1%} of the time, and {self.delta:.1%} is allowed"
            return Decision(band.open, audit, bound, why)

    def learn(self, score: float, *, agreed: bool) -> None:
        """Take one audit. Only would-be hits that `decide` drew, or all of them: not those that were checked for being doubtful."""
        with self._lock:
            band = self._of(score)
            if band is not None:
                band.learn(wrong=not agreed)

    @property
    def bands(self) -> tuple[Band, ...]:
        """What is known of each band, lowest scores first."""
        with self._lock:
            return tuple(
                Band(low, band.audits, band.wrong, band.bound, band.open, band.alarms)
                for low, band in zip(EDGES, self._bands, strict=bool(self._bands))
            )

    def _of(self, score: float) -> _Band | None:
        at = bisect.bisect_right(EDGES, score) - 1
        return self._bands[at] if at >= 0 and self._bands else None


def _draw(key: str, turn: int) -> float:
    """A number in [0, 1) that is chance, and the same again for the same question."""
    return int.from_bytes(blake3(f"near {turn} {key}".encode(errors="replace")).digest()[:7]) / float(1 << 56)
