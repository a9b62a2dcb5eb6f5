"""Describe every value of a namespace well enough to tell, from outside, whether it came back equal after a restore.

Run inside the demo's kernels by `tools/demo.py`. It knows nothing of perdure, so that it can be its witness: values are
described by their own content, and a second meeting with one object by where it was first met, so that aliases, views,
live globals and live classes count too.
"""

from __future__ import annotations

import hashlib
import json
import types
from pathlib import Path
from typing import Any

PLAIN = (type(None), bool, int, float, complex, str, bytes)


class Describer:
    """One walk over one namespace."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.met: dict[int, str] = {}
        # Keeps whatever was met alive: the identity of a temporary that died may be given to the next one.
        self.alive: list[Any] = []

    def describe(self, value: Any, path: str) -> Any:
        """Return something that JSON can hold and that is equal exactly when the values are."""
        if isinstance(value, PLAIN):
            return [type(value).__name__, repr(value)]
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if id(value) in self.met:
            return ["met", self.met[id(value)]]
        self.met[id(value)] = path
        self.alive.append(value)
        if isinstance(value, types.FunctionType):
            return self._function(value, path)
        if isinstance(value, type):
            return self._class(value, path)
        if type(value).__module__.partition(".")[0] in {"numpy", "pandas"}:
            return self._data(value, path)
        if isinstance(value, dict):
            items = [[repr(key), self.describe(item, f"{path}[{key!r}]")] for key, item in value.items()]
            return [type(value).__name__, items]
        if isinstance(value, (list, tuple)):
            return [type(value).__name__, [self.describe(item, f"{path}[{at}]") for at, item in enumerate(value)]]
        if isinstance(value, (set, frozenset)):
            return [type(value).__name__, sorted(map(repr, value))]
        if hasattr(value, "__dict__"):
            return ["instance", self.describe(type(value), path + ".type"), self.describe(vars(value), path + ".vars")]
        return ["other", type(value).__name__]

    def _data(self, value: Any, path: str) -> Any:
        import numpy as np
        import pandas as pd

        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, np.random.Generator):
            return ["generator", self.describe(value.bit_generator.state, path + ".state")]
        if isinstance(value, (pd.DataFrame, pd.Series)):
            hashes = pd.util.hash_pandas_object(value, index=True).to_numpy()
            labels = [str(value.dtypes), str(getattr(value, "columns", getattr(value, "name", None)))]
            return [type(value).__name__, value.shape, labels, hashlib.sha256(hashes.tobytes()).hexdigest()]
        return ["other", type(value).__name__, repr(value)]

    def _function(self, function: types.FunctionType, path: str) -> Any:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        return [
            "function",
            function.__qualname__,
            self._code(function.__code__),
            self.describe(list(function.__defaults__ or ()), path + ".defaults"),
            self.describe(cells, path + ".closure"),
            function.__globals__ is self.namespace,
        ]

    def _code(self, code: types.CodeType) -> Any:
        constants = [self._code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
        return [code.co_name, code.co_code.hex(), code.co_names, code.co_varnames, code.co_freevars, constants]

    def _class(self, cls: type, path: str) -> Any:
        if cls.__module__ != "__main__":
            return ["class", cls.__module__, cls.__qualname__]
        own = {name: item for name, item in sorted(vars(cls).items()) if isinstance(item, types.FunctionType)}
        return ["class", cls.__qualname__, self.describe(own, path + ".vars")]

    def _array(self, array: Any, path: str) -> Any:
        owner = array
        while type(owner.base) is type(array):
            owner = owner.base
        start = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        base = None if owner is array else self.describe(owner, path + ".base")
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        return ["array", str(array.dtype), array.shape, array.strides, start, base, digest]


def summary(value: Any) -> str:
    """Return the few words that tell a reader which value this is."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return " x ".join(map(str, shape))
    if isinstance(value, (*PLAIN, list, dict, tuple)):
        text = repr(value)
        return text if len(text) <= 44 else text[:41] + "..."
    return ""


def write(namespace: dict[str, Any], hidden: dict[str, Any], target: str) -> int:
    """Write the description of all of the user's names to a file; return how many there are."""
    describer = Describer(namespace)
    found = {}
    for name in sorted(namespace):
        if name.startswith("_") or name in hidden:
            continue
        value = namespace[name]
        text = json.dumps(describer.describe(value, name))
        found[name] = {
            "type": type(value).__name__,
            "summary": summary(value),
            "digest": hashlib.sha256(text.encode()).hexdigest(),
        }
    Path(target).write_text(json.dumps(found))
    return len(found)
