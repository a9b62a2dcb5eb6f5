"""Bytes to objects: the counterpart of :mod:`perdure.capture.pickler`.

The bytes must have been verified, and their origin trusted, before they come here: unpickling runs code.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from perdure.capture.skeletons import make_class
from perdure.capture.stream import read_ahead


class SessionUnpickler(pickle.Unpickler):
    """A C unpickler that puts functions over the given globals and asks ``resolve`` for the session's named objects."""

    def __init__(
        self,
        stream: io.BufferedReader,
        buffers: Iterable[Any],
        namespace: dict[str, Any],
        resolve: Callable[[str], Any],
    ) -> None:
        super().__init__(stream, buffers=buffers)
        self._namespace = namespace
        self._resolve = resolve

    def find_class(self, module: str, name: str) -> Any:
        if module == "perdure.capture.functions":
            if name == "make_function":
                return self._make_function
            if name == "session_value":
                return self._session_value
        if name == "_make_skeleton_class" and module == "cloudpickle.cloudpickle":
            return make_class
        if module == "perdure.capture.libraries" and name == "load_apart":
            return self._load_apart
        if name == "_frombuffer" and module in ("numpy._core.numeric", "numpy.core.numeric"):
            from perdure.capture.arrays import adopt_buffer

            return adopt_buffer
        return super().find_class(module, name)

    def _make_function(
        self, code: types.CodeType, name: str, closure: tuple[types.CellType, ...] | None
    ) -> types.FunctionType:
        return types.FunctionType(code, self._namespace, name, None, closure)

    def _session_value(self, path: str) -> Any:
        first, *rest = path.split(".")
        found = self._resolve(first)
        for attribute in rest:
            found = getattr(found, attribute)
        return found

    def _load_apart(self, stream: bytes, *buffers: Any) -> Any:
        return SessionUnpickler(read_ahead(stream), buffers, self._namespace, self._resolve).load()


def load(
    stream: bytes | bytearray | memoryview,
    buffers: Sequence[Any],
    count: int,
    namespace: dict[str, Any],
    resolve: Callable[[str], Any],
) -> list[Any]:
    """The ``count`` roots of a co-variable.

    :param buffers: writable buffers, in stream order; the objects keep them.
    :param namespace: the globals that functions of the session get.
    :param resolve: called with a name of the session, for the live function or class behind it.
    :raises Exception: whatever unpickling raises (a missing package, say).
    """
    unpickler = SessionUnpickler(read_ahead(stream), buffers, namespace, resolve)
    return [unpickler.load() for _ in range(count)]
