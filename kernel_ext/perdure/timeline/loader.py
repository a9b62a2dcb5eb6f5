"""Snapshots to objects: reads, verifies and unpickles what a version needs, once each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from perdure.capture import guard
from perdure.capture.fingerprint import CHUNK, Fingerprint
from perdure.capture.unpickler import load
from perdure.errors import Damaged, NotRestorable, PerdureError, UnknownName
from perdure.store import ChunkList, Snapshot, Store
from perdure.timeline.manifest import Manifest
from perdure.timeline.trust import check_trusted


class Loader:
    """Makes the objects of one version.

    :param namespace: the globals that the version's functions get.
    :param given: names whose objects are live already and are to be used as they are.
    :param show: called with each name and object that code run while loading may look for in ``namespace`` (a class's own
        ``__setstate__``, say), unless the namespace finds it by itself.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        manifest: Manifest,
        namespace: dict[str, Any],
        given: Mapping[str, Any] | None = None,
        show: Callable[[str, Any], None] | None = None,
    ) -> None:
        check_trusted(store, session)
        self._store = store
        self._manifest = manifest
        self._namespace = namespace
        self._given = given or {}
        self._show = show
        #: The fingerprints of what was read, for whoever follows the values from here on.
        self.stored: dict[str, Fingerprint] = {}
        self._loaded: dict[str, list[Any]] = {}
        self._records: dict[str, Snapshot] = {}
        self._loading: list[str] = []

    def finish(self) -> None:
        """All values are made: let go of whoever asked for them."""
        self._show = None

    def record(self, snapshot: str) -> Snapshot:
        """The snapshot's own record."""
        found = self._records.get(snapshot)
        if found is None:
            found = self._records[snapshot] = self._store.snapshot(snapshot)
        return found

    def value(self, name: str) -> Any:
        """The object that the version binds ``name`` to.

        :raises UnknownName: if it has none of that name.
        :raises NotCaptured: if the value could not be kept.
        """
        if name in self._given:
            return self._given[name]
        binding = self._manifest.bindings.get(name)
        if binding is None:
            raise UnknownName(f"The version has no variable {name!r}.")
        snapshot, slot = binding
        return self.roots(snapshot)[slot]

    def roots(self, snapshot: str) -> list[Any]:
        """The objects of a snapshot, made on the first call.

        :raises NotRestorable: if this Python can't make them.
        :raises Damaged: if bytes of it are not what was written.
        """
        if snapshot not in self._loaded:
            if snapshot in self._loading:
                raise NotRestorable("Two definitions refer to each other by name in a circle; run their cells again.")
            self._loading.append(snapshot)
            try:
                self._loaded[snapshot] = self._load(snapshot)
            finally:
                self._loading.pop()
        return self._loaded[snapshot]

    def _load(self, snapshot: str) -> list[Any]:
        record = self.record(snapshot)
        if self._show is not None:
            self._make_ready(record, self._show)
        stream = record.inline if record.inline is not None else self._store.read(record.stream)
        buffers = self._read_buffers(record.buffers)
        if self._show is not None:
            self.stored[snapshot] = _fingerprint(record, stream, buffers)
        try:
            with guard.undisturbed():  # the garbage collector would look at every new object, again and again
                return load(stream, buffers, int(record.meta["roots"]), self._namespace, self.value)
        except PerdureError:
            raise
        except Exception as error:
            raise NotRestorable(f"{type(error).__name__}: {error}") from error

    def _make_ready(self, record: Snapshot, show: Callable[[str, Any], None]) -> None:
        """Make what the snapshot's code, and the definitions that it refers to, will look for among the globals."""
        wanted = [*record.meta.get("references", ()), *record.meta.get("mentions", ())]
        for name in wanted:
            binding = self._manifest.bindings.get(name)
            if name not in self._given and (binding is None or binding[0] in self._loading):
                continue
            with contextlib.suppress(PerdureError):  # what can't be made is reported under its own name
                show(name, self.value(name))

    def _read_buffers(self, lists: tuple[ChunkList, ...]) -> list[Any]:
        buffers = [_writable(chunks.nbytes) for chunks in lists]
        parts = []
        for chunks, buffer in zip(lists, buffers, strict=True):
            view = memoryview(buffer).cast("B")
            parts += [(chunk_id, view[at * CHUNK : (at + 1) * CHUNK]) for at, chunk_id in enumerate(chunks.ids)]
        self._store.read_into(parts)
        return buffers


def _fingerprint(record: Snapshot, stream: bytes | bytearray, buffers: list[Any]) -> Fingerprint:
    fingerprint = Fingerprint.of(memoryview(stream), [memoryview(buffer).cast("B") for buffer in buffers])
    for printed, chunks in zip(fingerprint.buffers, record.buffers, strict=True):
        printed.ids = list(chunks.ids)
    return fingerprint


def _writable(nbytes: int) -> Any:
    """A writable buffer. NumPy's is not filled with zeros first, which would take as long as reading it."""
    try:
        import numpy
    except ImportError:
        return bytearray(nbytes)
    return numpy.empty(nbytes, "u1")


def explain(error: Exception) -> str:
    """Why a value could not be restored, for a report."""
    if isinstance(error, Damaged):
        return f"damaged: {error}"
    return str(error) or type(error).__name__
