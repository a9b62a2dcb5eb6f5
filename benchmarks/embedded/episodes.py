"""What a model is trained on: conversations of a few turns, each turn's answer to be learned with the turns before as examples.

*Naming* episodes use made-up or exchanged names half the time, so that a name must be read from the example that shows the
same thing, and can't be known by heart. In all others examples may help or not, so that they are used but do no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.embedded import phrasing
from benchmarks.embedded.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.embedded.pool import Pool, Row

MIX: Final = {"easy": 0.4, "scenes": 0.47, "digits": 0.08, "mixed": 0.05}
"""Shares of conversations that are no naming."""
_STARTS: Final = (
    "b bl br c ch cr d dr f fl g gl gr h j k kl l m n p pl pr qu r s sh sk sl sn sp st t th tr v w y z".split()
)
_MIDDLES: Final = "a e i o u ai ea ee ie oo ou".split()
_STOPS: Final = ["", "", "", *"b ck d g l m n nd ng nk p r rd rn s sh st t x".split()]


def invented(rng: np.random.Generator) -> str:
    """A made-up name of one or two words."""

    def word() -> str:
        parts = (str(rng.choice(part)) for _ in range(int(rng.integers(1, 4))) for part in (_STARTS, _MIDDLES, _STOPS))
        return "".join(parts)

    name = word() if rng.random() < 0.6 else f"{word()} {word()}"
    return f"{name} {rng.integers(1, 10)}" if rng.random() < 0.04 else name


class Maker:
    """Draws conversations. The pictures of one batch are few, and shared by its conversations, since seeing is dear."""

    def __init__(self, data: Pool, seed: int) -> None:
        self._data = data
        self._rng = np.random.default_rng([seed, 7])
        self._groups: dict[str, list[int]] = {}
        for number, concept in enumerate(data.concepts):
            self._groups.setdefault(concept.group, []).append(number)
        self._rows = {task: _by_picture(getattr(data, task)) for task in ("easy", "scenes", "digits")}

    def conversations(
        self, count: int, turns: int, *, real_names: bool = True, naming: float = 0.4
    ) -> list[list[Turn]]:
        """``count`` conversations of ``turns`` turns, a share of them ``naming``.

        Without ``real_names`` every name is made up or exchanged.
        """
        self._real = (1.0 if turns == 1 else 0.5) if real_names else 0.0
        rng = self._rng
        shares = [naming, *((1 - naming) * share for share in MIX.values())]
        kinds = rng.choice(["naming", *MIX], count, p=shares)
        concepts = self._few_concepts(max(8, int(0.8 * count)))
        few = {task: self._few_rows(task, max(4, count * turns // share)) for task, share in _SHARES}
        made = []
        for kind in kinds:
            match kind:
                case "naming":
                    made.append(self._naming(concepts, turns))
                case "mixed":
                    tasks = rng.choice(["easy", "scenes", "digits"], turns)
                    mixed = [self._turn(self._one(few[task])) for task in tasks]
                    at = int(rng.integers(turns))
                    mixed[at] = self._naming(concepts, 1)[0]
                    made.append(mixed)
                case _:
                    made.append(self._answering(few[kind], turns))
        return made

    def _one(self, rows: Sequence[Sequence[Row]]) -> Row:
        group = rows[int(self._rng.integers(len(rows)))]
        return group[int(self._rng.integers(len(group)))]

    def _answering(self, rows: Sequence[Sequence[Row]], turns: int) -> list[Turn]:
        """Any questions about any pictures, or several about one picture, or like questions about different ones."""
        way = self._rng.random()
        if way < 0.25:
            group = rows[int(self._rng.integers(len(rows)))]
            picked = [group[int(n)] for n in self._rng.permutation(len(group))[:turns]]
            picked += [self._one(rows) for _ in range(turns - len(picked))]
        elif way < 0.55:
            first = self._one(rows)
            key = _like(first)
            alike = [row for group in rows for row in group if _like(row) == key]
            picked = [alike[int(self._rng.integers(len(alike)))] for _ in range(turns - 1)] + [first]
        else:
            picked = [self._one(rows) for _ in range(turns)]
        return [self._turn(row) for row in picked]

    def _turn(self, row: Row) -> Turn:
        choices: tuple[str, ...] = ()
        if self._rng.random() < 0.06:
            choices = self._choices(row)
        return Turn(row.picture, row.text, row.answer, 1.5, choices)

    def _choices(self, row: Row) -> tuple[str, ...]:
        for answers in _ANSWERS:
            if row.answer in answers:
                others = [answer for answer in answers if answer != row.answer]
                some = [str(other) for other in self._rng.permutation(others)[: int(self._rng.integers(1, 5))]]
                return tuple(str(choice) for choice in self._rng.permutation([*some, row.answer]))
        return ()

    def _naming(self, concepts: Sequence[int], turns: int) -> list[Turn]:
        rng, data = self._rng, self._data
        mode = rng.random()
        again = 0.3 + 0.5 * rng.random()
        same_wording = rng.random() < 0.7
        wording = str(rng.choice(phrasing.NAMING))
        names: dict[int, str] = {}
        last: dict[int, int] = {}
        made: list[Turn] = []
        for _ in range(turns):
            known = bool(names) and rng.random() < again
            if known:
                concept = list(names)[int(rng.integers(len(names)))]
            else:
                concept = self._new(concepts, names)
                real = data.concepts[concept].name
                if mode < self._real:
                    names[concept] = real
                elif mode < 0.5 + 0.5 * self._real + 0.15:
                    names[concept] = invented(rng)
                else:
                    names[concept] = data.concepts[int(rng.integers(len(data.concepts)))].name
            same = rng.random() < 0.15
            drawings = [n for n in data.drawn[concept] if same or n != last.get(concept)]
            last[concept] = drawings[int(rng.integers(len(drawings)))]
            weight = 0.6 if known else (0.2 if mode < self._real else 0.0)
            choices: tuple[str, ...] = ()
            if rng.random() < 0.03:
                others = [data.concepts[int(n)].name for n in rng.choice(len(data.concepts), 2, replace=False)]
                choices = tuple(dict.fromkeys(str(c) for c in rng.permutation([*others, names[concept]])))
                weight = max(weight, 0.3)
            text = wording if same_wording else str(rng.choice(phrasing.NAMING))
            made.append(Turn(last[concept], text, names[concept], weight, choices))
        return made

    def _new(self, concepts: Sequence[int], used: dict[int, str]) -> int:
        """A concept not used yet; half the time one that looks like a used one."""
        for _ in range(8):
            if used and self._rng.random() < 0.5:
                model = list(used)[int(self._rng.integers(len(used)))]
                alike = [n for n in self._groups[self._data.concepts[model].group] if n in self._available]
                found = alike[int(self._rng.integers(len(alike)))]
            else:
                found = concepts[int(self._rng.integers(len(concepts)))]
            if found not in used:
                return found
        return next(n for n in concepts if n not in used)

    def _few_concepts(self, count: int) -> list[int]:
        """Concepts of some kinds, several of each kind."""
        rng = self._rng
        found: list[int] = []
        groups = list(self._groups.values())
        while len(found) < count:
            group = groups[int(rng.integers(len(groups)))]
            found += [int(n) for n in rng.permutation(group)[: int(rng.integers(1, 6))]]
        found = list(dict.fromkeys(found))
        self._available = set(found)
        return found

    def _few_rows(self, task: str, count: int) -> list[list[Row]]:
        groups = self._rows[task]
        return [groups[int(n)] for n in self._rng.choice(len(groups), min(count, len(groups)), replace=False)]


_SHARES: Final = (("easy", 9), ("scenes", 6), ("digits", 30))
"""One picture for so many turns of the batch."""
_ANSWERS: Final = (
    ("yes", "no"),
    ("circle", "rectangle", "triangle"),
    ("circle", "square", "triangle", "star", "cross", "ring"),
    ("red", "green", "blue", "yellow", "purple", "orange", "black", "gray", "teal", "brown"),
    tuple(str(n) for n in range(10)),
)


def _by_picture(rows: Sequence[Row]) -> list[list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.picture, []).append(row)
    return list(found.values())


def _like(row: Row) -> str:
    """The same for questions of one kind."""
    return row.meaning.split(" ", 1)[0] or row.text
