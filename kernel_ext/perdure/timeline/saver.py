"""The saver: makes commits durable behind the kernel's back.

A scan has read the live objects on the kernel's main thread; what it found is written here, on a thread of its own, in
order. The user's next cell needs not wait for the disk, only for bytes that could not be copied (see ``borrowed``).
"""

from __future__ import annotations

import builtins
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from perdure.capture.covariables import Binding, Change, CoVariable, Scan
from perdure.capture.fingerprint import CHUNK, BufferPrint
from perdure.errors import PerdureError, StoreUnreachable
from perdure.store import ChunkList, Refs, Snapshot, Store, Writer
from perdure.store import Commit as Record
from perdure.timeline.branches import advance
from perdure.timeline.manifest import Manifest
from perdure.timeline.positions import changed_something

_BUILTINS = frozenset(vars(builtins))

#: Bytes of changed buffers that are copied so that the next cell may change them while they are being written.
COPY_LIMIT = 256 * 1024 * 1024

#: A stream up to this many bytes is kept in its snapshot's own record.
INLINE = 8 * 1024

#: Content-defined chunks of streams, in bytes: smallest, average, largest.
STREAM_CHUNKS = (16 * 1024, 64 * 1024, 256 * 1024)


@dataclass(slots=True)
class Save:
    """One commit on its way: the record without what only the store can tell, the scan, and copies of its bytes."""

    record: Record
    scan: Scan
    pieces: list[tuple[BufferPrint, int, memoryview]] = field(default_factory=list)
    borrowed: bool = False
    even_if_empty: bool = True

    @classmethod
    def of(cls, record: Record, scan: Scan, *, even_if_empty: bool = True) -> Save:
        save = cls(record, scan, even_if_empty=even_if_empty)
        room = COPY_LIMIT
        for change in scan.changes:
            for printed, view, sources in zip(change.fingerprint.buffers, change.buffers, change.sources, strict=True):
                at = 0
                for index, source in enumerate(sources):
                    end = at + _chunk_size(printed, index)
                    if source is None:
                        piece = view[at:end]
                        if piece.nbytes <= room:
                            room -= piece.nbytes
                            piece = memoryview(bytes(piece))
                        else:
                            save.borrowed = True
                        save.pieces.append((printed, index, piece))
                    at = end
            change.buffers = []
        return save


def _chunk_size(printed: BufferPrint, index: int) -> int:
    return min(CHUNK, printed.nbytes - index * CHUNK)


