"""The store: one directory of packs and their catalog, for many sessions and several processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from perdure.errors import AmbiguousRef, SessionBusy, UnknownSession

from . import index
from .catalog import Catalog
from .digest import KEY_SIZE
from .files import Files
from .journal import Journal
from .opening import open_store
from .pack import PackFiles
from .process import is_alive, this_process
from .reader import Reader
from .records import ChunkId, ChunkList, Commit, Owner, Refs, RefsMove, SessionInfo, SessionRecord, Snapshot, Twig
from .writer import Writer

if TYPE_CHECKING:
    from .bundle import ExportReport
    from .gc import GcReport
    from .intake import ImportReport
    from .repair import RepairReport
    from .verify import VerifyReport

_KEEP: Final[Any] = object()


class Store:
    """Opened with `Store.open`; methods may be called from any thread, and read in a forked child.

    Reading raises `DamagedPack`, `DamagedCatalog` or `StoreUnreachable`; writing also `StoreFull`, `StoreReadOnly` and
    `StoreBusy`.
    """

    def __init__(self, path: Path, store_id: str, catalog: Catalog, packs: PackFiles, files: Files) -> None:
        self.path = path
        self.id = store_id
        self._catalog = catalog
        self._packs = packs
        self._files = files
        self._reader = Reader(catalog, packs)
        self._journal = Journal(catalog, packs, files)
        self._writers: set[Writer] = set()
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        readonly: bool = False,
        files: Files | None = None,
        patience: float | None = None,
    ) -> Store:
        """Open the store at ``path``, or make one there.

        What a killed process left behind is put in order on the way. Who only reads waits ``patience`` seconds for a
        catalog that is locked. Raises `StoreMissing`, `StoreTooNew`,
        `StoreReadOnly`, `StoreUnreachable`, `StoreFull`, `StoreBusy` or `DamagedCatalog`.
        """
        files = files or Files()
        where = Path(path)
        store_id, catalog, packs = open_store(
            where, files, create=create and not readonly, readonly=readonly, patience=patience
        )
        return cls(where, store_id, catalog, packs, files)

    @property
    def is_copy(self) -> bool:
        """Whether it stays as it was when it was opened for reading, as the catalog can't be read where it lies."""
        return self._catalog.is_copy

    # -- sessions ------------------------------------------------------------------------------------------------------

    def sessions(self) -> list[SessionInfo]:
        """All sessions, the one with the newest commit (or, without one, the newest) first."""
        with self._catalog.reading() as connection:
            counts: dict[str, tuple[int, float]] = {
                session: (count, last)
                for session, count, last in connection.execute(
                    "SELECT session, count(*), max(started) FROM commits GROUP BY session"
                )
            }
            owners = {
                session: Owner(*rest)
                for session, *rest in connection.execute("SELECT session, host, pid, started FROM owners")
            }
            rows = [row for row in index.session_rows(connection) if row.record.deleted is None]
        infos = [_info(row, owners.get(row.record.id), *counts.get(row.record.id, (0, None))) for row in rows]
        return sorted(infos, key=lambda info: info.last or info.created, reverse=True)

    def session(self, id_or_prefix: str) -> SessionInfo:
        """Raises `UnknownSession`, or `AmbiguousRef` where several begin with the prefix."""
        with self._catalog.reading() as connection:
            rows = [
                row
                for row in index.session_rows(connection)
                if row.record.deleted is None and row.record.id.startswith(id_or_prefix)
            ]
            exact = [row for row in rows if row.record.id == id_or_prefix]
            if not rows or not id_or_prefix:
                raise _unknown(id_or_prefix)
            if len(rows) > 1 and not exact:
                names = ", ".join(sorted(row.record.id for row in rows))
                raise AmbiguousRef(f"Several sessions begin with {id_or_prefix!r}: {names}. Give more of the id.")
            row = (exact or rows)[0]
            count, last = connection.execute(
                "SELECT count(*), max(started) FROM commits WHERE session = ?", (row.record.id,)
            ).fetchone()
            return _info(row, index.owner(connection, row.record.id), count, last)

    def create_session(self, *, notebook: str | None, meta: dict[str, Any]) -> SessionInfo:
        """Begin a session; durable when it returns."""
        now = time.time_ns()
        # From the system's generator: the user's `random` is not ours to draw from.
        record = SessionRecord(os.urandom(6).hex(), now, now / 1e9, notebook, meta, trusted=True)
        self._journal.session(lambda _: record)
        return self.session(record.id)

    def update_session(self, session: str, *, notebook: str | None = _KEEP, meta: dict[str, Any] = _KEEP) -> None:
        """Change what is known of a session. Raises `UnknownSession`."""
        changes = {name: value for name, value in (("notebook", notebook), ("meta", meta)) if value is not _KEEP}
        self._change(session, changes)

    def trust_session(self, session: str) -> None:
        """Note that the user trusts the session's bytes, so that they may be unpickled. Raises `UnknownSession`."""
        self._change(session, {"trusted": True})

    def delete_session(self, session: str) -> None:
        """Mark a session as deleted; `gc` drops its bytes later. Raises `UnknownSession`, or `SessionBusy` if it is open."""
        with self._catalog.reading() as connection:
            owner = index.owner(connection, session)
        if owner is not None and owner != this_process() and is_alive(owner):
            raise _busy(session, owner)
        self._change(session, {"deleted": time.time()})

    def _change(self, session: str, changes: dict[str, Any]) -> None:
        def changed(row: index.SessionRow | None) -> SessionRecord:
            if row is None or row.record.deleted is not None:
                raise _unknown(session)
            return replace(row.record, stamp=max(time.time_ns(), row.record.stamp + 1), **changes)

        self._journal.session(changed, session)

    def claim(self, session: str, *, steal: bool = False) -> None:
        """Become the session's owner. Raises `UnknownSession`, or `SessionBusy` if a live process (or one on another
        machine, of which that can't be known) has it and ``steal`` is not set.
        """
        me = this_process()
        with self._catalog.transaction() as connection:
            row = index.session_row(connection, session)
            if row is None or row.record.deleted is not None:
                raise _unknown(session)
            owner = index.owner(connection, session)
            if owner is not None and owner != me and not steal and is_alive(owner):
                raise _busy(session, owner)
            index.set_owner(connection, session, me)

    def release(self, session: str) -> None:
        """Stop being the session's owner; does nothing if this process isn't."""
        with self._catalog.transaction() as connection:
            if index.owner(connection, session) == this_process():
                index.set_owner(connection, session, None)

    def refs(self, session: str) -> Refs:
        """Raises `UnknownSession`."""
        with self._catalog.reading() as connection:
            row = index.session_row(connection, session)
        if row is None:
            raise _unknown(session)
        return row.move.refs

    def move_refs(self, session: str, refs: Refs) -> None:
        """Move HEAD, branches and tags outside a commit; durable when it returns. Raises `UnknownSession`."""

        def moved(row: index.SessionRow | None) -> RefsMove:
            if row is None:
                raise _unknown(session)
            stamp = max(time.time_ns(), row.move.stamp + 1)
            return RefsMove.between(session, stamp, row.move.refs, refs)

        self._journal.move(session, moved)

    # -- commits and bytes ---------------------------------------------------------------------------------------------

    def commit(self, commit_id: str) -> Commit:
        """Raises `UnknownRef`."""
        return self._reader.commit(commit_id)

    def find_commits(self, session: str, prefix: str) -> list[str]:
        """The ids of the session's commits that begin with ``prefix``, in order."""
        prefix = prefix.lower()
        try:
            low, high = (bytes.fromhex(prefix.ljust(2 * KEY_SIZE, fill)) for fill in "0f")
        except ValueError:
            return []
        with self._catalog.reading() as connection:
            rows = connection.execute(
                "SELECT id FROM commits WHERE id BETWEEN ? AND ? AND session = ? ORDER BY id", (low, high, session)
            )
            return [row[0].hex() for row in rows]

    def ancestry(self, commit: str, limit: int | None = None, *, strict: bool = True) -> list[tuple[str, Commit]]:
        """A commit and its ancestors, newest first, at most ``limit`` of them.

        Raises `UnknownRef`. Where an ancestor is lost it raises `Damaged`, or, unless ``strict``, ends there.
        """
        return self._reader.ancestry(commit, limit, strict)

    def commits(self, session: str) -> list[tuple[str, Commit]]:
        """All of a session's commits, on whatever branch or none, newest first."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                "SELECT id, payload FROM commits WHERE session = ? ORDER BY started DESC, number DESC", (session,)
            ).fetchall()
        return [(key.hex(), self._reader.checked_commit(key.hex(), payload)) for key, payload in rows]

    def tree(self, session: str) -> list[Twig]:
        """Which of a session's commits came from which, in the order in which they were made, without reading them."""
        with self._catalog.reading() as connection:
            return index.tree(connection, session)

    def mark(self, session: str) -> str:
        """A text that is another one once anything of the session is: its record, refs, commits or owner.

        Raises `UnknownSession`.
        """
        with self._catalog.reading() as connection:
            row = index.session_row(connection, session)
            if row is None or row.record.deleted is not None:
                raise _unknown(session)
            return index.mark(connection, row)

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """Raises `UnknownRef`, or `DamagedPack` naming the pack and offset."""
        return self._reader.snapshot(snapshot_id)

    def snapshots(self, ids: Iterable[str]) -> dict[str, Snapshot]:
        """`snapshot` for many."""
        return {name: self._reader.snapshot(name) for name in dict.fromkeys(ids)}

    def read_into(self, parts: Sequence[tuple[ChunkId, memoryview]]) -> None:
        """Fill each writable view, which must be exactly of the chunk's size, with the chunk; all bytes verified.

        Raises `DamagedPack` naming chunk, pack and offset; then some of the views may have been filled.
        """
        self._reader.read_into(parts)

    def read(self, chunks: ChunkList) -> bytearray:
        """The bytes that the chunks are together. Raises as `read_into`."""
        return self._reader.read(chunks)

    def has_chunks(self, ids: Iterable[ChunkId]) -> set[ChunkId]:
        """Those of the ids whose chunks the catalog knows."""
        return self._reader.has(ids)

    def size(self) -> int:
        """Bytes that the store's files have, catalog and write-ahead log included."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                try:
                    total += Path(folder, name).stat().st_size
                except FileNotFoundError:
                    continue
        return total

    def writer(self, session: str) -> Writer:
        """A writer of commits for the session. It is closed with the store."""
        self._catalog.check_writable()
        writer = Writer(self._catalog, self._packs, self._files, session, self._writers.discard)
        self._writers.add(writer)
        return writer

    # -- care ------------------------------------------------------------------------------------------------------

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Check every byte of every record, and the catalog against the records.

        ``progress`` is told the bytes done and the bytes in all. Damage is reported, not raised.
        """
        from .verify import verify  # a kernel seldom needs it, and it is to start fast; the same for those below

        return verify(self._catalog, self._packs, progress)

    def gc(self, *, keep_days: float = 30, now: float | None = None) -> GcReport:
        """Drop commits that no branch, tag or HEAD reaches and that are older than ``keep_days``, sessions that were
        deleted longer ago than that, and every chunk that nothing needs any more.

        ``now`` is in seconds since the epoch. Packs of live writers stay as they are. Raises `DamagedPack` or
        `DamagedCatalog` where what is to be kept can't be read; then nothing is dropped.
        """
        from .gc import collect

        self._catalog.check_writable()
        return collect(self._catalog, self._packs, self._files, self._reader, keep_days=keep_days, now=now)

    @staticmethod
    def repair(path: str | os.PathLike[str], *, files: Files | None = None) -> RepairReport:
        """Rebuild the catalog of the store at ``path`` from its packs, and move the old one aside.

        Raises `StoreBusy` while another live process writes there.
        """
        from .repair import repair

        return repair(Path(path), files or Files())

    def export(
        self, session: str, file: str | os.PathLike[str], *, sign: Callable[[str], str | None] | None = None
    ) -> ExportReport:
        """Write a session, with all that its commits need, into one self-contained file.

        ``sign`` makes a signature of the file's digest, by which `import_` can tell where it comes from.

        Raises `UnknownSession`, `StoreFull` if there is no room for ``file``, and `UsageError` if it can't be written otherwise.
        """
        from .bundle import export

        with self._catalog.reading() as connection:
            row = index.session_row(connection, session)
        if row is None or row.record.deleted is not None:
            raise _unknown(session)
        commits = dict(self.commits(session))
        for commit_id in row.move.refs.tips():
            commits |= self.ancestry(commit_id)
        return export(row, commits, self._reader, self._files, Path(file), sign)

    def import_(
        self, file: str | os.PathLike[str], *, trusted: bool | Callable[[str, str | None], bool] = False
    ) -> ImportReport:
        """Add the session in a file that `export` made; what is there already is not stored again.

        All of the file is verified first. A session that is here gets the commits that it lacks; its branches go forward
        where they can, and otherwise the imported ones are called ``NAME-imported``. ``trusted`` may be asked with the
        file's digest and signature. Raises `DamagedBundle` (nothing has
        changed), `UsageError` if the file can't be read, `StoreTooNew`, or `SessionBusy` if the session is open in another process.
        """
        from .intake import import_bundle

        return import_bundle(Path(file), self._catalog, self._packs, self._files, trusted=trusted)

    # -- the end ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the writers and all files. A second call does nothing; in a forked child it leaves the parent's alone."""
        for writer in list(self._writers):
            writer.close()
        self._journal.close()
        self._packs.close()
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _info(row: index.SessionRow, owner: Owner | None, commits: int, last: float | None) -> SessionInfo:
    record, refs = row.record, row.move.refs
    return SessionInfo(
        record.id,
        record.created,
        record.notebook,
        record.meta,
        owner,
        record.trusted,
        refs.head,
        refs.branch,
        commits,
        last,
    )


def _unknown(session: str) -> UnknownSession:
    return UnknownSession(f"The store has no session {session!r}. `perdure sessions` lists those there are.")


def _busy(session: str, owner: Owner) -> SessionBusy:
    return SessionBusy(
        f"Session {session} is open in process {owner.pid} on {owner.host}. End that kernel, or take the session over."
    )
