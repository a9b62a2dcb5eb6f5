"""What is written comes back, once each, and sessions, refs and history are as they were left."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import AmbiguousRef, SessionBusy, StoreError, StoreMissing, UnknownRef, UnknownSession
from perdure.store import ChunkList, Commit, Refs, Snapshot, Store, chunk_id
from perdure.store.records import Malformed, RefsMove
from store.making import begin, child, commit_to, output, value_at


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


digests = st.binary(min_size=32, max_size=32)
chunk_lists = st.builds(ChunkList, st.integers(0, 1 << 40), st.lists(digests, max_size=4).map(tuple))
texts = st.text(st.characters(), max_size=20)


@given(
    st.builds(
        Snapshot,
        chunk_lists,
        st.lists(chunk_lists, max_size=3).map(tuple),
        st.none() | st.binary(max_size=99),
        st.dictionaries(texts, st.integers() | texts, max_size=3),
    )
)
def test_a_snapshot_decodes_to_what_was_encoded(snapshot: Snapshot) -> None:
    again = Snapshot.decode(snapshot.encode())
    assert again == snapshot
    assert again.id == snapshot.id


@given(
    source=texts,
    names=st.dictionaries(texts, st.tuples(st.just("ab" * 20), st.integers(0, 9)), max_size=3),
    deleted=st.lists(texts).map(tuple),
)
def test_a_commit_decodes_to_what_was_encoded(
    source: str, names: dict[str, tuple[str, int]], deleted: tuple[str, ...]
) -> None:
    commit = Commit("s", None, source, None, "ok", 1.5, 0.25, names, deleted, {"a": "why"}, 7, {"x": [1]})
    assert Commit.decode(commit.encode()) == commit


@given(st.binary(max_size=80))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        Snapshot.decode(data)


def test_a_lone_surrogate_in_a_source_survives() -> None:
    commit = Commit("s", None, "x = '\ud800'", 1, "ok", 0.0, 0.0)
    assert Commit.decode(commit.encode()) == commit


@given(
    st.dictionaries(texts, texts, max_size=3),
    st.dictionaries(texts, texts, max_size=3),
    st.none() | texts,
    st.none() | texts,
)
def test_a_refs_record_leads_from_the_old_refs_to_the_new(
    old: dict[str, str], new: dict[str, str], head: str | None, branch: str | None
) -> None:
    before, after = Refs("h", "main", old, {}), Refs(head, branch, new, {})
    move = RefsMove.decode(RefsMove.between("s", 1, before, after).encode())
    assert move.applied(before) == after


def test_bytes_come_back_in_another_opening(tmp_path: Path) -> None:
    values = {"small": b"abc", "empty": b"", "large": random.randbytes(3_000_000), "text": b"a" * 500_000}
    with Store.open(tmp_path / "s") as store:
        session, writer = begin(store)
        refs = commit_to(writer, values, Refs())
    with Store.open(tmp_path / "s") as store:
        assert store.refs(session) == refs
        assert {name: value_at(store, refs.head, name) for name in values} == values
        assert store.verify().ok


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("data", [b"", b"a", b"ab" * 70_000, os.urandom(70_000)])
def test_a_chunk_comes_back(store: Store, data: bytes, compress: bool) -> None:
    session, writer = begin(store)
    name = writer.put(data, compress=compress)
    assert name == chunk_id(data)
    snapshot = writer.put_snapshot(Snapshot(ChunkList(len(data), (name,))))
    commit = Commit(session, None, "", 1, "ok", 0.0, 0.0, {"x": (snapshot, 0)})
    writer.commit(commit, Refs(commit.id))
    target = bytearray(len(data))
    store.read_into([(name, memoryview(target))])
    assert bytes(target) == data
    assert store.has_chunks([name, bytes(32)]) == {name}
    assert (writer.pending_bytes, store.verify().ok) == (0, True)


def test_identical_chunks_are_kept_once(store: Store) -> None:
    data = os.urandom(40 << 20)
    _, writer = begin(store)
    refs = commit_to(writer, {"a": data}, Refs())
    before = store.size()
    refs = commit_to(writer, {"a": data, "b": data}, refs)
    changed = bytearray(data)
    changed[5_000_000] ^= 1
    commit_to(writer, {"a": bytes(changed)}, refs)
    assert store.size() - before < 300_000


@pytest.mark.parametrize("size", [1000, 100_000, 300_000])
def test_batches_may_use_the_same_memory_again(store: Store, size: int) -> None:
    """A batch is written while the next is made, and nothing refers to either afterwards."""
    _, writer = begin(store)
    parts = [os.urandom(size) for _ in range(30)]
    places = [bytearray(5 * size), bytearray(5 * size)]

    def batches() -> Iterator[list[memoryview]]:
        for number in range(0, len(parts), 5):
            place = places[number // 5 % 2]
            place[:] = b"".join(parts[number : number + 5])
            yield [memoryview(place)[at : at + size] for at in range(0, len(place), size)]

    ids = writer.put_batches(batches())
    assert ids == [chunk_id(part) for part in parts]
    for place in places:
        place.clear()  # not possible while something refers to it
    whole = ChunkList(30 * size, tuple(ids))
    snapshot = writer.put_snapshot(Snapshot(ChunkList(0, ()), (whole,), b""))
    commit = Commit(writer.session, None, "", 1, "ok", 0.0, 0.0, {"x": (snapshot, 0)})
    writer.commit(commit, Refs(commit.id))
    assert value_at(store, commit.id, "x") == b"".join(parts)


def test_four_hundred_trivial_commits_stay_small(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        _, writer = begin(store)
        before, refs = store.size(), Refs()
        for number in range(400):
            refs = commit_to(writer, {"x": b"%050d" % number}, refs, source="x = 1  #" + "-" * 100)
        assert store.size() - before < 1_200_000
        assert len(store.ancestry(refs.head)) == 400


def test_an_aborted_commit_leaves_nothing(store: Store) -> None:
    _, writer = begin(store)
    refs = commit_to(writer, {"a": b"1" * 5000}, Refs())
    before = store.size()
    name = writer.put(os.urandom(100_000))
    writer.abort()
    assert store.size() == before
    assert not store.has_chunks([name])
    refs = commit_to(writer, {"a": b"2"}, refs)
    assert value_at(store, refs.head, "a") == b"2"
    assert store.verify().ok


def test_history_is_newest_first_and_follows_branches(store: Store) -> None:
    session, writer = begin(store)
    main = [commit_to(writer, {"x": b"0"}, Refs())]
    for number in range(1, 6):
        main.append(commit_to(writer, {"x": b"%d" % number}, main[-1]))
    side = commit_to(writer, {"x": b"side"}, Refs(main[2].head, "side", main[-1].branches, {"t": main[1].head}))
    ids = [refs.head for refs in main]
    assert [name for name, _ in store.ancestry(side.head)] == [side.head, ids[2], ids[1], ids[0]]
    assert [name for name, _ in store.ancestry(ids[5], 2)] == [ids[5], ids[4]]
    assert [name for name, _ in store.commits(session)] == [side.head, *reversed(ids)]
    assert store.find_commits(session, ids[3][:12]) == [ids[3]]
    assert set(store.find_commits(session, "")) == {side.head, *ids}
    assert store.find_commits(session, "xyz") == []
    assert store.refs(session) == side


def test_the_tree_tells_who_came_from_whom(store: Store) -> None:
    session, writer = begin(store)
    assert store.tree(session) == []
    first = commit_to(writer, {"x": b"1"}, Refs(), started=5.0)
    second = commit_to(writer, {"x": b"2"}, first, started=3.0)
    other = commit_to(writer, {"x": b"3"}, Refs(first.head, "other"), started=4.0)
    assert store.tree(session) == [
        (first.head, None, 5.0),
        (second.head, first.head, 3.0),
        (other.head, first.head, 4.0),
    ]
    assert store.tree("nowhere") == []


def test_a_mark_is_another_once_anything_of_the_session_is(store: Store) -> None:
    session, writer = begin(store)
    marks = [store.mark(session)]
    store.release(session)
    for change in (
        lambda: store.claim(session),
        lambda: commit_to(writer, {"x": b"1"}, Refs()),
        lambda: store.move_refs(session, Refs()),
        lambda: store.move_refs(session, Refs()),
        lambda: store.update_session(session, meta={"a": 1}),
        lambda: store.trust_session(session),
        lambda: store.release(session),
    ):
        change()
        marks.append(store.mark(session))
        assert store.mark(session) == marks[-1]
    assert len(set(marks)) == len(marks)
    before = store.mark(session)
    _, other_writer = begin(store)
    commit_to(other_writer, {"y": b"1"}, Refs())
    assert store.mark(session) == before
    store.delete_session(session)
    with pytest.raises(UnknownSession):
        store.mark(session)
    with pytest.raises(UnknownSession):
        store.mark("nowhere")


def test_refs_move_without_a_commit(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        session, writer = begin(store)
        first = commit_to(writer, {"x": b"1"}, Refs())
        commit_to(writer, {"x": b"2"}, first)
        moved = Refs(first.head, None, {"b": first.head}, {"t": first.head})
        store.move_refs(session, moved)
    with Store.open(tmp_path / "s") as store:
        assert store.refs(session) == moved
        assert store.verify().ok


def test_sessions(store: Store) -> None:
    ids = [store.create_session(notebook=f"{number}.ipynb", meta={}).id for number in range(3)]
    commit_to(store.writer(ids[0]), {"x": b""}, Refs())
    assert [info.id for info in store.sessions()] == [ids[0], ids[2], ids[1]]
    info = store.session(ids[0][:8])
    assert (info.notebook, info.commits, info.trusted, info.owner) == ("0.ipynb", 1, True, None)
    store.update_session(ids[1], notebook=None, meta={"a": 1})
    assert (store.session(ids[1]).notebook, store.session(ids[1]).meta) == (None, {"a": 1})
    store.delete_session(ids[2])
    for missing in (ids[2], "zz", ""):
        with pytest.raises(UnknownSession):
            store.session(missing)


def test_an_ambiguous_session_prefix_is_refused(store: Store) -> None:
    for _ in range(17):
        store.create_session(notebook=None, meta={})
    firsts = [info.id[0] for info in store.sessions()]
    twice = next(first for first in firsts if firsts.count(first) > 1)
    with pytest.raises(AmbiguousRef):
        store.session(twice)


def test_unknown_things_are_refused(store: Store, tmp_path: Path) -> None:
    _session, _writer = begin(store)
    for name in ("00" * 20, "nonsense"):
        with pytest.raises(UnknownRef):
            store.commit(name)
        with pytest.raises(UnknownRef):
            store.snapshot(name)
        with pytest.raises(UnknownRef):
            store.ancestry(name)
    for call in (store.refs, store.claim, store.delete_session):
        with pytest.raises(UnknownSession):
            call("none")
    with pytest.raises(UnknownSession):
        commit_to(store.writer("none"), {}, Refs())
    with pytest.raises(StoreMissing):
        Store.open(tmp_path / "other", create=False)
    with pytest.raises(StoreMissing):
        Store.open(tmp_path / "other", readonly=True)


def test_a_session_has_one_live_owner(store: Store) -> None:
    session, writer = begin(store)
    process = child(store.path, session, 1)
    assert [output(process).readline().split()[0] for _ in range(2)][1] == "done"
    with pytest.raises(SessionBusy, match=str(process.pid)):
        store.claim(session)
    with pytest.raises(SessionBusy):
        commit_to(writer, {"x": b"2"}, store.refs(session))
    writer.abort()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie is dead
    store.claim(session)
    process.communicate()
    commit_to(writer, {"x": b"2"}, store.refs(session))
    owner = store.session(session).owner
    assert owner is not None
    assert owner.pid == os.getpid()
    store.release(session)
    assert store.session(session).owner is None


def test_threads_read_while_one_writes(store: Store) -> None:
    session, writer = begin(store)
    first = commit_to(writer, {"x": os.urandom(300_000)}, Refs())
    errors: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                value_at(store, store.refs(session).head, "x")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    refs = first
    for _ in range(40):
        refs = commit_to(writer, {"x": os.urandom(300_000)}, refs)
    done.set()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_reads_and_does_not_write(store: Store) -> None:
    session, writer = begin(store)
    refs = commit_to(writer, {"x": b"1" * 5000}, Refs())
    pending = writer.put(os.urandom(100_000))
    pid = os.fork()
    if pid == 0:
        try:
            good = value_at(store, refs.head, "x") == b"1" * 5000
            try:
                commit_to(writer, {"x": b"2" * 5000}, refs)
            except StoreError:
                store.close()  # as at the end of a child that ends politely
                os._exit(0 if good else 1)
            os._exit(2)
        except BaseException:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    snapshot = writer.put_snapshot(Snapshot(ChunkList(100_000, (pending,))))
    commit = Commit(session, refs.head, "", 1, "ok", time.time(), 0.0, {"x": (snapshot, 0)})
    writer.commit(commit, Refs(commit.id))
    assert len(store.read(store.snapshot(snapshot).stream)) == 100_000
    assert store.verify().ok
    # The child must not have declared the parent's packs finished: gc would move what is still being written.
    states = store._catalog.connection.execute("SELECT DISTINCT state FROM packs").fetchall()
    assert states == [(0,)]


def test_packs_roll(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _, writer = begin(store)
    monkeypatch.setattr(writer._appender, "_limit", 9 << 20)
    data = os.urandom(40 << 20)
    refs = commit_to(writer, {"x": data}, Refs())
    assert len(list((store.path / "packs").iterdir())) >= 4
    assert value_at(store, refs.head, "x") == data
    refs = commit_to(writer, {"x": b"2"}, refs)
    assert store.verify().ok
    writer.put(os.urandom(20 << 20))
    writer.put(os.urandom(20 << 20))
    writer.abort()
    commit_to(writer, {"x": b"3"}, refs)
    assert store.verify().ok


def test_a_long_history_is_read_in_one_go(store: Store) -> None:
    _session, writer = begin(store)
    refs = Refs()
    for _ in range(300):
        refs = commit_to(writer, {}, refs)
    began = time.perf_counter()
    assert len(store.ancestry(refs.head)) == 300
    assert time.perf_counter() - began < 1
