"""The recorder: turns a cell that has run into a commit on its way to the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from perdure.capture.covariables import CoVariable, Scan
from perdure.capture.names import Namespace
from perdure.capture.preview import preview
from perdure.capture.reach import Reach
from perdure.capture.tracker import Tracker
from perdure.store import Commit as Record
from perdure.store import Refs, Store
from perdure.timeline.cell import Cell
from perdure.timeline.commit import is_echo
from perdure.timeline.listeners import Listeners
from perdure.timeline.manifest import Manifest
from perdure.timeline.packages import versions_of
from perdure.timeline.save import Save
from perdure.timeline.saver import Saver


class Recorder:
    """Follows one namespace for one session.

    ``cost`` is what the last commit took of the kernel's time, in seconds.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        namespace: Namespace,
        manifest: Manifest,
        on_saved: Callable[[Record, Refs], None],
        listeners: Listeners,
    ) -> None:
        self._session = session
        self._namespace = namespace
        self.tracker = Tracker(namespace.user_ns)
        self.saver = Saver(store, session, manifest, on_saved, listeners)
        self.cost = 0.0
        self._last: Scan | None = None
        self._uncommitted: dict[str, str] = {}
        self._packages: dict[str, str] = {}
        self._round = time.monotonic()

    def record(self, cell: Cell) -> None:
        """Scan what the cell has left and hand it to the saver."""
        began = time.perf_counter()
        scan = self.scan(cell.reach, cell.also, world=not cell.quiet)
        commands = {} if cell.quiet else self._uncommitted
        record = Record(
            session=self._session,
            parent=None,
            source=cell.source,
            execution_count=cell.execution_count,
            outcome=cell.outcome,
            started=cell.started,
            duration=cell.duration,
            meta=cell.describe(self.tracker.table, {**self._news(scan), "history": commands}),
        )
        self.saver.submit(Save.of(record, scan, even_if_empty=not cell.quiet))
        if not cell.quiet:
            self._uncommitted = {}
            self._round = time.monotonic()  # it may have changed anything through somebody else's reference
        elif cell.execution_count is not None:
            self._uncommitted[str(cell.execution_count)] = cell.source
        self._last = scan
        self.cost = time.perf_counter() - began

    def scan(self, reach: Reach, also: frozenset[CoVariable] = frozenset(), *, world: bool = True) -> Scan:
        """Compare the namespace, and the process's state if ``world``, with what is known of it."""
        if self.saver.take_failure():
            self.tracker.forget_unsaved()
        return self.tracker.scan(self._namespace.snapshot(world=world), reach, also)

    def start_over(self) -> None:
        """Forget what is known of the namespace, so that the next scan takes in all of it."""
        self.tracker = Tracker(self._namespace.user_ns)
        self.forget_last()

    def forget_last(self) -> None:
        """The namespace is another one than at the last scan."""
        self._last = None

    def _news(self, scan: Scan) -> dict[str, Any]:
        """Previews of what is bound otherwise than before, and versions of the packages that it comes from."""
        old = self._last.bindings if self._last is not None else {}
        changed = {
            name: self._namespace[name] for name, binding in scan.bindings.items() if old.get(name) is not binding
        }
        versions = versions_of(changed.values())
        packages = {name: version for name, version in versions.items() if self._packages.get(name) != version}
        self._packages.update(packages)
        previews = {name: preview(value) for name, value in changed.items() if not is_echo(name)}
        return {"previews": previews, "packages": packages}

    def unchecked(self, seconds: float, *, large: bool) -> frozenset[CoVariable]:
        """Co-variables that nobody has looked at in this round of idleness, as many as take ``seconds`` to look at.

        With ``large``, one that takes longer if no others are left. None when the round is complete; the next call begins
        another.
        """
        batch: list[CoVariable] = []
        spent = 0.0
        too_large: CoVariable | None = None
        for covariable in self.tracker.table.covariables():
            known = covariable.constant or not covariable.slots  # it can't change, or nobody could tell
            if covariable.checked >= self._round or known:
                continue
            if spent + covariable.seconds <= seconds:
                spent += covariable.seconds
                batch.append(covariable)
            else:
                too_large = covariable
        if large and not batch and too_large is not None:
            batch.append(too_large)
        self._mark(batch)
        if not batch:
            self._round = time.monotonic()
        return frozenset(batch)

    @staticmethod
    def _mark(covariables: Iterable[CoVariable]) -> None:
        now = time.monotonic()
        for covariable in covariables:
            covariable.checked = now
