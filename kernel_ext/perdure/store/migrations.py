"""The catalog's tables, as the ordered steps that lead from an empty file to today's.

Append a function; never change one that was released. Each runs inside the transaction that also notes its number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final


def _first_tables(connection: sqlite3.Connection) -> None:
    statements = (
        # indexed: bytes whose records the rows below describe. examined: bytes looked at; what lies between the two
        # is the unfinished tail of a writer that died. state: 0 may grow, 1 sealed, 2 replaced by gc and to be deleted.
        """CREATE TABLE packs (
            number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            indexed INTEGER NOT NULL, examined INTEGER NOT NULL, state INTEGER NOT NULL)""",
        # Chunks and snapshots. id: the first 20 bytes of the digest.
        """CREATE TABLE records (
            id BLOB NOT NULL PRIMARY KEY, kind INTEGER NOT NULL,
            pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID""",
        # A row id, so that payloads are appended and a commit touches few pages.
        """CREATE TABLE commits (
            number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, session TEXT NOT NULL, parent BLOB,
            started REAL NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
            payload BLOB NOT NULL)""",
        "CREATE INDEX commits_of_session ON commits (session, started)",
        # info and refs are the encoded records; seal is a digest over the row, as nothing else names its content.
        """CREATE TABLE sessions (
            id TEXT NOT NULL PRIMARY KEY, info BLOB NOT NULL, refs BLOB NOT NULL, seal BLOB NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE owners (
            session TEXT NOT NULL PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL,
            started REAL NOT NULL) WITHOUT ROWID""",
    )
    for statement in statements:
        connection.execute(statement)


MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_first_tables,)
"""Step n leads from version n to n + 1."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the catalog up to date, inside the transaction that the caller has begun."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number in range(version, len(MIGRATIONS)):
        MIGRATIONS[number](connection)
        connection.execute(f"PRAGMA user_version = {number + 1}")
