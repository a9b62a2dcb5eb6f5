"""Who asks: the session and the cell, as far as there are any.

The kernel's side sets the source; everything else only asks it. What a cell asked stands in its commit, whose id is known only after
the cell has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Context:
    """The session's id, a key that the running cell shares with no other of that session, and its list of asks."""

    session: str
    cell: str
    note: Callable[[str, Path], None]
    """Takes the id of an ask, which then stands in the cell's commit, and the folder of its cache."""


_sources: list[Callable[[], Context | None]] = []


def set_source(source: Callable[[], Context | None] | None) -> None:
    """From now on, ask ``source`` who asks; None for nobody."""
    _sources[:] = [] if source is None else [source]


def current() -> Context | None:
    """Who asks now."""
    return _sources[0]() if _sources else None
