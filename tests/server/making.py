"""Sessions for the tests of the panel's server, made through the package's own faces."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perdure.capture.preview import preview
from perdure.store import ChunkList, Commit, Refs, Snapshot, Store, Writer


def commit(writer: Writer, refs: Refs, source: str, values: dict[str, Any], **more: Any) -> Refs:
    """Commit a cell that bound ``values``; the refs afterwards."""
    bindings = {}
    for name, value in values.items():
        data = f"{name} {value!r}".encode()
        bindings[name] = (writer.put_snapshot(Snapshot(ChunkList(len(data), ()), (), data)), 0)
    meta = {"previews": {name: preview(value) for name, value in values.items()}, **more.pop("meta", {})}
    record = Commit(
        session=writer.session,
        parent=refs.head,
        source=source,
        execution_count=more.pop("execution_count", 1),
        outcome=more.pop("outcome", "ok"),
        started=more.pop("started", time.time()),
        duration=0.01,
        bindings=bindings,
        meta=meta,
        **more,
    )
    branch = refs.branch or "main"
    moved = Refs(record.id, branch, {**refs.branches, branch: record.id}, refs.tags)
    writer.commit(record, moved)
    return moved


def long_session(path: Path, count: int, notebook: str | None = None) -> str:
    """The id of a session with that many cells, on two branches that part now and then, each cell changing two names."""
    with Store.open(path) as store:
        session = store.create_session(notebook=notebook, meta={}).id
        writer = store.writer(session)
        refs = Refs()
        for number in range(count):
            source = f"# cell {number}\nx_{number % 300} = compute({number})\ntotal += x_{number % 300}\nprint(total)"
            values = {f"x_{number % 300}": float(number), "total": list(range(number % 40))}
            refs = commit(writer, refs, source, values, execution_count=number + 1, started=1e9 + number)
        writer.close()
        return session


@contextmanager
def written(path: Path, notebook: str | None = None) -> Iterator[Writer]:
    """A writer of a new session's commits."""
    with Store.open(path) as store:
        writer = store.writer(store.create_session(notebook=notebook, meta={}).id)
        yield writer
        writer.close()


def chain(writer: Writer, sources: Iterable[str], refs: Refs | None = None) -> Refs:
    """A commit for each source, which binds ``x`` to its place; the refs afterwards."""
    refs = refs or Refs()
    for place, source in enumerate(sources):
        refs = commit(writer, refs, source, {"x": place}, execution_count=place + 1, started=1e9 + place)
    return refs
