"""One pause for all: when a server says that it has had enough, no thread asks it again before time."""

from __future__ import annotations

import random
import threading
import time
import weakref
from typing import Final

_JITTER: Final = 0.1
"""Share of a pause by which threads wake up apart."""


class Pace:
    """When the next request to one server for one model may be made. Shared by all who ask it: see `shared`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0

    @staticmethod
    def shared(server: str, model: str) -> Pace:
        """The pace of that model of that server."""
        with _guard:
            there = _paces.get((server, model))
            if there is None:
                there = _paces[server, model] = Pace()
            return there

    def pause(self, seconds: float) -> None:
        """Nobody asks for so long. A shorter pause doesn't end a longer one."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds of the pause that are left."""
        return max(0.0, self._until - time.monotonic())

    def wait(self, deadline: float) -> bool:
        """Wait until the pause is over. False, at once, if that is after ``deadline`` (as `time.monotonic` has it)."""
        while left := self.left:
            if time.monotonic() + left > deadline:
                return False
            time.sleep(left * (1 + _JITTER * _chance.random()))
        return True


def backoff(attempt: int, first: float, longest: float) -> float:
    """Seconds before the next attempt: doubled each time, with chance so that clients don't come all at once."""
    return min(longest, first * 2.0**attempt) * (0.5 + 0.5 * _chance.random())


_guard: Final = threading.Lock()
_paces: Final[weakref.WeakValueDictionary[tuple[str, str], Pace]] = weakref.WeakValueDictionary()
_chance: Final = random.Random()  # noqa: S311 - scatters pauses; a generator of our own, since the user's is not ours to draw from
