"""Flipped bits and cut files: the damage is named, the rest is readable, and repair works."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.errors import Damaged, DamagedCatalog, DamagedPack, PerdureError, StoreError, StoreTooNew, UnknownRef
from perdure.store import Refs, Store
from store.making import begin, commit_to, value_at

POSITIONS = 60


class Made:
    """A store with known content, as a kernel that was killed leaves it: its last commits in the -wal file."""

    def __init__(self, path: Path) -> None:
        self.values: dict[str, bytes] = {}
        with Store.open(path / "live") as store:
            self.session, writer = begin(store)
            refs = Refs()
            for number in range(12):
                data = random.randbytes(random.choice([20, 700, 150_000]))
                refs = commit_to(writer, {"x": data}, refs, source=f"x = {number}")
                assert refs.head is not None
                self.values[refs.head] = data
                if number == 6:
                    store.move_refs(self.session, refs := Refs(refs.head, "main", refs.branches, {"seven": refs.head}))
            self.refs = refs
            shutil.copytree(path / "live", path / "killed")
        shutil.copytree(path / "live", path / "closed")
        for place in ("killed", "closed"):  # so that its writers count as dead
            for pack in (path / place / "packs").iterdir():
                os.utime(pack, (1, 1))

    def read(self, store: Store) -> tuple[dict[str, bytes], list[PerdureError]]:
        """What is readable, and what reading the rest says."""
        found, errors = {}, []
        for commit_id in self.values:
            try:
                found[commit_id] = value_at(store, commit_id, "x")
            except (Damaged, UnknownRef) as error:
                errors.append(error)
        return found, errors


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    random.seed(5)
    place = tmp_path_factory.mktemp("made")
    made = Made(place)
    made.place = place
    return made


@pytest.fixture(autouse=True)
def other_host(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The packs were written by this very process; let them pass for those of a machine that is long gone."""
    request.getfixturevalue("made")
    monkeypatch.setattr("perdure.store.process.socket.gethostname", lambda: "elsewhere")


def copied(made: Made, kind: str, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(made.place / kind, target)
    return target


def flips(path: Path, count: int = POSITIONS) -> Iterator[int]:
    """Positions all over a file, its first bytes included."""
    size = path.stat().st_size
    chance = random.Random(3)
    yield from sorted({*range(0, min(size, 100), 9), *(chance.randrange(size) for _ in range(count))})


def flip(path: Path, position: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ (1 << position % 8)]))


def pack_of(path: Path) -> Path:
    return max((path / "packs").iterdir(), key=lambda pack: pack.stat().st_size)


def assert_names(error: PerdureError, *parts: str) -> None:
    assert all(part in str(error) for part in parts), error


def test_a_flipped_bit_in_a_pack(made: Made, tmp_path: Path) -> None:
    lost = 0
    for position in flips(pack_of(made.place / "closed")):
        path = copied(made, "closed", tmp_path / "s")
        flip(pack_of(path), position)
        with Store.open(path) as store:
            found, errors = made.read(store)
            report = store.verify()
            assert all(made.values[commit_id] == data for commit_id, data in found.items())
            assert len(errors) <= 1
            assert not report.ok, position
            assert str(pack_of(path)) in report.findings[0].where
            if errors:
                lost += 1
                affected = {name for finding in report.findings for name in finding.commits}
                assert affected >= made.values.keys() - found.keys()
        report = Store.repair(path)
        assert report.skipped
        with Store.open(path) as store:
            again, _ = made.read(store)
            assert again == found
    assert lost > 10


@pytest.mark.parametrize("kind", ["closed", "killed"])
def test_a_flipped_bit_in_the_catalog(made: Made, tmp_path: Path, kind: str) -> None:
    for position in flips(made.place / kind / "catalog.db", 150):
        path = copied(made, kind, tmp_path / "s")
        flip(path / "catalog.db", position)
        try:
            with Store.open(path) as store:
                found, errors = made.read(store)
                assert all(made.values[commit_id] == data for commit_id, data in found.items())
                assert len(found) == len(made.values), (position, errors)
                refs = store.refs(made.session)
                # A damage that verify doesn't see has changed nothing: a free page, a number that SQLite rewrites.
                if store.verify().ok:
                    assert refs == made.refs
                    assert {name for name, _ in store.ancestry(refs.head)} == made.values.keys()
        except DamagedCatalog as error:
            assert_names(error, "perdure verify --repair", str(path / "catalog.db"))
        except StoreTooNew:
            pytest.fail(f"a flipped bit at {position} passed for a newer store")
        except PerdureError as error:
            pytest.fail(f"a flipped bit at {position}: {error}")
        report = Store.repair(path)
        assert (report.commits, report.skipped) == (len(made.values), ())
        with Store.open(path) as store:
            assert made.read(store) == (made.values, [])
            assert store.refs(made.session) == made.refs
            assert store.verify().ok


