"""What the tests of the store share: commits made of given bytes, and reading them back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from perdure.store import ChunkList, Commit, Refs, Snapshot, Store, Writer

CHUNK = 64 << 10
TESTS = Path(__file__).parent.parent


def snapshot_of(writer: Writer, data: bytes) -> str:
    """Keep ``data`` as a snapshot: in the record if it is small, in chunks otherwise."""
    if len(data) < 1000:
        return writer.put_snapshot(Snapshot(ChunkList(len(data), ()), (), data))
    view = memoryview(data)
    ids = writer.put_many([view[at : at + CHUNK] for at in range(0, len(data), CHUNK)])
    return writer.put_snapshot(Snapshot(ChunkList(0, ()), (ChunkList(len(data), tuple(ids)),), b"", {"roots": 1}))


def commit_to(
    writer: Writer, values: dict[str, bytes], refs: Refs, *, source: str = "cell", started: float | None = None
) -> Refs:
    """Commit ``values`` on top of ``refs.head``; the refs afterwards."""
    bindings = {name: (snapshot_of(writer, data), 0) for name, data in values.items()}
    commit = Commit(
        writer.session,
        refs.head,
        source,
        1,
        "ok",
        time.time() if started is None else started,
        0.5,
        bindings,
        bytes_added=writer.pending_bytes,
        meta={"changed": sorted(values)},
    )
    branch = refs.branch or "main"
    moved = Refs(commit.id, branch, {**refs.branches, branch: commit.id}, refs.tags)
    assert writer.commit(commit, moved) == commit.id
    return moved


def value_at(store: Store, commit_id: str, name: str) -> bytes:
    """The bytes bound to ``name`` in the commit itself."""
    snapshot = store.snapshot(store.commit(commit_id).bindings[name][0])
    if not snapshot.buffers:
        assert snapshot.inline is not None
        return snapshot.inline
    return bytes(store.read(snapshot.buffers[0]))


def begin(store: Store) -> tuple[str, Writer]:
    """A new session and its writer."""
    session = store.create_session(notebook="a.ipynb", meta={"python": "3"}).id
    return session, store.writer(session)


def child(*arguments: object) -> subprocess.Popen[str]:
    """``making_child.py`` in a process of its own, its output a pipe."""
    import perdure.store

    roots = [str(Path(perdure.store.__file__).parents[2]), str(TESTS)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
    command = [sys.executable, str(TESTS / "store" / "making_child.py"), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment)


def output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout
