"""Only gc deletes, and only what nothing reaches."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from perdure.errors import StoreBusy, UnknownRef, UnknownSession
from perdure.store import ChunkList, Commit, Refs, Snapshot, Store
from store.making import begin, commit_to, value_at

DAY = 86400.0


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def test_what_a_ref_reaches_stays(store: Store) -> None:
    session, writer = begin(store)
    data = [os.urandom(300_000) for _ in range(6)]
    line = [Refs()]
    for part in data:
        line.append(commit_to(writer, {"x": part}, line[-1]))
    store.move_refs(session, Refs(line[2].head, "main", {"main": line[2].head}, {"t": line[4].head}))
    writer.close()
    before = store.size()
    report = store.gc(keep_days=0)
    assert (report.commits, report.sessions) == (2, 0)
    assert report.freed > 550_000
    assert store.size() < before - 550_000
    for number in range(1, 5):
        assert value_at(store, line[number].head, "x") == data[number - 1]
    for number in (5, 6):
        with pytest.raises(UnknownRef):
            store.commit(line[number].head)
    assert store.verify().ok
    assert store.gc(keep_days=0).packs == 0
    refs = commit_to(store.writer(session), {"y": b"1"}, store.refs(session))
    assert store.refs(session) == refs


def test_what_is_young_stays(store: Store) -> None:
    session, writer = begin(store)
    old = commit_to(writer, {"x": os.urandom(50_000)}, Refs(), started=time.time() - 40 * DAY)
    young = commit_to(writer, {"x": os.urandom(50_000)}, Refs(), started=time.time() - 20 * DAY)
    store.move_refs(session, Refs())
    writer.close()
    assert store.gc().commits == 1
    assert value_at(store, young.head, "x")
    with pytest.raises(UnknownRef):
        store.commit(old.head)
    assert store.gc(now=time.time() + 11 * DAY).commits == 1


def test_the_packs_of_a_live_writer_stay(store: Store) -> None:
    session, writer = begin(store)
    refs = commit_to(writer, {"x": os.urandom(50_000)}, Refs())
    store.move_refs(session, Refs())
    assert store.gc(keep_days=0).commits == 0
    assert value_at(store, refs.head, "x")
    commit_to(writer, {"y": b""}, refs)
    assert store.verify().ok


def test_a_deleted_session_goes_after_its_time(tmp_path: Path, store: Store) -> None:
    session, writer = begin(store)
    other, other_writer = begin(store)
    shared = os.urandom(200_000)
    refs = commit_to(writer, {"x": shared, "y": os.urandom(200_000)}, Refs(), started=time.time() - 99 * DAY)
    kept = commit_to(other_writer, {"x": shared}, Refs())
    writer.close()
    other_writer.close()
    store.delete_session(session)
    assert store.gc().sessions == 0
    assert value_at(store, refs.head, "x") == shared
    report = store.gc(now=time.time() + 31 * DAY)
    assert (report.sessions, report.commits) == (1, 1)
    assert value_at(store, kept.head, "x") == shared
    with pytest.raises(UnknownSession):
        store.refs(session)
    assert store.verify().ok
    store.close()
    Store.repair(tmp_path / "store")
    with Store.open(tmp_path / "store") as again:
        assert [info.id for info in again.sessions()] == [other]
        assert value_at(again, kept.head, "x") == shared


def test_a_chunk_dropped_during_a_commit_is_asked_for_again(store: Store) -> None:
    """Its bytes are the caller's, who may long have changed them."""
    session, writer = begin(store)
    data = os.urandom(50_000)
    commit_to(writer, {"x": data}, Refs())
    store.move_refs(session, Refs())
    writer.close()
    writer = store.writer(session)
    chunk = writer.put(data)
    assert writer.pending_bytes == 0  # it was there
    whole = ChunkList(len(data), (chunk,))
    snapshot = writer.put_snapshot(Snapshot(ChunkList(0, ()), (whole,), b""))
    store.gc(keep_days=0)
    assert not store.has_chunks([chunk])
    commit = Commit(session, None, "", 1, "ok", time.time(), 0.0, {"x": (snapshot, 0)})
    with pytest.raises(StoreBusy, match=chunk.hex()):
        writer.commit(commit, Refs(commit.id))
    writer.abort()
    kept = commit_to(writer, {"x": data}, Refs())
    assert value_at(store, kept.head, "x") == data
    assert store.verify().ok


