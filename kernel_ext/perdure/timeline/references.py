"""REF: how a person names a commit. An id or a unique prefix, a branch, a tag, ``HEAD``, ``HEAD~3``, ``In[12]``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from perdure.errors import AmbiguousRef, UnknownRef
from perdure.store import Commit as Record
from perdure.store import Refs

_STEPS = re.compile(r"(?P<base>.*?)(?P<steps>(?:~\d*|\^)+)\Z", re.DOTALL)
_CELL = re.compile(r"In\[(\d+)\]\Z")
_ID = re.compile(r"[0-9a-f]{4,40}\Z")


class Commits(Protocol):
    """Where commits are looked up: a `perdure.store.Store`, or what has been read of one."""

    def ancestry(self, commit: str, limit: int | None = None, /) -> Sequence[tuple[str, Record]]:
        """A commit and its ancestors, newest first."""
        ...

    def commits(self, session: str, /) -> Sequence[tuple[str, Record]]:
        """All commits of a session, newest first."""
        ...

    def find_commits(self, session: str, prefix: str, /) -> Sequence[str]:
        """The ids that begin so."""
        ...


def resolve(store: Commits, session: str, refs: Refs, ref: str) -> str:
    """The id of the commit that ``ref`` names.

    :raises UnknownRef: if there is none.
    :raises AmbiguousRef: if several commits begin with it.
    """
    ref = ref.strip()
    steps = _STEPS.match(ref)
    if steps and ref not in refs.branches and ref not in refs.tags:
        count = sum(_count(step) for step in re.findall(r"~\d*|\^", steps["steps"]))
        return _back(store, resolve(store, session, refs, steps["base"] or "HEAD"), count, ref)
    if ref in ("HEAD", "@"):
        if refs.head is None:
            raise UnknownRef("HEAD has no commit yet. Run a cell first.")
        return refs.head
    if ref in refs.branches:
        return refs.branches[ref]
    if ref in refs.tags:
        return refs.tags[ref]
    cell = _CELL.match(ref)
    if cell:
        return _of_cell(store, session, refs, int(cell.group(1)), ref)
    if _ID.match(ref):
        found = store.find_commits(session, ref)
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(commit[:12] for commit in found[:5])
            raise AmbiguousRef(f"{len(found)} commits begin with {ref!r} ({shown}). Give more of its digits.")
    raise UnknownRef(
        f"There is no commit, branch, tag or cell {ref!r} in this session. "
        "'log' lists the commits, 'branch' the branches and 'tag' the tags."
    )


def _count(step: str) -> int:
    """How far back a step goes; no session is as long as the longest."""
    return int(step[1:10] or 1) if len(step) <= 10 else 10**9


def _back(store: Commits, commit: str, count: int, ref: str) -> str:
    line = store.ancestry(commit, count + 1)
    if len(line) <= count:
        raise UnknownRef(f"{ref!r} goes back {count} commits, but there are only {len(line) - 1} before it.")
    return line[count][0]


def _of_cell(store: Commits, session: str, refs: Refs, count: int, ref: str) -> str:
    """The commit of the cell with that number: on HEAD's own line if it is there, else the newest anywhere."""
    if refs.head is not None:
        for commit_id, record in store.ancestry(refs.head):
            if record.execution_count == count:
                return commit_id
    for commit_id, record in store.commits(session):
        if record.execution_count == count:
            return commit_id
    raise UnknownRef(f"No commit of this session is of the cell {ref}. 'log' lists them.")
