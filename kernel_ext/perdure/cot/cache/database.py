"""The SQLite file under the cache: its connections, its transactions, and what SQLite's errors mean."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from perdure.errors import (
    DamagedCatalog,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
)

from .migrations import APPLICATION, MIGRATIONS, migrate

FILE: Final = "cot.db"
BUSY_SECONDS: Final = 30.0
_WAL_BYTES: Final = 16 << 20
_LITTLE_ROOM: Final = 1 << 20
_PAGES_AT_ONCE: Final = 1000

_FORKED: list[sqlite3.Connection] = []
"""Connections that a forked child got from its parent. SQLite forbids using or closing them there, so they stay."""

_BY_CODE: Final[dict[int, tuple[type[StoreError | StoreBusy], str]]] = {
    5: (StoreBusy, "is locked by another process. Try again in a moment."),
    6: (StoreBusy, "is locked by another thread. Try again in a moment."),
    8: (StoreReadOnly, "can't be written. Name another folder (PERDURE_COT) or mend the permissions."),
    10: (StoreUnreachable, "can't be read or written. Check the disk, or name another folder (PERDURE_COT)."),
    13: (StoreFull, "can't grow: the disk is full. Make room on that disk; what was kept before is still there."),
    14: (
        StoreUnreachable,
        "can't be opened. Check the disk and the permissions, or name another folder (PERDURE_COT).",
    ),
}


def storable(text: str) -> str:
    """The text as UTF-8 can hold it: a model's JSON may contain halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8")


def damaged(path: Path, why: object) -> DamagedCatalog:
    """The error that says how one goes on without this file."""
    return DamagedCatalog(
        f"{path} is damaged: {why}. Move it away, so that a new cache is begun, and import your last export into that."
    )


