"""Bare classes: made without running what the session's own code does when a class is defined, as that has been done."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def silenced(bases: Iterable[Any]) -> Iterator[None]:
    """While a class with these bases is made, no ``__init_subclass__`` of the session's is called."""
    silent = [
        (base, vars(base)["__init_subclass__"])
        for base in {base for parent in bases if isinstance(parent, type) for base in parent.__mro__}
        if base.__module__ == "__main__" and "__init_subclass__" in vars(base)
    ]
    try:
        for base, _ in silent:
            type.__setattr__(base, "__init_subclass__", classmethod(lambda _cls, **_: None))
        yield
    finally:
        for base, original in silent:
            type.__setattr__(base, "__init_subclass__", original)


def make_class(
    metaclass: type, name: str, bases: tuple[Any, ...], keywords: dict[str, Any], _tracker: None, _extra: None
) -> type:
    """The bare class."""
    given, bases = bases, types.resolve_bases(bases)  # NamedTuple, say, is a function
    with silenced(bases):
        if metaclass.__module__ == "__main__":
            return type.__new__(metaclass, name, bases, dict(keywords))
        return types.new_class(name, given, {"metaclass": metaclass}, lambda namespace: namespace.update(keywords))
