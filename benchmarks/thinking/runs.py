"""The product on a stream of questions: its own path from exact hit to master, with models that remember what they said."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

import numpy as np

from benchmarks.thinking.intervals import Scores
from benchmarks.thinking.memory import THREADS, Cast, Person, Remembering
from benchmarks.thinking.tasks import Item, Task
from perdure.cot.answer import Answer
from perdure.cot.asking.library import Library
from perdure.cot.asking.matching import MEASURE, Matching
from perdure.cot.asking.options import Options
from perdure.cot.asking.path import WAVE, Path
from perdure.cot.budget import Budget, Purse
from perdure.cot.cache import Cache
from perdure.cot.calling.calls import Calls
from perdure.cot.calling.trouble import Trouble
from perdure.cot.calling.work import Route
from perdure.cot.judgement.confidence import Confidence
from perdure.cot.judgement.near import Calibration
from perdure.cot.judgement.router import ConfidenceRouter, RandomRouter, Router
from perdure.cot.models.model import Model
from perdure.cot.models.names import EMBEDDED_EXAMPLES
from perdure.cot.search.kept import Kept
from perdure.cot.search.retrieval import Retriever

_EXACT: Final = 1 << 30
"""More entries than there are: search is exact, and no server is started."""


class ShareRouter(ConfidenceRouter):
    """The product's router as a budget drives it that pays the master for this share of the questions."""

    def __init__(self, share: float) -> None:
        super().__init__(enough=1.01)
        self.share = share

    def escalate(self, key: str, confidence: float, share: float | None) -> bool:
        del share
        return super().escalate(key, confidence, self.share)

    def line(self, share: float | None) -> float:
        del share
        return super().line(self.share)

    def sent(self, share: float | None) -> None:
        del share
        super().sent(self.share)


@dataclass(frozen=True)
class Setup:
    """How the product is set up."""

    router: Router
    delta: float = 0.02
    start: Any = "warm"
    warm: int = 0
    """Answers of the master in the cache at the beginning."""
    k: int = EMBEDDED_EXAMPLES


def random(share: float, **rest: Any) -> Setup:
    """The paper's coin."""
    return Setup(RandomRouter(share), **rest)


def line(enough: float, **rest: Any) -> Setup:
    """The confidence at which the apprentice's answer will do."""
    return Setup(ConfidenceRouter(enough), **rest)


class BothRouter(ConfidenceRouter):
    """Everybody is asked everything."""

    def line(self, share: float | None) -> float:
        del share
        return 0.0

    def escalate(self, key: str, confidence: float, share: float | None) -> bool:
        del key, confidence, share
        return True


def both(**rest: Any) -> Setup:
    """Both are asked, whatever the confidence."""
    return Setup(BothRouter(), **rest)


def share(of_all: float, **rest: Any) -> Setup:
    """The least confident share goes to the master."""
    return Setup(ShareRouter(of_all), **rest)


@dataclass(frozen=True)
class Outcome:
    """What came of a stream."""

    right: Scores
    sources: dict[str, int]
    calls: dict[str, int]
    """Model calls by role: ``master`` and ``audit`` are the master's, all others the apprentice's."""
    audits: list[tuple[tuple[float, ...], bool]] = field(repr=False)
    """What spoke for the apprentice's answers that the master was asked about too, and whether they agreed."""

    def cost(self, apprentice: float, master: float) -> float:
        """Of one question in the mean, from the prices of calls."""
        dear = self.calls.get("master", 0) + self.calls.get("audit", 0)
        return (apprentice * (sum(self.calls.values()) - dear) + master * dear) / len(self.right)


class Runs:
    """Runs of one task and seed, each in a cache of its own."""

    def __init__(self, task: Task, seed: int, cast: Cast, folder: FilePath) -> None:
        self._task, self._seed, self._cast = task, seed, cast
        self._folder = FilePath(tempfile.mkdtemp(prefix=f"{task.name}-{seed}-", dir=folder))
        self._filled: dict[int, FilePath] = {}
        self._master: Remembering | Person = cast.person if task.by_person else cast.master

    def run(self, stream: Sequence[Item], setup: Setup) -> Outcome:
        """The product on the stream."""
        if isinstance(self._master, Person):
            self._master.learn(stream)
        with self._cache(setup.warm) as cache:
            before = dict(cache.stats().calls)
            path = self._path(cache, setup)
            answers = _asked(path, [item.question for item in stream], Route.AUTO)
            path.close()
            calls = {role: number - before.get(role, 0) for role, number in cache.stats().calls.items()}
            name = self._cast.apprentice.name
            audits = [(one.features, one.agreed) for one in cache.audits("apprentice", self._master.name, name)]
        right = [
            isinstance(answer, Answer) and item.right(answer.text) for item, answer in zip(stream, answers, strict=True)
        ]
        sources: dict[str, int] = {}
        for answer in answers:
            source = answer.source.value if isinstance(answer, Answer) else "none"
            sources[source] = sources.get(source, 0) + 1
        return Outcome(np.array(right, dtype=np.float64), sources, calls, audits)

    def close(self) -> None:
        """Delete the caches."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _cache(self, warm: int) -> Iterator[Cache]:
        """A copy of the cache that has so many answers."""
        if warm not in self._filled:
            place = self._folder / f"warm-{warm}"
            with Cache.open(place) as cache:
                self._fill(cache, warm)
            self._filled[warm] = place
        place = FilePath(tempfile.mkdtemp(dir=self._folder))
        try:
            shutil.copytree(self._filled[warm], place, dirs_exist_ok=True)
            with Cache.open(place) as cache:
                yield cache
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _fill(self, cache: Cache, warm: int) -> None:
        kept = self._task.kept(self._seed, warm) if warm else []
        if isinstance(self._master, Person):
            self._master.learn(kept)
        path = self._path(cache, Setup(ConfidenceRouter()))
        _asked(path, [item.question for item in kept], Route.MASTER)
        path.close()

    def _path(self, cache: Cache, setup: Setup) -> Path:
        """As `perdure.cot.asking.assembly` puts it together, with exact search and this router."""
        options = Options(delta=setup.delta, start=setup.start, k=setup.k, concurrency=THREADS)
        encoder, trouble = self._cast.encoder, Trouble()
        retriever = Retriever(Kept(cache, encoder), encoder, cache.folder / "chroma", cache=cache.identity, few=_EXACT)
        library = Library(options, cache, encoder, retriever)
        master: Model = self._master
        near = [(audit.score, audit.agreed) for audit in cache.audits("near", master.name, MEASURE)]
        matching = Matching(library, cache, Calibration(options.delta, near), master.name)
        calls = Calls(cache, Budget(), options.concurrency, trouble)
        return Path(
            options, cache, library, calls, matching, trouble, Confidence(), setup.router, master, self._cast.apprentice
        )


def _asked(path: Path, questions: Sequence[Any], route: Route) -> list[Any]:
    """All of them, a wave at a time."""
    found: list[Any] = []
    for start in range(0, len(questions), WAVE):
        found += path.answers(questions[start : start + WAVE], route, Purse(None))
    return found
