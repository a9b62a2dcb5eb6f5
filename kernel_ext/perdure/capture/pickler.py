"""Objects to bytes: one co-variable's roots to a pickle stream and its out-of-band buffers.

The C pickler does the work (protocol 5, PEP 574). Three things are added, none of which costs anything for builtin
containers: a log of every object that was visited (the ``persistent_id`` hook is a list's own ``append``, so no Python
runs for it), references to the session's own functions and classes by their name, and reducers that keep what plain
pickling loses (views, closures, live globals).
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import cloudpickle

from perdure.capture import functions, libraries
from perdure.capture.guard import patience
from perdure.capture.reach import NOTHING, Reach
from perdure.capture.stream import Stream

#: A buffer smaller than this stays in the stream: a chunk of its own would cost more to book than to store.
SMALL_BUFFER = 16 * 1024

Reduced = Any
Reducer = Callable[["SessionPickler", Any], Reduced]


@dataclass(slots=True)
class Pickled:
    """What one pass over a co-variable found.

    ``stream`` holds one pickle per root, with one memo; ``buffers`` are flat byte views of live memory, in stream order.
    ``parts`` gives, per root, the bytes of its pickle and the number of buffers up to its end. ``visited`` lists, per root, every object seen, and ``by_value`` the functions and classes that were kept by value, the
    only ones that tie (what is kept by name is free to be shared); ``addresses`` is memory that two libraries may see through
    objects of their own. ``references`` are the names of the session's functions and classes
    that the objects refer to, ``reach`` the names that code inside the objects mentions. ``windows`` are the ids of arrays that
    are kept whole because something besides a view of them has seen them.
    """

    stream: bytes
    buffers: list[memoryview] = field(default_factory=list)
    visited: list[list[object]] = field(default_factory=list)
    by_value: list[list[object]] = field(default_factory=list)
    addresses: list[set[int]] = field(default_factory=list)
    references: frozenset[str] = frozenset()
    reach: Reach = NOTHING
    parts: list[tuple[int, int]] = field(default_factory=list)
    windows: frozenset[int] = frozenset()


class SessionPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """A C pickler that knows which namespace its objects live in."""

    def __init__(
        self,
        file: Stream,
        namespace: dict[str, Any],
        roots: Sequence[object],
        *,
        inner: bool = False,
        windowed: AbstractSet[int] = frozenset(),
    ) -> None:
        buffers: list[pickle.PickleBuffer] = []

        def keep_out_of_band(buffer: pickle.PickleBuffer) -> bool:
            if buffer.raw().nbytes < SMALL_BUFFER:
                return True
            buffers.append(buffer)
            return False

        # Not a method: in a circle with its callback, the pickler would hold on to the user's objects.
        # A plain dict, which C looks into directly; cloudpickle's own chain of maps costs a microsecond an instance.
        self.dispatch_table = {**copyreg.dispatch_table, **cloudpickle.Pickler._dispatch_table}  # noqa: SLF001 - its only name
        super().__init__(file, protocol=5, buffer_callback=keep_out_of_band)
        self.buffers = buffers
        self.namespace = namespace
        self.root_ids = frozenset(map(id, roots))
        self.references: set[str] = set()
        self.reach = NOTHING
        self.by_value: list[object] = []
        self.inner = inner
        self.windowed = windowed
        self.windows: set[int] = set()
        self.addresses: set[int] = set()
        self.shared: dict[int, Any] = {}
        self._own: dict[type, Reducer] = {}  # of the session's classes, which must not be kept alive by _REDUCERS

    def reducer_override(self, obj: Any) -> Reduced:  # called for all but the builtin containers and atoms
        kind = type(obj)
        reducer = _REDUCERS.get(kind) or self._own.get(kind)
        if reducer is None:
            reducer = _reducer_for(kind)
            (self._own if libraries.home_of(kind) == "__main__" else _REDUCERS)[kind] = reducer
        return NotImplemented if reducer is _unchanged else reducer(self, obj)

    def default_reduce(self, obj: Any) -> Reduced:
        """What cloudpickle makes of it: by reference where the object can be imported, else by value."""
        return super().reducer_override(obj)

    def refer_to(self, name: str) -> None:
        self.references.add(name)


def _reducer_for(kind: type) -> Reducer:
    if issubclass(kind, type):
        return functions.reduce_class
    if kind in functions.REDUCERS:
        return functions.REDUCERS[kind]
    return libraries.reducer_for(kind) or _unchanged


def _unchanged(_pickler: SessionPickler, _obj: Any) -> Reduced:
    return NotImplemented


_REDUCERS: dict[type, Reducer] = {}


def dump(roots: Sequence[object], namespace: dict[str, Any], windowed: AbstractSet[int] = frozenset()) -> Pickled:
    """Pickle ``roots`` with one memo, so that what they share stays shared.

    :param windowed: the ``windows`` of an earlier pickle of the same roots: whole then, whole now.
    :raises Exception: whatever an object's own reducer raises; the caller decides what that means.
    """
    file = Stream()
    pickler = SessionPickler(file, namespace, roots, windowed=windowed)
    visited: list[list[object]] = []
    by_value: list[list[object]] = []
    addresses: list[set[int]] = []
    earlier: dict[int, object] = {}
    parts: list[bytes] = []
    buffers: list[int] = []
    for root in roots:
        log: list[object] = []
        pickler.persistent_id = log.append
        with patience(log.__len__):
            pickler.dump(root)
        parts.append(file.take())
        buffers.append(len(pickler.buffers))
        visited.append(log)
        if earlier:  # what an earlier root has brought along by value is not reduced again
            shared = set(filter(earlier.__contains__, map(id, log)))
            pickler.by_value += [earlier[identity] for identity in shared]
        earlier.update((id(obj), obj) for obj in pickler.by_value)
        by_value.append(pickler.by_value)
        addresses.append(pickler.addresses)
        pickler.by_value, pickler.addresses = [], set()
    return Pickled(
        stream=parts[0] if len(parts) == 1 else b"".join(parts),
        parts=list(zip(map(len, parts), buffers, strict=True)),
        buffers=[buffer.raw() for buffer in pickler.buffers],
        visited=visited,
        by_value=by_value,
        addresses=addresses,
        references=frozenset(pickler.references),
        reach=pickler.reach,
        windows=frozenset(pickler.windows),
    )


def dump_apart(pickler: SessionPickler, obj: Any) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """Pickle an immutable part of a structure on its own, so that sharing it ties nothing together."""
    file = Stream()
    part = SessionPickler(file, pickler.namespace, (), inner=True, windowed=pickler.windowed)
    part.dump(obj)
    pickler.windows |= part.windows
    pickler.references |= part.references
    pickler.reach |= part.reach
    return file.take(), part.buffers
