"""The apprentice alone, with random examples, and with retrieved ones: which of its answers are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.thinking.intervals import Scores
from benchmarks.thinking.memory import Cast
from benchmarks.thinking.shelf import Shelf
from benchmarks.thinking.tasks import Item, Task, commonest
from perdure.cot.asking.library import HELPS
from perdure.cot.asking.options import STRATEGIES
from perdure.cot.models.model import Prompt
from perdure.cot.models.names import EMBEDDED_EXAMPLES
from perdure.cot.questions.prompting import prompt
from perdure.cot.search.keywords import keyword_prompt
from perdure.cot.search.ranking import Hit
from perdure.cot.search.retrieval import Retriever, sought

KS: Final = (1, 2, 4)
SHOWN: Final = EMBEDDED_EXAMPLES
"""So many the product shows this apprentice."""
MORE: Final = 4
"""Neighbours that the product looks at besides those that it shows."""
THRESHOLDS: Final = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975)
"""Similarities that are tried as the one from which on an example is shown."""
ALL: Final = -1.0
"""The threshold that shows every example."""
_EXACT: Final = 1 << 30
"""More entries than there are: search is exact, and no server is started."""


def way(strategy: str, k: int, threshold: float = ALL) -> str:
    """The name of a way to choose examples."""
    return f"{strategy} {k}" if threshold == ALL else f"{strategy} {k} from {threshold:g}"


@dataclass(frozen=True)
class Found:
    """Which answers were right, by the way that they were come by. Questions of several seeds stand one after the other."""

    subjects: list[str]
    right: dict[str, Scores]
    tried: list[bool]
    """The questions that all thresholds were tried with."""


def together(parts: Sequence[Found]) -> Found:
    """The seeds as one."""
    ways = parts[0].right
    return Found(
        [subject for part in parts for subject in part.subjects],
        {name: np.concatenate([part.right[name] for part in parts]) for name in ways},
        [tried for part in parts for tried in part.tried],
    )


def measure(task: Task, seed: int, cast: Cast, questions: int, size: int) -> Found:
    """One seed: ``questions`` asked with ``size`` kept answers."""
    items = task.asked(seed, questions)
    shelf = _filled(task, seed, cast, size)
    chosen = _Choosing(shelf, cast, items)
    rng = np.random.default_rng([seed, 2])
    tried = [n < len(items) // 3 for n in range(len(items))]
    ways: dict[str, list[Prompt]] = {"alone": [prompt(item.question, reason=False) for item in items]}
    for k in KS:
        picked = [rng.choice(shelf.number(), k, replace=False) for _ in items]
        ways[f"random {k}"] = [
            prompt(item.question, [shelf.shown(str(at)) for at in ids], reason=False)
            for item, ids in zip(items, picked, strict=True)
        ]
    for strategy in STRATEGIES:
        for k in KS:
            for threshold in (ALL, HELPS):
                ways[way(strategy, k, threshold)] = chosen.prompts(strategy, k, [threshold] * len(items))
        for threshold in THRESHOLDS:
            some = [threshold if one else HELPS for one in tried]
            ways.setdefault(way(strategy, SHOWN, threshold), chosen.prompts(strategy, SHOWN, some))
    said = _answers(cast, ways)
    right = {name: _right(items, said[name]) for name in ways}
    for k in KS:
        right[f"vote {k}"] = _right(items, chosen.votes("fused", k))
    right["question only"] = _right(items, [task.guess(item.question.text) for item in items])
    right["master"] = _right(items, cast.master_says(items))
    return Found([item.subject for item in items], right, tried)


def _filled(task: Task, seed: int, cast: Cast, size: int) -> Shelf:
    kept = task.kept(seed, size)
    answers = [item.truth for item in kept] if task.by_person else cast.master_says(kept)
    pairs = [(item, answer) for item, answer in zip(kept, answers, strict=True) if answer is not None]
    return Shelf(cast.encoder, [item for item, _ in pairs], [answer for _, answer in pairs])


def _answers(cast: Cast, ways: dict[str, list[Prompt]]) -> dict[str, list[str | None]]:
    every = [each for prompts in ways.values() for each in prompts]
    said = iter(cast.apprentice.replies(every))
    return {name: [next(said) for _ in prompts] for name, prompts in ways.items()}


def _right(items: Sequence[Item], said: Sequence[str | None]) -> Scores:
    return np.array([item.right(text) for item, text in zip(items, said, strict=True)], dtype=np.float64)


class _Choosing:
    """The examples for each question, by every strategy, as the product chooses them."""

    def __init__(self, shelf: Shelf, cast: Cast, items: Sequence[Item]) -> None:
        self._shelf, self._items = shelf, items
        retriever = Retriever(shelf, cast.encoder, Path("nowhere"), few=_EXACT)
        cast.encoder.texts([item.question.text for item in items])
        cast.encoder.pictures([picture for item in items for picture in item.question.pictures])
        first = cast.apprentice.replies([keyword_prompt(item.question) for item in items])
        self._hits: dict[str, list[list[Hit]]] = {strategy: [] for strategy in STRATEGIES}
        for item, said in zip(items, first, strict=True):
            plain, worded = sought(cast.encoder, item.question), sought(cast.encoder, item.question, said)
            for strategy, hits in self._hits.items():
                asked = worded if strategy in {"keyword", "hierarchical"} else plain
                # One ranking for all k: that for a smaller one is its beginning.
                hits.append(retriever.retrieve(asked, 2 * (KS[-1] + MORE), strategy)[: KS[-1] + MORE])
        retriever.close()

    def prompts(self, strategy: str, k: int, thresholds: Sequence[float]) -> list[Prompt]:
        """What the apprentice is asked, each question with its own threshold."""
        found = []
        for item, hits, threshold in zip(self._items, self._hits[strategy], thresholds, strict=True):
            helpful = [hit for hit in hits[: k + MORE] if hit.similarity >= threshold][:k]
            ordered = sorted(helpful, key=lambda hit: hit.similarity)
            found.append(prompt(item.question, [self._shelf.shown(hit.entry) for hit in ordered], reason=False))
        return found

    def votes(self, strategy: str, k: int) -> list[str | None]:
        """What most of the examples say, without any model."""
        found: list[str | None] = []
        for hits in self._hits[strategy]:
            answers = [self._shelf.answers[int(hit.entry)] for hit in hits[:k]]
            found.append(commonest(answers) if answers else None)
        return found
