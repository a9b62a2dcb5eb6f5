"""The trail: one session's commits in memory, read once and added to by what is new.

A commit never changes, so what was read of it stays true; what can change is which commits there are and where the refs
are, and the store's ``mark`` tells when. The graph comes from the catalog alone, and commits are read when they are first
shown: of ten thousand, the first page needs a hundred.
"""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from perdure.errors import Damaged, DamagedCatalog, UnknownRef
from perdure.jupyter.server.standing import Standing
from perdure.store import Commit as Record
from perdure.store import Refs, Store, Twig

#: More unread commits than this are read by one query for the whole session.
_ONE_BY_ONE = 500

#: What of a commit's ``meta`` is kept in memory. Previews are read again when they are shown.
_KEPT = ("kind", "error", "rolled_back", "regrouped", "cell_id", "asks")

#: Versions whose variables are kept in memory, at most.
_STANDINGS = 8


@dataclass(frozen=True, slots=True)
class Graph:
    """The commits that the refs reach, newest first and children before parents, at one moment.

    ``parents`` are places among ``ids``, -1 for the first commit.
    """

    mark: str
    refs: Refs
    ids: list[str]
    parents: list[int]
    places: dict[str, int]


class Trail:
    """What is known of the commits of ``session``. Its methods may be called from any thread."""

    def __init__(self, session: str) -> None:
        self.session = session
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._graph: Graph | None = None
        self._records: dict[str, Record] = {}
        self._standings: OrderedDict[str, Standing] = OrderedDict()
        self._read_at = ""

    def graph(self, store: Store) -> Graph:
        """Which commits there are now.

        :raises UnknownSession: if there is no such session any more.
        """
        mark = store.mark(self.session)  # before the refs: what moves meanwhile only makes the mark an old one
        with self._drawing:  # the requests of one panel come together, and one of them does it for all
            graph = self._graph
            if graph is None or graph.mark != mark:
                graph = self._graph = _graph(store, self.session, mark)
            return graph

    def record(self, store: Store, commit: str) -> Record:
        """A commit, without its previews.

        :raises UnknownRef: if there is none.
        """
        found = self._records.get(commit)
        if found is None:
            found = self._keep(commit, store.commit(commit))
        return found

    def records(self, store: Store, commits: Iterable[str]) -> list[Record]:
        """Many commits, without their previews."""
        wanted = list(commits)
        if sum(commit not in self._records for commit in wanted) > _ONE_BY_ONE:
            self._read_all(store)
        return [self.record(store, commit) for commit in wanted]

    def known(self, store: Store, commit: str | None) -> bool:
        """Whether to say what was bound at ``commit`` takes no reading of a long history."""
        return commit is None or commit in self._standings or self._unread(store) <= _ONE_BY_ONE

    def line(self, store: Store, commit: str | None) -> Iterator[tuple[str, Record]]:
        """A commit and its ancestors, newest first, without their previews.

        :raises UnknownRef: if there is no such commit.
        :raises DamagedCatalog: if an ancestor of it is lost.
        """
        child, read = None, 0
        while commit is not None:
            if commit not in self._records:
                read += 1
                if read > _ONE_BY_ONE and self._unread(store) > _ONE_BY_ONE:
                    self._read_all(store)
            try:
                record = self.record(store, commit)
            except UnknownRef as error:
                if child is None:
                    raise
                raise DamagedCatalog(
                    f"Commit {commit}, the parent of {child}, is lost. Run `perdure verify` to see what that affects."
                ) from error
            yield commit, record
            child, commit = commit, record.parent

    def standing(self, store: Store, commit: str | None) -> Standing:
        """What every name was bound to at ``commit``."""
        if commit is None:
            return Standing()
        found = self._standings.get(commit)
        if found is None:
            found = Standing.of(self.line(store, commit))
            with self._lock:
                self._standings[commit] = found
                while len(self._standings) > _STANDINGS:
                    self._standings.popitem(last=False)
        return found

    def _unread(self, store: Store) -> int:
        """About how many commits were not read yet."""
        graph = self.graph(store)
        return 0 if self._read_at == graph.mark else len(graph.ids) - len(self._records)

    def _read_all(self, store: Store) -> None:
        mark = self.graph(store).mark
        with self._lock:
            if self._read_at == mark:  # another thread has
                return
            for commit, record in store.commits(self.session):
                if commit not in self._records:
                    self._keep(commit, record)
            self._read_at = mark

    def _keep(self, commit: str, record: Record) -> Record:
        kept = replace(record, meta={key: record.meta[key] for key in _KEPT if key in record.meta})
        return self._records.setdefault(commit, kept)


def _graph(store: Store, session: str, mark: str) -> Graph:
    refs = store.refs(session)
    twigs = {twig.id: twig for twig in store.tree(session)}
    reached = _reached(store, refs, twigs)
    ids = _ordered([twig for twig in twigs.values() if twig.id in reached])
    places = {commit: place for place, commit in enumerate(ids)}
    parents = [places.get(twigs[commit].parent or "", -1) for commit in ids]
    return Graph(mark, refs, ids, parents, places)


def _reached(store: Store, refs: Refs, twigs: dict[str, Twig]) -> set[str]:
    """Every commit that a ref reaches; those of other sessions are added to ``twigs``."""
    reached: set[str] = set()
    for tip in refs.tips():
        commit: str | None = tip
        while commit is not None and commit not in reached:
            twig = twigs.get(commit)
            if twig is None:
                try:
                    record = store.commit(commit)
                except (Damaged, UnknownRef):
                    break  # lost; what came after it is shown
                twig = twigs[commit] = Twig(commit, record.parent, record.started)
            reached.add(commit)
            commit = twig.parent
    return reached


def _ordered(twigs: list[Twig]) -> list[str]:
    """Newest first, children before their parents."""
    places = {twig.id: place for place, twig in enumerate(twigs)}
    children = [0] * len(twigs)
    for twig in twigs:
        if twig.parent in places:
            children[places[twig.parent]] += 1
    ready = [(-twigs[place].started, -place) for place, count in enumerate(children) if count == 0]
    heapq.heapify(ready)
    ids = []
    while ready:
        twig = twigs[-heapq.heappop(ready)[1]]
        ids.append(twig.id)
        if twig.parent in places:
            place = places[twig.parent]
            children[place] -= 1
            if children[place] == 0:
                heapq.heappush(ready, (-twigs[place].started, -place))
    return ids
