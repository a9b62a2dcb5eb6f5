"""The shelf: the store, kept open between requests, and opened again when another one lies in its place."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from perdure.errors import DamagedCatalog, StoreUnreachable
from perdure.jupyter.server.trail import Trail
from perdure.store import Store

#: Seconds that a request waits for a store that is locked.
PATIENCE = 2.0

#: Sessions whose histories are kept in memory, at most.
TRAILS = 8

Marks = tuple[tuple[int, ...], ...]


@dataclass(slots=True)
class Opened:
    """A store that is open, the histories that were read of it, and how many requests use it."""

    store: Store
    place: Marks
    state: Marks
    trails: OrderedDict[str, Trail] = field(default_factory=OrderedDict)
    #: Of sessions, how many variables they had at a commit.
    counts: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    users: int = 0
    retired: bool = False

    def trail(self, session: str) -> Trail:
        """What is known of a session's history.

        :raises UnknownSession: if there is no such session.
        """
        found = self.trails.get(session)
        if found is None:
            self.store.mark(session)
            found = self.trails.setdefault(session, Trail(session))
        self.trails.move_to_end(session)
        while len(self.trails) > TRAILS:
            with suppress(KeyError):  # another thread was faster
                self.trails.popitem(last=False)
        return found


class Shelf:
    """Lends the store at ``path`` to requests, on whatever thread; reads only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._opened: Opened | None = None

    @contextmanager
    def lend(self) -> Iterator[Opened]:
        """The store as it lies there now.

        :raises StoreError: if there is none, or it can't be used; `DamagedCatalog` if it is damaged.
        """
        opened = self._take()
        try:
            yield opened
        except (DamagedCatalog, StoreUnreachable):
            self._retire(opened)  # it may be mended by the next request
            raise
        finally:
            self._give_back(opened)

    def _take(self) -> Opened:
        place, state = self._marks()
        with self._lock:
            opened = self._opened
            if opened is not None and opened.place == place and (opened.state == state or not opened.store.is_copy):
                opened.users += 1
                return opened
        if opened is not None:
            self._retire(opened)
            self._close_unused(opened)
        with self._lock:
            if self._opened is None:  # another thread may have been faster
                self._opened = Opened(Store.open(self.path, readonly=True, patience=PATIENCE), place, state)
            self._opened.users += 1
            return self._opened

    def _give_back(self, opened: Opened) -> None:
        with self._lock:
            opened.users -= 1
        self._close_unused(opened)

    def _retire(self, opened: Opened) -> None:
        with self._lock:
            opened.retired = True
            if self._opened is opened:
                self._opened = None

    def _close_unused(self, opened: Opened) -> None:
        with self._lock:
            unused = opened.retired and opened.users == 0
        if unused:
            opened.store.close()

    def _marks(self) -> tuple[Marks, Marks]:
        """What tells this store from another one in its place, and from itself at another time."""
        catalog = self.path / "catalog.db"
        place, state = [], []
        for file in (self.path / "perdure-store.json", catalog, catalog.with_name("catalog.db-wal")):
            with suppress(OSError):
                found = file.stat()
                state.append((found.st_size, found.st_mtime_ns))
                if not file.name.endswith("-wal"):
                    place.append((found.st_dev, found.st_ino))
        return tuple(place), tuple(state)