_DATABASES: Final[weakref.WeakSet[Database]] = weakref.WeakSet()


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says as `StoreBusy`, a `StoreError` or `DamagedCatalog`."""
    try:
        yield
    except sqlite3.Error as error:
        if isinstance(error, sqlite3.ProgrammingError):
            raise StoreError(f"{path} is closed. Open the cache again.") from error
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code == 14 and path.exists() and not os.access(path.parent, os.W_OK):
            code = 8  # it can't be opened as its log can't be made beside it
        if code == 10 and _room(path) < _LITTLE_ROOM:
            code = 13  # some of its calls tell a full disk as an input/output error
        kind, text = _BY_CODE.get(code, (None, ""))
        if kind is not None:
            raise kind(f"{path} {text} ({error})") from error
        # What is left is SQLite finding the file in disorder: no database, no such table, a constraint broken.
        raise damaged(path, error) from error


def _room(path: Path) -> int:
    with suppress(OSError):
        return shutil.disk_usage(path.parent).free
    return _LITTLE_ROOM


class Database:
    """Connections, lent to one thread at a time and made again in a forked child."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE
        self.read_only = read_only
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._uri = self.path.absolute().as_uri() + ("?mode=ro" if read_only else "?mode=rw")
        self._reset()
        _DATABASES.add(self)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._held = threading.local()
        self._lock = threading.Lock()
        self._writer = threading.Lock()
        self._free: list[sqlite3.Connection] = []
        self._closed = False

    def prepare(self) -> None:
        """Make the file and its tables, or bring them up to date; when reading only, see that they can be read.

        :raises StoreTooNew: if a newer perdure has written it.
        """
        if self.read_only:
            self._look_only()
        else:
            self._begin()
        with self.reading() as connection:
            version, application = self._stamp(connection)
        if version > len(MIGRATIONS):
            raise StoreTooNew(f"{self.path} was written by a newer perdure. Update this one: pip install -U perdure")
        if version and application != APPLICATION:
            raise damaged(self.path, "it is another program's database")
        if version < len(MIGRATIONS):
            if self.read_only:
                raise StoreReadOnly(
                    f"{self.path} is of an older perdure. Open it for writing once, to bring it up to date."
                )
            with self.transaction() as connection:
                migrate(connection)

    @staticmethod
    def _stamp(connection: sqlite3.Connection) -> tuple[int, int]:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        return int(version), int(connection.execute("PRAGMA application_id").fetchone()[0])

    def _begin(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600)
        except OSError as error:
            code = {13: 8, 30: 8, 1: 8, 28: 13, 122: 13}.get(error.errno or 0, 14)
            kind, text = _BY_CODE[code]
            raise kind(f"{self.path} {text} ({error.strerror})") from error
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                with self._borrowed() as connection, sqlite_errors(self.path):
                    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                        connection.execute("PRAGMA journal_mode = WAL")
                return
            except StoreBusy:  # SQLite doesn't wait here when two processes make the same file at once
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _look_only(self) -> None:
        if not self.path.exists():
            raise StoreMissing(f"There is no cache in {self.path.parent}. Name its folder, or open it for writing.")
        if os.access(self.path.parent, os.W_OK):
            return
        log = self.path.with_name(f"{FILE}-wal")
        if log.exists() and log.stat().st_size:
            # The log's index can't be made beside it, and without it what is only in the log would be missed.
            self._copy = tempfile.TemporaryDirectory(prefix="perdure-cot-")
            for file in (self.path, log):
                shutil.copyfile(file, Path(self._copy.name) / file.name)
            self._uri = (Path(self._copy.name) / FILE).as_uri() + "?mode=ro"
        else:
            self._uri += "&immutable=1"

    # -- connections -------------------------------------------------------------------------------------------------

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        if self._pid != os.getpid():
            _FORKED.extend(self._free)
            self._reset()
        with self._lock:
            if self._closed:
                raise StoreError(f"{self.path} is closed. Open the cache again.")
            connection = self._free.pop() if self._free else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._lock:
                if not self._closed:
                    self._free.append(connection)
                    connection = None
            if connection is not None:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        with sqlite_errors(self.path):
            # Passed from thread to thread, but never used by two at once.
            connection = sqlite3.connect(
                self._uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.create_function("casefold", 1, _casefold, deterministic=True)
            if not self.read_only:
                connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
                # What is forgotten must not linger in the file's unused pages.
                connection.execute("PRAGMA secure_delete = ON")
            return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the cache for all statements in the block."""
        held: sqlite3.Connection | None = getattr(self._held, "connection", None)
        if held is not None and self._pid == os.getpid():
            with sqlite_errors(self.path):
                yield held
            return
        with self._borrowed() as connection, sqlite_errors(self.path):
            connection.execute("BEGIN")
            self._held.connection = connection
            try:
                yield connection
            finally:
                self._held.connection = None
                connection.rollback()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Write: all of the block or nothing. One inside another is part of it.

        ``durable`` waits for the disk, so that a power cut takes nothing; without it only the death of the process is
        survived, which is enough for what costs nothing to get again.
        """
        held: sqlite3.Connection | None = getattr(self._held, "connection", None)
        if held is not None and self._pid == os.getpid():
            assert held.in_transaction
            assert getattr(self._held, "writing", False), "a transaction inside a block that only reads"
            yield held
            return
        self.check_writable()
        with self._borrowed() as connection, sqlite_errors(self.path), self._turn():
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            self._held.connection, self._held.writing = connection, True
            try:
                yield connection
                if not self.path.exists():  # SQLite would go on with the deleted file as long as this process lives
                    raise StoreMissing(f"{self.path} has been deleted. Open the cache again to begin a new one.")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise
            finally:
                self._held.connection, self._held.writing = None, False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # Threads of one process wait here rather than in SQLite, which polls.
        if not self._writer.acquire(timeout=BUSY_SECONDS):
            raise StoreBusy(f"{self.path} {_BY_CODE[6][1]}")
        try:
            yield
        finally:
            self._writer.release()

    def check_writable(self) -> None:
        """Raises `StoreReadOnly` unless it was opened for writing."""
        if self.read_only:
            raise StoreReadOnly(f"{self.path} was opened for reading only. Open the cache for writing to change it.")

    # -- the file ----------------------------------------------------------------------------------------------------

    def shrink(self) -> None:
        """Give pages that are no longer used back to the disk, and empty the log if nobody is reading it.

        Inside a transaction it does nothing.
        """
        if getattr(self._held, "connection", None) is not None:
            return
        with self._borrowed() as connection, sqlite_errors(self.path), self._turn():
            left = None
            while (unused := connection.execute("PRAGMA freelist_count").fetchone()[0]) and unused != left:
                left = unused
                # executescript: execute would stop after the first page, as this pragma's rows have no columns
                connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @property
    def size(self) -> int:
        """Bytes of the file and its log."""
        total = 0
        for file in (self.path, self.path.with_name(f"{FILE}-wal")):
            with suppress(OSError):
                total += file.stat().st_size
        return total

    def let_go(self) -> None:
        """Close the connections that nobody is using; the next use opens new ones."""
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def close(self) -> None:
        """Close the connections; one that a thread is using closes when it has done. A second call does nothing."""
        if self._pid != os.getpid():
            return
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for connection in free:
            connection.close()
        if self._copy is not None:
            self._copy.cleanup()


def _before_fork() -> None:
    for database in list(_DATABASES):
        database.let_go()


if hasattr(os, "register_at_fork"):
    # What SQLite knows of an open file would be the child's too, and locks that only the parent has with it.
    os.register_at_fork(before=_before_fork)


def _casefold(text: str | None) -> str | None:
    return None if text is None else text.casefold()
