"""The SQLite file that says where records are: connections, transactions, and what SQLite's errors mean."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from perdure.errors import DamagedCatalog, StoreBusy, StoreError, StoreFull, StoreReadOnly, StoreUnreachable

from .migrations import MIGRATIONS, migrate

FILE: Final = "catalog.db"
BUSY_SECONDS: Final = 30.0
_PAGE: Final = 4096
_CHECKPOINT_PAGES: Final = 48

_FORKED: list[sqlite3.Connection] = []
"""Connections that a forked child got from its parent. SQLite forbids using or closing them there, so they stay."""

_BY_CODE: Final[dict[int, tuple[type[StoreError | StoreBusy], str]]] = {
    5: (StoreBusy, "is locked by another process. Try again in a moment."),
    6: (StoreBusy, "is locked by another thread. Try again in a moment."),
    8: (StoreReadOnly, "can't be written. Name another store (PERDURE_STORE) or mend the permissions."),
    10: (StoreUnreachable, "can't be read or written. Check the disk, or name another store."),
    13: (StoreFull, "can't grow: the disk is full. Make room on that disk; what was acknowledged is safe."),
    14: (StoreUnreachable, "can't be opened. Check the disk and the permissions, or name another store."),
}


def damaged(path: Path, why: object) -> DamagedCatalog:
    """The error that says how the catalog is mended."""
    return DamagedCatalog(f"{path} is damaged: {why}. Run `perdure verify --repair` to rebuild it from the packs.")


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says as `StoreBusy`, a `StoreError` or `DamagedCatalog`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(error, sqlite3.ProgrammingError):
            raise StoreError(f"{path} is closed. Open the store again.") from error
        kind, text = _BY_CODE.get((code or 0) & 0xFF, (None, ""))
        if kind is StoreUnreachable and path.exists() and not os.access(path.parent, os.W_OK):
            kind, text = _BY_CODE[8]  # it can't be opened as its log can't be made beside it
        if kind is not None:
            raise kind(f"{path} {text} ({error})") from error
        # What is left is SQLite finding the file in disorder: no table of that name, a constraint broken, bad UTF-8.
        raise damaged(path, error) from error


class Catalog:
    """One connection for each thread, made again in a forked child."""

    is_copy = False
    """Whether it is what the store's catalog was when it was opened."""

    def __init__(
        self, path: Path, *, readonly: bool = False, immutable: bool = False, patience: float | None = None
    ) -> None:
        self.path = path
        self._patience = patience
        self.readonly = readonly
        self._uri = path.absolute().as_uri() + ("?mode=ro" if readonly else "?mode=rw")
        if immutable:
            self._uri += "&immutable=1"
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[sqlite3.Connection] = []
        self._closed = False

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's; statements outside `transaction` see one state each. Wrap its use in `reading`."""
        if self._pid != os.getpid():
            _FORKED.extend(self._all)
            self._reset()
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None or self._closed:
            if self._closed:
                raise StoreError(f"{self.path} is closed. Open the store again.")
            found = self._local.connection = self._connect(self._uri)
            with self._lock:
                self._all.append(found)
        return found

    def _connect(self, uri: str) -> sqlite3.Connection:
        with sqlite_errors(self.path):
            # Another thread closes it in `close`; apart from that each thread keeps to its own.
            connection = sqlite3.connect(
                uri,
                uri=True,
                timeout=BUSY_SECONDS if self._patience is None else self._patience,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("PRAGMA synchronous = FULL")
            if not self.readonly:
                connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
                connection.execute(f"PRAGMA journal_size_limit = {_CHECKPOINT_PAGES * _PAGE}")
            return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the catalog for all statements in the block. Raises as `sqlite_errors` says."""
        connection = self.connection
        with sqlite_errors(self.path):
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    def check_writable(self) -> None:
        """Raises `StoreReadOnly` unless it was opened for writing."""
        if self.readonly:
            raise StoreReadOnly(f"{self.path} was opened for reading only. Open the store for writing to change it.")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write; durable when the block has ended, undone when it raises."""
        self.check_writable()
        connection = self.connection
        with sqlite_errors(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if not self.path.exists():  # SQLite would go on with the deleted file as long as this process lives
                    raise damaged(self.path, "it is missing")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise

    @property
    def version(self) -> int:
        """How many migrations the file has seen."""
        with self.reading() as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def prepare(self) -> None:
        """Make the tables, or bring them up to date."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._use_wal()
                break
            except StoreBusy:  # SQLite doesn't wait here when two processes make the same store at once
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        if self.version < len(MIGRATIONS):
            with self.transaction() as connection:
                migrate(connection)

    def _use_wal(self) -> None:
        connection = self.connection
        with sqlite_errors(self.path):
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute(f"PRAGMA page_size = {_PAGE}")
                connection.execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Close the connections of all threads. A second call does nothing."""
        if self._pid != os.getpid():
            return
        with self._lock:
            self._closed = True
            for connection in self._all:
                connection.close()
            self._all.clear()
