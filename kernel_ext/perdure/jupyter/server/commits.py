"""Commits: the graph, pages of rows, search, and one commit in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from perdure.jupyter.server.row import row
from perdure.jupyter.server.shelf import Opened
from perdure.jupyter.server.trail import Graph, Trail
from perdure.jupyter.server.variables import changes_of
from perdure.store import Commit as Record
from perdure.timeline.commit import changed_names


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which commits are looked for: ``text`` in their code, names, tags and branches, a variable's name, an outcome."""

    text: str = ""
    name: str = ""
    outcome: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.name or self.outcome)

    def has(self, commit: str, record: Record, labels: str) -> bool:
        """Whether a commit is one of those."""
        if self.outcome and record.outcome != self.outcome:
            return False
        names = changed_names(record) | set(record.deleted) | record.not_captured.keys()
        if self.name and self.name not in names:
            return False
        if not self.text:
            return True
        text = self.text.casefold()
        return commit.startswith(text) or text in "\n".join((record.source, labels, *names)).casefold()


def graph(shown: Graph, revision: str, *, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
    """Which commits there are, and how they hang together: all, or those from ``offset`` on.

    Parents are places in the whole graph, also those that are on another page.
    """
    there = slice(offset, None if limit is None else offset + limit)
    return {
        "revision": revision,
        "total": len(shown.ids),
        "offset": offset,
        "commits": shown.ids[there],
        "parents": shown.parents[there],
    }


def page(
    opened: Opened, trail: Trail, shown: Graph, revision: str, wanted: Wanted, *, offset: int, limit: int
) -> dict[str, Any]:
    """Rows from ``offset`` on, of all commits or of those that are wanted."""
    places = list(_found(opened, trail, shown, wanted)) if wanted else range(len(shown.ids))
    there = places[offset : offset + limit]
    ids = [shown.ids[place] for place in there]
    rows = [row(commit, record) for commit, record in zip(ids, trail.records(opened.store, ids), strict=True)]
    if wanted:
        rows = [{**shown_row, "index": place} for shown_row, place in zip(rows, there, strict=True)]
    return {"revision": revision, "total": len(places), "offset": offset, "commits": rows}


def _found(opened: Opened, trail: Trail, shown: Graph, wanted: Wanted) -> Iterator[int]:
    labels: dict[str, str] = {}
    for refs in (shown.refs.branches, shown.refs.tags):
        for label, commit in refs.items():
            labels[commit] = f"{labels.get(commit, '')}\n{label}"
    records = trail.records(opened.store, shown.ids)
    for place, (commit, record) in enumerate(zip(shown.ids, records, strict=True)):
        if wanted.has(commit, record, labels.get(commit, "")):
            yield place


def in_full(opened: Opened, trail: Trail, commit: str) -> dict[str, Any]:
    """One commit, with what it changed before and after."""
    record = opened.store.commit(commit)
    return {
        **row(commit, record),
        "source": record.source,
        "cell_id": record.meta.get("cell_id"),
        "error": record.meta.get("error"),
        "rolled_back": bool(record.meta.get("rolled_back")),
        "session": record.session,
        "variables": changes_of(opened, trail, commit, record),
        "cot": list(record.meta.get("asks", ())),
    }
