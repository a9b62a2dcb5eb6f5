"""One stream through a cache: with the calibrated near match, or with a fixed threshold on the fused cosine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.nearby.world import Asked, World
from perdure.cot.judgement.near import CHANGED, Calibration, features, score

NEAREST = 6
"""Candidates that are compared, as the index finds them."""


@dataclass
class Outcome:
    """What came of one stream."""

    asked: int = 0
    exact: int = 0
    exact_wrong: int = 0
    near: int = 0
    near_wrong: int = 0
    audits: int = 0
    possible: int = 0
    """Questions that were no exact hits, with a right answer among the candidates."""
    wrong_kinds: Counter[str] = field(default_factory=Counter)
    late: list[tuple[int, int]] = field(default_factory=list)
    """Near hits and wrong ones after every thousandth question."""

    @property
    def error(self) -> float:
        return self.near_wrong / self.near if self.near else 0.0

    def sees(self, asked: Asked, kept: str) -> None:
        self.near += 1
        if kept != asked.truth:
            self.near_wrong += 1
            self.wrong_kinds[f"{asked.picture_kind}{', a look-alike' if asked.alike else ''}; {asked.text_kind}"] += 1


class Kept:
    """The answers kept so far, and the nearest of them."""

    def __init__(self, world: World, length: int) -> None:
        self._world = world
        self._pictures = np.empty(length, dtype=np.int32)
        self._texts = np.empty(length, dtype=np.int32)
        self._answers: list[str] = []
        self._exact: dict[tuple[str, str], str] = {}

    def exact(self, asked: Asked) -> str | None:
        return self._exact.get(self.key(asked))

    def key(self, asked: Asked) -> tuple[str, str]:
        return self._world.keys[asked.picture], self._world.normal[asked.text]

    def keep(self, asked: Asked) -> None:
        at = len(self._answers)
        self._pictures[at], self._texts[at] = asked.picture, asked.text
        self._answers.append(asked.truth)
        self._exact[self.key(asked)] = asked.truth

    def nearest(self, asked: Asked, number: int) -> list[tuple[float, int, int, str]]:
        """Cosine, picture, text and answer of the nearest by the fused embedding, nearest first."""
        size = len(self._answers)
        if not size:
            return []
        cosines = self._world.picture_cosines[asked.picture, self._pictures[:size]]
        cosines = (cosines + self._world.word_cosines[asked.text, self._texts[:size]]) / 2
        if number == 1:
            top = np.array([np.argmax(cosines)])
        else:
            top = np.argpartition(-cosines, number)[:number] if size > number else np.arange(size)
            top = top[np.argsort(-cosines[top], kind="stable")]
        return [(float(cosines[at]), int(self._pictures[at]), int(self._texts[at]), self._answers[at]) for at in top]


def best(world: World, asked: Asked, candidates: Iterable[tuple[float, int, int, str]]) -> tuple[float, str]:
    """The highest score among candidates, and that one's answer."""
    found = (0.0, "")
    for _, picture, text, answer in candidates:
        wording = world.wording(asked.text, text)
        if wording:
            at = score(world.likeness(asked.picture, picture), wording)
            if at > found[0]:
                found = (at, answer)
    return found


def calibrated(
    world: World, stream: Iterable[Asked], length: int, delta: float, calibration: Calibration | None = None
) -> Outcome:
    """With near matches under the bound. Would-be hits that aren't given are asked of the master."""
    calibration = calibration or Calibration(delta)
    outcome, kept = Outcome(), Kept(world, length)
    turns: Counter[str] = Counter()
    for asked in stream:
        outcome.asked += 1
        if outcome.asked % 1000 == 0:
            outcome.late.append((outcome.near, outcome.near_wrong))
        answer = kept.exact(asked)
        if answer is not None:
            outcome.exact += 1
            outcome.exact_wrong += answer != asked.truth
            continue
        candidates = kept.nearest(asked, NEAREST)
        outcome.possible += any(found[3] == asked.truth for found in candidates)
        at, answer = best(world, asked, candidates)
        key = " ".join(kept.key(asked))
        decision = calibration.decide(at, key, turns[key])
        turns[key] += 1
        if decision.accept and not decision.audit:
            outcome.sees(asked, answer)
            continue
        if decision.audit:
            outcome.audits += 1
            calibration.learn(at, agreed=answer == asked.truth)
        kept.keep(asked)
    return outcome


def static(world: World, stream: Iterable[Asked], length: int, threshold: float) -> Outcome:
    """With every candidate taken whose cosine is at least ``threshold``."""
    outcome, kept = Outcome(), Kept(world, length)
    for asked in stream:
        outcome.asked += 1
        answer = kept.exact(asked)
        if answer is not None:
            outcome.exact += 1
            continue
        nearest = kept.nearest(asked, 1)
        if nearest and nearest[0][0] >= threshold:
            outcome.sees(asked, nearest[0][3])
        else:
            kept.keep(asked)
    return outcome


def cosines(world: World, stream: Iterable[Asked], length: int) -> list[float]:
    """The cosine of the nearest answer for each question that is no exact hit, when all of them are asked of the master."""
    found, kept = [], Kept(world, length)
    for asked in stream:
        if kept.exact(asked) is None:
            found += [nearest[0] for nearest in kept.nearest(asked, 1)]
            kept.keep(asked)
    return found


def pairs(world: World, stream: Iterable[Asked], length: int) -> tuple[np.ndarray, np.ndarray]:
    """The features of candidates whose words may ask the same, and whether they agreed: what the score is fitted on.

    Those that the score forbids anyway are left out: they agree by chance alone.
    """
    rows, agreed, kept = [], [], Kept(world, length)
    for asked in stream:
        if kept.exact(asked) is not None:
            continue
        for _, picture, text, answer in kept.nearest(asked, NEAREST):
            wording = world.wording(asked.text, text)
            if not wording:
                continue
            found = world.likeness(asked.picture, picture)
            if found.detail <= CHANGED and not (found.mirrored and wording.sides):
                rows.append(features(found, wording))
                agreed.append(answer == asked.truth)
        kept.keep(asked)
    return np.array(rows), np.array(agreed)


def scored(world: World, stream: Iterable[Asked], length: int) -> list[tuple[float, bool]]:
    """The would-be hits of a stream all of which is asked of the master: the score, and whether the answer agreed."""
    found, kept = [], Kept(world, length)
    for asked in stream:
        if kept.exact(asked) is None:
            at, answer = best(world, asked, kept.nearest(asked, NEAREST))
            found.append((at, answer == asked.truth))
            kept.keep(asked)
    return found
