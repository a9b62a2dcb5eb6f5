"""One collection to search: in Chroma where that serves, exactly in memory otherwise. A question never waits for a server to start.

With few entries exact search is quicker than asking a server, so none is started for them. With more, Chroma is brought up and
fed by a thread in the background, and exact search answers until it is in step, and again whenever it fails.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from perdure.cot.index.chroma import Index
from perdure.cot.index.exact import ExactIndex
from perdure.cot.index.feeding import Entries, Vectors, catch_up
from perdure.errors import Damaged, PerdureError, StoreUnreachable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

FEW: Final = 1_000
"""Changes up to which search is exact: half a millisecond for as many entries."""
BACKLOG: Final = 256
"""Changes that a question waits for; more are taken in in the background."""

_AGAIN: Final = 60.0
"""Seconds after which a server that failed is tried again."""


class Search:
    """Entries by vectors that ``vectors`` makes of them. Safe to be used from several threads.

    ``open_index`` gives the collection in Chroma, on a server that is waited for (True) or only used if it is there (False).
    ``stored`` says that the vectors are the entries' own, which can be had at once.
    """

    def __init__(
        self,
        entries: Entries,
        vectors: Vectors,
        dimensions: int,
        open_index: Callable[[bool], Index],
        few: int = FEW,
        *,
        stored: bool = False,
    ) -> None:
        self._entries: Final = entries
        self._vectors: Final = vectors
        self._dimensions: Final = dimensions
        self._index: Final = open_index(True)
        self._quick: Final = open_index(False)
        self._few: Final = few
        self._stored: Final = stored
        self._lock: Final = threading.RLock()
        self._exact: ExactIndex | None = None
        self._fed = -1
        """The change up to which Chroma is known to be fed; -1 while it doesn't serve."""
        self._thread: threading.Thread | None = None
        self._failed_at = -_AGAIN
        self._failure: PerdureError | None = None

    @property
    def degraded(self) -> str | None:
        """Why Chroma doesn't serve though it should: for people to read. None while all is well."""
        return None if self._failure is None else str(self._failure)

    def query(self, vector: Rows, k: int) -> list[tuple[str, float]]:
        """The ids with the largest inner products, best first."""
        if self._answers():
            try:
                found = self._quick.query(vector, k)
                if len(found) == k or self._quick.fed() >= self._fed:
                    return found
                self._fail(None)  # another process has emptied it, to feed it anew
            except (PerdureError, LookupError) as error:
                self._fail(error)
        with self._lock:
            return self._in_memory().query(vector, k)

    def everything(self) -> tuple[int, Iterator[tuple[Sequence[str], Rows]]]:
        """All rows, and the change that they are from."""
        if self._answers():
            return self._fed, self._quick.everything()
        with self._lock:
            exact = self._in_memory()
            return exact.fed(), exact.everything()

    def forget(self, ids: Sequence[str]) -> None:
        """Drop what the entries don't have any more: two processes that feed at once can leave such a row."""
        with self._lock:
            if self._exact is not None:
                self._exact.remove(ids)
        if self._fed >= 0:
            try:
                self._quick.remove(ids)
            except (PerdureError, LookupError) as error:
                self._fail(error)

    def settle(self) -> None:
        """Wait until Chroma serves, or has been given up for now."""
        if self._fed < 0:
            self._serving()
        thread = self._thread
        if thread is not None:
            thread.join()

    def rebuild(self) -> None:
        """Throw the index away and feed it anew, now.

        :raises PerdureError: if that can't be done.
        """
        with self._lock:
            self._exact = None
        self._fail(None)
        if self._entries.number() > self._few:
            while not self._see_to_it(clear=True):
                self.settle()  # whoever is at it now didn't begin with nothing
            self.settle()
            if self._failure is not None:
                raise self._failure

    def _answers(self) -> bool:
        """Whether Chroma answers this question."""
        if not self._serving() and not self._stored:
            self.settle()  # it has the vectors, or is given them now: making them all for one question takes longer
        return self._serving()

    def _serving(self) -> bool:
        """Whether Chroma is in step; if it isn't and should be, it is being seen to."""
        number = self._entries.number()
        if self._fed < 0 and number <= self._few:
            return False
        behind = number - self._fed
        if self._fed < 0 or behind > BACKLOG:
            if self._stored:
                with self._lock:
                    self._in_memory()  # first, since it answers, and both at once take longer
            self._see_to_it()
            return False
        if behind:
            with self._lock:
                try:
                    self._fed = catch_up(self._quick, self._entries, self._vectors)
                except (PerdureError, LookupError) as error:
                    self._fail(error)
                    return False
        return True

    def _in_memory(self) -> ExactIndex:
        if self._exact is None:
            self._exact = ExactIndex(self._dimensions)
            if self._stored:
                # Asked before reading: what comes meanwhile is taken in twice rather than never.
                number = self._entries.number()
                for ids, vectors in self._entries.vectors():
                    self._exact.add(ids, vectors)
                self._exact.note(number)
        catch_up(self._exact, self._entries, self._vectors)
        return self._exact

    def _see_to_it(self, *, clear: bool = False) -> bool:
        """Start bringing Chroma up; False if that is being done, or was in vain a moment ago."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return False
            if time.monotonic() - self._failed_at < _AGAIN and not clear:
                return False
            self._thread = threading.Thread(target=self._bring_up, args=(clear,), name="perdure-cot-index", daemon=True)
            self._thread.start()
            return True

    def _bring_up(self, clear: bool) -> None:
        for last in (False, True):
            try:
                if clear or last:
                    self._index.clear()
                return self._feed()
            except (PerdureError, LookupError) as error:
                self._fail(error)
                if not isinstance(error, Damaged | LookupError):
                    break
        self._failed_at = time.monotonic()
        return None

    def _feed(self) -> None:
        fed = catch_up(self._index, self._entries, self._vectors)
        with self._lock:
            expected = (
                self._in_memory().count() if self._stored else sum(len(ids) for ids, _ in self._entries.vectors())
            )
        if self._index.count() < expected:
            # Rows have been lost, or come in just now. Feeding all again is right for both.
            self._index.clear()
            fed = catch_up(self._index, self._entries, self._vectors)
        with self._lock:
            self._fed = fed
            self._exact = None
            self._failure = None

    def _fail(self, error: PerdureError | LookupError | None) -> None:
        """Chroma doesn't serve from here on; without an error, for no reason that anybody has to know."""
        if isinstance(error, LookupError):
            error = StoreUnreachable("Chroma's collection goes as fast as it is made. Is another program at it?")
        with self._lock:
            self._fed = -1
            self._failure = error
