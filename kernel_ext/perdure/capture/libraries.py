"""What perdure knows of NumPy, pandas, PyTorch and others, without importing any of them.

A library's reducers are looked up when the first object of one of its types is pickled; by then it has been imported.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import io
import logging
import pathlib
import pickle
import re
import sys
import types
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from perdure.capture.figures import reduce_callbacks, reduce_figure

if TYPE_CHECKING:
    from perdure.capture.pickler import SessionPickler

Reducer = Callable[["SessionPickler", Any], Any]


def home_of(kind: type) -> str:
    """The name of the module that ``kind`` comes from. A class of the session's may say anything there."""
    home = kind.__module__
    return home if type(home) is str else "__main__"


def reducer_for(kind: type) -> Reducer | None:
    """The reducer for objects of type ``kind``, or ``None`` where plain pickling does right."""
    package = home_of(kind).partition(".")[0]
    if package == "numpy":
        from perdure.capture.arrays import reducer_for as of_array

        return cast("Reducer | None", of_array(kind))
    if package == "pandas":
        from perdure.capture.frames import reducer_for as of_frame

        return cast("Reducer | None", of_frame(kind))
    if package == "torch" or any(home_of(base).partition(".")[0] == "torch" for base in kind.__mro__[1:-1]):
        from perdure.capture.tensors import reducer_for as of_tensor

        return cast("Reducer | None", of_tensor(kind))
    if package == "matplotlib" and kind.__name__ == "CallbackRegistry":
        return reduce_callbacks
    if any(home_of(base) == "matplotlib.figure" and base.__name__ == "Figure" for base in kind.__mro__):
        return reduce_figure
    if package in ("IPython", "ipykernel") and hasattr(kind, "run_cell"):
        return _reduce_shell
    if issubclass(kind, io.IOBase) and home_of(kind) != "__main__":
        return _refuse_file
    return None


def _reduce_shell(_pickler: SessionPickler, _shell: Any) -> Any:
    from IPython.core.getipython import get_ipython

    from perdure.capture.reach import EVERYTHING

    _pickler.reach |= EVERYTHING  # who holds the shell can run anything in it
    return get_ipython, ()


def _refuse_file(_pickler: SessionPickler, file: Any) -> Any:
    if isinstance(file, (io.BytesIO, io.StringIO)):
        return NotImplemented
    raise pickle.PicklingError(f"an open file ({getattr(file, 'name', type(file).__name__)!r}) can't be kept")


_IMMUTABLE: tuple[type, ...] = (
    type(None), bool, int, float, complex, str, bytes, range, slice, type, type(Ellipsis), type(NotImplemented),
    types.BuiltinFunctionType, types.FunctionType, types.ModuleType, types.CodeType, types.WrapperDescriptorType,
    types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType, types.MethodWrapperType,
    types.ClassMethodDescriptorType, types.GenericAlias, types.UnionType, types.MappingProxyType, pickle.PickleBuffer,
    datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, decimal.Decimal, fractions.Fraction,
    uuid.UUID, pathlib.PurePath, re.Pattern, enum.Enum, logging.Logger, logging.Handler, property, staticmethod, classmethod,
    functools._lru_cache_wrapper,  # noqa: SLF001 - it has no public name
)  # fmt: skip

#: Types of other libraries whose objects can't change, or whose sharing can't be seen, by module prefix and name.
_IMMUTABLE_ELSEWHERE = {
    "numpy": ("dtype", "generic", "ufunc"),
    "pandas": (
        "Index",
        "ExtensionDtype",
        "Timestamp",
        "Timedelta",
        "Period",
        "Interval",
        "BaseOffset",
        "NaTType",
        "NAType",
    ),
    "torch": ("dtype", "device", "Size", "memory_format", "layout"),
    "polars": ("DataType", "DataTypeClass"),
    "pyarrow": ("DataType", "Schema", "Field"),
    "zoneinfo": ("ZoneInfo",),
    "typing": ("_Final", "TypeVar"),
    "perdure": ("Session",),
    "ipykernel": ("ZMQInteractiveShell", "IPythonKernel"),
    "IPython": ("InteractiveShell",),
}

_verdicts: dict[type, bool] = {}


def is_immutable(kind: type) -> bool:
    """Whether objects of type ``kind`` can be shared without tying names: they can't change, or are the process's own.

    Functions and classes count as such here: those that a stream carries by value are listed apart.
    """
    found = _verdicts.get(kind)
    if found is None:
        found = issubclass(kind, _IMMUTABLE) or any(
            base.__name__ in _IMMUTABLE_ELSEWHERE.get(home_of(base).partition(".")[0], ()) for base in kind.__mro__
        )
        found = found and not (home_of(kind) == "numpy" and kind.__name__ in ("void", "record"))  # rows of an array
        if home_of(kind) != "__main__":
            _verdicts[kind] = found
    return found


def is_soft(kind: type) -> bool:
    """Whether objects of type ``kind`` are as good as immutable, but can be renamed by who has a name for them.

    Frames share their indexes freely; that ties them only to an index that has a name of its own.
    """
    return any(base.__name__ == "Index" and home_of(base).startswith("pandas") for base in kind.__mro__)


def is_process_singleton(obj: object) -> bool:
    """Whether a library made ``obj`` once for the whole process, as an attribute of its module or its class.

    Asked only of objects that would otherwise tie two names, so it may be slow.
    """
    kind = type(obj)
    if home_of(kind) == "__main__":
        return False
    places: list[Any] = [vars(kind)]
    package = home_of(kind).partition(".")[0]
    for name in {home_of(kind), package, _module_of(obj)} - {"__main__", "builtins", ""}:
        module = sys.modules.get(name)
        if module is not None:
            places.append(vars(module))
    return any(value is obj for place in places for value in list(place.values()))


def _module_of(obj: object) -> str:
    home = getattr(obj, "__module__", None)
    return home if type(home) is str else ""


_containers: dict[type, frozenset[int]] = {}


def class_containers(kind: type) -> frozenset[int]:
    """The ids of the lists, dicts and sets that are attributes of library class ``kind`` or its bases.

    Objects that put such a one into their state (every pandas frame does) don't share it with each other.
    """
    found = _containers.get(kind)
    if found is None:
        found = frozenset(
            id(value)
            for base in kind.__mro__
            if home_of(base) != "__main__"
            for value in list(vars(base).values())
            if type(value) in (list, dict, set)
        )
        if home_of(kind) != "__main__":
            _containers[kind] = found
    return found


def load_apart(stream: bytes, *buffers: Any) -> Any:
    """Stands in the stream for a part that was pickled on its own; the unpickler puts its own in its place."""
    raise LookupError("The value belongs to a session; read it through perdure.")