def test_a_snapshot_dropped_during_a_commit_is_written_again(store: Store) -> None:
    session, writer = begin(store)
    data = os.urandom(50_000)
    first = commit_to(writer, {"x": data}, Refs())
    store.move_refs(session, Refs())
    old = store.snapshot(store.commit(first.head).bindings["x"][0])
    writer.close()
    writer = store.writer(session)
    snapshot = writer.put_snapshot(old)
    assert writer.pending_bytes == 0  # it was there
    store.gc(keep_days=0)
    assert writer.put(data) == old.buffers[0].ids[0]
    assert writer.pending_bytes > len(data)  # it was not there any more
    commit = Commit(session, None, "", 1, "ok", time.time(), 0.0, {"x": (snapshot, 0)})
    writer.commit(commit, Refs(commit.id))
    assert value_at(store, commit.id, "x") == data
    assert store.verify().ok


def test_a_chunk_that_only_the_store_had_is_asked_for_again(store: Store) -> None:
    session, writer = begin(store)
    first = commit_to(writer, {"x": os.urandom(100_000)}, Refs())
    snapshot = store.commit(first.head).bindings["x"][0]
    store.move_refs(session, Refs())
    writer.close()
    store.gc(keep_days=0)
    writer = store.writer(session)
    commit = Commit(session, None, "", 1, "ok", time.time(), 0.0, {"x": (snapshot, 0)})
    with pytest.raises(StoreBusy, match=snapshot):
        writer.commit(commit, Refs(commit.id))
    writer.abort()
    commit_to(writer, {"x": b"1"}, Refs())
    assert store.verify().ok


def test_a_commit_made_while_gc_copies_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from perdure.store.gc import Collector

    session, writer = begin(store)
    data = os.urandom(100_000)
    first = commit_to(writer, {"x": data}, Refs())
    store.move_refs(session, Refs())
    writer.close()
    second = Store.open(store.path)
    other = second.writer(session)
    plain = Collector._copy
    made: list[Refs] = []

    def copy(self: Collector, *rest: object) -> object:
        if not made:
            made.append(commit_to(other, {"y": data}, Refs()))
        return plain(self, *rest)

    monkeypatch.setattr(Collector, "_copy", copy)
    store.gc(keep_days=0)
    with pytest.raises(UnknownRef):
        store.commit(first.head)
    assert value_at(store, made[0].head, "y") == data
    assert store.verify().ok
    second.close()


def test_a_replaced_pack_that_could_not_be_deleted_goes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from perdure.store.files import Files

    class Stuck(Files):
        def unlink(self, path: Path) -> None:
            if path.suffix == ".pack":
                raise PermissionError(path)
            super().unlink(path)

    with Store.open(tmp_path / "s", files=Stuck()) as store:
        session, writer = begin(store)
        refs = commit_to(writer, {"x": os.urandom(50_000)}, Refs())
        commit_to(writer, {"x": os.urandom(50_000)}, refs)
        store.move_refs(session, refs)
        writer.close()
        packs = set((store.path / "packs").iterdir())
        assert store.gc(keep_days=0).commits == 1
        assert packs < set((store.path / "packs").iterdir())
        assert store.verify().ok
    with Store.open(tmp_path / "s") as store:
        assert len(store.commits(session)) == 1
        assert len(packs & set((store.path / "packs").iterdir())) == 1  # the journal's, which was not idle
        assert store.verify().ok
