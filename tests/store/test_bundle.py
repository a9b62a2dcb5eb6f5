"""A session travels as one file."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.errors import DamagedBundle, StoreFull, StoreTooNew, UnknownSession, UsageError
from perdure.store import Refs, Store
from perdure.store.files import Files
from store.making import begin, commit_to, value_at


@pytest.fixture
def here(tmp_path: Path):
    with Store.open(tmp_path / "here") as opened:
        yield opened


@pytest.fixture
def there(tmp_path: Path):
    with Store.open(tmp_path / "there") as opened:
        yield opened


def filled(store: Store) -> tuple[str, list[Refs], list[bytes]]:
    session, writer = begin(store)
    line, data = [Refs()], []
    for size in (10, 100_000, 5000, 0, 300_000):
        data.append(os.urandom(size))
        line.append(commit_to(writer, {"x": data[-1]}, line[-1]))
    return session, line[1:], data


def test_a_session_travels(here: Store, there: Store, tmp_path: Path) -> None:
    session, line, data = filled(here)
    report = here.export(session, tmp_path / "a.perdure")
    assert (report.commits, report.nbytes) == (5, (tmp_path / "a.perdure").stat().st_size)
    added = there.import_(tmp_path / "a.perdure")
    assert (added.session, added.commits, added.trusted) == (session, 5, False)
    assert there.refs(session) == here.refs(session)
    assert there.commits(session) == here.commits(session)
    assert [value_at(there, refs.head, "x") for refs in line] == data
    info = there.session(session)
    assert (info.notebook, info.meta, info.trusted) == ("a.ipynb", {"python": "3"}, False)
    there.trust_session(session)
    assert there.session(session).trusted
    again = there.import_(tmp_path / "a.perdure")
    assert (again.commits, again.chunks, again.trusted) == (0, 0, True)
    assert again.added < 2000
    assert there.verify().ok
    commit_to(there.writer(session), {"y": b"1"}, there.refs(session))


def test_a_trusted_import(here: Store, there: Store, tmp_path: Path) -> None:
    session, _, _ = filled(here)
    here.export(session, tmp_path / "a")
    assert there.import_(tmp_path / "a", trusted=True).trusted


def test_branches_go_forward_or_get_another_name(here: Store, there: Store, tmp_path: Path) -> None:
    session, line, _ = filled(here)
    here.export(session, tmp_path / "a")
    there.import_(tmp_path / "a", trusted=True)
    newer = commit_to(here.writer(session), {"x": b"new"}, line[-1])
    here.export(session, tmp_path / "b")
    report = there.import_(tmp_path / "b")
    assert (report.commits, report.renamed, report.trusted) == (1, {}, False)
    assert there.refs(session) == newer
    mine = commit_to(there.writer(session), {"x": b"mine"}, newer)
    theirs = commit_to(here.writer(session), {"x": b"theirs"}, newer)
    here.export(session, tmp_path / "c")
    report = there.import_(tmp_path / "c")
    assert report.renamed == {"main": "main-imported"}
    assert there.refs(session) == Refs(mine.head, "main", {"main": mine.head, "main-imported": theirs.head})
    assert there.import_(tmp_path / "b").renamed == {}
    assert there.verify().ok


def test_a_branch_and_a_tag_that_would_meet_get_other_names(here: Store, there: Store, tmp_path: Path) -> None:
    session, line, _ = filled(here)
    here.export(session, tmp_path / "a")
    there.import_(tmp_path / "a", trusted=True)
    refs, first, tip = line[-1], line[0].head, line[-1].head
    assert first is not None
    assert tip is not None
    there.move_refs(session, replace(refs, branches={"main": tip, "mine": tip}, tags={"marked": first}))
    here.move_refs(session, replace(refs, branches={"main": tip, "marked": tip}, tags={"mine": first, "other": first}))
    here.export(session, tmp_path / "b")
    for _ in range(2):
        assert there.import_(tmp_path / "b").renamed == {"marked": "marked-imported", "mine": "mine-imported"}
        found = there.refs(session)
        assert found.branches == {"main": tip, "mine": tip, "marked-imported": tip}
        assert found.tags == {"marked": first, "mine-imported": first, "other": first}


def test_a_damaged_file_changes_nothing(here: Store, there: Store, tmp_path: Path) -> None:
    session, _, _ = filled(here)
    good = tmp_path / "good"
    here.export(session, good)
    whole = good.read_bytes()
    bad = tmp_path / "bad"
    chance = random.Random(1)
    before = there.size()
    spots = {0, 5, 40, 63, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(60))}
    broken = [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in sorted(spots)]
    broken += [whole[:at] for at in (0, 1, 64, 200, len(whole) // 2, len(whole) - 1)]
    broken += [whole + b"x", whole + whole, b"PK\3\4" + whole]
    for data in broken:
        bad.write_bytes(data)
        with pytest.raises(DamagedBundle, match="bad is damaged"):
            there.import_(bad)
    assert (there.sessions(), there.size()) == ([], before)


def test_a_file_without_a_commits_data_is_refused(here: Store, there: Store, tmp_path: Path) -> None:
    """Whole records, a right trailer, and yet a chunk left out: somebody made it so."""
    from perdure.store import bundle

    session, _, _ = filled(here)
    plain = bundle._Output.add_stored
    skipped = []

    def add_stored(self: bundle._Output, header: bundle.Header, stored: bytes) -> None:
        if header.kind == bundle.Kind.CHUNK and not skipped:
            skipped.append(header)
            return
        plain(self, header, stored)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle._Output, "add_stored", add_stored)
        here.export(session, tmp_path / "a")
    with pytest.raises(DamagedBundle, match="is missing"):
        there.import_(tmp_path / "a")


def test_a_newer_file_is_refused(here: Store, there: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, _, _ = filled(here)
    monkeypatch.setattr("perdure.store.bundle.FORMAT", 5)
    here.export(session, tmp_path / "a")
    monkeypatch.undo()
    with pytest.raises(StoreTooNew, match="format 5"):
        there.import_(tmp_path / "a")


def test_bad_requests(here: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownSession):
        here.export("none", tmp_path / "a")
    with pytest.raises(UsageError, match=r"There is no file .*missing"):
        here.import_(tmp_path / "missing")
    with pytest.raises(UsageError, match="can't be read"):
        here.import_(tmp_path)
    session, _, _ = filled(here)
    with pytest.raises(UsageError, match="folder can't be written"):
        here.export(session, tmp_path / "no" / "folder")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    import errno

    class Full(Files):
        full = False

        def write(self, fd, buffers):  # type: ignore[no-untyped-def]
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().write(fd, buffers)

    files = Full()
    with Store.open(tmp_path / "s", files=files) as store:
        session, _, _ = filled(store)
        files.full = True
        place = tmp_path / "out"
        place.mkdir()
        with pytest.raises(StoreFull, match="name a file on another"):
            store.export(session, place / "a")
        assert not list(place.iterdir())
