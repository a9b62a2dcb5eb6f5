"""The cache's tables, as the ordered steps that lead from an empty file to today's.

Append a function; never change one that was released. Each runs inside the transaction that also notes its number.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from typing import Final

APPLICATION: Final = 0x50436F54
"""SQLite's application_id of our files: ``PCoT``."""

_TABLES: Final = (
    "CREATE TABLE settings (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE prices (
        model TEXT NOT NULL PRIMARY KEY, prompt REAL NOT NULL, completion REAL NOT NULL, call REAL NOT NULL) WITHOUT ROWID""",
    # A picture that is wholly in its thumbnail has no `whole`. bytes: what limit_bytes counts.
    """CREATE TABLE pictures (
        key TEXT NOT NULL PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL, added REAL NOT NULL,
        bytes INTEGER NOT NULL, thumbnail BLOB, whole BLOB)""",
    # standing: 0 good, 1 doubtful, 2 wrong.
    """CREATE TABLE entries (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key TEXT NOT NULL, kind TEXT NOT NULL,
        model TEXT NOT NULL, model_version TEXT NOT NULL, prompt_version TEXT NOT NULL, standing INTEGER NOT NULL,
        pinned INTEGER NOT NULL, expires REAL, created REAL NOT NULL, used REAL NOT NULL, uses INTEGER NOT NULL,
        cost REAL NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, bytes INTEGER NOT NULL,
        text TEXT NOT NULL, normal TEXT NOT NULL, format TEXT NOT NULL, choices TEXT NOT NULL, schema TEXT,
        answer TEXT NOT NULL, reasoning TEXT NOT NULL, context TEXT NOT NULL, keywords TEXT NOT NULL)""",
    "CREATE INDEX entries_by_key ON entries (key)",
    "CREATE INDEX entries_that_expire ON entries (expires) WHERE expires IS NOT NULL",
    """CREATE TABLE entry_pictures (
        entry INTEGER NOT NULL, position INTEGER NOT NULL, picture TEXT NOT NULL,
        PRIMARY KEY (entry, position)) WITHOUT ROWID""",
    "CREATE INDEX entries_of_picture ON entry_pictures (picture)",
    # Which entry was made with the help of which. By id, and kept when an entry is evicted: forgetting follows it.
    "CREATE TABLE lineage (source TEXT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (source, entry)) WITHOUT ROWID",
    "CREATE INDEX lineage_of_entry ON lineage (entry)",
    """CREATE TABLE vectors (
        entry INTEGER PRIMARY KEY, encoder TEXT NOT NULL, version TEXT NOT NULL, vector BLOB NOT NULL)""",
    # The last change of each entry. state: 0 there (with a vector), 1 no longer, 2 forgotten: may not come back.
    """CREATE TABLE changes (
        number INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL UNIQUE, state INTEGER NOT NULL)""",
    """CREATE TABLE asks (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time REAL NOT NULL, key TEXT NOT NULL,
        question TEXT NOT NULL, format TEXT NOT NULL, choices TEXT NOT NULL, schema TEXT, source TEXT NOT NULL, entry TEXT,
        answer TEXT NOT NULL, value TEXT NOT NULL, reasoning TEXT NOT NULL, confidence REAL, model TEXT NOT NULL,
        model_version TEXT NOT NULL, prompt_version TEXT NOT NULL, cost REAL NOT NULL, latency REAL NOT NULL,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, why TEXT NOT NULL, route TEXT NOT NULL,
        session TEXT, cell TEXT, "commit" TEXT, standing INTEGER NOT NULL, imported INTEGER NOT NULL)""",
    "CREATE INDEX asks_of_entry ON asks (entry) WHERE entry IS NOT NULL",
    "CREATE INDEX asks_of_cell ON asks (session, cell) WHERE session IS NOT NULL",
    'CREATE INDEX asks_of_commit ON asks ("commit") WHERE "commit" IS NOT NULL',
    "CREATE INDEX asks_said_to_be_wrong ON asks (key) WHERE standing = 2",
    """CREATE TABLE ask_pictures (
        ask INTEGER NOT NULL, position INTEGER NOT NULL, picture TEXT NOT NULL, PRIMARY KEY (ask, position)) WITHOUT ROWID""",
    "CREATE INDEX asks_of_picture ON ask_pictures (picture)",
    """CREATE TABLE ask_examples (
        ask INTEGER NOT NULL, position INTEGER NOT NULL, entry TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL,
        similarity REAL NOT NULL, PRIMARY KEY (ask, position)) WITHOUT ROWID""",
    "CREATE INDEX asks_shown_entry ON ask_examples (entry)",
    # reply: until the ask that paid for it is in the ledger, so that a crash between the two doesn't pay twice.
    """CREATE TABLE calls (
        number INTEGER PRIMARY KEY, time REAL NOT NULL, cost REAL NOT NULL, role TEXT NOT NULL, ask TEXT, key TEXT,
        model TEXT NOT NULL, model_version TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
        latency REAL NOT NULL, outcome TEXT NOT NULL, prompt TEXT, reply TEXT, logprob REAL)""",
    "CREATE INDEX calls_by_time ON calls (time, cost)",
    "CREATE INDEX calls_of_ask ON calls (ask) WHERE ask IS NOT NULL",
    "CREATE INDEX calls_that_wait ON calls (key) WHERE reply IS NOT NULL",
    """CREATE TABLE audits (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, time REAL NOT NULL, kind TEXT NOT NULL,
        master TEXT NOT NULL, other TEXT NOT NULL, score REAL NOT NULL, features TEXT NOT NULL, confidence REAL,
        agreed INTEGER NOT NULL, kept TEXT NOT NULL, said TEXT NOT NULL, entry TEXT, ask TEXT, imported INTEGER NOT NULL)""",
    "CREATE INDEX audits_of_pair ON audits (kind, master, other)",
    "CREATE INDEX audits_of_entry ON audits (entry) WHERE entry IS NOT NULL",
    "CREATE INDEX audits_of_ask ON audits (ask) WHERE ask IS NOT NULL",
    # What the calls of each minute cost: summing up a day doesn't look at each of its calls.
    "CREATE TABLE minutes (minute INTEGER PRIMARY KEY, cost REAL NOT NULL)",
    # amount: dollars still set aside.
    """CREATE TABLE reservations (
        number INTEGER PRIMARY KEY AUTOINCREMENT, amount REAL NOT NULL, time REAL NOT NULL,
        host TEXT NOT NULL, pid INTEGER NOT NULL, started REAL NOT NULL)""",
    "CREATE TABLE totals (name TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL, amount REAL NOT NULL) WITHOUT ROWID",
)


def _count(name: str, count: str, amount: str = "0", only: str = "true") -> str:
    return f"""INSERT INTO totals SELECT {name}, {count}, {amount} WHERE {only}
        ON CONFLICT (name) DO UPDATE SET count = count + excluded.count, amount = amount + excluded.amount;"""


def _trigger(name: str, when: str, *body: str) -> str:
    return f"CREATE TRIGGER {name} {when} BEGIN {' '.join(body)} END"


# Running totals, kept by the database itself: no scan for `stats`, and no way to write past them. What was asked stays
# counted when it is forgotten.
_TRIGGERS: Final = (
    _trigger(
        "entry_added",
        "AFTER INSERT ON entries",
        _count("'entries'", "1"),
        _count("'entries ' || NEW.kind", "1"),
        _count("'bytes'", "NEW.bytes"),
    ),
    _trigger(
        "entry_removed",
        "AFTER DELETE ON entries",
        _count("'entries'", "-1"),
        _count("'entries ' || OLD.kind", "-1"),
        _count("'bytes'", "-OLD.bytes"),
        "DELETE FROM entry_pictures WHERE entry = OLD.number;",
        "DELETE FROM vectors WHERE entry = OLD.number;",
    ),
    _trigger("entry_resized", "AFTER UPDATE OF bytes ON entries", _count("'bytes'", "NEW.bytes - OLD.bytes")),
    _trigger("picture_added", "AFTER INSERT ON pictures", _count("'pictures'", "1"), _count("'bytes'", "NEW.bytes")),
    _trigger(
        "picture_removed", "AFTER DELETE ON pictures", _count("'pictures'", "-1"), _count("'bytes'", "-OLD.bytes")
    ),
    _trigger("picture_resized", "AFTER UPDATE OF bytes ON pictures", _count("'bytes'", "NEW.bytes - OLD.bytes")),
    _trigger(
        "ask_added",
        "AFTER INSERT ON asks WHEN NOT NEW.imported",
        _count("'asks ' || NEW.source", "1"),
        # A hit saves what its entry has cost; one of an entry without a price, what the master costs in the mean.
        """INSERT INTO totals SELECT CASE WHEN cost > 0 THEN 'saved' ELSE 'saved without price' END, 1, cost
            FROM entries WHERE id = NEW.entry AND NEW.source IN ('exact', 'near')
            ON CONFLICT (name) DO UPDATE SET count = count + excluded.count, amount = amount + excluded.amount;""",
    ),
    _trigger(
        "ask_removed",
        "AFTER DELETE ON asks",
        "DELETE FROM ask_pictures WHERE ask = OLD.number;",
        "DELETE FROM ask_examples WHERE ask = OLD.number;",
    ),
    _trigger(
        "call_added",
        "AFTER INSERT ON calls",
        """INSERT INTO minutes VALUES (CAST(NEW.time AS INTEGER) / 60, NEW.cost)
            ON CONFLICT (minute) DO UPDATE SET cost = cost + excluded.cost;""",
        _count("'calls ' || NEW.role", "1", "NEW.cost"),
        _count("'tokens'", "NEW.prompt_tokens", "NEW.completion_tokens"),
        _count("'paid ' || NEW.role", "1", "NEW.cost", only="NEW.cost > 0"),
    ),
    _trigger(
        "audit_added",
        "AFTER INSERT ON audits",
        _count("'audits ' || NEW.kind", "1"),
        _count("'disagreements ' || NEW.kind", "1", only="NOT NEW.agreed"),
    ),
)


def _first_tables(connection: sqlite3.Connection) -> None:
    for statement in (*_TABLES, *_TRIGGERS):
        connection.execute(statement)
    connection.execute("INSERT INTO settings VALUES ('identity', ?)", (secrets.token_hex(8).encode(),))
    connection.execute(f"PRAGMA application_id = {APPLICATION}")


def _claims(connection: sqlite3.Connection) -> None:
    # A number is never given twice: whoever frees a claim that has lapsed doesn't free its successor.
    connection.execute(
        """CREATE TABLE claims (
            number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, prompt TEXT NOT NULL, time REAL NOT NULL,
            host TEXT NOT NULL, pid INTEGER NOT NULL, started REAL NOT NULL, UNIQUE (key, prompt))"""
    )


MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_first_tables, _claims)
"""Step n leads from version n to n + 1."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, inside the transaction that the caller has begun."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number in range(version, len(MIGRATIONS)):
        MIGRATIONS[number](connection)
        connection.execute(f"PRAGMA user_version = {number + 1}")
