"""Checkout: put the live namespace at another version, touching only what differs.

*Kishu* (section 5) restores by difference between states; so does this, with two additions: all values are made before
any name is changed, and a large buffer of which a few chunks differ is patched where it lies (see ``patch``), its object
kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from perdure.capture.figures import hand_over
from perdure.capture.names import Namespace
from perdure.capture.tracker import Tracker
from perdure.capture.world import SURROUNDINGS, is_world
from perdure.errors import PerdureError
from perdure.store import Store
from perdure.timeline.loader import Loader, explain
from perdure.timeline.manifest import Manifest
from perdure.timeline.patch import Patch
from perdure.timeline.report import DELETED, FAILED, MISSING, RESTORED, UNCHANGED, Row

_NOTHING = object()


class Checkout:
    """Puts ``namespace`` from the version ``live`` to the version ``target``: first ``prepare``, then ``apply``.

    :param only: the names to restore; the others stay as they are. All of them if ``None``.
    :param keep: leave names alone that the target lacks (a restore into a kernel that has its own).
    """

    def __init__(
        self,
        store: Store,
        session: str,
        namespace: Namespace,
        tracker: Tracker,
        live: Manifest,
        target: Manifest,
        *,
        only: Iterable[str] | None = None,
        keep: bool = False,
    ) -> None:
        self._store = store
        self._namespace = namespace
        self._tracker = tracker
        self._live = live
        self._target = target
        self._keep = keep
        self._current = namespace.snapshot()
        self._names = live.names | target.names if only is None else set(only)
        #: Per snapshot of the target, its names that are wanted, with their places in it.
        self._groups: dict[str, dict[str, int]] = {}
        for name in sorted(self._names & target.bindings.keys()):
            snapshot, slot = target.bindings[name]
            self._groups.setdefault(snapshot, {})[name] = slot
        #: The live objects that are a snapshot's roots already, under whatever name.
        self._alive = {live.bindings[name]: obj for name, obj in self._current.items() if name in live.bindings}
        self._to_load = self._find_what_to_load()
        given = {
            name: self._alive[snapshot, slot]
            for snapshot, names in self._groups.items()
            if snapshot not in self._to_load
            for name, slot in names.items()
        }
        self._shown: dict[str, Any] = {}
        self._loader = Loader(store, session, target, namespace.user_ns, given, self._show)
        self._patches: list[Patch] = []
        self._loaded: dict[str, list[Any]] = {}
        self._failed: dict[str, str] = {}

    def _find_what_to_load(self) -> set[str]:
        """Snapshots of which a root is not alive, and those that refer by name to what is therefore made anew."""
        found = {
            snapshot
            for snapshot, names in self._groups.items()
            if any((snapshot, slot) not in self._alive for slot in names.values())
        }
        referring = {
            snapshot: covariable.references
            for covariable in self._tracker.table.covariables()
            if covariable.references and (snapshot := covariable.snapshot) in self._groups and snapshot is not None
        }
        while True:
            made = {name for snapshot in found for name in self._groups[snapshot]}
            more = {
                snapshot
                for snapshot, references in referring.items()
                if snapshot not in found and not made.isdisjoint(references)
            }
            if not more:
                return found
            found |= more

    def prepare(self) -> None:
        """Read and make every value that is needed. The namespace is as it was when this returns or raises."""
        surroundings = {name: self._current[name] for name in SURROUNDINGS if name in self._current}
        try:
            self._make_values()
        except BaseException:
            for name, value in surroundings.items():
                self._put(name, value)
            raise
        finally:
            self._loader.finish()
            for name, before in self._shown.items():
                if before is _NOTHING:
                    self._namespace.user_ns.pop(name, None)
                else:
                    self._namespace.user_ns[name] = before

    def _show(self, name: str, value: Any) -> None:
        """Code that runs while values are made finds the target's globals, for as long as that takes."""
        user_ns = self._namespace.user_ns
        self._shown.setdefault(name, user_ns.get(name, _NOTHING))
        user_ns[name] = value

    def _make_values(self) -> None:
        with contextlib.suppress(PerdureError, OSError):  # which are reported under their names below
            for name in SURROUNDINGS:  # modules of the session's are found there
                binding = self._target.bindings.get(name)
                if binding is not None and binding[0] in self._to_load:
                    self._namespace[name] = self._loader.value(name)
        for snapshot in sorted(self._to_load):
            names = self._groups[snapshot]
            try:
                patch = Patch.of(self._store, snapshot, names, self._live, self._tracker, self._namespace)
                if patch is not None:
                    self._patches.append(patch)
                else:
                    self._loaded[snapshot] = self._loader.roots(snapshot)
            except PerdureError as error:
                self._failed.update((name, explain(error)) for name in names)

    def apply(self) -> list[Row]:
        """Change the namespace, and say what happened to each name. Nothing here reads the store."""
        for patch in self._patches:
            patch.apply(self._tracker)
        table = self._tracker.table
        entries = dict(table.entries)
        names_of = {binding: name for name, binding in self._live.bindings.items() if name in self._current}
        adopted = []
        for snapshot, names in self._groups.items():
            roots = self._loaded.get(snapshot)
            if roots is not None:
                values = {name: (roots[slot], slot) for name, slot in names.items()}
                adopted.append((snapshot, len(roots), values))
                for name, (value, _) in values.items():
                    self._put(name, value)
            elif snapshot not in self._to_load:
                for name, slot in names.items():
                    if self._live.bindings.get(name) != (snapshot, slot):
                        self._put(name, self._alive[snapshot, slot])
                        table.set(name, entries[names_of[snapshot, slot]])
        gone = [name for name in self._doomed() if name in self._current]
        for name in gone:
            del self._namespace[name]
            table.drop(name)
        now = self._namespace.snapshot()
        made = {name: value for _, _, values in adopted for name, (value, _) in values.items()}
        hand_over([(self._current[name], made[name]) for name in made if name in self._current], now.values())
        for snapshot, count, values in adopted:
            self._tracker.adopt(snapshot, count, values, self._loader.stored[snapshot])
        rows = [self._row(name) for name in sorted(self._names & (self._live.names | self._target.names))]
        return [
            Row(row.name, row.status, _kind(now[row.name]) if row.name in now else "", row.note) for row in rows if row
        ]

    def _put(self, name: str, value: Any) -> None:
        try:
            self._namespace[name] = value
        except OSError as error:  # of the working directory, on another machine
            self._failed[name] = str(error)

    def _doomed(self) -> list[str]:
        """Names whose live value is not the target's and can't be made so."""
        return [
            name
            for name in self._names
            if name in self._failed
            or (name in self._target.missing and name in self._live.bindings)
            or (not self._keep and name in self._live.names and name not in self._target.names and not is_world(name))
        ]

    def _row(self, name: str) -> Row | None:
        target = self._target
        if name in self._failed:
            return Row(name, FAILED, note=self._failed[name])
        if name in target.bindings:
            made = target.bindings[name][0] in self._to_load or self._live.bindings.get(name) != target.bindings[name]
            replaced = "a value that this kernel had was replaced" if self._keep and name in self._current else ""
            return Row(name, RESTORED if made else UNCHANGED, note=replaced)
        if name not in target.missing:
            return None if self._keep else Row(name, DELETED)
        reason = target.missing[name][0]
        if name not in self._current or name in self._live.bindings:
            return Row(name, MISSING, note=reason)
        if self._live.missing.get(name) == target.missing[name]:
            return Row(name, UNCHANGED, note=f"{MISSING} ({reason}), but not touched since")
        return Row(name, MISSING, note=f"{reason}; left as it is now, which may be newer")


def _kind(value: object) -> str:
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package in ("builtins", "__main__") else f"{package}.{kind.__qualname__}"
