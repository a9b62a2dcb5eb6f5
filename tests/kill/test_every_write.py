"""SIGKILL at each single write of the store's in turn, rather than at a random moment."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from kill.lane import Lane, Reading, differing, values_at
from kill.nursery import Nursery
from perdure.store import Store

CELLS = [
    "import numpy as np\nbig = np.arange(300_000.0)\nwords = [str(i) for i in range(3000)]",
    "big[1000:1500] = -1\nwords.append('more')",
    "nested = {'words': words, 'twice': [words, words]}",
    "%dart undo",
    "words.insert(7, 'on a new branch')\ndel big",
    "%dart tag here",
    "%dart checkout here",
    "%dart switch main",
    "nested['twice'].pop()",
]


def begin(nursery: Nursery, store: Path, cells: list[str], **given: Any) -> Lane:
    """A session in which these cells were run to their end."""
    lane = Lane(store, random.Random(1), nursery)
    child = nursery.fork("kill.at_write:run_cells", store=str(store), session=None, cells=cells, at=-1, **given)
    lane.hear(child.finish())
    assert lane.acknowledged
    return lane


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_at_every_write(nursery: Nursery, tmp_path: Path) -> None:
    at, more = 0, True
    while more:
        at += 1
        store = tmp_path / f"s{at}"
        lane = Lane(store, random.Random(at), nursery)
        lane.child = nursery.fork("kill.at_write:run_cells", store=str(store), session=None, cells=CELLS, at=at)
        messages = lane.child.finish()
        lane.hear(messages)
        more = not messages or "calls" not in messages[-1]
        if lane.session is not None:
            with lane.reading() as history:
                lane.check_head(history)
                lane.check(history, list(lane.acknowledged))
            _go_on(nursery, lane)
        with Store.open(store) as opened:
            assert opened.verify().findings == []
        shutil.rmtree(store)
    assert at > 30
    print(f"{at - 1} writes, a kill at each")


@pytest.mark.slow
@pytest.mark.torture
def test_a_store_that_was_open_before_finds_no_damage_after_the_kill(nursery: Nursery, tmp_path: Path) -> None:
    # Whoever opens a store takes in what the dead have left: so keep it open.
    at, more = 0, True
    while more:
        at += 1
        with Store.open(tmp_path / f"s{at}") as opened:
            child = nursery.fork(
                "kill.at_write:run_cells", store=str(opened.path), session=None, cells=CELLS[:3], at=at
            )
            messages = child.finish()
            more = not messages or "calls" not in messages[-1]
            assert opened.verify().findings == []
        shutil.rmtree(tmp_path / f"s{at}")
    assert at > 10


def _go_on(nursery: Nursery, lane: Lane) -> None:
    """Restore, and run two more cells on top."""
    more = ["words = globals().get('words', []); words.append('after the kill')", "later = [words, 1]"]
    lane.child = nursery.fork("kill.at_write:run_cells", store=str(lane.store), session=lane.session, cells=more, at=-1)
    before = set(lane.acknowledged)
    lane.hear(lane.child.finish())
    assert len(lane.acknowledged.keys() - before) == 2
    with lane.reading() as history:
        lane.check(history, list(lane.acknowledged))


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_at_every_write_of_a_restored_session(nursery: Nursery, tmp_path: Path) -> None:
    first = begin(nursery, tmp_path / "first", CELLS[:3])
    at, more = 0, True
    while more:
        at += 1
        store = tmp_path / f"s{at}"
        shutil.copytree(tmp_path / "first", store)
        lane = Lane(store, random.Random(at), nursery, first.session, dict(first.acknowledged), first.head)
        lane.child = nursery.fork(
            "kill.at_write:run_cells", store=str(store), session=lane.session, cells=CELLS[1:4], at=at
        )
        messages = lane.child.finish()
        lane.hear(messages)
        more = not messages or "calls" not in messages[-1]
        with lane.reading() as history:
            lane.check_head(history)
            lane.check(history, list(lane.acknowledged))
        _go_on(nursery, lane)
        shutil.rmtree(store)
    assert at > 10
    print(f"{at - 1} writes, a kill at each")


def _housekeeping(nursery: Nursery, first: Lane, store: Path, work: str, arguments: dict[str, Any]) -> int:
    """Kill ``work`` at each of its writes, each time on a fresh copy of the store; how many there were."""
    at = 0
    while True:
        at += 1
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(first.store, store)
        child = nursery.fork("kill.at_write:keep_house", store=str(store), work=work, arguments=arguments, at=at)
        messages = child.finish()
        assert first.session is not None
        if work != "repair":
            _holds(first, store)
        else:
            Store.repair(store)
            _holds(first, store)
        # What was interrupted can be done again.
        again = nursery.fork("kill.at_write:keep_house", store=str(store), work=work, arguments=arguments, at=-1)
        assert "calls" in again.finish()[-1]
        _holds(first, store)
        if messages:
            return at - 1


def _holds(first: Lane, store: Path) -> None:
    assert first.session is not None
    with Reading(first.session, store) as history:
        line = {commit for commit, _ in history.store.ancestry(first.head or "")}
        for commit, values in first.acknowledged.items():
            if commit in line:
                assert not differing(values_at(history, commit), values)
        assert history.head == first.head
        assert history.store.verify().findings == []


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_at_every_write_of_gc(nursery: Nursery, tmp_path: Path) -> None:
    first = begin(nursery, tmp_path / "first", [*CELLS[:3], "lost = np.arange(100_000.0)", "%dart undo", "words.pop()"])
    _drop_branches(first)
    assert _housekeeping(nursery, first, tmp_path / "s", "gc", {"keep_days": 0}) > 5


def _drop_branches(lane: Lane) -> None:
    """Leave something that nothing reaches, for gc to drop."""
    with lane.reading() as history:
        for name in history.branches.keys() - {history.refs.branch}:
            history.delete_branch(name)


@pytest.mark.torture
def test_a_kill_at_every_write_of_an_export(nursery: Nursery, tmp_path: Path) -> None:
    first = begin(nursery, tmp_path / "first", CELLS[:3])
    target = tmp_path / "session.perdure"
    arguments = {"session": first.session, "file": str(target)}
    old = b"what was there before"
    at = 0
    while True:
        at += 1
        target.write_bytes(old)
        child = nursery.fork(
            "kill.at_write:keep_house", store=str(first.store), work="export", arguments=arguments, at=at
        )
        messages = child.finish()
        _holds(first, first.store)
        if target.read_bytes() == old:
            assert not messages, "the export ended and there is no file"
        else:  # whole, or not there
            _imports(first, tmp_path / f"other{at}", target)
        if messages:
            break
    assert at > 2


def _imports(first: Lane, store: Path, file: Path) -> None:
    with Store.open(store) as opened:
        opened.import_(str(file), trusted=True)
    _holds(first, store)
    shutil.rmtree(store)


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_at_every_write_of_an_import(nursery: Nursery, tmp_path: Path) -> None:
    first = begin(nursery, tmp_path / "first", CELLS[:3])
    other = begin(nursery, tmp_path / "other", CELLS[:6])
    bundle = tmp_path / "session.perdure"
    with Store.open(other.store) as opened:
        opened.export(other.session or "", bundle)
    assert _housekeeping(nursery, first, tmp_path / "s", "import_", {"file": str(bundle), "trusted": True}) > 3
    _holds(other, tmp_path / "s")


@pytest.mark.slow
@pytest.mark.torture
def test_a_kill_at_every_write_of_a_repair(nursery: Nursery, tmp_path: Path) -> None:
    first = begin(nursery, tmp_path / "first", CELLS[:3])
    assert _housekeeping(nursery, first, tmp_path / "s", "repair", {}) > 3
