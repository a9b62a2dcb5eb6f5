"""Positions: where the session has been, for undo and redo.

As in an editor, one step is one change: a cell that changed something, or a checkout. Cells that only looked are no steps,
so looking at a value between two undos spoils neither of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from perdure.capture.world import SURROUNDINGS
from perdure.errors import UsageError
from perdure.store import Commit as Record
from perdure.store import Store
from perdure.timeline.commit import changed_names, is_echo


@dataclass(frozen=True, slots=True)
class Position:
    """A commit (``None`` before the first) on a branch."""

    head: str | None
    branch: str | None


def changed_something(record: Record) -> bool:
    """Whether the commit changed a variable of the user's, the directory or the path, so that it can be gone back on."""
    names = (*changed_names(record), *record.deleted)
    return any(name in SURROUNDINGS or not is_echo(name) for name in names)


class Positions:
    """The positions before and after the present one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._past: list[Position] = []
        self._future: list[Position] = []
        self._complete = False

    def changed(self, before: Position) -> None:
        """A cell has led away from ``before``; what had been undone can't be redone any more."""
        self._past.append(before)
        self._future.clear()

    def step(self, here: Position, n: int, verb: str) -> Position:
        """Go ``n`` steps back (``verb`` is ``undo``) or forth (``redo``) from ``here``.

        :raises UsageError: if there are not so many.
        """
        if n < 1:
            raise UsageError(f"'{verb}' can't go {n} steps. Give a number from 1 up.")
        if verb == "undo" and len(self._past) < n:
            self._look_back(here)
        source, sink = (self._past, self._future) if verb == "undo" else (self._future, self._past)
        if len(source) < n:
            raise UsageError(
                f"{_most(len(source), verb)} Nothing has changed; 'log' lists the commits, and 'checkout' goes to any of them."
            )
        for _ in range(n):
            sink.append(here)
            here = source.pop()
        return here

    @contextmanager
    def unless_it_fails(self) -> Iterator[None]:
        """Forget the steps taken in the block if it raises."""
        before = list(self._past), list(self._future)
        try:
            yield
        except BaseException:
            self._past, self._future = before
            raise

    def _look_back(self, here: Position) -> None:
        """Before this kernel's first position there is the line of commits that led to it."""
        if self._complete:
            return
        self._complete = True
        first = self._past[0] if self._past else here
        if first.head is not None:
            line = self._store.ancestry(first.head)
            steps = [Position(record.parent, first.branch) for _, record in line if changed_something(record)]
            self._past[:0] = reversed(steps)


def _most(steps: int, verb: str) -> str:
    """How far a verb can go."""
    if not steps:
        return f"There is nothing to {verb}."
    if verb == "undo":
        return f"'undo' goes back at most {steps} here."
    return f"There {'is only 1 undo' if steps == 1 else f'are only {steps} undos'} to take back."
