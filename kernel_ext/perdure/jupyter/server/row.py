"""Rows: what a list of commits shows of each one."""

from __future__ import annotations

from typing import Any

from perdure.store import Commit as Record
from perdure.timeline.commit import Commit

#: The longest title, in characters.
TITLE = 200


def row(commit_id: str, record: Record) -> dict[str, Any]:
    """The row of a commit."""
    commit = Commit.of(commit_id, record)
    return {
        "id": commit.id,
        "parent": commit.parent,
        "execution_count": commit.execution_count,
        "title": commit.title[:TITLE],
        "outcome": commit.outcome,
        "started": commit.started,
        "duration": commit.duration,
        "changed": list(commit.changed),
        "deleted": list(commit.deleted),
        "not_captured": sorted(commit.not_captured),
        "bytes_added": commit.bytes_added,
        "kind": kind(record),
    }


def kind(record: Record) -> str:
    """What made the commit: a ``cell``, a ``silent`` request, or something ``outside`` of both."""
    noted = record.meta.get("kind")
    return noted if noted in ("outside", "silent") else "cell"
