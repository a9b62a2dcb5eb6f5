"""Hashes of variables: equal when values, types and sharing are, in a live namespace as in a restored one."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np


class _Walk:
    """Feeds one hash at a time with what is reached, numbering mutable objects in the order they are met."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._memory: dict[int, tuple[int, int]] = {}
        self._kept: list[Any] = []  # a number must not pass to another object
        self._hash = hashlib.blake2b()

    def of(self, value: Any) -> str:
        self._hash = hashlib.blake2b(digest_size=12)
        self._take(value)
        return self._hash.hexdigest()

    def _say(self, *parts: object) -> None:
        self._hash.update(repr(parts).encode(errors="surrogatepass") + b"\n")

    def _met(self, value: Any) -> bool:
        if id(value) in self._seen:
            self._say("again", self._seen[id(value)])
            return True
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        return False

    def _take(self, value: Any) -> None:
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes):
            self._say(kind.__name__, value)
        elif isinstance(value, types.ModuleType):
            self._say("module", value.__name__)
        elif kind is tuple:
            self._say("tuple", len(value))
            for item in value:
                self._take(item)
        elif isinstance(value, np.generic):
            self._say("scalar", value.dtype.str, value.item())
        elif not self._met(value):
            self._take_mutable(value)

    def _take_mutable(self, value: Any) -> None:
        self._say(type(value).__qualname__)
        if isinstance(value, np.ndarray):
            self._take_array(value)
        elif isinstance(value, dict):
            self._say(len(value))
            for pair in value.items():
                self._take(pair)
        elif isinstance(value, list):
            self._take_list(value)
        elif isinstance(value, types.FunctionType):
            self._take_function(value)
        elif isinstance(value, types.MethodType):
            self._take(value.__self__)
            self._take(value.__func__)
        elif isinstance(value, type):
            self._take_class(value)
        else:
            assert hasattr(value, "__dict__"), f"no way to compare {value!r}"
            self._say(sorted(vars(value)))
            self._take(type(value))
            for _, item in sorted(vars(value).items()):
                self._take(item)

    def _take_list(self, value: list[Any]) -> None:
        self._say(len(value))
        if len(value) > 1000 and isinstance(value[0], str):  # long lists are of strings here
            self._hash.update("\n".join(value).encode())
            return
        for item in value:
            self._take(item)

    def _take_class(self, value: type) -> None:
        self._say(value.__name__, [base.__name__ for base in value.__bases__])
        for name, item in sorted(vars(value).items()):
            if isinstance(item, types.FunctionType):
                self._take_function(item)
            elif not name.startswith("__"):
                self._say(name, repr(item))

    def _take_array(self, array: np.ndarray[Any, Any]) -> None:
        owner: Any = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        at = array.__array_interface__["data"][0]
        if id(owner) not in self._memory:
            self._kept.append(owner)
        number, first = self._memory.setdefault(id(owner), (len(self._memory), at))
        self._say(array.dtype.str, array.shape, array.strides, number, at - first)
        self._hash.update(np.ascontiguousarray(array).view("u1") if array.size else b"")

    def _take_function(self, function: types.FunctionType) -> None:
        code = function.__code__
        constants = [constant for constant in code.co_consts if not isinstance(constant, types.CodeType)]
        self._say(function.__name__, code.co_code.hex(), code.co_names, code.co_varnames, constants)
        self._say(function.__defaults__)
        for cell in function.__closure__ or ():
            self._take(cell.cell_contents)
        if function.__name__.startswith("call_"):  # what it finds behind the names that it uses is part of it
            try:
                self._say("gives", function())
            except Exception as error:
                self._say("raises", type(error).__name__)


def fingerprints(values: Mapping[str, Any]) -> dict[str, str]:
    """One hash for each name. What two names share shows in the hash of the later one, in the order of the alphabet."""
    walk = _Walk()
    return {name: walk.of(values[name]) for name in sorted(values)}


def fingerprint(value: Any) -> str:
    """The hash of one value by itself."""
    return _Walk().of(value)
