"""Looking up commits by what a person writes, in what was read of a session already."""

from __future__ import annotations

from itertools import islice

from perdure.jupyter.server.trail import Trail
from perdure.store import Commit as Record
from perdure.store import Store


class Lookup:
    """A session's commits as `perdure.timeline.references` asks for them."""

    def __init__(self, store: Store, trail: Trail) -> None:
        self._store = store
        self._trail = trail

    def ancestry(self, commit: str, limit: int | None = None) -> list[tuple[str, Record]]:
        """A commit and its ancestors, newest first, at most ``limit`` of them."""
        return list(islice(self._trail.line(self._store, commit), limit))

    def commits(self, session: str) -> list[tuple[str, Record]]:
        """All commits of the session, newest first, those that no ref reaches included."""
        return self._store.commits(session)

    def find_commits(self, session: str, prefix: str) -> list[str]:
        """The ids that begin so."""
        return self._store.find_commits(session, prefix)
