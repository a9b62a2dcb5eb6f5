"""A disk that is full, broken or read-only: a plain error, nothing acknowledged lost, and the writer goes on afterwards."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from perdure.errors import PerdureError, StoreError, StoreFull, StoreReadOnly, StoreUnreachable
from perdure.store import Commit, Refs, Store
from perdure.store.digest import Buffer
from perdure.store.files import Files
from store.making import begin, commit_to, snapshot_of, value_at


class Failing(Files):
    """Fails at the call number ``at``, after writing a part of what it was given."""

    def __init__(self, code: int = errno.ENOSPC) -> None:
        self.calls = 0
        self.at = -1
        self.code = code
        self._turn = threading.Lock()

    def arm(self, at: int) -> None:
        self.calls, self.at = 0, at

    def _count(self) -> None:
        with self._turn:
            self.calls += 1
            hit = self.calls == self.at
        if hit:
            raise OSError(self.code, os.strerror(self.code))

    def write(self, fd: int, buffers: Sequence[Buffer]) -> None:
        if self.calls + 1 == self.at:
            super().write(fd, [memoryview(buffers[0])[:20]])
        self._count()
        super().write(fd, buffers)

    def create(self, path: Path) -> int:
        self._count()
        return super().create(path)

    def sync(self, fd: int) -> None:
        self._count()
        super().sync(fd)

    def sync_data(self, fd: int) -> None:
        self._count()
        super().sync_data(fd)

    def sync_directory(self, path: Path) -> None:
        self._count()
        super().sync_directory(path)


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, StoreFull), (errno.EIO, StoreUnreachable), (errno.EROFS, StoreReadOnly)]
)
def test_every_write_may_fail(tmp_path: Path, code: int, kind: type[StoreError]) -> None:
    files = Failing(code)
    with Store.open(tmp_path / "s", files=files) as store:
        session, writer = begin(store)
        kept = [commit_to(writer, {"x": b"first"}, Refs())]
        at, failures = 1, 0
        while True:
            if at % 3 == 0:  # a writer that has no pack yet fails in other places
                writer.close()
                writer = store.writer(session)
            files.arm(at)
            try:
                refs = commit_to(writer, {"x": os.urandom(100), "y": os.urandom(700_000)}, kept[-1])
            except PerdureError as error:
                failures += type(error) is kind and str(store.path) in str(error)
                files.arm(-1)
                writer.abort()
                assert store.refs(session) == kept[-1]
                kept.append(commit_to(writer, {"x": b"%d" % at}, kept[-1]))
            else:
                kept.append(refs)
                if files.calls < at:
                    break
            at += 1
        assert failures == at - 1 >= 4
        files.arm(-1)
        for refs in kept:
            assert value_at(store, refs.head, "x")
        assert store.verify().ok
    with Store.open(tmp_path / "s") as store:
        assert [name for name, _ in store.ancestry(kept[-1].head)] == [refs.head for refs in reversed(kept)]


@pytest.mark.timeout(600)
def test_every_write_of_much_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large values are written and synced on other threads, and fill several packs."""
    monkeypatch.setattr("perdure.store.append.EARLY", 5 << 20)
    monkeypatch.setattr("perdure.store.writer._BATCH", 2 << 20)
    data = os.urandom(14 << 20)
    at, failures = 1, 0
    while failures == at - 1:
        files = Failing()
        with Store.open(tmp_path / str(at), files=files) as store:
            session, writer = begin(store)
            monkeypatch.setattr(writer._appender, "_limit", 8 << 20)
            kept = commit_to(writer, {"x": b"first"}, Refs())
            files.arm(at)
            try:
                kept = commit_to(writer, {"x": data}, kept)
            except StoreFull:
                failures += 1
                files.arm(-1)
                writer.abort()
                assert store.refs(session) == kept
                kept = commit_to(writer, {"x": data[failures:]}, kept)
                assert value_at(store, kept.head, "x") == data[failures:]
            else:
                assert files.calls < at
            assert store.verify().ok
        shutil.rmtree(tmp_path / str(at))
        at += 1
    assert failures > 10


