"""Files that are cut, gone, locked or forbidden, before a session begins and while it runs."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from damage.flips import CELLS, Survey, closed, fresh, gone, largest_pack, template, verify  # noqa: F401 - fixtures
from damage.remote import Made, Remote, reports
from kill.nursery import Nursery


@pytest.mark.slow
@pytest.mark.parametrize("keep", [0.0, 0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_pack_that_was_cut(nursery: Nursery, closed: Made, tmp_path: Path, keep: float) -> None:  # noqa: F811
    made = fresh(closed, tmp_path / "s")
    pack = largest_pack(made.store)
    os.truncate(pack, int(pack.stat().st_size * keep))
    survey = Survey.of(nursery, made)
    assert survey.head in (None, made.head)
    assert not survey.verified.ok
    assert pack.name in survey.verified.text
    assert not survey.is_whole(made)
    assert survey.said
    if keep > 0.5:
        assert survey.right, "what lies before the cut is whole"
    verify(made.store, "--repair")
    assert Survey.of(nursery, made).right >= survey.right


def test_a_pack_that_is_gone(nursery: Nursery, closed: Made, tmp_path: Path) -> None:  # noqa: F811
    made = fresh(closed, tmp_path / "s")
    pack = largest_pack(made.store)
    gone(pack)
    survey = Survey.of(nursery, made)
    assert not survey.verified.ok
    assert pack.name in survey.verified.text
    assert survey.said
    assert all("Traceback" not in text for text in survey.said)


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 999])
@pytest.mark.parametrize("killed", [True, False])
def test_a_catalog_that_is_gone(
    nursery: Nursery,
    template: Made,  # noqa: F811
    closed: Made,  # noqa: F811
    tmp_path: Path,
    killed: bool,
    content: bytes | None,
) -> None:
    made = fresh(template if killed else closed, tmp_path / "s")
    catalog = made.store / "catalog.db"
    gone(catalog)
    if content is not None:
        catalog.write_bytes(content)
    survey = Survey.of(nursery, made)
    if killed and content:  # all of its pages happen to be in the log
        assert survey.is_whole(made)
        return
    assert not survey.is_whole(made)
    assert all(catalog.name in text and "--repair" in text for text in survey.said), survey.said
    assert not survey.verified.ok
    assert verify(made.store, "--repair").ok
    again = Survey.of(nursery, made)
    assert again.is_whole(made)
    assert again.verified.ok


@pytest.mark.parametrize("name", ["catalog.db-wal", "catalog.db-shm"])
def test_a_log_that_is_gone(nursery: Nursery, template: Made, tmp_path: Path, name: str) -> None:  # noqa: F811
    made = fresh(template, tmp_path / "s")
    gone(made.store / name)
    survey = Survey.of(nursery, made)
    assert survey.is_whole(made), survey.said
    assert survey.verified.ok


@pytest.mark.parametrize("what", ["store", "packs", "catalog.db"])
def test_a_store_that_is_removed_under_a_session(nursery: Nursery, tmp_path: Path, what: str) -> None:
    store = tmp_path / "store"
    remote = Remote(nursery, store)
    remote.load()
    remote.ok(CELLS[0])
    remote.durable()
    gone(store if what == "store" else store / what)
    for cell in ("words.append(1)", "x = np.ones(200_000)", "y = len(words)"):
        remote.ok(cell)
        remote.flush()
    status = remote.ok("%dart status")
    assert "Traceback" not in status
    # The open files, though unlinked, could be written on: nobody would ever see that again.
    assert remote.state()["trouble"]
    assert not remote.state()["durable"]
    assert len(reports(remote.printed)) <= 1, remote.printed
    assert "Traceback" not in remote.printed
    assert remote.run("y")["out"].endswith("5001\n")
    remote.kill()


@pytest.mark.parametrize("what", ["store", "packs", "catalog.db"])
def test_leaving_a_store_that_is_gone(nursery: Nursery, tmp_path: Path, what: str) -> None:
    store = tmp_path / "store"
    remote = Remote(nursery, store)
    remote.load()
    remote.ok(CELLS[0])
    remote.durable()
    gone(store if what == "store" else store / what)
    remote.ok("words.append(1)", "%unload_ext perdure", "len(words)")
    assert "Traceback" not in remote.printed
    remote.kill()


@pytest.fixture
def read_only(closed: Made, tmp_path: Path) -> Iterator[Made]:  # noqa: F811
    """Return a store on a disk that can only be read."""
    made = fresh(closed, tmp_path / "s")
    if subprocess.run(
        ["mount", "-o", "bind", str(made.store), str(made.store)], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(made.store)], check=True)
    yield made
    subprocess.run(["umount", "-l", str(made.store)], check=True)


def test_a_store_that_can_not_be_written(nursery: Nursery, read_only: Made) -> None:
    assert verify(read_only.store).ok
    remote = Remote(nursery, read_only.store)
    said = remote.load()
    assert len(said.splitlines()) == 1, said
    assert "not durable" in said
    assert "can't be written" in said
    remote.ok("x = 1", "x += 1")
    brought = remote.restore(read_only.session)
    assert brought["error"] is not None
    assert "can't be written" in brought["error"]
    assert remote.run("x")["out"].endswith("2\n")
    remote.kill()


def test_a_catalog_that_another_process_locks(nursery: Nursery, tmp_path: Path) -> None:
    made = Made(tmp_path / "store")
    remote = Remote(nursery, made.store)
    remote.shorten_patience(0.05)
    remote.load()
    remote.ok(CELLS[0])
    made.note(remote)
    other = sqlite3.connect(made.store / "catalog.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for cell in (*CELLS[1:], "len(words)"):
        remote.ok(cell)
        error = remote.flush()
        assert error is not None
        assert "locked" in error
    assert not remote.state()["durable"]
    assert made.read().right == made.all  # who only reads isn't kept waiting
    moved = remote.ok("%dart undo")
    assert "locked" in moved
    assert "Traceback" not in moved
    assert len(reports(remote.printed)) == 1, remote.printed
    other.execute("ROLLBACK")
    other.close()
    remote.ok("words.append('free')")
    made.note(remote)
    remote.kill()
    assert made.read().right == made.all


def test_two_sessions_and_one_loses_its_pack(nursery: Nursery, tmp_path: Path) -> None:
    """What is damaged of one session doesn't matter to another one in the same store."""
    first = Made.of(nursery, tmp_path / "store", CELLS[:3])
    pack = largest_pack(first.store)
    second = Made.of(nursery, tmp_path / "store", ["mine = [1, 2]", "mine.append(3)", "more = {'a': mine}"])
    gone(pack)
    assert second.read().right == second.all
    remote = Remote(nursery, second.store)
    remote.load()
    assert remote.restore(second.session)["values"] == second.versions[second.head]
    remote.ok("mine.append(4)")
    second.note(remote)
    remote.kill()
    assert second.read().right == second.all
