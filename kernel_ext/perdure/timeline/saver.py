"""The saver: makes commits durable behind the kernel's back.

A scan has read the live objects on the kernel's main thread; what it found is written here, on a thread of its own, in
order. The user's next cell needs not wait for the disk, only for bytes that memory has no room to copy (see ``loan``).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from perdure.capture.covariables import Binding, CoVariable, Scan
from perdure.capture.world import SURROUNDINGS, is_world
from perdure.errors import PerdureError, StoreUnreachable
from perdure.store import Commit as Record
from perdure.store import Refs, Store, Writer
from perdure.timeline.branches import advance
from perdure.timeline.listeners import Listeners
from perdure.timeline.loan import Loan, make_way
from perdure.timeline.manifest import Manifest
from perdure.timeline.positions import changed_something
from perdure.timeline.save import Save, put_snapshots, resolved

_TORN = "it was changed by other code while it was being saved; it is saved with the next cell"


class Saver:
    """Writes one session's commits, one after the other.

    :param manifest: the version at HEAD, against which the next commit's delta is taken.
    :param on_saved: called on the saver's thread with every commit that became durable, and the refs before it.
    :param listeners: are told of what could not be saved, and of refs that move.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        manifest: Manifest,
        on_saved: Callable[[Record, Refs], None],
        listeners: Listeners,
    ) -> None:
        self._store = store
        self._session = session
        self._on_saved = on_saved
        self._listeners = listeners
        self._writer: Writer | None = None
        self._queue: queue.SimpleQueue[Save | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._waiting = 0
        self._loans: list[Loan] = []
        self.manifest = manifest
        self._missing_marks: dict[str, tuple[str, int]] = {}
        self._last: dict[str, Binding] = {}
        self._torn: dict[CoVariable, int] = {}
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
            self._loans.append(save.loan)
        self._queue.put(save)

    def wait_until_returned(self) -> None:
        """See to it that no live memory is read from now on: the user's code is about to run."""
        with self._changed:
            loans = list(self._loans)
        make_way(loans)

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

    def move(self, refs: Refs) -> None:
        """Put HEAD, the branches and the tags elsewhere, durably; nothing is on its way.

        :raises StoreError: if that can't be written; nothing has moved then.
        """
        self._store.move_refs(self._session, refs)
        self.refs = refs
        self._listeners.tell_move()

    def arrive(self, manifest: Manifest, marks: dict[str, tuple[str, int]]) -> None:
        """The namespace is at another version now.

        :param marks: what a scan says now of the names that have no snapshot.
        """
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
            save.loan.give_back()
            with self._changed:
                self._waiting -= 1
                self._loans.remove(save.loan)
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
        self._listeners.tell_trouble(error)

    def _save(self, save: Save) -> None:
        if self._failed and self.error is not None:
            raise self.error  # it builds on what could not be saved; the next scan takes in both
        if self._writer is None:
            self._writer = self._store.writer(self._session)
        writer = self._writer
        save.loan.put(writer)
        self._find_torn(save)
        saved = put_snapshots(writer, save.scan, self._torn)
        old, last = self.manifest, self._last
        now, not_kept = self._kept(save.scan)
        # A binding that is the same tuple as in the last commit is the same in the manifest: most are.
        delta = {name: self._resolve(binding, saved) for name, binding in now.items() if last.get(name) is not binding}
        delta = {name: binding for name, binding in delta.items() if old.bindings.get(name) != binding}
        missing = {
            name: reason
            for name, (reason, generation) in not_kept.items()
            if self._missing_marks.get(name) != (reason, generation)
        }
        gone = old.names - now.keys() - not_kept.keys()
        deleted = tuple(sorted(name for name in gone if not is_world(name)))  # a process always has a state
        # To look again at what can't be captured is no news by itself, and neither is the process's state.
        news = [name for name in delta if not is_world(name)]
        if not (news or deleted or missing.keys() - old.missing.keys() or save.even_if_empty):
            self._settle(save.scan, saved, {name: binding for name, binding in now.items() if name not in delta})
            return
        record = replace(
            save.record,
            parent=self.refs.head,
            bindings=delta,
            deleted=deleted,
            not_captured=missing,
            bytes_added=writer.pending_bytes,
            meta=self._meta(save, delta, old),
        )
        refs = advance(self.refs, record.id, changed=changed_something(record))
        commit_id = writer.commit(record, refs)
        before, self.refs = self.refs, refs
        self.unsaved.clear()
        self._missing_marks = dict(not_kept)
        manifest_missing = {
            name: (reason, commit_id if name in missing else old.missing.get(name, ("", commit_id))[1])
            for name, (reason, _) in not_kept.items()
        }
        bindings = {name: binding for name, binding in old.bindings.items() if name in now or is_world(name)}
        bindings.update(delta)
        self.manifest = Manifest(bindings, manifest_missing)
        self._settle(save.scan, saved, now)
        self._on_saved(record, before)

    def _find_torn(self, save: Save) -> None:
        """Find out which versions can't be kept, as other code has changed them after the scan; the next one saves them."""
        for change in save.scan.changes:
            # A version that shares bytes with a torn one may lack them too.
            lacking = self._torn.pop(change.covariable, None) is not None and not resolved(change)
            if lacking or change.covariable in save.loan.torn:
                self._torn[change.covariable] = change.version
                with self._changed:
                    self._failed = True

    def _kept(self, scan: Scan) -> tuple[dict[str, Binding], dict[str, tuple[str, int]]]:
        """The names whose values can be kept, and those that can't be, with why."""
        if not self._torn:
            return scan.bindings, scan.missing
        torn = {
            name: (_TORN, version)
            for name, (covariable, version, _) in scan.bindings.items()
            if self._torn.get(covariable) == version
        }
        alive = {covariable for covariable, _, _ in scan.bindings.values()}
        self._torn = {covariable: version for covariable, version in self._torn.items() if covariable in alive}
        kept = {name: binding for name, binding in scan.bindings.items() if name not in torn}
        return kept, {**scan.missing, **torn}

    def _settle(self, scan: Scan, saved: dict[CoVariable, str], bindings: dict[str, Binding]) -> None:
        for change in scan.changes:
            covariable = change.covariable
            if covariable not in saved:
                continue
            covariable.saved, covariable.durable = saved[covariable], change.version
            if covariable.version == change.version:
                covariable.saving = False
        self._last = bindings

    def _meta(self, save: Save, delta: dict[str, tuple[str, int]], old: Manifest) -> dict[str, Any]:
        meta = dict(save.record.meta)
        # Where the process is, noted for the first time: before, there is nothing that one could go back to.
        noted = {name for name in SURROUNDINGS if name not in old.bindings}
        regrouped = sorted((save.scan.regrouped | noted) & delta.keys())
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
