"""Code: the notebook's cells as they were when they led to a version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perdure.jupyter.server.row import kind
from perdure.store import Commit as Record


def cells(line: Iterable[tuple[str, Record]]) -> list[dict[str, Any]]:
    """The newest source of each cell on a line of commits (newest first), in the order in which they first ran.

    A cell is known by the id that its front end gave it, or else by its code.
    """
    found: dict[str, dict[str, Any]] = {}
    for commit, record in reversed(list(line)):
        if record.execution_count is None or kind(record) != "cell" or not record.source.strip():
            continue
        cell_id = record.meta.get("cell_id")
        found[cell_id or record.source] = {  # a key that is there keeps its place
            "cell_id": cell_id,
            "execution_count": record.execution_count,
            "source": record.source,
            "commit": commit,
        }
    return list(found.values())
