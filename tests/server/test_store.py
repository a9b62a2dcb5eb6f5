"""Stores that are missing, locked, newer, damaged, or another one than a moment ago."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perdure.jupyter.server.shelf import PATIENCE
from perdure.store import Store
from server.conftest import Get, Raw
from server.making import chain, commit, written

TESTS = Path(__file__).resolve().parents[1]


def a_session(store: Path, cells: int = 3) -> str:
    with written(store) as writer:
        chain(writer, [f"x = {n}" for n in range(cells)])
    return writer.session


async def test_a_store_that_is_missing_and_then_is_there(store: Path, get: Get) -> None:
    assert await get("store") == {"store": str(store), "exists": False, "version": None, "sessions": 0, "size": 0}
    answer = await get("sessions", status=503)
    assert answer["error"] == "StoreMissing"
    assert str(store) in answer["message"]
    assert not store.exists()
    session = a_session(store)
    there = await get("store")
    assert (there["exists"], there["version"], there["sessions"]) == (True, 1, 1)
    assert [found["id"] for found in (await get("sessions"))["sessions"]] == [session]


async def test_a_folder_that_is_no_store(store: Path, get: Get) -> None:
    store.mkdir()
    (store / "photo.jpg").write_bytes(b"")
    assert (await get("store"))["exists"] is False
    assert (await get("sessions", "0" * 12, "graph", status=503))["error"] == "StoreMissing"
    assert [file.name for file in store.iterdir()] == ["photo.jpg"]


async def test_a_locked_store_is_told_and_holds_up_nothing_else(store: Path, get: Get, raw: Raw) -> None:
    session = a_session(store)
    lock = sqlite3.connect(store / "catalog.db")
    lock.execute("PRAGMA locking_mode = EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    waiting = asyncio.ensure_future(raw("sessions", session, "graph"))
    other = await raw("nowhere")
    assert other.code == 404
    assert not waiting.done()  # the server's loop was free meanwhile
    response = await waiting
    assert response.code == 409
    assert json.loads(response.body)["error"] == "StoreBusy"
    assert time.monotonic() - began < 10 * PATIENCE
    lock.rollback()
    lock.close()
    assert (await get("sessions", session, "graph"))["total"] == 3


async def test_a_store_of_a_newer_format(store: Path, get: Get) -> None:
    a_session(store)
    marker = store / "perdure-store.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "format": 99}))
    answer = await get("sessions", status=503)
    assert answer["error"] == "StoreTooNew"
    assert "Upgrade" in answer["message"]


async def test_a_catalog_of_a_newer_version(store: Path, get: Get) -> None:
    session = a_session(store)
    assert (await get("sessions", session, "graph"))["total"] == 3
    marker = store / "perdure-store.json"
    changed = {**json.loads(marker.read_text()), "catalog": 99}
    (store / "new.json").write_text(json.dumps(changed))
    with sqlite3.connect(store / "catalog.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    (store / "new.json").replace(marker)  # as perdure publishes it
    assert (await get("sessions", session, "graph", status=503))["error"] == "StoreTooNew"


@pytest.mark.parametrize("damage", ["garbage", "emptied", "deleted"])
async def test_a_damaged_catalog_and_its_repair(store: Path, get: Get, damage: str) -> None:
    session = a_session(store)
    catalog = store / "catalog.db"
    if damage == "garbage":
        catalog.write_bytes(b"\xa5" * 40_000)
    elif damage == "emptied":
        catalog.write_bytes(b"")
    else:
        catalog.unlink()
    answer = await get("sessions", session, "graph", status=503)
    assert answer["error"] == "DamagedCatalog"
    assert "perdure verify --repair" in answer["message"]
    Store.repair(store)
    assert (await get("sessions", session, "graph"))["total"] == 3


async def test_a_damaged_row_is_told_and_the_rest_is_shown(store: Path, get: Get) -> None:
    session = a_session(store)
    ids = (await get("sessions", session, "graph"))["commits"]
    with sqlite3.connect(store / "catalog.db") as connection:
        connection.execute("UPDATE commits SET payload = x'00' WHERE id = ?", (bytes.fromhex(ids[1]),))
    connection.close()
    # The pack still has it.
    assert [row["id"] for row in (await get("sessions", session, "commits"))["commits"]] == ids
    for pack in (store / "packs").iterdir():
        pack.write_bytes(b"\xa5" * pack.stat().st_size)
    shutil.copy(store / "perdure-store.json", store / "again.json")
    (store / "again.json").replace(store / "perdure-store.json")
    assert (await get("sessions", session, "commits", ids[1], status=503))["error"] == "DamagedCatalog"
    newest = await get("sessions", session, "commits", ids[0])
    assert newest["title"] == "x = 2"
    (change,) = newest["variables"]
    assert (change["kind"], change["after"]["repr"], change["before"]) == ("changed", "2", None)
    assert ids[1] in change["reason"]


async def test_another_store_in_its_place_is_noticed(store: Path, get: Get) -> None:
    first = a_session(store)
    assert (await get("sessions", first))["commits"] == 3
    shutil.rmtree(store)
    assert (await get("sessions", first, status=503))["error"] == "StoreMissing"
    second = a_session(store, 5)
    assert (await get("sessions", first, status=404))["error"] == "UnknownSession"
    assert (await get("sessions", second))["commits"] == 5
    elsewhere = store.with_name("elsewhere")
    third = a_session(elsewhere, 7)
    store.rename(store.with_name("aside"))
    elsewhere.rename(store)
    assert (await get("sessions", third))["commits"] == 7


#: Commits a cell from another process, as kernels do.
ONE_MORE = """
import sys
sys.path.insert(0, sys.argv[1])
from perdure.store import Store
from server.making import commit
with Store.open(sys.argv[2]) as store:
    writer = store.writer(sys.argv[3])
    commit(writer, store.refs(sys.argv[3]), "x", {"x": 1})
    writer.close()
"""


async def test_a_store_that_can_only_be_read_from_a_copy_is_followed(store: Path, get: Get) -> None:
    session = a_session(store)
    index = store / "catalog.db-shm"
    for number in (4, 5):
        index.unlink(missing_ok=True)
        index.mkdir()  # SQLite can't read beside that, as it couldn't in a folder of somebody else's
        assert (await get("sessions", session, "graph"))["total"] == number - 1
        index.rmdir()
        subprocess.run([sys.executable, "-c", ONE_MORE, TESTS, store, session], check=True, timeout=60)


async def test_what_is_new_is_seen_by_the_next_request(store: Path, get: Get) -> None:
    with written(store) as writer:
        refs = chain(writer, ["x"])
        for number in range(2, 30):
            refs = commit(writer, refs, f"x = {number}", {"x": number}, execution_count=number)
            page = await get("sessions", writer.session, "commits", limit=1)
            assert (page["total"], page["commits"][0]["id"]) == (number, refs.head)


async def test_many_requests_at_once(store: Path, get: Get) -> None:
    sessions = [a_session(store, cells) for cells in range(1, 13)]  # more than are kept in memory
    answers = await asyncio.gather(*(get("sessions", session, "graph") for session in sessions * 4))
    assert [answer["total"] for answer in answers] == list(range(1, 13)) * 4
