"""Who wants to know of commits: told of each one once it is durable."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from perdure.store import Commit as Record

Listener = Callable[[Record], None]


class Listeners:
    """Those of one session. They are called on the saver's thread."""

    def __init__(self) -> None:
        self._all: list[Listener] = []

    def add(self, listener: Listener) -> None:
        """From now on, tell ``listener`` of every commit; once, however often it is added."""
        if listener not in self._all:
            self._all.append(listener)

    def tell(self, record: Record) -> None:
        """A commit has become durable."""
        for listener in self._all:
            with suppress(Exception):  # whoever listens must not stop the saving
                listener(record)
