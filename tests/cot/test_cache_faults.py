"""What happens to the cache when the disk is full, a process dies, the file is damaged or the place can't be written."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cot.caches import MASTER, a_question, an_entry, asked_master, check, child
from perdure.cot.cache import Cache, Call
from perdure.cot.cache import database as database_module
from perdure.cot.cache.migrations import MIGRATIONS
from perdure.cot.questions.question import Question
from perdure.errors import (
    DamagedCatalog,
    PerdureError,
    StoreBusy,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
)

_WRITER = """
from cot.caches import *
from perdure.cot.cache import Call
cache = Cache.open(sys.argv[1])
n = 0
while True:
    asked = a_question(f"{sys.argv[2]} {n}?", n % 5, )
    ask = Ask.of(asked, an_answer(asked, Source.MASTER, an_entry(asked)))
    call = Call("master", "big", "7", cost=0.5, ask=ask.answer.id, key=asked.key, prompt="p", reply="a cat")
    cache.record_call(call)
    print("paid", n, flush=True)
    cache.record(ask, an_entry(asked, id=ask.answer.entry), asked.pictures)
    print("kept", n, flush=True)
    if n % 7 == 6:
        cache.forget(ask.answer.id)
        print("gone", n, flush=True)
    n += 1
"""


def test_two_fill_one_cache_while_one_after_the_other_is_killed(tmp_path: Path) -> None:
    chance = random.Random(3)
    said: dict[str, list[list[str]]] = {}
    with Cache.open(tmp_path) as cache:
        for turn in range(6):
            name = f"Writer {turn}"
            process = child(_WRITER, tmp_path, name)
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(chance.randrange(1, 60))]
            process.kill()
            said[name] = [
                line.split() for line in [*lines, *process.stdout.read().splitlines()] if len(line.split()) == 2
            ]
            process.wait(10)
            own = a_question(f"Own {turn}?")
            asked_master(cache, own)  # nobody is in the way
        for name, lines in said.items():
            told = {n: word for word, n in lines}  # the last that was said of each
            last = lines[-1][1] if lines else "0"
            for n, word in told.items():
                key = a_question(f"{name} {n}?", int(n) % 5).key
                found = cache.exact(key, **MASTER)
                reply = cache.paid_reply(key, model="big", version="7", prompt="p")
                if word == "paid":
                    assert (found is None) == (reply is not None)  # either the reply is there or what it became
                elif word == "kept":
                    assert found is not None or (n == last and int(n) % 7 == 6)
                    assert reply is None
                else:
                    assert found is None
                    assert reply is None
        assert cache.spent() >= 0.5 * sum(line[0] == "paid" for lines in said.values() for line in lines)
        assert len(cache.log(None, grep="Own ")) == 6
        check(cache)


@contextmanager
def _full(cache: Cache) -> Iterator[None]:
    """The database can't grow: SQLite's own limit fails as a full disk does, in the midst of a transaction."""
    with cache._database._borrowed() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    try:
        yield
    finally:
        with cache._database._borrowed() as connection:
            connection.execute("PRAGMA max_page_count = 1000000000")


def test_a_full_disk(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked = a_question("Before?", 1)
        ask, _ = asked_master(cache, asked)
        large = a_question("During?", 2)
        with _full(cache):
            with pytest.raises(StoreFull, match="Make room"):
                cache.add(an_entry(large, "x" * 50_000), large.pictures)
            with pytest.raises(StoreFull):
                asked_master(cache, large, "y" * 50_000)
            with pytest.raises(StoreFull):
                cache.record_call(Call("master", "big", "1", reply="z" * 50_000))
            assert cache.exact(asked.key, **MASTER) is not None
            assert cache.answer(ask.answer.id).text == "a cat"
            assert cache.picture(asked.pictures[0].key) == asked.pictures[0]
            assert cache.exact(large.key, **MASTER) is None
            check(cache)
        asked_master(cache, large, "y" * 50_000)
        check(cache)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk needs root to be mounted")
@pytest.mark.parametrize("mounted", [1 << 20])
def test_a_disk_that_is_really_full(tmp_path: Path, mounted: int) -> None:
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mounted}", "none", str(place)], check=False)
    if done.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        with Cache.open(place / "cot") as cache:
            kept: list[Question] = []
            with pytest.raises(StoreFull):
                _fill(cache, kept)
            assert len(kept) > 10
            assert len(cache.exact_many([asked.key for asked in kept], **MASTER)) == len(kept)
            check(cache)
        with Cache.open(place / "cot", read_only=True) as cache:
            assert len(cache.exact_many([asked.key for asked in kept], **MASTER)) == len(kept)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _fill(cache: Cache, kept: list[Question]) -> None:
    for n in range(1000):
        asked = a_question(f"{n}?", n)
        cache.add(an_entry(asked, "x" * 5_000), asked.pictures)
        kept.append(asked)


def test_a_newer_cache_is_left_alone(tmp_path: Path) -> None:
    Cache.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "cot.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    for read_only in (False, True):
        with pytest.raises(StoreTooNew, match="Update"):
            Cache.open(tmp_path, read_only=read_only)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cot.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.execute("PRAGMA user_version = 1")
    before = (tmp_path / "cot.db").read_bytes()
    with pytest.raises(DamagedCatalog, match="another program"):
        Cache.open(tmp_path, read_only=True)
    assert (tmp_path / "cot.db").read_bytes() == before
    with pytest.raises(DamagedCatalog, match="another program"):
        Cache.open(tmp_path)


def _filled(folder: Path) -> None:
    with Cache.open(folder) as cache:
        for n in range(200):
            asked = a_question(f"{n}?", n % 3)
            asked_master(cache, asked, "x" * 300)


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    _filled(tmp_path / "whole")
    size = (tmp_path / "whole" / "cot.db").stat().st_size
    noise = random.Random(5).randbytes
    said = []
    for n in range(12):
        folder = tmp_path / str(n)
        shutil.copytree(tmp_path / "whole", folder)
        with (folder / "cot.db").open("r+b") as file:
            if n == 0:
                file.write(b"no database at all")
            elif n == 1:
                file.truncate(size // 2)
            else:
                file.seek(size * n // 12)
                file.write(noise(9000))
        try:
            with Cache.open(folder) as cache:
                for asked in cache.log(None):
                    assert asked.text == "x" * 300
                cache.stats()
                keys = [a_question(f"{one}?", one % 3).key for one in range(200)]
                cache.exact_many(keys, **MASTER)
                for one in range(3):
                    cache.picture(a_question("x", one).pictures[0].key)
        except DamagedCatalog as error:
            said.append(str(error))
    assert len(said) >= 4
    assert all("Move it away" in text for text in said)


def test_a_file_or_nothing_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnreachable):
        Cache.open(tmp_path / "file")
    with pytest.raises(StoreUnreachable):
        Cache.open(tmp_path / "file" / "below")
    with pytest.raises(StoreMissing):
        Cache.open(tmp_path / "nowhere", read_only=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_cache_whose_folder_is_deleted_says_so(tmp_path: Path) -> None:
    with Cache.open(tmp_path / "c") as cache:
        shutil.rmtree(tmp_path / "c")
        with pytest.raises(StoreMissing, match="deleted"):
            cache.add(an_entry(a_question()))


def test_locked_for_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    with Cache.open(tmp_path) as cache:
        other = sqlite3.connect(tmp_path / "cot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another process"):
            cache.add(an_entry(a_question()))
        assert cache.stats().entries == 0  # reading is free
        other.rollback()
        other.close()
        assert cache.add(an_entry(a_question()))


def test_reading_only_beside_a_writer(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache, Cache.open(tmp_path, read_only=True) as reader:
        asked = a_question()
        ask, entry = asked_master(cache, asked)
        assert reader.exact(asked.key, **MASTER) is not None
        for change in (
            lambda: reader.add(an_entry(asked)),
            lambda: reader.record(ask),
            lambda: reader.record_call(Call("master", "big", "1")),
            lambda: reader.reserve(0.1, limit=1.0, since=0.0),
            lambda: reader.forget(entry.id),
            lambda: reader.mark_wrong(entry.id),
            lambda: reader.keep_pictures(a_question("x", 9).pictures),
            lambda: reader.import_(tmp_path / "none"),
        ):
            with pytest.raises(StoreReadOnly, match="for writing"):
                change()


@pytest.mark.parametrize("left_open", [False, True])
def test_a_place_that_can_not_be_written(tmp_path: Path, left_open: bool) -> None:
    if os.geteuid() != 0:
        pytest.skip("a read-only place needs root to be mounted")
    asked, place = a_question(), tmp_path / "c"
    with Cache.open(place) as cache:
        asked_master(cache, asked)
        if left_open:  # as a killed process leaves it: all that was written is in the log only
            shutil.copytree(place, tmp_path / "copy")
            (tmp_path / "copy" / "cot.db-shm").unlink()
            place = tmp_path / "copy"
    if subprocess.run(["mount", "--bind", str(place), str(place)], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        with pytest.raises(StoreReadOnly):
            Cache.open(place)
        with pytest.raises(StoreReadOnly):
            Cache.open(place / "new")
        with Cache.open(place, read_only=True) as reader:
            found = reader.exact(asked.key, **MASTER)
            assert found is not None
            with pytest.raises(StoreReadOnly):
                reader.add(an_entry(asked))
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_an_empty_file_of_a_process_that_died_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "cot.db").touch()
    with Cache.open(tmp_path) as cache:
        assert cache.add(an_entry(a_question()))


def test_every_error_is_one_of_ours(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        with cache._database.transaction() as connection:
            connection.execute("DROP TABLE audits")
        with pytest.raises(PerdureError):
            cache.audits("near", "big")


def test_importing_it_is_light() -> None:
    code = "import sys, perdure.cot.cache; print({'numpy', 'PIL', 'torch', 'chromadb', 'pandas', 'psutil'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
