"""What every variable of a kernel is: its value, and what it shares with the others.

Runs inside the kernels that are compared, of any system, so it needs nothing but the standard library (and NumPy and
pandas where the notebook has them), puts nothing into the namespace and draws no random numbers.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import types
from typing import Any

_OWN = frozenset("In Out exit quit get_ipython open perdure kishu init_kishu dill".split())


def look(namespace: dict[str, Any]) -> str:
    """For each variable a digest of its value and a list of what it shares with variables before it, as JSON."""
    names = sorted(
        name for name in list(namespace) if type(name) is str and not name.startswith("_") and name not in _OWN
    )
    values = {name: namespace[name] for name in names}
    sharing = _sharing(values)
    return json.dumps({name: [_Digest(values).of(values[name]), sharing[name]] for name in names})


def differing(before: str, after: str) -> tuple[list[str], int]:
    """The variables that are not what they were, and how many there are to compare (extra ones are wrong too)."""
    old, new = json.loads(before), json.loads(after)
    names = sorted(old.keys() | new.keys())
    return [name for name in names if old.get(name) != new.get(name)], len(names)


class _Digest:
    """One variable's value, sharing inside it included; what it shares with others doesn't matter here."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self._hash = hashlib.sha1(usedforsecurity=False)
        self._seen: dict[int, int] = {}
        self._alive: list[object] = []

    def of(self, obj: object) -> str:
        try:
            self._feed(obj)
        except RecursionError:
            self._add("too deep")
        return self._hash.hexdigest()

    def _add(self, *parts: object) -> None:
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
            self._hash.update(len(data).to_bytes(8, "little") + data)

    def _feed(self, obj: Any) -> None:
        kind = type(obj)
        self._add(kind.__module__, kind.__qualname__)
        if obj is None or kind in (bool, int, float, complex, str, bytes):
            self._add(repr(obj) if kind is not bytes else obj)
            return
        if id(obj) in self._seen:
            self._add("again", self._seen[id(obj)])
            return
        self._seen[id(obj)] = len(self._seen)
        self._alive.append(obj)
        if kind in (list, tuple):
            self._each(obj)
        elif kind in (set, frozenset):
            self._add(*sorted(_Digest(self._values).of(item) for item in obj))
        elif kind is dict:
            self._each(part for item in obj.items() for part in item)
        elif not (self._numeric(obj) or self._tabular(obj)):
            self._other(obj)

    def _each(self, items: Any) -> None:
        for item in items:
            self._feed(item)
        self._add("end")

    def _numeric(self, obj: Any) -> bool:
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return False
        if isinstance(obj, numpy.ndarray):
            self._add(obj.dtype, obj.shape, obj.flags.writeable)
            if obj.dtype.hasobject:
                self._each(obj.ravel().tolist())
            else:
                self._add(numpy.ascontiguousarray(obj).tobytes())
        elif isinstance(obj, numpy.generic):
            self._add(obj.tobytes())
        elif isinstance(obj, numpy.random.Generator):
            self._add(obj.bit_generator.state)
        elif isinstance(obj, numpy.random.RandomState):
            self._each(obj.get_state())
        else:
            return False
        return True

    def _tabular(self, obj: Any) -> bool:
        pandas = sys.modules.get("pandas")
        if pandas is None or not isinstance(obj, (pandas.DataFrame, pandas.Series, pandas.Index)):
            return False
        if isinstance(obj, pandas.DataFrame):
            self._add(list(obj.columns), list(map(str, obj.dtypes)), list(obj.index.names))
        else:
            self._add(obj.name, obj.dtype)
        try:
            self._add(pandas.util.hash_pandas_object(obj).to_numpy().tobytes())
        except TypeError:  # cells that can't be hashed
            self._each(obj.to_numpy().ravel().tolist())
        return True

    def _other(self, obj: Any) -> None:
        if isinstance(obj, types.ModuleType):
            self._add(obj.__name__)
        elif isinstance(obj, types.FunctionType):
            self._function(obj)
        elif isinstance(obj, types.MethodType):
            self._each((obj.__func__, obj.__self__))
        elif isinstance(obj, type):
            self._class(obj)
        elif isinstance(obj, random.Random):
            self._each(obj.getstate())
        elif isinstance(obj, types.CodeType):
            self._code(obj)
        else:
            self._add("of the live class", self._values.get(type(obj).__name__) is type(obj))
            self._each(part for item in sorted(getattr(obj, "__dict__", {}).items()) for part in item)
            if isinstance(obj, dict):
                self._each(part for item in obj.items() for part in item)
            elif isinstance(obj, (list, tuple)):
                self._each(iter(obj))

    def _function(self, function: types.FunctionType) -> None:
        if function.__module__ != "__main__":
            self._add(function.__module__, function.__qualname__)
            return
        self._code(function.__code__)
        seen = [
            name
            for name in function.__code__.co_names
            if name in self._values and function.__globals__.get(name) is not self._values[name]
        ]
        self._add("globals that it doesn't see live:", seen)
        contents = [cell.cell_contents for cell in function.__closure__ or ()]
        self._each([*(function.__defaults__ or ()), function.__kwdefaults__, *contents])

    def _code(self, code: types.CodeType) -> None:
        self._add(code.co_code, code.co_names, code.co_varnames)
        self._each(code.co_consts)

    def _class(self, cls: type) -> None:
        if cls.__module__ != "__main__":
            return
        self._each(cls.__bases__)
        for name, value in sorted(vars(cls).items()):
            if not (name.startswith("__") and name not in ("__init__", "__call__")):
                self._add(name)
                self._feed(value)


