"""Cells: what a face tells the session about one that runs or has run."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from perdure.capture.covariables import CoVariable
from perdure.capture.reach import NOTHING, Reach

#: Names that a commit lists as read, at most.
READS = 64


@dataclass(slots=True)
class Cell:
    """A cell: its source, what it could touch, and how it ended. Times in seconds, ``started`` since the epoch.

    A ``quiet`` cell is committed only if something changed; ``also`` is to be looked at besides what it could reach.
    """

    source: str
    reach: Reach = NOTHING
    execution_count: int | None = None
    outcome: str = "ok"
    error: str | None = None
    started: float = 0.0
    duration: float = 0.0
    quiet: bool = False
    also: frozenset[CoVariable] = frozenset()
    meta: dict[str, Any] = field(default_factory=dict)

    def describe(self, known: Container[str], more: dict[str, Any]) -> dict[str, Any]:
        """What its commit says of it besides the fields that every commit has.

        :param known: the names of the session.
        :param more: what the session adds; what is empty is left out.
        """
        meta = {**self.meta, **{key: value for key, value in more.items() if value}}
        if self.error:
            meta["error"] = self.error
        reads = sorted(name for name in self.reach.names if name in known)
        if reads:
            meta["reads"] = reads[:READS]
        if self.reach.everything:
            meta["everything"] = True
        return meta
