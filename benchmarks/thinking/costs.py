"""Accuracy against total cost: what the product answers on a stream under many setups, every model call counted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.thinking import streams
from benchmarks.thinking.intervals import Scores
from benchmarks.thinking.memory import Cast
from benchmarks.thinking.runs import Outcome, Runs, Setup, both, line, random, share
from benchmarks.thinking.tasks import Item, Task

SIZES: Final = (100, 1_000, 10_000)
"""Answers in the cache at the beginning, where the task has so many."""
COINS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SHARES: Final = (0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.9)
FEWER: Final = (0.2, 0.5, 0.7)
"""Shares on the stream with repetition."""
LINES: Final = (0.5, 0.7, 0.9)
MASTER: Final = "master alone"
"""Only exact hits are saved, where questions come again."""
BOTH: Final = "both for everything"
"""Every question goes to the apprentice and to the master: what the confidence is fitted on."""


@dataclass(frozen=True)
class Ledger:
    """What came of one setup, all seeds together."""

    right: Scores
    cost: float
    """Of a question in the mean; the master's call is 1."""
    by_parameters: float
    """The same at prices like the models' parameters."""
    sources: dict[str, float]
    """Shares of the questions."""
    audits: list[tuple[tuple[float, ...], bool]]


@dataclass(frozen=True)
class Costs:
    """One task: ledgers by the name of the setup, on both streams."""

    subjects: dict[str, list[str]]
    once: dict[str, Ledger]
    again: dict[str, Ledger]


@dataclass(frozen=True)
class Prices:
    """An apprentice's call as a share of a master's: as it is said to be, and as parameters have it."""

    said: float
    parameters: float


def setups(warm: int, sizes: Sequence[int]) -> tuple[dict[str, Setup], dict[str, Setup]]:
    """For the stream without repetition, and for that with it; a warm cache has ``warm`` answers. Made anew for each seed, since routers remember."""
    once = {MASTER: random(1.0, delta=0.0, k=0)}
    once |= {f"random, {coin:.0%} to the master": random(coin, warm=warm) for coin in COINS}
    once |= {f"confidence, least sure {part:.0%} to the master": share(part, warm=warm) for part in SHARES}
    once |= {f"confidence, line at {enough:g}": line(enough, warm=warm) for enough in LINES}
    once[BOTH] = both(warm=warm)
    again = {MASTER: random(1.0, delta=0.0, k=0)}
    again |= {f"random, {coin:.0%} to the master": random(coin, warm=warm) for coin in COINS}
    again |= {f"confidence, least sure {part:.0%} to the master": share(part, warm=warm) for part in FEWER}
    again["confidence, line at 0.9"] = line(0.9, warm=warm)
    again["... near match off"] = line(0.9, warm=warm, delta=0.0)
    again["... no examples"] = line(0.9, warm=warm, start="none")
    again["... cold start"] = line(0.9)
    for size in sizes:
        again[f"... {size:,} answers to begin with"] = line(0.9, warm=size)
    return once, again


def measure(
    task: Task,
    seeds: int,
    cast: Cast,
    folder: Path,
    length: int,
    warm: int,
    prices: Prices,
    told: Callable[[str], None],
) -> Costs:
    """All setups, on streams of ``length`` questions. No cache begins with more than ten times ``warm`` answers."""
    kinds = {"once": streams.once, "again": streams.repeated}
    subjects: dict[str, list[str]] = {kind: [] for kind in kinds}
    outcomes: dict[str, dict[str, list[Outcome]]] = {kind: {} for kind in kinds}
    for seed in range(seeds):
        runs = Runs(task, seed, cast, folder)
        available = len(task.kept(seed, 10 * warm))
        sizes = sorted({min(size, available) for size in SIZES} - {warm})
        try:
            for (kind, make), made in zip(kinds.items(), setups(min(warm, available), sizes), strict=True):
                stream: Sequence[Item] = make(task, seed, length)
                subjects[kind] += [item.subject for item in stream]
                for name, setup in made.items():
                    outcomes[kind].setdefault(name, []).append(runs.run(stream, setup))
                told(f"{task.name}, seed {seed}: stream with questions {kind} done")
        finally:
            runs.close()
    once, again = ({name: _ledger(found, prices) for name, found in outcomes[kind].items()} for kind in kinds)
    return Costs(subjects, once, again)


def _ledger(outcomes: Sequence[Outcome], prices: Prices) -> Ledger:
    number = sum(len(outcome.right) for outcome in outcomes)
    sources = {name for outcome in outcomes for name in outcome.sources}

    def mean(apprentice: float) -> float:
        return sum(outcome.cost(apprentice, 1.0) * len(outcome.right) for outcome in outcomes) / number

    return Ledger(
        np.concatenate([outcome.right for outcome in outcomes]),
        mean(prices.said),
        mean(prices.parameters),
        {name: sum(outcome.sources.get(name, 0) for outcome in outcomes) / number for name in sources},
        [audit for outcome in outcomes for audit in outcome.audits],
    )


class Coin:
    """What the random router gets for a cost: between two of its shares, a coin that chooses between them."""

    def __init__(self, ledgers: dict[str, Ledger]) -> None:
        found = [ledger for name, ledger in ledgers.items() if name.startswith("random")]
        self._points = sorted(found, key=lambda ledger: ledger.cost)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest cost."""
        return self._points[0].cost, self._points[-1].cost

    def at(self, cost: float) -> Scores:
        """For each question the chance of a right answer; for more than the dearest costs, that one's."""
        points = self._points
        if cost <= points[0].cost:
            return points[0].right
        for low, high in itertools.pairwise(points):
            if cost <= high.cost:
                part = (cost - low.cost) / max(high.cost - low.cost, 1e-12)
                return (1 - part) * low.right + part * high.right
        return points[-1].right
