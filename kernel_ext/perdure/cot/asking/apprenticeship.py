"""Asking the apprentice: with the examples that help, and with what tells how sure its answer is.

After *Cache-of-Thought* (arXiv 2502.20587), section 3: in-context examples retrieved from the master's answers. Where the nearest are
too far to help, it is asked without any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from perdure.cot.answer import Example
from perdure.cot.asking.options import Options
from perdure.cot.budget import Purse
from perdure.cot.calling.calls import Call, Calls
from perdure.cot.calling.underway import Overtaken
from perdure.cot.calling.work import Said, Work
from perdure.cot.judgement.confidence import Confidence, Evidence
from perdure.cot.judgement.forecast import Forecast, Prospect
from perdure.cot.models.model import Model, Prompt, Reply, Sampling
from perdure.cot.questions.prompting import prompt, split_reply
from perdure.cot.questions.question import normalised
from perdure.cot.replies.parsing import parse, same
from perdure.errors import NoAnswer, UnusableReply

if TYPE_CHECKING:
    from perdure.cot.asking.library import Library, Neighbour
    from perdure.cot.cache.calls import Role


_NOTHING: Final = object()


class Apprenticeship:
    """The apprentice's part."""

    def __init__(
        self, options: Options, library: Library, calls: Calls, confidence: Confidence, apprentice: Model
    ) -> None:
        self._options, self._library, self._calls = options, library, calls
        self._confidence, self._apprentice = confidence, apprentice
        self._forecast = Forecast()
        self._around: WeakKeyDictionary[Work, list[Neighbour]] = WeakKeyDictionary()
        """The neighbours of questions that it may be asked."""

    def ask(self, works: Sequence[Work], purse: Purse) -> None:
        """Ask all of them; each then has the apprentice's answer and its confidence, or the reason why not as its ``why``."""
        first = self._first_answers(works, purse) if self._library.wants_keywords else {}
        neighbours: dict[Work, list[Neighbour]] = {}
        prompts: dict[Work, Prompt] = {}
        for work in works:
            known = self._around.pop(work, None)
            neighbours[work] = self._library.neighbours(work, first.get(work)) if known is None else known
            shown = self._library.helpful(neighbours[work])
            work.examples = tuple(
                Example(one.entry.id, one.entry.text, one.entry.answer, one.similarity) for one in shown
            )
            prompts[work] = prompt(work.question, [self._library.shown(one) for one in shown], reason=False)
        for work, reply in self._replies(works, prompts, Sampling(), "apprentice", purse):
            self._hear(work, reply, neighbours[work])
        silent = [work for work in works if work.apprentice is not None and work.evidence is None]
        self._sample(silent, prompts, neighbours, purse)
        for work in works:
            if work.evidence is not None:
                work.confidence = self._confidence.probability(work.evidence)
                if not self._library.wants_keywords:
                    self._forecast.learn(_prospect(work, neighbours[work]), work.evidence)

    def saving(self, work: Work, line: float) -> float:
        """What asking it is expected to save, as a share of the master's price, where an answer below the line won't do."""
        if self._library.wants_keywords:
            return 1.0  # neighbours are found by its answer
        self._around[work] = self._library.neighbours(work)
        return self._forecast.saving(_prospect(work, self._around[work]), self._confidence.weights, line)

    def _first_answers(self, works: Sequence[Work], purse: Purse) -> dict[Work, str]:
        """Its answers without examples, from which the keywords are taken."""
        prompts = {work: self._library.keyword_prompt(work.question) for work in works}
        replies = self._replies(works, prompts, Sampling(), "keywords", purse)
        return {work: reply.text for work, reply in replies if isinstance(reply, Reply)}

    def _replies(
        self, works: Sequence[Work], prompts: dict[Work, Prompt], sampling: Sampling, role: Role, purse: Purse
    ) -> list[tuple[Work, Reply | NoAnswer]]:
        calls: list[Call] = []
        refused: list[tuple[Work, Reply | NoAnswer]] = []
        for work in works:
            if work.overtaken:
                continue
            try:
                calls.append(
                    self._calls.prepare(work, self._apprentice, prompts[work], sampling, role=role, purse=purse)
                )
            except NoAnswer as error:
                refused.append((work, error))
        replies = self._calls.make(calls) if calls else []
        heard = [
            (call.work, reply) for call, reply in zip(calls, replies, strict=True) if not isinstance(reply, Overtaken)
        ]
        return [*heard, *refused]

    def _hear(self, work: Work, reply: Reply | NoAnswer, neighbours: Sequence[Neighbour]) -> None:
        if isinstance(reply, NoAnswer):
            work.apprentice_error = reply
            return
        reasoning, text = split_reply(reply.text)
        try:
            value = parse(text, work.question)
        except UnusableReply as error:
            self._calls.spoil(work, error)
            work.apprentice_error = error
            return
        work.apprentice = Said(text, value, reasoning, self._apprentice, reply.version)
        if reply.logprob is not None:
            # The last digits depend on what else was in the model's batch, and no decision may.
            certainty = round(math.exp(min(reply.logprob, 0.0)), 4)
            work.evidence = self._evidence(work, work.apprentice, certainty, neighbours)

    def _sample(
        self,
        works: Sequence[Work],
        prompts: dict[Work, Prompt],
        neighbours: dict[Work, list[Neighbour]],
        purse: Purse,
    ) -> None:
        """For a model that gives no probabilities: how many of several samples agree with its answer."""
        agreeing = dict.fromkeys(works, 0)
        asked = dict.fromkeys(works, 0)
        for seed in range(1, self._options.samples + 1):
            for work, reply in self._replies(works, prompts, Sampling(temperature=0.7, seed=seed), "sample", purse):
                if isinstance(reply, NoAnswer) or work.apprentice is None:
                    continue
                asked[work] += 1
                agreeing[work] += _agrees(reply, work.apprentice, work)
        for work in works:
            if work.apprentice is not None:
                certainty = (agreeing[work] + 0.5) / (asked[work] + 1)
                work.evidence = self._evidence(work, work.apprentice, certainty, neighbours[work])

    def _evidence(self, work: Work, said: Said, certainty: float, neighbours: Sequence[Neighbour]) -> Evidence:
        nearest = max((one.similarity for one in neighbours), default=0.0)
        support, lead = _standing(neighbours, [_says(one, said.value, work) for one in neighbours])
        return Evidence(certainty, support, max(nearest, 0.0), lead, _apart(neighbours))


