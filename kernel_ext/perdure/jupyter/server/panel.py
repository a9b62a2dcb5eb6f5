"""The panel's questions, each answered by one method that may run on any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from perdure.errors import StoreMissing
from perdure.jupyter.server import code, commits, plan, sessions, variables
from perdure.jupyter.server.asked import Asked
from perdure.jupyter.server.lookup import Lookup
from perdure.jupyter.server.row import row
from perdure.jupyter.server.shelf import Opened, Shelf
from perdure.jupyter.server.trail import Graph, Trail
from perdure.store.opening import FORMAT
from perdure.timeline import references

#: Requests that are answered at once. Each thread has its own connection to the store.
THREADS = 4


class Panel:
    """Answers from the store at ``store``, for a server whose files lie below ``root``."""

    def __init__(self, store: Path, root: Path) -> None:
        self.shelf = Shelf(store)
        self.root = root
        self.executor = ThreadPoolExecutor(THREADS, thread_name_prefix="perdure-panel")

    def store(self, _: Asked) -> dict[str, Any]:
        """Whether there is a store, and how large it is."""
        path = str(self.shelf.path)
        try:
            with self.shelf.lend() as opened:
                count = len(opened.store.sessions())
                return {
                    "store": path,
                    "exists": True,
                    "version": FORMAT,
                    "sessions": count,
                    "size": opened.store.size(),
                }
        except StoreMissing:
            return {"store": path, "exists": False, "version": None, "sessions": 0, "size": 0}

    def sessions(self, asked: Asked) -> dict[str, Any]:
        """A page of all sessions, or of a notebook's."""
        notebook = asked.text("notebook")
        where = sessions.below(self.root, notebook) if notebook else None
        offset, limit = asked.page()
        with self.shelf.lend() as opened:
            total, found = sessions.listed(
                opened, self.root, notebook=where, text=asked.text("q"), offset=offset, limit=limit
            )
        return {"store": str(self.shelf.path), "total": total, "sessions": found}

    def session(self, asked: Asked) -> dict[str, Any]:
        """One session: where its refs are, and whether it lives."""
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            return here.unchanged or sessions.in_full(
                opened, here.info, here.graph, self.root, whole=asked.flag("full")
            )

    def graph(self, asked: Asked) -> dict[str, Any]:
        """Which commits there are, newest first; a page of them, if that is asked for."""
        offset, limit = asked.span()
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            return here.unchanged or commits.graph(here.graph, here.revision, offset=offset, limit=limit)

    def commits(self, asked: Asked) -> dict[str, Any]:
        """A page of rows."""
        offset, limit = asked.page()
        outcome = asked.choice("outcome", ("ok", "error", "interrupted"))
        wanted = commits.Wanted(asked.text("q"), asked.text("var"), outcome)
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            return here.unchanged or commits.page(
                opened, here.trail, here.graph, here.revision, wanted, offset=offset, limit=limit
            )

    def commit(self, asked: Asked) -> dict[str, Any]:
        """One commit with what it changed."""
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            return commits.in_full(opened, here.trail, here.resolve(asked.part("ref")))

    def diff(self, asked: Asked) -> dict[str, Any]:
        """How two versions differ."""
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            before, after = here.resolve(asked.required("before")), here.resolve(asked.required("after"))
            return {
                "before": here.row(before),
                "after": here.row(after),
                "variables": variables.difference(opened, here.trail, before, after),
            }

    def variables(self, asked: Asked) -> dict[str, Any]:
        """The variables of a version."""
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            return variables.listed(opened, here.trail, here.resolve(asked.text("ref") or "HEAD"))

    def variable(self, asked: Asked) -> dict[str, Any]:
        """What happened to one variable."""
        _, limit = asked.page()
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            commit = here.resolve(asked.text("ref") or "HEAD")
            return variables.history(opened, here.trail, asked.part("name"), commit, limit)

    def plan(self, asked: Asked) -> dict[str, Any]:
        """What going to a version would do."""
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            target = here.resolve(asked.text("ref") or "HEAD")
            return plan.plan(opened, here.trail, target, here.graph.refs.head, fresh=asked.flag("fresh"))

    def notebook(self, asked: Asked) -> dict[str, Any]:
        """The code that led to a version."""
        with self.shelf.lend() as opened:
            here = _Here(opened, asked)
            commit = here.resolve(asked.text("ref") or "HEAD")
            return {"cells": code.cells(here.trail.line(opened.store, commit))}


class _Here:
    """The session that a request is about."""

    def __init__(self, opened: Opened, asked: Asked) -> None:
        self._opened = opened
        self.info = sessions.find(opened, asked.part("session"))
        self.trail: Trail = opened.trail(self.info.id)
        self.graph: Graph = self.trail.graph(opened.store)
        self.revision = sessions.revision(self.graph.mark, live=sessions.is_live(self.info))
        same = asked.text("revision") == self.revision
        self.unchanged = {"revision": self.revision, "unchanged": True} if same else None

    def resolve(self, ref: str) -> str:
        return references.resolve(Lookup(self._opened.store, self.trail), self.info.id, self.graph.refs, ref)

    def row(self, commit: str) -> dict[str, Any]:
        return row(commit, self.trail.record(self._opened.store, commit))
