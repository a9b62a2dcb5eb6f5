"""Throughput of the store against raw files, interleaved. Run it as a script: ``bench_store.py [FOLDER [GIB [ROUNDS]]]``.

Prints the median ratios (store / raw) of writing with fsync and of reading back, and what small commits cost.
"""

from __future__ import annotations

import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from perdure.store import ChunkList, Commit, Refs, Snapshot, Store

CHUNK = 1 << 20
SETTLE_SECONDS = 4.0


def commit_of(session: str, parent: str | None, snapshot: str, number: int) -> Commit:
    """A commit that binds one name."""
    return Commit(session, parent, f"x = {number}", number, "ok", time.time(), 0.01, {"x": (snapshot, 0)})


def write_store(folder: Path, views: list[memoryview]) -> tuple[float, list[bytes]]:
    """Seconds to make one commit of all the chunks durable, and their ids."""
    with Store.open(folder) as store:
        session = store.create_session(notebook=None, meta={}).id
        writer = store.writer(session)
        began = time.perf_counter()
        ids = writer.put_many(views)
        snapshot = Snapshot(ChunkList(0, ()), (ChunkList(sum(map(len, views)), tuple(ids)),), b"")
        commit = commit_of(session, None, writer.put_snapshot(snapshot), 1)
        writer.commit(commit, Refs(commit.id, "main", {"main": commit.id}))
        return time.perf_counter() - began, ids


def write_raw(path: Path, views: list[memoryview]) -> float:
    """Seconds to write and fsync the same bytes."""
    began = time.perf_counter()
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for view in views:
        os.write(fd, view)
    os.fsync(fd)
    os.close(fd)
    return time.perf_counter() - began


def read_store(folder: Path, ids: list[bytes], target: memoryview) -> float:
    """Seconds to read and verify all of the chunks into ``target``."""
    with Store.open(folder) as store:
        parts = [(name, target[at * CHUNK : (at + 1) * CHUNK]) for at, name in enumerate(ids)]
        began = time.perf_counter()
        store.read_into(parts)
        return time.perf_counter() - began


def read_raw(path: Path, target: memoryview) -> float:
    """Seconds to read the same bytes."""
    began = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        done = 0
        while done < len(target):
            done += file.readinto(target[done : done + CHUNK]) or 0
    return time.perf_counter() - began


def drop_caches() -> None:
    """Let reads come from the disk, where that is allowed."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("1")
    except OSError:
        print("(reads come from the page cache: caches can't be dropped here)")


def settle() -> None:
    """Let the disk finish what it was given, or whoever writes second pays for the first."""
    os.sync()
    time.sleep(SETTLE_SECONDS)


def small_commits(folder: Path, count: int) -> tuple[float, int]:
    """Seconds for each of ``count`` trivial commits, and bytes that all of them add."""
    with Store.open(folder) as store:
        session = store.create_session(notebook=None, meta={}).id
        writer, before, parent = store.writer(session), store.size(), None
        began = time.perf_counter()
        for number in range(count):
            stream = b"%050d" % number
            snapshot = writer.put_snapshot(Snapshot(ChunkList(len(stream), ()), (), stream))
            commit = commit_of(session, parent, snapshot, number)
            parent = writer.commit(commit, Refs(commit.id, "main", {"main": commit.id}))
        return (time.perf_counter() - began) / count, store.size() - before


def main(folder: str = ".", gib: str = "1", rounds: str = "10") -> None:
    """Measure and print."""
    place = Path(tempfile.mkdtemp(dir=folder))
    size = int(float(gib) * (1 << 30))
    data = memoryview(os.urandom(size))
    views = [data[at : at + CHUNK] for at in range(0, size, CHUNK)]
    target = memoryview(bytearray(size))
    writes, reads = [], []
    try:
        write_raw(place / "warm", views)
        (place / "warm").unlink()
        for number in range(int(rounds)):
            steps = ["store", "raw"] if number % 2 else ["raw", "store"]
            took = {}
            for step in steps:
                settle()
                if step == "raw":
                    took["raw"] = write_raw(place / "raw", views)
                else:
                    took["store"], ids = write_store(place / "store", views)
            writes.append(took["raw"] / took["store"])
            print(f"write  raw {took['raw']:.3f} s  store {took['store']:.3f} s  ratio {writes[-1]:.2f}")
            for step in steps:
                drop_caches()
                took[step] = (
                    read_raw(place / "raw", target) if step == "raw" else read_store(place / "store", ids, target)
                )
            assert target == data
            reads.append(took["raw"] / took["store"])
            print(f"read   raw {took['raw']:.3f} s  store {took['store']:.3f} s  ratio {reads[-1]:.2f}")
            shutil.rmtree(place / "store")
            (place / "raw").unlink()
        # Whoever goes second finds the disk busy with the first, so a round of each order makes one fair ratio.
        for what, ratios in (("write", writes), ("read", reads)):
            pairs = [math.sqrt(a * b) for a, b in zip(ratios[::2], ratios[1::2], strict=False)]
            print(f"{what} ratio: median {statistics.median(pairs):.2f} of {len(pairs)} pairs of rounds")
        seconds, added = small_commits(place / "small", 400)
        print(f"400 trivial commits: {seconds * 1e3:.2f} ms each, {added / 1e6:.2f} MB in all")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main(*sys.argv[1:])
