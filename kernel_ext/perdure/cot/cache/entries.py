"""Kept answers: adding them, and finding the one to exactly this question."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from perdure.errors import UsageError

from .entry import COLUMNS, VECTOR_COLUMNS, Entry, Kind, Standing, from_row, parameters
from .part import find
from .pictures import Pictures

THERE: Final = 0
REMOVED: Final = 1
FORGOTTEN: Final = 2

_DAY: Final = 86_400.0

_EXACT: Final = f"""SELECT {COLUMNS} FROM entries AS e
    WHERE key = :key AND standing = 0 AND (expires IS NULL OR expires > :now) AND (
        kind = 'user'
        OR prompt_version = :prompt_version AND (
            kind = 'master' AND model = :master AND ifnull(:master_version, model_version) = model_version
            OR (kind = 'apprentice' OR :stopgaps AND kind = 'stopgap') AND model = :apprentice AND ifnull(:apprentice_version, model_version) = model_version))
    ORDER BY kind = 'user' DESC, kind = 'master' DESC, CASE kind WHEN 'user' THEN -number ELSE number END LIMIT 1"""  # noqa: S608 - constants of ours


def insert(connection: sqlite3.Connection, entry: Entry) -> bool:
    """Add one; False, with nothing done, if it or what it was made of has been forgotten, or if it is there already.

    What was made with the help of an answer that is wrong by now is doubtful from the beginning.
    """
    made_of = json.dumps(entry.derived_from)
    forgotten = connection.execute(
        "SELECT 1 FROM changes WHERE state = ? AND entry IN (SELECT value FROM json_each(?) UNION SELECT ?)",
        (FORGOTTEN, made_of, entry.id),
    ).fetchone()
    if forgotten or connection.execute("SELECT 1 FROM entries WHERE id = ?", (entry.id,)).fetchone():
        return False
    doubted = connection.execute(
        "SELECT 1 FROM entries WHERE standing > 0 AND id IN (SELECT value FROM json_each(?))", (made_of,)
    ).fetchone()
    if doubted and entry.standing is Standing.GOOD:
        entry = replace(entry, standing=Standing.DOUBTFUL)
    row = parameters(entry)
    names = ", ".join(row)
    holes = ", ".join(f":{name}" for name in row)
    number = connection.execute(f"INSERT INTO entries ({names}) VALUES ({holes})", row).lastrowid  # noqa: S608 - columns
    connection.executemany(
        "INSERT INTO entry_pictures VALUES (?, ?, ?)",
        [(number, position, picture) for position, picture in enumerate(entry.pictures)],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO lineage (source, entry) VALUES (?, ?)",
        [(source, entry.id) for source in entry.derived_from],
    )
    if entry.vector is not None:
        vector = entry.vector
        connection.execute(
            "INSERT INTO vectors VALUES (?, ?, ?, ?)", (number, vector.encoder, vector.version, vector.data)
        )
        if entry.standing is Standing.GOOD:
            note_change(connection, entry.id, THERE)
    return True


def note_change(connection: sqlite3.Connection, entry: str, state: int) -> None:
    """Tell the index. What is forgotten stays so."""
    connection.execute(
        "INSERT OR REPLACE INTO changes (entry, state) SELECT ?1, max(?2, ifnull((SELECT state FROM changes WHERE entry = ?1"
        " AND state = 2), 0))",
        (entry, state),
    )


def remove(connection: sqlite3.Connection, entry: str, state: int = REMOVED) -> list[str]:
    """Delete one, if it is there; the keys of its pictures, which stay. One that is wrong may not come back."""
    row = connection.execute("SELECT standing FROM entries WHERE id = ?", (entry,)).fetchone()
    if row is not None and row[0] != Standing.GOOD:
        state = FORGOTTEN
    pictures = [
        key
        for (key,) in connection.execute(
            "SELECT picture FROM entry_pictures JOIN entries ON number = entry WHERE id = ?", (entry,)
        )
    ]
    connection.execute("DELETE FROM entries WHERE id = ?", (entry,))
    note_change(connection, entry, state)
    return pictures


class Entries(Pictures):
    """The entries' part of the cache."""

    def _add(self, connection: sqlite3.Connection, entry: Entry) -> bool:
        if entry.expires is None and self.policy.expire_days is not None and entry.kind != Kind.USER:
            entry = replace(entry, expires=entry.created + self.policy.expire_days * _DAY)
        return insert(connection, entry)

    def exact(
        self,
        key: str,
        *,
        master: str | None,
        prompt_version: str,
        master_version: str | None = None,
        apprentice: str | None = None,
        apprentice_version: str | None = None,
        stopgaps: bool = False,
    ) -> Entry | None:
        """The kept answer to exactly this question: the user's last correction, else the master's first answer.

        An apprentice's answer is one only for those who name the ``apprentice``, one that was a stopgap only with ``stopgaps``. Versions count where they are given. Wrong,
        doubtful and expired ones never are. Everybody who asks gets the same one.
        """
        wanted = _wanted(master, prompt_version, master_version, apprentice, apprentice_version) | {
            "stopgaps": stopgaps
        }
        with self._database.reading() as connection:
            row = connection.execute(_EXACT, {**wanted, "key": key}).fetchone()
        return None if row is None else from_row(row)

    def exact_many(
        self,
        keys: Iterable[str],
        *,
        master: str | None,
        prompt_version: str,
        master_version: str | None = None,
        apprentice: str | None = None,
        apprentice_version: str | None = None,
        stopgaps: bool = False,
    ) -> dict[str, Entry]:
        """`exact` for many questions at one moment: by their keys, those that there are."""
        wanted = _wanted(master, prompt_version, master_version, apprentice, apprentice_version) | {
            "stopgaps": stopgaps
        }
        found: dict[str, Entry] = {}
        with self._database.reading() as connection:
            for key in dict.fromkeys(keys):
                row = connection.execute(_EXACT, {**wanted, "key": key}).fetchone()
                if row is not None:
                    found[key] = from_row(row)
        return found

    def supersede(self, key: str) -> None:
        """What models have said to this question so far is no hit any more: it has been asked anew. A user's word stays."""
        now = time.time()
        with self._database.transaction(durable=False) as connection:
            connection.execute(
                "UPDATE entries SET expires = ?1 WHERE key = ?2 AND kind != 'user' AND ifnull(expires, ?1 + 1) > ?1",
                (now, key),
            )

    def entry(self, id: str) -> Entry:
        """The entry with its vector, by its id or the beginning of it, or by the id of an ask that it answered.

        :raises UsageError: if there is none.
        """
        with self._database.reading() as connection:
            found = find(connection, id).entry
            entries = {} if found is None else _by_ids(connection, [found])
        if not entries:
            raise UsageError(f"The answer {id!r} is no longer in the cache. Ask again: that keeps it.")
        return next(iter(entries.values()))

    def entries(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Entries with their vectors, by id; those that aren't there are left out."""
        with self._database.reading() as connection:
            return _by_ids(connection, list(ids))

    def answers_to(self, key: str) -> list[Entry]:
        """All that is kept for this question, whoever said it, in the order that it came."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM entries AS e WHERE key = ? ORDER BY number",  # noqa: S608 - constants of ours
                (key,),
            )
            return [from_row(row) for row in rows]

    def pin(self, id: str, on: bool = True) -> Entry:
        """Keep an entry whatever the size of the cache, or let it go again. ``id`` may be that of an ask.

        :raises UsageError: if there is none.
        """
        with self._database.transaction() as connection:
            entry = self.entry(id)
            connection.execute("UPDATE entries SET pinned = ? WHERE id = ?", (on, entry.id))
        return replace(entry, pinned=on)


def _wanted(
    master: str | None,
    prompt_version: str,
    master_version: str | None,
    apprentice: str | None,
    apprentice_version: str | None,
) -> dict[str, Any]:
    return {
        "now": time.time(),
        "master": master,
        "prompt_version": prompt_version,
        "master_version": master_version,
        "apprentice": apprentice,
        "apprentice_version": apprentice_version,
    }


def _by_ids(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Entry]:
    rows = connection.execute(
        f"""SELECT {COLUMNS}, {VECTOR_COLUMNS} FROM json_each(?) AS wanted JOIN entries AS e ON e.id = wanted.value
            LEFT JOIN vectors AS v ON v.entry = e.number""",  # noqa: S608 - constants of ours
        (json.dumps(ids),),
    )
    return {entry.id: entry for entry in map(from_row, rows)}
