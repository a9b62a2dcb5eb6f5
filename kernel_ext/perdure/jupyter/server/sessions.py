"""Sessions as the panel lists them, and the current one in full."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

from perdure.errors import UnknownSession, UsageError
from perdure.jupyter.server.shelf import Opened
from perdure.jupyter.server.trail import Graph
from perdure.store import SessionInfo, is_alive

#: Commits that are read, at most, to count the variables of the sessions on one page.
_READ_FOR_A_LIST = 1000


def revision(graph_mark: str, *, live: bool) -> str:
    """What is another text once anything of a session is: its commits, refs, or whether its kernel lives."""
    return f"{graph_mark}{'+' if live else '-'}"


def is_live(info: SessionInfo) -> bool:
    """Whether a living process has the session open."""
    return info.owner is not None and is_alive(info.owner)


def find(opened: Opened, session: str) -> SessionInfo:
    """The session of exactly that id.

    :raises UnknownSession: if there is none.
    """
    info = opened.store.session(session)
    if info.id != session:
        raise UnknownSession(f"The store has no session {session!r}. Give the whole id.")
    return info


def listed(
    opened: Opened, root: Path, *, notebook: Path | None, text: str, offset: int, limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many sessions there are, and a page of them.

    :param notebook: only those of this notebook, and those of one of its name elsewhere, which come last.
    :param text: only those with this in their id or their notebook's path, in any case.
    """
    infos = opened.store.sessions()
    if notebook is not None:
        same = [info for info in infos if info.notebook == str(notebook)]
        named = [info for info in infos if info not in same and _name(info.notebook) == notebook.name]
        infos = [*same, *named]
    if text:
        wanted = text.casefold()
        infos = [info for info in infos if wanted in f"{info.id}\n{info.notebook or ''}".casefold()]
    budget = _READ_FOR_A_LIST
    page = []
    for info in infos[offset : offset + limit]:
        count = _count(opened, info, budget)
        budget -= info.commits if count is not None else 0
        same_name = notebook is not None and info.notebook != str(notebook)
        page.append(described(info, root, variables=count, same_name=same_name))
    return len(infos), page


def _count(opened: Opened, info: SessionInfo, budget: int) -> int | None:
    """How many variables the session has at HEAD; ``None`` if more than ``budget`` commits must be read to know."""
    head, count = opened.counts.get(info.id, (None, 0))
    if head == info.head:
        return count
    if info.commits > budget:
        return None
    count = len(opened.trail(info.id).standing(opened.store, info.head).names)
    opened.counts[info.id] = (info.head, count)
    return count


def described(info: SessionInfo, root: Path, *, variables: int | None, same_name: bool = False) -> dict[str, Any]:
    """What the list shows of a session.

    :param root: below it the server has its files.
    """
    return {
        "id": info.id,
        "notebook": info.notebook,
        "created": info.created,
        "updated": info.last or info.created,
        "commits": info.commits,
        "head": info.head,
        "branch": info.branch,
        "trusted": info.trusted,
        "live": is_live(info),
        "owner": None if info.owner is None else {"host": info.owner.host, "pid": info.owner.pid},
        "variables": variables,
        "same_name": same_name,
        "path": beneath(root, info.notebook),
    }


def in_full(opened: Opened, info: SessionInfo, graph: Graph, root: Path, *, whole: bool) -> dict[str, Any]:
    """All that is told of one session.

    :param whole: read a long history, if need be, to tell what is bound at HEAD.
    """
    refs = graph.refs
    trail = opened.trail(info.id)
    known = whole or trail.known(opened.store, refs.head)
    standing = trail.standing(opened.store, refs.head) if known else None
    if standing is not None:
        opened.counts[info.id] = (refs.head, len(standing.names))
    return {
        **described(info, root, variables=None if standing is None else len(standing.names)),
        "revision": revision(graph.mark, live=is_live(info)),
        "refs": {
            "head": refs.head,
            "branch": refs.branch,
            "branches": dict(sorted(refs.branches.items())),
            "tags": dict(sorted(refs.tags.items())),
        },
        "not_captured": None if standing is None else standing.not_captured,
        "store": str(opened.store.path),
        "store_size": opened.store.size(),
    }


def below(root: Path, path: str) -> Path:
    """The absolute path of a notebook that the front end names relative to the server's root.

    :raises UsageError: if it lies elsewhere.
    """
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if not parts or ".." in parts or "\0" in path or PurePosixPath(path).is_absolute():
        raise UsageError(f"{path!r} is no notebook of this server. Name its path below the server's root folder.")
    return root.joinpath(*parts)


def beneath(root: Path, notebook: str | None) -> str | None:
    """The path by which the front end can open a notebook; ``None`` if it is gone, or lies elsewhere."""
    if notebook is None or not Path(notebook).is_absolute():
        return None
    path = Path(os.path.normpath(notebook))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) and path.is_file() else None


def _name(notebook: str | None) -> str | None:
    return None if notebook is None else PurePosixPath(notebook.replace("\\", "/")).name
