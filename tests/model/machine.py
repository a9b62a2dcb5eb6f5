"""What the model test compares: a namespace as a graph of values, in which sharing is part of the value."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

#: A stand-in for any value that is equal only to an equal one.
Shape = Any

_ATOMS = (type(None), bool, int, float, complex, str, bytes)


class Describer:
    """Turns objects into nested tuples; an object that was seen before becomes a reference to where it was first seen.

    :param main: the globals that the session's functions must have.
    """

    def __init__(self, main: dict[str, Any] | None) -> None:
        self._main = main
        self._numbers: dict[int, int] = {}
        self._kept: list[object] = []
        self._arrays: list[np.ndarray[Any, Any]] = []

    def describe(self, obj: Any) -> Shape:
        kind = type(obj)
        if kind in _ATOMS:
            return (kind.__name__, repr(obj))
        if isinstance(obj, np.generic):
            return (obj.dtype.str, obj.tobytes())
        if kind in (tuple, frozenset):
            return (kind.__name__, *(self.describe(item) for item in (obj if kind is tuple else sorted(obj))))
        if isinstance(obj, types.ModuleType):
            return ("module", obj.__name__)
        if isinstance(obj, types.MethodType):
            return ("method", obj.__func__.__name__, self.describe(obj.__self__))
        number = self._numbers.get(id(obj))
        if number is not None:
            return ("seen", number)
        number = self._numbers[id(obj)] = len(self._numbers)
        self._kept.append(obj)
        return (kind.__name__, number, *self._parts(obj))

    def _parts(self, obj: Any) -> tuple[Shape, ...]:
        if isinstance(obj, list):
            return tuple(self.describe(item) for item in obj)
        if isinstance(obj, dict):
            return tuple((self.describe(key), self.describe(value)) for key, value in obj.items())
        if isinstance(obj, set):
            return tuple(self.describe(item) for item in sorted(obj, key=repr))
        if isinstance(obj, bytearray):
            return (bytes(obj),)
        if isinstance(obj, np.ndarray):
            self._arrays.append(obj)
            base = self._numbers.get(id(obj.base)) if isinstance(obj.base, np.ndarray) else None
            items = tuple(self.describe(item) for item in obj.flat) if obj.dtype.hasobject else obj.tobytes()
            return (obj.dtype.str, obj.shape, obj.flags.writeable, base, items)
        if isinstance(obj, types.FunctionType):
            live = self._main is None or obj.__globals__ is self._main
            cells = tuple(self.describe(cell) for cell in obj.__closure__ or ())
            return (
                obj.__name__,
                obj.__code__.co_code,
                live,
                self.describe(obj.__defaults__),
                cells,
                self.describe(obj.__dict__),
            )
        if isinstance(obj, types.BuiltinMethodType):  # a method of a list's or an array's, or a function of a module's
            bound = obj.__self__
            return (obj.__qualname__, *(() if isinstance(bound, types.ModuleType) else (self.describe(bound),)))
        if isinstance(obj, types.CellType):
            return (self.describe(obj.cell_contents),)
        if isinstance(obj, type):
            own = sorted((name, value) for name, value in vars(obj).items() if not name.startswith("__"))
            return (obj.__name__, *((name, self.describe(value)) for name, value in own))
        return (self.describe(type(obj)), self.describe(vars(obj)))

    def overlaps(self) -> Shape:
        """Which of the arrays share memory, and how far apart they begin."""
        found = []
        for at, one in enumerate(self._arrays):
            for to, other in enumerate(self._arrays[:at]):
                if np.shares_memory(one, other):
                    found.append((to, at, _address(one) - _address(other)))
        return tuple(found)


def _address(array: np.ndarray[Any, Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def describe(names: dict[str, Any], main: dict[str, Any] | None) -> Shape:
    """Return the whole of some variables: equal for two states if no code could tell them apart."""
    describer = Describer(main)
    # Those that own memory come first, so that a view's base has a number.
    return ({name: describer.describe(names[name]) for name in sorted(names)}, describer.overlaps())
