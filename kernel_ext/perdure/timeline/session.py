"""The live session: a history with a kernel's namespace on top of it.

Nothing here knows of IPython: a face tells the session when a cell begins and ends, and when it may read live objects.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from perdure.capture.names import Namespace
from perdure.capture.reach import NOTHING
from perdure.errors import PerdureError, UnknownName
from perdure.store import Commit as Record
from perdure.store import Refs, Store
from perdure.timeline.cell import Cell
from perdure.timeline.checkout import Checkout
from perdure.timeline.commit import check_new_variable, check_variable, is_echo
from perdure.timeline.history import History
from perdure.timeline.listeners import Listeners
from perdure.timeline.live import enter, leave, live_session
from perdure.timeline.manifest import Manifest
from perdure.timeline.positions import Position, Positions, changed_something
from perdure.timeline.recorder import Recorder
from perdure.timeline.report import UNCHANGED, Report, Row


class Session(History):
    """This kernel's session.

    :param say: shows the user one line when something has gone wrong with saving.
    """

    def __init__(self, store: Store, session: str, namespace: Namespace, say: Callable[[str], None]) -> None:
        super().__init__(store, session)
        store.claim(self.id)
        self._namespace = namespace
        self._say = say
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._ended: list[Cell] = []
        self.running: Cell | None = None
        self.listeners = Listeners()
        self._reported: object = None
        self._positions = Positions(store)
        head = store.refs(self.id).head
        self._recorder = Recorder(store, self.id, namespace, self.manifest(head), self._on_saved, self.listeners)
        enter(self)

    def __reduce__(self) -> Any:
        # A session that the user's code holds in a variable comes back as the session of the kernel it comes back in.
        return live_session, ()

    def __repr__(self) -> str:
        return f"<perdure session {self.id} at {(self._recorder.saver.refs.head or 'no commit')[:8]}>"

    # -- the life of a cell ------------------------------------------------------------------------------------

    def begin(self, cell: Cell) -> None:
        """A cell is about to run: finish reading what the last one left."""
        with self._lock:
            self.settle()
            if not cell.quiet:  # commands of ours change nothing that is still being saved, and some wait for it
                self._recorder.saver.wait_until_returned()
            self.running = cell

    def make_way(self) -> None:
        """Code is about to run that is no cell: let go of the live objects that are still being saved."""
        self._recorder.saver.wait_until_returned()

    def end(self, cell: Cell) -> None:
        """A cell has run. Its commit is made by the next :meth:`settle`."""
        with self._lock:
            self._ended.append(cell)
            self.running = None

    def settle(self) -> None:
        """Read what the cells that ended have left, and hand it to the saver. Never raises."""
        with self._lock:
            if not self._ended or os.getpid() != self._pid:
                return
            cells, self._ended = self._ended, []
            for cell in cells:
                try:
                    self._recorder.record(cell)
                    self._report_trouble()
                except Exception as error:  # noqa: BLE001 - a fault of ours must never show as one of the user's cell
                    self._report(f"A cell could not be recorded ({type(error).__name__}: {error}).", type(error))
                    self._recorder.start_over()

    def _on_saved(self, record: Record, before: Refs) -> None:
        if changed_something(record):
            self._positions.changed(Position(before.head, before.branch))
        self.listeners.tell(record)

    # -- durability --------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Wait until everything that ran is durable.

        :raises PerdureError: why it can't be.
        """
        with self._lock:
            self.settle()
            try:
                self._recorder.saver.flush()
            except PerdureError:  # there may be room again by now
                self._ended.append(Cell("", quiet=True, started=time.time()))
                self.settle()
                self._recorder.saver.flush()

    @property
    def durable(self) -> bool:
        """Whether everything that ran is on disk."""
        return not self._ended and self._recorder.saver.idle and self._recorder.saver.error is None

    @property
    def trouble(self) -> str | None:
        """Why the session isn't durable at the moment, if saving failed."""
        return str(self._recorder.saver.error) if self._recorder.saver.error is not None else None

    @property
    def last_cost(self) -> float:
        """Seconds of kernel time that the last commit took."""
        return self._recorder.cost

    @property
    def not_captured(self) -> dict[str, str]:
        """The live names that can't be captured, and why."""
        self._settled()
        return {
            name: reason
            for name, (reason, _) in sorted(self._recorder.saver.manifest.missing.items())
            if not is_echo(name)
        }

    @property
    def head(self) -> str | None:
        """The id of the commit that the session is at, once it is durable."""
        self._settled()
        return self._recorder.saver.refs.head

    @property
    def refs(self) -> Refs:
        """HEAD, branches and tags, everything that ran included."""
        self._settled()
        return self._recorder.saver.refs

    def _settled(self) -> None:
        with self._lock:
            self.settle()
            try:
                self._recorder.saver.flush()
            except PerdureError:
                self._report_trouble()

    def _report_trouble(self) -> None:
        error = self._recorder.saver.error
        if error is None:
            self._reported = None
        else:
            self._report(str(error), (type(error), getattr(error.__cause__, "errno", None)))

    def _report(self, text: str, reason: object) -> None:
        """Tell the user once that the session isn't durable, and again only if the reason is another."""
        if reason != self._reported:
            self._reported = reason
            self._say(f"perdure: this session is not durable at the moment. {text}")

    # -- going back and forth ----------------------------------------------------------------------------------

    def undo(self, n: int = 1) -> Report:
        """Go back ``n`` steps: a step is a cell that changed something, or a checkout.

        :raises UsageError: if there are not so many.
        """
        return self._step(n, "undo")

    def redo(self, n: int = 1) -> Report:
        """Take back ``n`` undos.

        :raises UsageError: if there are not so many.
        """
        return self._step(n, "redo")

    def _step(self, n: int, verb: str) -> Report:
        with self._lock:
            self._prepare_to_move()
            title = f"{verb} {n}" if n > 1 else verb
            with self._positions.unless_it_fails():
                target = self._positions.step(self._here, n, verb)
                if not self._secure(target.head):
                    return self._go(target, title)
            # What was only noticed now is a step of its own, and the first to go back on.
            with self._positions.unless_it_fails():
                return self._go(self._positions.step(self._here, n, verb), title)

    @property
    def _here(self) -> Position:
        return Position(self._recorder.saver.refs.head, self._recorder.saver.refs.branch)

    def checkout(self, ref: str, only: Iterable[str] | None = None) -> Report:
        """Put the variables as they were at ``ref``. It is one step to undo.

        :param only: just these names; HEAD then stays, and their values are a change of the present version.
        :raises UnknownRef: if there is no such commit.
        :raises UnknownName: if the version lacks one of ``only``.
        """
        with self._lock:
            self._prepare_to_move()
            target = self.resolve(ref)
            refs = self._recorder.saver.refs
            if only is not None:
                return self._fetch(ref, target, list(only))
            self._secure(target)
            here = self._here
            branch = ref if ref in refs.branches else refs.branch
            report = self._go(Position(target, branch), f"checkout {ref}")
            self._positions.changed(here)
            return report

    def switch(self, name: str) -> Report:
        """Go to the newest commit of a branch, and stay on it.

        :raises UnknownRef: if there is no such branch.
        """
        with self._lock:
            self.tip(name)
            report = self.checkout(name)
            report.title = f"switched to branch {name}"
            return report

    def get(self, name: str, ref: str = "HEAD", new_name: str | None = None) -> str:
        """Bind ``new_name`` to the value that ``name`` had at ``ref``, beside today's. Returns the new name.

        :raises UnknownName: if the version has no such name.
        :raises InvalidName: if a value can't be bound to ``new_name``.
        :raises NotCaptured: if its value could not be kept.
        """
        with self._lock:
            self._prepare_to_move()
            commit = self.resolve(ref)
            new = check_new_variable(new_name or f"{check_variable(name)}_{commit[:4]}")
            manifest = self.manifest(commit)
            if name not in manifest.names:
                raise UnknownName(
                    f"Version {commit[:8]} has no variable {name!r}. 'show {commit[:8]}' lists what it did."
                )
            self._namespace[new] = self.at(commit)[name]
            return new

    def _fetch(self, ref: str, commit: str, names: list[str]) -> Report:
        target = self.manifest(commit)
        unknown = [name for name in names if name not in target.names]
        for name in names:
            check_variable(name)
        if unknown:
            raise UnknownName(
                f"Version {commit[:8]} has no variable {', '.join(map(repr, unknown))}; nothing has changed."
            )
        began = time.perf_counter()
        checkout = self._put(target, only=names)
        return Report(
            f"{', '.join(names)} as of {ref}", self._recorder.saver.refs.head, checkout, time.perf_counter() - began
        )

    def _prepare_to_move(self) -> None:
        """Commit whatever the running cell has changed so far, so that nothing is lost and the move can be undone."""
        self.settle()
        running = self.running or Cell("", started=time.time())
        self._ended.append(replace(running, quiet=True, execution_count=None))
        self.settle()
        self._recorder.saver.flush()

    def _secure(self, target: str | None) -> bool:
        """Commit what a move to ``target`` would replace, if it is not what the last commit says.

        A library that holds one of the session's objects may have changed it without any cell's naming it.
        :returns: whether it had changed.
        """
        here, table = self._here, self._recorder.tracker.table
        live, there = self._recorder.saver.manifest.bindings, self.manifest(target).bindings
        doomed = {table.get(name) for name, binding in live.items() if there.get(name) != binding}
        also = frozenset(covariable for covariable in doomed if covariable is not None)
        self._ended.append(Cell("", also=also, quiet=True, started=time.time(), meta={"kind": "outside"}))
        self.settle()
        self._recorder.saver.flush()
        return self._here != here

    def _go(self, target: Position, title: str) -> Report:
        began = time.perf_counter()
        manifest = self.manifest(target.head)
        refs = replace(self._recorder.saver.refs, head=target.head, branch=target.branch)
        rows = self._put(manifest, refs=refs)
        self._arrive(manifest)
        return Report(title, target.head, rows, time.perf_counter() - began)

    def _arrive(self, manifest: Manifest) -> None:
        """The variables are a version's now. What that could not capture and isn't here was not deleted by anyone."""
        marks = dict(self._recorder.tracker.table.missing)
        here = {name: mark for name, mark in manifest.missing.items() if name in marks}
        self._recorder.saver.arrive(Manifest(dict(manifest.bindings), here), marks)

    def _put(
        self,
        target: Manifest,
        *,
        refs: Refs | None = None,
        live: Manifest | None = None,
        only: Iterable[str] | None = None,
        keep: bool = False,
    ) -> list[Row]:
        """Make the variables what they are in ``target``, after ``refs`` are durably there: a refusal changes nothing."""
        live = live if live is not None else self._recorder.saver.manifest
        tracker = self._recorder.tracker
        checkout = Checkout(self.store, self.id, self._namespace, tracker, live, target, only=only, keep=keep)
        checkout.prepare()
        if refs is not None:
            self._recorder.saver.move(refs)
        rows = checkout.apply()
        self._recorder.forget_last()
        return rows

    def restore(self) -> Report:
        """Bring the session's newest version into this kernel, beside what the kernel has already."""
        with self._lock:
            began = time.perf_counter()
            head = self._recorder.saver.refs.head
            target = self.manifest(head)
            rows = self._put(target, live=Manifest(), keep=True)
            self._arrive(target)
            return Report(f"restored session {self.id}", head, rows, time.perf_counter() - began)

    def roll_back(self, cell: Cell) -> Report:
        """Put everything back as it was before ``cell``, which has run and failed, and commit only that it did.

        :raises PerdureError: if what was before isn't durable, so that there is nothing to go back to.
        """
        with self._lock:
            began = time.perf_counter()
            self.running = None
            self._recorder.saver.flush()
            scan = self._recorder.scan(cell.reach)
            rows = self._put(self._recorder.saver.manifest, live=Manifest.now(scan, self._recorder.saver.manifest))
            self.end(replace(cell, reach=NOTHING, meta={**cell.meta, "rolled_back": True}))
            self.settle()
            report = Report("rolled back", self._recorder.saver.refs.head, rows, time.perf_counter() - began)
            report.rows = [row for row in rows if row.status != UNCHANGED]
            return report

    # -- outside cells -----------------------------------------------------------------------------------------

    def recheck(self, seconds: float, *, large: bool = False) -> bool:
        """Look at a part of what no cell has touched lately; commit what changed outside cells.

        :param seconds: about how long it may take.
        :param large: look at one value that takes longer, if only such are left.
        :returns: whether there is more to look at.
        """
        with self._lock:
            if self.running is not None or self._ended:
                return False
            batch = self._recorder.unchecked(seconds, large=large)
            if batch:
                self._ended.append(Cell("", also=batch, quiet=True, started=time.time(), meta={"kind": "outside"}))
                self.settle()
            return bool(batch)

    # -- refs --------------------------------------------------------------------------------------------------

    def _edit_refs(self, change: Callable[[Refs], Refs]) -> Refs:
        with self._lock:
            refs = change(self.refs)
            self._recorder.saver.move(refs)
            return refs

    # -- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Save what is left and give the session back."""
        with self._lock:
            if os.getpid() != self._pid:
                return
            leave(self)
            self.settle()
            self._recorder.saver.close()
            if self.trouble is not None:
                self._say(f"perdure: the last cells of session {self.id} are not durable. {self.trouble}")
            with contextlib.suppress(PerdureError):  # a store that is gone has no owner to forget
                self.store.release(self.id)
