"""Patches: turn a live co-variable into another version of it by writing the few chunks that differ into its buffers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xxhash

from perdure.capture import guard
from perdure.capture.covariables import CoVariable
from perdure.capture.fingerprint import CHUNK, BufferPrint
from perdure.capture.names import Namespace
from perdure.capture.pickler import dump
from perdure.capture.tracker import Tracker
from perdure.store import Store
from perdure.timeline.manifest import Manifest

#: At most so many bytes are read for a patch: they are held beside the live buffers until all are verified.
LIMIT = 256 * 1024 * 1024


@dataclass(slots=True)
class _Piece:
    printed: BufferPrint
    at: int
    window: memoryview
    chunk: bytes
    fresh: bytearray


@dataclass(slots=True)
class Patch:
    """The verified chunks that make ``covariable`` the version ``snapshot``."""

    snapshot: str
    covariable: CoVariable
    pieces: list[_Piece]

    @classmethod
    def of(
        cls,
        store: Store,
        snapshot: str,
        names: Mapping[str, int],
        live: Manifest,
        tracker: Tracker,
        namespace: Namespace,
    ) -> Patch | None:
        """The patch from the live version to ``snapshot``, or ``None`` if more than buffers differs.

        :param names: all names of the snapshot that are wanted, with their places.
        :raises Damaged: if a chunk is not what was written.
        """
        covariable = cls._covariable(names, live, tracker)
        if covariable is None or covariable.fingerprint is None or covariable.saved is None:
            return None
        after, before = store.snapshot(snapshot), store.snapshot(covariable.saved)
        if not after.buffers or (after.stream, after.inline, after.meta) != (before.stream, before.inline, before.meta):
            return None
        if [part.nbytes for part in after.buffers] != [part.nbytes for part in before.buffers]:
            return None
        current = namespace.snapshot()
        objects: dict[int, Any] = {id(current[name]): current[name] for name in names}
        if objects.keys() != covariable.slots.keys():
            return None
        with guard.undisturbed():
            roots = [objects[identity] for identity in covariable.slots]
            views = dump(roots, namespace.user_ns, covariable.windows).buffers
        if len(views) != len(after.buffers) or any(view.readonly for view in views):
            return None
        pieces = [
            _Piece(printed, at, view[at * CHUNK : (at + 1) * CHUNK], new, bytearray())
            for new_part, old_part, view, printed in zip(
                after.buffers, before.buffers, views, covariable.fingerprint.buffers, strict=True
            )
            for at, (new, old) in enumerate(zip(new_part.ids, old_part.ids, strict=True))
            if new != old
        ]
        if sum(piece.window.nbytes for piece in pieces) > LIMIT:
            return None
        for piece in pieces:
            piece.fresh = bytearray(piece.window.nbytes)
        store.read_into([(piece.chunk, memoryview(piece.fresh)) for piece in pieces])
        return cls(snapshot, covariable, pieces)

    @staticmethod
    def _covariable(names: Mapping[str, int], live: Manifest, tracker: Tracker) -> CoVariable | None:
        """The one live co-variable that has exactly these names in exactly these places."""
        bound = {live.bindings[name] for name in names if name in live.bindings}
        snapshots = {snapshot for snapshot, _ in bound}
        if len(snapshots) != 1 or any(
            name not in live.bindings or live.bindings[name][1] != names[name] for name in names
        ):
            return None
        (snapshot,) = snapshots
        if {name for name, (other, _) in live.bindings.items() if other == snapshot} != names.keys():
            return None
        covariables = {tracker.table.get(name) for name in names}
        covariable = covariables.pop()
        return covariable if not covariables and covariable is not None and covariable.snapshot == snapshot else None

    def apply(self, tracker: Tracker) -> None:
        """Write the chunks; the co-variable is then the snapshot's version."""
        for piece in self.pieces:
            piece.window[:] = piece.fresh
            piece.printed.digests[piece.at] = xxhash.xxh3_128_digest(piece.fresh)
            piece.printed.ids[piece.at] = piece.chunk
            piece.window.release()
        covariable = self.covariable
        covariable.version += 1
        covariable.saved, covariable.durable = self.snapshot, covariable.version
        for name in tracker.table.names_in(covariable):
            tracker.table.refresh(name)
