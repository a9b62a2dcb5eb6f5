"""Writing a commit: its chunks and snapshots as they come, then the commit itself, durable when `Writer.commit` returns."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from perdure.errors import PerdureError, SessionBusy, StoreBusy, UnknownSession

from . import index
from .append import Appender
from .catalog import Catalog
from .digest import KEY_SIZE, Buffer, Kind, chunk_id, digest
from .files import Files
from .pack import Location, PackFiles
from .process import is_alive, this_process
from .records import ChunkId, Commit, Refs, RefsMove, Snapshot

_ASIDE_ABOVE: Final = 1 << 20
_BATCH: Final = 4 << 20
_COMPRESS_ABOVE: Final = 2 << 10


def _flat(data: Buffer) -> memoryview:
    view = memoryview(data)
    return view.cast("B") if view.nbytes else memoryview(b"")


class Writer:
    """Makes the commits of one session, one after the other, from one thread at a time.

    Its methods raise `StoreFull`, `StoreReadOnly`, `StoreUnreachable`, `StoreBusy` or `DamagedCatalog`. After any of them
    call `abort`; then the Writer is as it was after the last commit.
    """

    def __init__(
        self, catalog: Catalog, packs: PackFiles, files: Files, session: str, forget: Callable[[Writer], None]
    ) -> None:
        self.session = session
        self._catalog = catalog
        self._appender = Appender(files, packs.directory)
        self._forget = forget
        self._clear()

    def _clear(self) -> None:
        self._records: dict[bytes, tuple[Kind, Location]] = {}
        self._snapshots: dict[str, Snapshot] = {}
        # What was there already and so wasn't written: kept at hand, as gc may drop it before the commit is made.
        self._held_snapshots: dict[str, Snapshot] = {}

    @property
    def pending_bytes(self) -> int:
        """Bytes that the pending commit has added to the store so far, frames included."""
        return self._appender.pending_bytes

    # -- chunks and snapshots ------------------------------------------------------------------------------------------

    def put(self, data: Buffer, *, compress: bool = False) -> ChunkId:
        """Write one chunk, unless the store has it; its id.

        Nothing refers to the bytes afterwards. Where gc drops a chunk that was found in the store, `commit` raises.
        """
        return self._put(_flat(data), compress)

    def _put(self, view: memoryview, compress: bool) -> ChunkId:
        name = chunk_id(view)
        if name not in self._records:
            with self._catalog.reading() as connection:
                known = index.has_record(connection, name)
            if not known:
                self._records[name] = Kind.CHUNK, self._appender.add(Kind.CHUNK, view, name, compress=compress)
        return name

    def put_many(self, data: Sequence[Buffer], *, compress: bool = False) -> list[ChunkId]:
        """`put` for many chunks; hashing the next overlaps with writing the last."""
        return self.put_batches(_batches(data), compress=compress)

    def put_batches(self, batches: Iterable[Sequence[Buffer]], *, compress: bool = False) -> list[ChunkId]:
        """`put_many` for what comes in batches of some megabytes; the ids of all.

        A batch is written while the next one is asked for and hashed: it must stay as it is until the next but one is
        asked for. Nothing refers to any of them once this has returned.
        """
        names: list[ChunkId] = []
        for batch in batches:
            views = [_flat(part) for part in batch]
            if sum(map(len, views)) < _ASIDE_ABOVE:
                names += [self._put(view, compress) for view in views]
            else:
                names += self._put_aside(views, compress)
        self._appender.wait()
        return names

    def _put_aside(self, views: list[memoryview], compress: bool) -> list[ChunkId]:
        if self._appender.full:
            self._appender.roll()
        names = [chunk_id(view) for view in views]
        with self._catalog.reading() as connection:
            known = {name for name in names if index.has_record(connection, name)}
        for name, view in zip(names, views, strict=True):
            if name not in known and name not in self._records:
                at = self._appender.add(Kind.CHUNK, view, name, compress=compress, hold=True)
                self._records[name] = Kind.CHUNK, at
        self._appender.flush_aside()
        return names

    def put_snapshot(self, snapshot: Snapshot) -> str:
        """Write a snapshot, unless the store has it; its id."""
        payload = snapshot.encode()
        name = digest(Kind.SNAPSHOT, payload)
        text = name[:KEY_SIZE].hex()
        if text in self._snapshots:
            return text
        with self._catalog.reading() as connection:
            known = index.has_record(connection, name)
        if known:
            self._held_snapshots[text] = snapshot
        else:
            self._write_snapshot(snapshot, payload, name)
        return text

    def _write_snapshot(self, snapshot: Snapshot, payload: bytes, name: bytes) -> None:
        at = self._appender.add(Kind.SNAPSHOT, payload, name, compress=len(payload) > _COMPRESS_ABOVE)
        self._records[name] = Kind.SNAPSHOT, at
        self._snapshots[name[:KEY_SIZE].hex()] = snapshot

    # -- the commit ------------------------------------------------------------------------------------------------

    def commit(self, commit: Commit, refs: Refs) -> str:
        """Make the commit durable, move the session's refs to ``refs``, and give the commit's id.

        The refs may name the commit by its id, ``commit.id``. Raises `UnknownSession`, `SessionBusy` when another kernel
        has taken the session over, and `StoreBusy` when gc has dropped something that only an earlier commit had.
        """
        payload = commit.encode()
        name = digest(Kind.COMMIT, payload)
        commit_id = name[:KEY_SIZE].hex()
        compress = len(payload) > _COMPRESS_ABOVE
        at = self._appender.add(Kind.COMMIT, payload, name, compress=compress)
        move: RefsMove | None = None
        based_on = -1
        while True:
            if move is None:
                move, based_on = self._move(refs)
                self._appender.add(Kind.REFS, move.encode(), compress=False)
            extents = self._appender.sync()
            with self._catalog.transaction() as connection:
                self._check_owner(connection)
                row = index.session_row(connection, self.session)
                missing = self._missing(connection, commit)
                current = row is not None and row.move.stamp == based_on
                if current and not missing:
                    numbers = index.note_extents(connection, extents)
                    for kind in (Kind.CHUNK, Kind.SNAPSHOT):
                        found = [(key, where) for key, (of, where) in self._records.items() if of is kind]
                        index.add_records(connection, kind, found, numbers)
                    index.add_commit(connection, commit_id, commit, payload, at, numbers)
                    index.apply_move(connection, move)
            if current and not missing:
                break
            self._write_again(missing)
            if not current:
                move = None
        self._appender.accept()
        self._clear()
        return commit_id

    def _move(self, refs: Refs) -> tuple[RefsMove, int]:
        with self._catalog.reading() as connection:
            row = index.session_row(connection, self.session)
        if row is None:
            raise UnknownSession(f"The store has no session {self.session}. `perdure sessions` lists those there are.")
        stamp = max(time.time_ns(), row.move.stamp + 1)
        return RefsMove.between(self.session, stamp, row.move.refs, refs), row.move.stamp

    def _check_owner(self, connection: sqlite3.Connection) -> None:
        owner = index.owner(connection, self.session)
        if owner is not None and owner != this_process() and is_alive(owner):
            raise SessionBusy(
                f"Session {self.session} was taken over by process {owner.pid} on {owner.host}. "
                "Go on there, or restore it here once that kernel has ended."
            )

    def _missing(self, connection: sqlite3.Connection, commit: Commit) -> set[bytes | str]:
        """Chunks (by digest) and snapshots (by id) that the commit needs and the store has no longer."""
        missing: set[bytes | str] = set()
        for text in commit.snapshots():
            snapshot = self._snapshots.get(text)
            if snapshot is None:
                if not index.has_record(connection, bytes.fromhex(text)):
                    missing.add(text)
                continue
            for name in set(snapshot.chunks()):
                if name not in self._records and not index.has_record(connection, name):
                    missing.add(name)
        return missing

    def _write_again(self, missing: set[bytes | str]) -> None:
        for name in missing:
            if isinstance(name, str) and name in self._held_snapshots:
                payload = self._held_snapshots[name].encode()
                self._write_snapshot(self._held_snapshots[name], payload, digest(Kind.SNAPSHOT, payload))
            else:
                what = f"snapshot {name}" if isinstance(name, str) else f"chunk {name.hex()}"
                raise _gone(f"{what}, which the commit refers to, is not in the store")

    # -- the end -----------------------------------------------------------------------------------------------------

    def abort(self) -> None:
        """Forget everything since the last commit. Never raises."""

        def indexed(name: str) -> int:
            with self._catalog.reading() as connection:
                return index.indexed(connection, name)

        self._appender.abort(indexed)
        self._clear()

    def close(self) -> None:
        """Give up what is pending and finish the pack. A second call does nothing."""
        if self._appender.pending_bytes:
            self.abort()
        self._forget(self)
        name = self._appender.close()
        if name is not None:
            # Unsealed, the pack only has to wait for the end of this process before gc may touch it.
            with suppress(PerdureError), self._catalog.transaction() as connection:
                index.seal_pack(connection, name)


def _gone(what: str) -> StoreBusy:
    return StoreBusy(f"The commit can't be made as it is: {what}. Make it again with all of its data.")


def _batches(data: Iterable[Buffer]) -> Iterator[list[Buffer]]:
    batch: list[Buffer] = []
    size = 0
    for part in data:
        batch.append(part)
        size += memoryview(part).nbytes
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