def _sharing(values: dict[str, Any]) -> dict[str, list[str]]:
    """Per variable the objects, and the memory of arrays, that a variable before it has too."""
    first: dict[Any, tuple[str, str, int]] = {}
    alive: list[object] = []
    found: dict[str, list[str]] = {name: [] for name in values}
    numpy = sys.modules.get("numpy")

    def meet(key: Any, name: str, path: str, address: int) -> bool:
        if key not in first:
            first[key] = name, path, address
            return True
        owner, where, at = first[key]
        if owner != name or where != path:
            found[name].append(f"{path} is {where} + {address - at}")
        return False

    for name, value in values.items():
        queue: list[tuple[str, Any]] = [(name, value)]
        while queue:
            path, obj = queue.pop()
            if isinstance(obj, (type(None), bool, int, float, complex, str, bytes, types.ModuleType, types.CodeType)):
                continue
            alive.append(obj)
            if type(obj) is not tuple and not meet(id(obj), name, path, 0):
                continue
            if numpy is not None and isinstance(obj, numpy.ndarray):
                owner = obj
                while isinstance(owner.base, numpy.ndarray):
                    owner = owner.base
                if obj.nbytes:
                    meet(("memory", id(owner)), name, f"memory of {path}", obj.__array_interface__["data"][0])
                if not obj.dtype.hasobject:
                    continue
            queue += _parts(path, obj)
    return {name: sorted(lines) for name, lines in found.items()}


def _parts(path: str, obj: Any) -> list[tuple[str, Any]]:
    kind = type(obj)
    if kind in (list, tuple):
        if len(obj) > 10_000:  # large flat data: sharing inside it isn't followed
            return []
        return [(f"{path}[{at}]", item) for at, item in enumerate(obj)]
    if kind is dict:
        return [(f"{path}[{key!r:.40}]", item) for key, item in list(obj.items())[:10_000]]
    if isinstance(obj, types.FunctionType):
        cells = [(f"{path}.<{at}>", cell.cell_contents) for at, cell in enumerate(obj.__closure__ or ())]
        return cells if obj.__module__ == "__main__" else []
    if isinstance(obj, types.MethodType):
        return [(f"{path}.__self__", obj.__self__)]
    if kind.__module__ == "__main__":
        return [(f"{path}.{name}", item) for name, item in sorted(getattr(obj, "__dict__", {}).items())]
    return []
