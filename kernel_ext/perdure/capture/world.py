"""The world: process state outside the namespace that cells depend on.

Random generators, the working directory and the module search path are kept as values under names that no variable can
have, so that a restored or undone session goes on as the original would have: the next random number is the same.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

RANDOM, NUMPY, TORCH, DIRECTORY, PATH = "<random>", "<numpy.random>", "<torch.random>", "<directory>", "<sys.path>"

#: What decides which modules can be imported: it is put back before any value is made.
SURROUNDINGS = (PATH, DIRECTORY)


def is_world(name: str) -> bool:
    """Whether ``name`` stands for a piece of process state."""
    return name.startswith("<")


class World:
    """Reads and writes the process's state. A state that has not changed is the same object as before."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self._own_path = frozenset(sys.path)
        self._own_directory = _directory()
        self._readers: dict[str, Callable[[], Any]] = {
            RANDOM: random.getstate,
            NUMPY: _read_numpy,
            TORCH: _read_torch,
            DIRECTORY: self._read_directory,
            PATH: self._read_path,
        }
        self._writers: dict[str, Callable[[Any], None]] = {
            RANDOM: random.setstate,
            NUMPY: _write_numpy,
            TORCH: _write_torch,
            DIRECTORY: lambda directory: os.chdir(directory or self._own_directory),
            PATH: self._write_path,
        }

    def snapshot(self) -> dict[str, Any]:
        """The states by name. Reading draws nothing from any generator."""
        for name, read in self._readers.items():
            try:
                state = read()
            except Exception:  # noqa: BLE001 - a library that is half imported, or a directory that was removed
                state = None
            if state is None:
                self._last.pop(name, None)
            elif self._last.get(name) != state:
                self._last[name] = state
        return self.last

    @property
    def last(self) -> dict[str, Any]:
        """The states as they were last seen."""
        return dict(self._last)

    def put(self, name: str, state: Any) -> None:
        """Set a state.

        :raises OSError: if the working directory is not there.
        """
        self._writers[name](state)
        self._last[name] = state

    # Of the directory and the path only what the session changed is kept: the rest is the machine's, not the session's.

    def _read_directory(self) -> str:
        directory = _directory()
        return "" if directory == self._own_directory else directory

    def _read_path(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        own = [at for at, entry in enumerate(sys.path) if entry in self._own_path]
        first = own[0] if own else len(sys.path)
        front = tuple(sys.path[:first])
        return front, tuple(entry for entry in sys.path[first:] if entry not in self._own_path)

    def _write_path(self, added: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        front, back = added
        sys.path[:] = [*front, *(entry for entry in sys.path if entry in self._own_path), *back]
        importlib.invalidate_caches()


def _read_numpy() -> tuple[Any, ...] | None:
    if "numpy.random.mtrand" not in sys.modules:
        return None
    import numpy

    kind, keys, position, has_gauss, gauss = numpy.random.get_state(legacy=True)  # noqa: NPY002 - it is the user's, not ours
    return kind, keys.tobytes(), position, has_gauss, gauss  # type: ignore[union-attr]


def _write_numpy(state: tuple[Any, ...]) -> None:
    import numpy

    kind, keys, position, has_gauss, gauss = state
    numpy.random.set_state(  # noqa: NPY002 - as above
        (kind, numpy.frombuffer(keys, "u4"), position, has_gauss, gauss)
    )


def _read_torch() -> bytes | None:
    torch = sys.modules.get("torch")
    return torch.get_rng_state().numpy().tobytes() if hasattr(torch, "get_rng_state") else None  # type: ignore[union-attr]


def _write_torch(state: bytes) -> None:
    import torch

    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return ""