class Late(Files):
    """An early sync that fails, but not before it is told to; the last sync finds nothing wrong, as on Linux."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.failed = 0

    def sync_data(self, fd: int) -> None:
        self.go.wait()
        if not self.failed:
            self.failed += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_an_early_sync_that_fails_fails_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.store.append.EARLY", 1 << 20)
    files = Late()
    data = os.urandom(5 << 20)
    with Store.open(tmp_path / "s", files=files) as store:
        session, writer = begin(store)
        kept = commit_to(writer, {"x": b"first"}, Refs())
        snapshot = snapshot_of(writer, data)  # all is written, and the disk is still at it
        files.go.set()
        commit = Commit(session, kept.head, "", 1, "ok", 0.0, 0.0, {"x": (snapshot, 0)})
        with pytest.raises(StoreUnreachable):
            writer.commit(commit, Refs(commit.id))
        assert files.failed == 1
        assert store.refs(session) == kept
        with pytest.raises(StoreError, match="pending"):
            writer.commit(commit, Refs(commit.id))
        writer.abort()
        kept = commit_to(writer, {"x": data}, kept)
        assert value_at(store, kept.head, "x") == data
        assert store.verify().ok


def test_a_failure_between_batches_leaves_the_writer_usable(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        _, writer = begin(store)
        kept = commit_to(writer, {"x": b"first"}, Refs())

        def batches() -> Iterator[list[bytes]]:
            yield [os.urandom(2 << 20)]
            raise RuntimeError("the value has changed")

        with pytest.raises(RuntimeError):
            writer.put_batches(batches())
        writer.abort()
        assert writer.pending_bytes == 0
        commit_to(writer, {"x": b"second"}, kept)
        assert store.verify().ok


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_the_journal_may_fail(tmp_path: Path, at: int) -> None:
    files = Failing()
    with Store.open(tmp_path / "s", files=files) as store:
        files.arm(at)
        try:
            store.create_session(notebook=None, meta={})
        except StoreFull:
            assert store.sessions() == []
            store.create_session(notebook=None, meta={})
        assert len(store.sessions()) == 1
        assert store.verify().ok


def test_a_commit_after_a_failure_without_abort_is_refused(tmp_path: Path) -> None:
    files = Failing()
    with Store.open(tmp_path / "s", files=files) as store:
        _, writer = begin(store)
        refs = commit_to(writer, {"x": b"1"}, Refs())
        files.arm(1)
        with pytest.raises(StoreFull):
            writer.put(os.urandom(200_000))
        with pytest.raises(StoreError, match="pending"):
            writer.put(os.urandom(200_000))
        writer.abort()
        commit_to(writer, {"x": b"2"}, refs)


def test_a_catalog_that_can_not_grow(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        session, writer = begin(store)
        refs = commit_to(writer, {"x": b"1"}, Refs())
        pages = store._catalog.connection.execute("PRAGMA page_count").fetchone()[0]
        store._catalog.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreFull):  # noqa: PT012 - until it is full
            for number in range(100):
                refs = commit_to(writer, {"x": b"%d" % number}, refs, source="#" * 2000)
        writer.abort()
        assert store.refs(session) == refs
        store._catalog.connection.execute("PRAGMA max_page_count = 1000000")
        commit_to(writer, {"x": b"2"}, refs)
        assert store.verify().ok


def test_a_really_full_disk(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(place)], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting needs root")
    try:
        with Store.open(place / "s") as store:
            session, writer = begin(store)
            kept = Refs()
            with pytest.raises(StoreFull):  # noqa: PT012 - until it is full
                for _ in range(100):
                    kept = commit_to(writer, {"x": os.urandom(200_000)}, kept)
            writer.abort()
            assert store.refs(session) == kept
            assert len(value_at(store, kept.head, "x")) == 200_000
            for number in range(20_000):  # now in small steps, so that SQLite's turn comes too
                try:
                    kept = commit_to(writer, {"x": b"%d" % number}, kept)
                except StoreFull:
                    writer.abort()
                    break
            else:
                pytest.fail("the disk did not fill up")
            assert store.refs(session) == kept
        with Store.open(place / "s", readonly=True) as store:
            assert len(store.ancestry(kept.head)) > 1
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def read_only(place: Path):
    done = subprocess.run(["mount", "-o", "bind", str(place), str(place)], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)


@pytest.mark.parametrize("left_open", [True, False])
def test_a_read_only_store_is_read(tmp_path: Path, left_open: bool) -> None:
    with Store.open(tmp_path / "s") as store:
        session, writer = begin(store)
        refs = commit_to(writer, {"x": b"1" * 5000}, Refs())
        if left_open:  # as a killed kernel leaves it: commits in the write-ahead log only
            shutil.copytree(tmp_path / "s", tmp_path / "copy")
            (tmp_path / "copy" / "catalog.db-shm").unlink()
    place = tmp_path / ("copy" if left_open else "s")
    read_only(place)
    try:
        with Store.open(place, readonly=True) as store:
            assert store.refs(session) == refs
            assert value_at(store, refs.head, "x") == b"1" * 5000
            assert store.verify().ok
            with pytest.raises(StoreReadOnly):
                store.move_refs(session, Refs())
            with pytest.raises(StoreReadOnly):
                store.claim(session)
        with pytest.raises(StoreError):
            Store.open(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_reading_beside_a_writer(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store, Store.open(tmp_path / "s", readonly=True) as reader:
        session, writer = begin(store)
        refs = commit_to(writer, {"x": b"1"}, Refs())
        assert reader.refs(session) == refs
        refs = commit_to(writer, {"x": b"2"}, refs)
        assert value_at(reader, refs.head, "x") == b"2"
        with pytest.raises(StoreReadOnly):
            reader.create_session(notebook=None, meta={})


def test_a_file_where_the_store_should_be(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("x")
    with pytest.raises(StoreError):
        Store.open(tmp_path / "s")


def test_a_locked_catalog_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from perdure.errors import StoreBusy

    monkeypatch.setattr("perdure.store.catalog.BUSY_SECONDS", 0.05)
    with Store.open(tmp_path / "s") as store:
        _, writer = begin(store)
        other = sqlite3.connect(tmp_path / "s" / "catalog.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            commit_to(writer, {"x": b"1"}, Refs())
        writer.abort()
        other.execute("ROLLBACK")
        other.close()
        commit_to(writer, {"x": b"1"}, Refs())
