"""Makes a long session of a notebook: `python long_session.py STORE NOTEBOOK COUNT`.

Through the store, and without waiting for the disk: as so many cells it would take minutes.
"""

import os
import sys
from pathlib import Path
from typing import Any

from perdure.capture.preview import preview
from perdure.store import ChunkList, Commit, Refs, Snapshot, Store


def make(path: Path, notebook: str, count: int) -> str:
    os.fsync = os.fdatasync = lambda _: None  # type: ignore[assignment]
    with Store.open(path) as store:
        session = store.create_session(notebook=notebook, meta={}).id
        writer = store.writer(session)
        writer._catalog.connection.execute("PRAGMA synchronous = OFF")  # noqa: SLF001 - a store that may be lost
        refs = Refs()
        for number in range(count):
            name, value = f"x_{number % 300}", float(number)
            data = f"{name} {value!r}".encode()
            snapshot = writer.put_snapshot(Snapshot(ChunkList(len(data), ()), (), data))
            meta: dict[str, Any] = {"previews": {name: preview(value)}}
            source = f"{name} = compute({number})\ntotal += {name}\nprint(total)"
            started = 1e9 + number
            commit = Commit(
                session, refs.head, source, number + 1, "ok", started, 0.01, {name: (snapshot, 0)}, meta=meta
            )
            branches = {**refs.branches, "main": commit.id}
            if number == count // 2:
                branches["half-way"] = commit.id
            refs = Refs(commit.id, "main", branches)
            writer.commit(commit, refs)
        writer.close()
    return session


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
