"""Who wants to know of commits: told of each one once it is durable, and of what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from perdure.errors import PerdureError
from perdure.store import Commit as Record

Listener = Callable[[Record], None]


class Listeners:
    """Those of one session. They are called on the saver's thread, those of moves on the one that moves."""

    def __init__(self) -> None:
        self._all: list[Listener] = []
        self._of_trouble: list[Callable[[PerdureError], None]] = []
        self._of_moves: list[Callable[[], None]] = []

    def add(self, listener: Listener) -> None:
        """From now on, tell ``listener`` of every commit; once, however often it is added."""
        if listener not in self._all:
            self._all.append(listener)

    def add_for_trouble(self, listener: Callable[[PerdureError], None]) -> None:
        """From now on, tell ``listener`` why a commit could not be saved."""
        self._of_trouble.append(listener)

    def add_for_moves(self, listener: Callable[[], None]) -> None:
        """From now on, tell ``listener`` when HEAD, a branch or a tag has moved without a commit."""
        self._of_moves.append(listener)

    def tell(self, record: Record) -> None:
        """A commit has become durable."""
        for listener in self._all:
            with suppress(Exception):  # whoever listens must not stop the saving
                listener(record)

    def tell_trouble(self, error: PerdureError) -> None:
        """A commit could not be saved."""
        for listener in self._of_trouble:
            with suppress(Exception):
                listener(error)

    def tell_move(self) -> None:
        """The refs are others now."""
        for listener in self._of_moves:
            with suppress(Exception):
                listener()