def _prospect(work: Work, neighbours: Sequence[Neighbour]) -> Prospect:
    if not neighbours:
        return Prospect(0.0, 0.5, 0.0)
    first = max(neighbours, key=lambda one: one.similarity)  # the example that stands next to the question
    told = _told(first, work)
    consent, lead = _standing(neighbours, [one is first or _says(one, told, work) for one in neighbours])
    return Prospect(max(first.similarity, 0.0), consent, lead)


def _standing(neighbours: Sequence[Neighbour], agreeing: Sequence[bool]) -> tuple[float, float]:
    """The weight of those that agree, as a share of all (0.5 if there are none), and how much nearer the nearest of them is than the nearest
    of the others.
    """
    every = behind = 0.0
    best = {True: 0.0, False: 0.0}
    for one, agrees in zip(neighbours, agreeing, strict=True):
        weight = max(one.similarity, 0.0) ** 4  # the nearest say most
        every += weight
        behind += weight * agrees
        best[agrees] = max(best[agrees], _seen(one))
    return behind / every if every else 0.5, best[True] - best[False]


def _apart(neighbours: Sequence[Neighbour]) -> bool:
    """Whether no two of them, and there are three, say the same."""
    said = {normalised(one.entry.answer) for one in neighbours}
    return len(said) == len(neighbours) > 2


def _seen(neighbour: Neighbour) -> float:
    """How alike the pictures are; picture and words together where there is none."""
    seen = neighbour.hit.picture_similarity
    return neighbour.similarity if seen is None else seen


def _agrees(reply: Reply, said: Said, work: Work) -> bool:
    try:
        return same(parse(split_reply(reply.text)[1], work.question), said.value, work.question)
    except UnusableReply:
        return False


def _told(neighbour: Neighbour, work: Work) -> Any:
    """What a neighbour would answer to this question; `_NOTHING` if that is no answer to it."""
    try:
        return parse(neighbour.entry.answer, work.question)
    except UnusableReply:
        return _NOTHING


def _says(neighbour: Neighbour, value: Any, work: Work) -> bool:
    told = _told(neighbour, work)
    return told is not _NOTHING and value is not _NOTHING and same(told, value, work.question)