class Saver:
    """Writes one session's commits, one after the other.

    :param manifest: the version at HEAD, against which the next commit's delta is taken.
    :param on_saved: called on the saver's thread with every commit that became durable, and the refs before it.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        manifest: Manifest,
        on_saved: Callable[[Record, Refs], None],
    ) -> None:
        self._store = store
        self._session = session
        self._on_saved = on_saved
        self._writer: Writer | None = None
        self._queue: queue.SimpleQueue[Save | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._waiting = 0
        self._borrowing = 0
        self.manifest = manifest
        self._missing_marks: dict[str, tuple[str, int]] = {}
        self._last: dict[str, Binding] = {}
        self.refs = store.refs(session)
        self.unsaved: list[Record] = []
        self.error: PerdureError | None = None
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="perdure-saver", daemon=True)
        self._thread.start()

    # -- from the kernel's main thread -------------------------------------------------------------------------

    def submit(self, save: Save) -> None:
        """Hand over a commit; returns at once."""
        with self._changed:
            self._waiting += 1
            self._borrowing += save.borrowed
        self._queue.put(save)

    def wait_until_returned(self) -> None:
        """Wait until no live memory is being read any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._borrowing == 0)

    def flush(self) -> None:
        """Wait until everything that was handed over is durable.

        :raises PerdureError: why the last commit could not be saved.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting == 0)
        if self.error is not None:
            raise self.error

    @property
    def idle(self) -> bool:
        return self._waiting == 0

    def take_failure(self) -> bool:
        """Whether a commit has failed since this was last asked: everything that was on its way must be saved again."""
        with self._changed:
            failed, self._failed = self._failed, False
            return failed

    def move(self, refs: Refs, manifest: Manifest, marks: dict[str, tuple[str, int]]) -> None:
        """HEAD was put elsewhere by a checkout; nothing is on its way.

        :param marks: what a scan says now of the names that have no snapshot.
        """
        self._store.move_refs(self._session, refs)
        self.refs = refs
        self.manifest = manifest
        self._missing_marks = marks
        self._last = {}

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._writer is not None:
            self._writer.close()

    # -- on the saver's own thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while (save := self._queue.get()) is not None:
            try:
                self._save(save)
            except PerdureError as error:
                self._give_up(save, error)
            except Exception as error:  # noqa: BLE001 - a bug of ours must not end the thread: the session goes on, not durable
                problem = StoreUnreachable(
                    f"perdure could not save the last cell ({type(error).__name__}: {error}). "
                    "The session goes on; the next cell is saved with everything that is missing."
                )
                problem.__cause__ = error
                self._give_up(save, problem)
            else:
                self.error = None
            with self._changed:
                self._waiting -= 1
                self._borrowing -= save.borrowed
                self._changed.notify_all()
            del save

    def _give_up(self, save: Save, error: PerdureError) -> None:
        if self._writer is not None:
            try:
                self._writer.abort()
            except Exception:  # noqa: BLE001 - whatever it is, a new writer starts clean
                self._writer = None
        self.unsaved.append(save.record)
        with self._changed:
            self.error = error
            self._failed = True

    def _save(self, save: Save) -> None:
        if self._writer is None:
            self._writer = self._store.writer(self._session)
        writer = self._writer
        self._put_pieces(writer, save.pieces)
        save.pieces.clear()
        saved = self._put_snapshots(writer, save.scan)
        old, last, now = self.manifest, self._last, save.scan.bindings
        # A binding that is the same tuple as in the last commit is the same in the manifest: most are.
        delta = {name: self._resolve(binding, saved) for name, binding in now.items() if last.get(name) is not binding}
        delta = {name: binding for name, binding in delta.items() if old.bindings.get(name) != binding}
        missing = {
            name: reason
            for name, (reason, generation) in save.scan.missing.items()
            if self._missing_marks.get(name) != (reason, generation)
        }
        deleted = tuple(sorted(old.names - now.keys() - save.scan.missing.keys()))
        if not (delta or missing or deleted or save.even_if_empty):
            self._settle(save.scan, saved)
            return
        record = replace(
            save.record,
            parent=self.refs.head,
            bindings=delta,
            deleted=deleted,
            not_captured=missing,
            bytes_added=writer.pending_bytes,
            meta=self._meta(save, delta),
        )
        refs = advance(self.refs, record.id, changed=changed_something(record))
        commit_id = writer.commit(record, refs)
        before, self.refs = self.refs, refs
        self.unsaved.clear()
        self._missing_marks = dict(save.scan.missing)
        manifest_missing = {
            name: (reason, commit_id if name in missing else old.missing.get(name, ("", commit_id))[1])
            for name, (reason, _) in save.scan.missing.items()
        }
        bindings = {name: binding for name, binding in old.bindings.items() if name in now}
        bindings.update(delta)
        self.manifest = Manifest(bindings, manifest_missing)
        self._settle(save.scan, saved)
        self._on_saved(record, before)

    def _settle(self, scan: Scan, saved: dict[CoVariable, str]) -> None:
        for change in scan.changes:
            covariable = change.covariable
            covariable.saved, covariable.durable = saved[covariable], change.version
            if covariable.version == change.version:
                covariable.saving = False
        self._last = scan.bindings

    def _meta(self, save: Save, delta: dict[str, tuple[str, int]]) -> dict[str, Any]:
        meta = dict(save.record.meta)
        regrouped = sorted(save.scan.regrouped & delta.keys())
        if regrouped:
            meta["regrouped"] = regrouped
        previews = {name: preview for name, preview in meta.pop("previews", {}).items() if name in delta}
        if previews:
            meta["previews"] = previews
        if self.unsaved:
            meta["unsaved"] = [[lost.execution_count, lost.source] for lost in self.unsaved]
        return meta

    @staticmethod
    def _resolve(binding: Binding, saved: dict[CoVariable, str]) -> tuple[str, int]:
        covariable, version, slot = binding
        snapshot = saved.get(covariable)
        if snapshot is None:
            if covariable.durable != version or covariable.saved is None:
                raise StoreUnreachable(
                    "A version of a variable could not be saved earlier. It is saved with the next cell."
                )
            snapshot = covariable.saved
        return snapshot, slot

    @staticmethod
    def _put_pieces(writer: Writer, pieces: list[tuple[BufferPrint, int, memoryview]]) -> None:
        ids = writer.put_many([piece for _, _, piece in pieces])
        for (printed, index, _), chunk_id in zip(pieces, ids, strict=True):
            printed.ids[index] = chunk_id

    def _put_snapshots(self, writer: Writer, scan: Scan) -> dict[CoVariable, str]:
        """Save what has changed. Two co-variables of equal content stay two: they must not come back as one object."""
        saved: dict[CoVariable, str] = {}
        unchanged = {covariable for covariable, _, _ in scan.bindings.values()}
        unchanged -= {change.covariable for change in scan.changes}
        taken = {covariable.saved for covariable in unchanged if not covariable.constant}
        for change in scan.changes:
            snapshot, twin = self._snapshot(writer, change), 0
            while not change.covariable.constant and snapshot.id in taken:
                twin += 1
                snapshot = replace(snapshot, meta={**snapshot.meta, "twin": twin})
            saved[change.covariable] = writer.put_snapshot(snapshot)
            taken.add(saved[change.covariable])
        return saved

    @staticmethod
    def _snapshot(writer: Writer, change: Change) -> Snapshot:
        buffers = []
        for printed, sources in zip(change.fingerprint.buffers, change.sources, strict=True):
            for index, source in enumerate(sources):
                if source is not None and printed.ids[index] is None:
                    printed.ids[index] = source[0].ids[source[1]]
            ids = tuple(chunk_id for chunk_id in printed.ids if chunk_id is not None)
            if len(ids) != len(printed.ids):
                raise StoreUnreachable(
                    "A part of a variable could not be saved earlier. It is saved with the next cell."
                )
            buffers.append(ChunkList(printed.nbytes, ids))
        stream, inline = change.stream, None
        if len(stream) <= INLINE:
            chunks, inline = ChunkList(len(stream), ()), stream
        else:
            chunks = ChunkList(len(stream), tuple(writer.put_many(_stream_chunks(stream), compress=True)))
        covariable = change.covariable
        meta: dict[str, Any] = {"roots": len(covariable.slots)}
        if covariable.references:
            meta["references"] = sorted(covariable.references)
        mentioned = covariable.reach.names - covariable.references - _BUILTINS
        if mentioned:
            meta["mentions"] = sorted(mentioned)
        return Snapshot(chunks, tuple(buffers), inline, meta)


def _stream_chunks(stream: bytes) -> list[memoryview]:
    """Cut a stream where its content says so, so that an edit moves no chunk but its own."""
    from pyfastcdc import FastCDC

    smallest, average, largest = STREAM_CHUNKS
    view = memoryview(stream)
    cutter = FastCDC(avg_size=average, min_size=smallest, max_size=largest)
    return [view[chunk.offset : chunk.offset + chunk.length] for chunk in cutter.cut_buf(stream)]
