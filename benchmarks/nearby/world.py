"""All pictures and texts of a stream, each embedded once; pairs are compared once, when they first meet."""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.nearby import changes, questions
from benchmarks.nearby.changes import Change
from benchmarks.nearby.drawings import Drawing, look_alike
from benchmarks.nearby.questions import Ask
from perdure.cot.index.embedding import Encoder
from perdure.cot.judgement.likeness import Likeness, Look, likeness
from perdure.cot.judgement.wording import Wording, compare
from perdure.cot.picture import Picture
from perdure.cot.questions.question import normalised

ALIKE = 0.15
"""The share of questions that are about a look-alike."""
_ASKS = 12
"""Questions that are asked about one drawing."""


@dataclass(frozen=True)
class Seen:
    """One picture: its place among the embedded, and what there is to see in it."""

    place: int
    drawing: Drawing
    kind: str


@dataclass(frozen=True)
class Group:
    """A drawing with its look-alikes, each in all its variants, and what is asked about them."""

    variants: tuple[tuple[Seen, ...], ...]
    """For the drawing and then for each look-alike."""
    asks: tuple[Ask, ...]


@dataclass(frozen=True)
class Asked:
    """One question of a stream."""

    picture: int
    text: int
    truth: str
    picture_kind: str
    text_kind: str
    alike: bool


class World:
    """The universe that streams are drawn from."""

    def __init__(
        self, families: dict[str, Callable[[random.Random], Drawing]], groups: int, seed: int, encoder: Encoder
    ) -> None:
        rng = random.Random(seed)
        self.keys: list[str] = []
        self._looks: list[Look] = []
        self._by_key: dict[str, Drawing] = {}
        self._rows: list[np.ndarray] = []
        self._texts: dict[str, int] = {}
        self._likenesses: dict[tuple[int, int], Likeness] = {}
        self._wordings: dict[tuple[int, int], Wording] = {}
        makers = itertools.cycle(families.values())
        self.groups = [self._group(next(makers)(rng), rng, encoder) for _ in range(groups)]
        self.texts = list(self._texts)
        self.normal = [normalised(text) for text in self.texts]
        self.pictures = np.concatenate(self._rows)
        self.words = encoder.texts(self.texts)
        self.picture_cosines = self.pictures @ self.pictures.T
        self.word_cosines = self.words @ self.words.T

    def _group(self, drawing: Drawing, rng: random.Random, encoder: Encoder) -> Group:
        drawings = [drawing, *(look_alike(drawing, rng) for _ in range(rng.choice((1, 2))))]
        variants = tuple(self._variants(one, changes.changes(rng), encoder) for one in drawings)
        asks = tuple(questions.questions(drawing, rng, _ASKS))
        for ask in asks:
            for one in (ask, *ask.twists.values()):
                for text in one.wordings:
                    self._texts.setdefault(text, len(self._texts))
        return Group(variants, asks)

    def _variants(self, drawing: Drawing, wanted: Sequence[Change], encoder: Encoder) -> tuple[Seen, ...]:
        drawn = drawing.image()
        pictures = [Picture(change.image(drawn)) for change in wanted]
        self._rows.append(encoder.pictures(pictures))
        found = []
        for picture, change in zip(pictures, wanted, strict=True):
            # Who sees the same pixels sees the same: two dots in one place are one to everybody.
            seen = self._by_key.setdefault(picture.key, change.seen(drawing))
            found.append(Seen(len(self.keys), seen, change.kind))
            self.keys.append(picture.key)
            self._looks.append(Look.of(picture))
        return tuple(found)

    def likeness(self, one: int, other: int) -> Likeness:
        found = self._likenesses.get((one, other))
        if found is None:
            found = self._likenesses[one, other] = likeness(self._looks[one], self._looks[other])
        return found

    def wording(self, one: int, other: int) -> Wording:
        found = self._wordings.get((one, other))
        if found is None:
            found = self._wordings[one, other] = compare(self.texts[one], self.texts[other])
        return found

    def stream(self, seed: int, length: int, *, skew: float = 1.0) -> Iterator[Asked]:
        """Questions as they come: drawings and their questions by Zipf's law, in an order of the seed's own."""
        rng = random.Random(seed)
        groups = self.groups.copy()
        rng.shuffle(groups)
        by_group = _Zipf(len(groups), skew)
        by_ask = _Zipf(_ASKS, 0.7)
        for _ in range(length):
            group = groups[by_group.draw(rng)]
            alike = rng.random() < ALIKE
            seen = self._variant(rng, group.variants[rng.randrange(1, len(group.variants)) if alike else 0])
            ask = group.asks[min(by_ask.draw(rng), len(group.asks) - 1)]
            kind = _pick(rng, questions.SHARES)
            if kind in ask.twists:
                ask, text = ask.twists[kind], ask.twists[kind].wordings[0]
            elif kind == "paraphrased" and len(ask.wordings) > 1:
                text = rng.choice(ask.wordings[1:])
            else:
                kind, text = "as it was", ask.wordings[0]
            yield Asked(seen.place, self._texts[text], ask.truth(seen.drawing), seen.kind, kind, alike)

    def _variant(self, rng: random.Random, variants: Sequence[Seen]) -> Seen:
        kind = _pick(rng, changes.SHARES)
        return rng.choice([seen for seen in variants if seen.kind == kind])


class _Zipf:
    def __init__(self, number: int, skew: float) -> None:
        self._sums = list(itertools.accumulate((rank + 1) ** -skew for rank in range(number)))

    def draw(self, rng: random.Random) -> int:
        return bisect.bisect_left(self._sums, rng.random() * self._sums[-1])


def _pick(rng: random.Random, shares: dict[str, float]) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]
