"""A catalog of any earlier version opens, and is brought up to date in one step that can't be half done."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from perdure.store import Refs, Store, migrations, opening
from store.making import begin, commit_to


def version(path: Path) -> int:
    connection = sqlite3.connect(path / "catalog.db")
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def test_steps_run_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    with Store.open(path) as store:
        session, writer = begin(store)
        refs = commit_to(writer, {"x": b"1"}, Refs())
    assert version(path) == len(migrations.MIGRATIONS)

    def add(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE extra (a)")

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO extra VALUES (1)")

    steps = (*migrations.MIGRATIONS, add, fill)
    for module in (migrations, opening, __import__("perdure.store.catalog", fromlist=["x"])):
        monkeypatch.setattr(module, "MIGRATIONS", steps)
    for _ in range(2):
        with Store.open(path) as store:
            assert store.refs(session) == refs
    assert version(path) == len(steps)
    assert json.loads((path / "perdure-store.json").read_text())["catalog"] == len(steps)
    connection = sqlite3.connect(path / "catalog.db")
    assert connection.execute("SELECT count(*) FROM extra").fetchone() == (1,)
    connection.close()


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    Store.open(path).close()

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE extra (a)")
        raise RuntimeError("half way")

    steps = (*migrations.MIGRATIONS, half)
    for module in (migrations, opening, __import__("perdure.store.catalog", fromlist=["x"])):
        monkeypatch.setattr(module, "MIGRATIONS", steps)
    with pytest.raises(RuntimeError):
        Store.open(path)
    monkeypatch.undo()
    assert version(path) == len(migrations.MIGRATIONS)
    connection = sqlite3.connect(path / "catalog.db")
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)
    connection.close()
    Store.open(path).close()