def test_a_flipped_bit_in_the_write_ahead_log(made: Made, tmp_path: Path) -> None:
    for position in flips(made.place / "killed" / "catalog.db-wal", 150):
        path = copied(made, "killed", tmp_path / "s")
        flip(path / "catalog.db-wal", position)
        (path / "catalog.db-shm").unlink()
        with Store.open(path) as store:
            assert made.read(store) == (made.values, []), position
            assert store.refs(made.session) == made.refs
            assert store.verify().ok, store.verify()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_missing_file_beside_the_catalog(made: Made, tmp_path: Path, suffix: str) -> None:
    path = copied(made, "killed", tmp_path / "s")
    (path / f"catalog.db{suffix}").unlink()
    with Store.open(path) as store:
        assert made.read(store) == (made.values, [])
        assert store.refs(made.session) == made.refs


@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 1000])
def test_a_catalog_that_is_gone(made: Made, tmp_path: Path, content: bytes | None) -> None:
    path = copied(made, "closed", tmp_path / "s")
    (path / "catalog.db").unlink()
    if content is not None:
        (path / "catalog.db").write_bytes(content)
    for readonly in (False, True):
        with pytest.raises(DamagedCatalog, match="--repair"):
            Store.open(path, readonly=readonly)
    Store.repair(path)
    with Store.open(path) as store:
        assert made.read(store) == (made.values, [])
        assert store.refs(made.session) == made.refs


def test_a_truncated_pack(made: Made, tmp_path: Path) -> None:
    size = pack_of(made.place / "closed").stat().st_size
    for length in (0, 10, 100, size // 3, size // 2, size - 300, size - 1):
        path = copied(made, "closed", tmp_path / "s")
        os.truncate(pack_of(path), length)
        with Store.open(path) as store:
            found, errors = made.read(store)
            assert all(made.values[commit_id] == data for commit_id, data in found.items())
            assert all(isinstance(error, DamagedPack) for error in errors)
            report = store.verify()
            assert not report.ok
            affected = {name for finding in report.findings for name in finding.commits}
            assert affected >= made.values.keys() - found.keys()
            if errors:
                with pytest.raises(PerdureError):
                    store.gc(keep_days=0, now=1e12)
        Store.repair(path)
        with Store.open(path) as store:
            again, _ = made.read(store)
            assert again == found


def test_a_missing_pack(made: Made, tmp_path: Path) -> None:
    path = copied(made, "closed", tmp_path / "s")
    gone = pack_of(path)
    gone.unlink()
    with Store.open(path) as store:
        found, errors = made.read(store)
        assert not found
        assert all(isinstance(error, DamagedPack) for error in errors)
        assert any(str(gone) == finding.where for finding in store.verify().findings)


def test_a_torn_tail_is_no_damage(made: Made, tmp_path: Path) -> None:
    for junk in (b"\0" * 500, b"\xabPdR" + os.urandom(200), pack_of(made.place / "closed").read_bytes()[:900]):
        path = copied(made, "closed", tmp_path / "s")
        with pack_of(path).open("ab") as file:
            file.write(junk)
        os.utime(pack_of(path), (1, 1))
        for _ in range(2):
            with Store.open(path) as store:
                assert made.read(store) == (made.values, [])
                assert store.refs(made.session) == made.refs
                assert store.verify().ok


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "x"}', '{"format": 1}'])
def test_a_damaged_marker(made: Made, tmp_path: Path, text: str) -> None:
    path = copied(made, "closed", tmp_path / "s")
    (path / "perdure-store.json").write_text(text)
    with pytest.raises(StoreError, match=r"perdure-store\.json"):
        Store.open(path)


def test_a_newer_store_is_refused(made: Made, tmp_path: Path) -> None:
    path = copied(made, "closed", tmp_path / "s")
    (path / "perdure-store.json").write_text('{"format": 9, "id": "a"}')
    for readonly in (False, True):
        with pytest.raises(StoreTooNew, match=r"format 9; this one reads up to 1\. Upgrade"):
            Store.open(path, readonly=readonly)


def test_a_newer_catalog_is_refused(made: Made, tmp_path: Path) -> None:
    import sqlite3

    path = copied(made, "closed", tmp_path / "s")
    (path / "perdure-store.json").write_text('{"format": 1, "catalog": 9, "id": "a"}')
    with sqlite3.connect(path / "catalog.db") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    for readonly in (False, True):
        with pytest.raises(StoreTooNew, match="version 9"):
            Store.open(path, readonly=readonly)
