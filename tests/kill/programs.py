"""Random programs: what a user might type, cell by cell, given the names that there are."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

_Maker = Callable[[random.Random, dict[str, Any]], str | None]


def _new_array(chance: random.Random, names: dict[str, Any]) -> str:
    count = chance.choice([1_000, 60_000, 150_000, 400_000])  # up to 3 MB
    return f"big{chance.randrange(3)} = np.random.default_rng({chance.randrange(10**6)}).standard_normal({count})"


def _edit_slice(chance: random.Random, names: dict[str, Any]) -> str | None:
    arrays = [name for name in names if name.startswith("big")]
    if not arrays:
        return None
    name = chance.choice(arrays)
    at = chance.randrange(len(names[name]))
    return f"{name}[{at}:{at + chance.randrange(50_000)}] = {chance.random()}"


def _view(chance: random.Random, names: dict[str, Any]) -> str | None:
    if "view" in names:
        return f"view[:{chance.randrange(1, 500)}] += 1"
    arrays = [name for name in names if name.startswith("big")]
    return f"view = {chance.choice(arrays)}[::2]" if arrays else None


def _words(chance: random.Random, names: dict[str, Any]) -> str:
    if "words" not in names:
        return f"words = [f'word {{i * {chance.randrange(99)}}}' for i in range({chance.choice([10, 15_000])})]"
    return chance.choice(
        [
            f"words.append('{chance.random()}')",
            f"words[len(words) // {chance.randrange(2, 9)}] = '{chance.random()}'",
            f"words[3:5] = ['a'] * {chance.randrange(5)}",
            "nested = {'words': words, 'again': [words, words]}",
            "del words",
        ]
    )


def _objects(chance: random.Random, names: dict[str, Any]) -> str:
    if "Point" not in names or chance.random() < 0.1:
        return (
            "class Point:\n"
            "    def __init__(self, x):\n        self.x = x\n"
            f"    def moved(self):\n        return Point(self.x + {chance.randrange(9)})"
        )
    if "points" not in names:
        return f"points = [Point([{chance.random()}])] * 2 + [Point(np.arange({chance.randrange(2000)}))]"
    return chance.choice(
        [
            f"points[0].x.append({chance.random()})",
            "points.append(points[0].moved)",
            "points[-1], points[0] = points[:2]",
        ]
    )


def _function(chance: random.Random, names: dict[str, Any]) -> str:
    return chance.choice(
        [
            "def call_count():\n    return counter * 2",
            f"def call_words(n={chance.randrange(9)}):\n    return len(words) + n",
            "def step():\n    global counter\n    counter += 1\n    words.append('stepped')",
            "step()",
        ]
    )


def _count(chance: random.Random, names: dict[str, Any]) -> str:
    return "counter += 1" if "counter" in names else "counter = 0"


def _little(chance: random.Random, names: dict[str, Any]) -> str:
    return chance.choice(
        [
            "counter",
            f"for i in range(12): globals()[f'v{{i}}'] = [i, {chance.random()}]",
            "import random; drawn = random.random()",
            "np.random.seed(3); small = [np.arange(n) for n in range(30)]",
            "words.append('before'); 1 / 0",
            "%%dart atomic\nwords.append('before'); counter += 1\n1 / 0",
            "import threading; lock = threading.Lock()",
            "del small",
            "both = small, small",
        ]
    )


_MAKERS: list[_Maker] = [
    _new_array,
    _edit_slice,
    _edit_slice,
    _view,
    _words,
    _words,
    _objects,
    _function,
    _count,
    _little,
]


def first_cell() -> str:
    """What every program begins with."""
    return "import numpy as np\ncounter = 0\nwords = ['first']"


def next_cell(chance: random.Random, names: dict[str, Any]) -> str:
    """A cell that may raise, as users' cells may."""
    while True:
        cell = chance.choice(_MAKERS)(chance, names)
        if cell is not None:
            return cell


def next_move(chance: random.Random, commits: list[str], branches: list[str]) -> str:
    """A cell that goes elsewhere in the history."""
    name = f"n{chance.randrange(10**9)}"
    moves = ["undo", "undo", "undo 2", "redo", f"branch {name}"]
    if commits:
        commit = chance.choice(commits)
        moves += [f"checkout {commit}", f"checkout {commit[:12]} --only words", f"tag {name} {commit}"]
    if branches:
        moves.append(f"switch {chance.choice(branches)}")
    if chance.random() < 0.2:
        return "import perdure; perdure.current().undo(); words.append('after an undo')"
    return f"%dart {chance.choice(moves)}"
