"""The three tasks: what is in the cache, what is asked, and what is true.

*easy* and *scenes* have answers that models were trained to give, about other pictures. *naming* has names that no model of ours
has met: only the cache knows them, and whoever filled it. It is there twice, since all depends on what finds the like: once with our
small encoder, once with one that has seen photographs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy as np

from benchmarks.embedded import easy, emoji, phrasing, scenes
from perdure.cot.picture import Picture
from perdure.cot.questions.prompting import split_reply
from perdure.cot.questions.question import Question, question
from perdure.cot.replies.parsing import parse, reduced, same
from perdure.errors import UnusableReply

MOST_KEPT: Final = 10_000
"""Questions of a task that a cache can have."""
VENDORS: Final = (("noto", "twemoji"), ("twemoji", "noto"), ("noto", "fluent"))
"""For each seed: who drew what is in the cache, and who what is asked."""
_PER_SCENE: Final = 2
_ASKED_SCENES, _KEPT_SCENES = 100_000, 1_000_000
"""Where the seeds of the scenes begin, all of them of the test split."""


@dataclass(frozen=True, eq=False)
class Item:
    """A question with its true answer."""

    question: Question
    truth: str
    subject: str
    """What it is about: questions with one subject aren't independent of each other."""

    def right(self, said: str | None) -> bool:
        """Whether a reply is the true answer, as the product would tell."""
        try:
            return said is not None and same(parse(split_reply(said)[1], self.question), self.truth, self.question)
        except UnusableReply:
            return False


class Task(Protocol):
    """What is asked, and what may be in the cache. The same seed gives the same."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def encoder(self) -> str | None:
        """The name of what finds neighbours; None for the one beside the models."""
        ...

    @property
    def by_person(self) -> bool:
        """Whether the kept answers are a person's, who knows: true, and no model's."""
        ...

    def asked(self, seed: int, count: int) -> list[Item]: ...

    def kept(self, seed: int, count: int) -> list[Item]: ...

    def guess(self, text: str) -> str:
        """The commonest answer to these words in the training split: what there is to know without looking."""
        ...


class _Guessing:
    """The commonest answers of a training split."""

    def __init__(self, rows: Sequence[tuple[str, str]]) -> None:
        by_text: dict[str, Counter[str]] = defaultdict(Counter)
        for text, answer in rows:
            by_text[text][answer] += 1
        self._by_text = {text: answers.most_common(1)[0][0] for text, answers in by_text.items()}
        self._most = Counter(answer for _, answer in rows).most_common(1)[0][0]

    def __call__(self, text: str) -> str:
        return self._by_text.get(text, self._most)


class Easy:
    """easy-VQA: its test questions are asked; of its training questions, the master's answers are kept."""

    name = "easy"
    title = "easy-VQA (test questions; the master's answers to training questions are kept)"
    encoder = None
    by_person = False

    def asked(self, seed: int, count: int) -> list[Item]:
        order = np.random.default_rng(0).permutation(len(easy.questions("test")))
        return [self._item("test", int(n)) for n in np.roll(order, -seed * count)[:count]]

    def kept(self, seed: int, count: int) -> list[Item]:
        pool = np.random.default_rng(1).permutation(len(easy.questions("train")))[:MOST_KEPT]
        return [self._item("train", int(n)) for n in np.random.default_rng(seed).permutation(pool)[:count]]

    def guess(self, text: str) -> str:
        return _easy_guess()(text)

    @staticmethod
    def _item(split: easy.Split, number: int) -> Item:
        row = _easy_rows(split)[number]
        return Item(question(row.text, [_easy_picture(split, row.picture)]), row.answer, f"{split} {row.picture}")


@cache
def _easy_rows(split: easy.Split) -> list[easy.Asked]:
    return easy.questions(split)


@cache
def _easy_picture(split: easy.Split, number: int) -> Picture:
    return Picture(easy.picture(number, split))


@cache
def _easy_guess() -> _Guessing:
    return _Guessing([(row.text, row.answer) for row in _easy_rows("train")])


class Scenes:
    """Scenes that we draw, all of seeds that no training has seen; the master's answers are kept."""

    name = "scenes"
    title = "drawn scenes (test split; the master's answers about other test scenes are kept)"
    encoder = None
    by_person = False

    def asked(self, seed: int, count: int) -> list[Item]:
        return _scene_items(_ASKED_SCENES * (1 + seed), count)

    def kept(self, seed: int, count: int) -> list[Item]:
        pool = _scene_items(_KEPT_SCENES, MOST_KEPT)
        return [pool[int(n)] for n in np.random.default_rng(seed).permutation(len(pool))[:count]]

    def guess(self, text: str) -> str:
        return _scene_guess()(text)


@cache
def _scene_items(start: int, count: int) -> list[Item]:
    found: list[Item] = []
    number = start
    while len(found) < count:
        picture = Picture(scenes.draw(scenes.scene(number, "test")))
        for asked in scenes.questions(number, "test", _PER_SCENE):
            found.append(Item(question(asked.text, [picture]), asked.answer, f"scene {number}"))
        number += 1
    return found[:count]


@cache
def _scene_guess() -> _Guessing:
    return _Guessing([(a.text, a.answer) for seed in range(16_000) for a in scenes.questions(seed, "train", 8)])


class Naming:
    """Emoji that no model has seen: one vendor's drawings with their true names are kept, another's are asked about.

    More than there are such names is filled up with names that models were trained on.
    """

    by_person = True

    def __init__(self, name: str, encoder: str | None = None) -> None:
        self.name, self.encoder = name, encoder
        by = f", neighbours by {encoder}" if encoder else ""
        self.title = f"{name} (emoji that no model was trained on; one vendor's with their true names are kept, another's are asked{by})"

    def asked(self, seed: int, count: int) -> list[Item]:
        rng = np.random.default_rng([seed, 0])
        vendor = VENDORS[seed % len(VENDORS)][1]
        drawn = [concept for concept in emoji.held_out() if vendor in concept.vendors]
        return [_named(drawn[int(n)], vendor, rng) for n in rng.permutation(len(drawn))[:count]]

    def kept(self, seed: int, count: int) -> list[Item]:
        rng = np.random.default_rng([seed, 1])
        vendor = VENDORS[seed % len(VENDORS)][0]
        found: list[Item] = []
        for concepts in (emoji.held_out(), emoji.train()):
            found += [_named(concepts[int(n)], vendor, rng) for n in rng.permutation(len(concepts))]
        return found[:count]

    def guess(self, text: str) -> str:
        del text
        return emoji.train()[0].name


def _named(concept: emoji.Concept, vendor: str, rng: np.random.Generator) -> Item:
    words = str(rng.choice(phrasing.NAMING))
    return Item(question(words, [_emoji_picture(concept, vendor)]), concept.name, concept.code)


@cache
def _emoji_picture(concept: emoji.Concept, vendor: str) -> Picture:
    return Picture(emoji.picture(concept, vendor))


_EVERY: Final[tuple[Task, ...]] = (Easy(), Naming("naming"), Naming("naming-photos", "efficientnet-lite0"), Scenes())
TASKS: Final = {task.name: task for task in _EVERY}


def commonest(answers: Sequence[str]) -> str:
    """The answer that most give; of several such, the one that came first."""
    counted = Counter(reduced(answer) for answer in answers)
    most = counted.most_common(1)[0][0]
    return next(answer for answer in answers if reduced(answer) == most)
