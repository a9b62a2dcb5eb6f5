"""Several processes at one store, and processes that are killed."""

from __future__ import annotations

import hashlib
import os
import random
import signal
from pathlib import Path

import pytest

from perdure.store import Refs, Store
from store.making import begin, child, commit_to, output, value_at

KILLS = int(os.environ.get("PERDURE_KILLS", "30"))


def read_acknowledged(lines: list[str]) -> dict[str, tuple[str, str]]:
    return {words[0]: (words[1], words[2]) for line in lines if line.endswith("\n") and len(words := line.split()) == 3}


def check(store: Store, acknowledged: dict[str, tuple[str, str]]) -> None:
    for commit_id, (name, digest) in acknowledged.items():
        assert hashlib.sha256(value_at(store, commit_id, name)).hexdigest() == digest


def test_two_processes_side_by_side_lose_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        sessions = [store.create_session(notebook=None, meta={}).id for _ in range(3)]
        processes = [child(store.path, session, 60, seed) for seed, session in enumerate(sessions)]
        found = []
        for process in processes:
            lines, _ = process.communicate()
            found.append(read_acknowledged(lines.splitlines(keepends=True)))
        for session, acknowledged in zip(sessions, found, strict=True):
            assert len(acknowledged) == 60
            check(store, acknowledged)
            assert {name for name, _ in store.ancestry(store.refs(session).head)} == set(acknowledged)
        assert store.verify().ok


def test_many_processes_make_one_store_at_once(tmp_path: Path) -> None:
    with Store.open(tmp_path / "template") as store:
        session = store.create_session(notebook=None, meta={}).id
    processes = [child(tmp_path / "s", session, 0) for _ in range(6)]
    for process in processes:
        process.communicate()
    with Store.open(tmp_path / "s", create=False) as store:
        assert store.sessions() == []


@pytest.mark.timeout(60 + 5 * KILLS)
def test_every_acknowledged_commit_survives_a_kill(tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("PERDURE_SEED", "7"))
    acknowledged: dict[str, tuple[str, str]] = {}
    with Store.open(tmp_path / "s") as store:
        session = store.create_session(notebook=None, meta={}).id
    for number in range(KILLS):
        process = child(tmp_path / "s", session, 10_000, number)
        lines = [output(process).readline() for _ in range(chance.randrange(12))]
        for _ in range(chance.randrange(20_000)):
            pass  # somewhere within the next commit
        process.send_signal(signal.SIGKILL)
        lines += output(process).readlines()
        process.wait()
        fresh = read_acknowledged(lines)
        with Store.open(tmp_path / "s") as store:
            check(store, fresh)
            line = {name for name, _ in store.ancestry(head)} if (head := store.refs(session).head) else set()
            assert line >= acknowledged.keys() | fresh.keys()
        acknowledged |= fresh
    assert len(acknowledged) > KILLS
    with Store.open(tmp_path / "s") as store:
        check(store, acknowledged)
        assert store.verify().findings == []
        store.gc(keep_days=0)
        check(store, acknowledged)
        assert store.verify().findings == []
    Store.repair(tmp_path / "s")
    with Store.open(tmp_path / "s") as store:
        check(store, acknowledged)


def test_gc_leaves_a_live_writer_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        _session, writer = begin(store)
        other = store.create_session(notebook=None, meta={}).id
        process = child(store.path, other, 40)
        lines = []
        refs = Refs()
        while not lines or lines[-1] != "done\n":
            lines.append(output(process).readline())
            refs = commit_to(writer, {"x": os.urandom(3000)}, Refs(None, "main", {}))
            store.gc(keep_days=0)
        check(store, read_acknowledged(lines))
        process.communicate()
        store.gc(keep_days=0)
        check(store, read_acknowledged(lines))
        assert value_at(store, refs.head, "x")
        assert store.verify().ok
