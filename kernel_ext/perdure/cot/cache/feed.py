"""What the index is made of and kept up to date by: vectors, and the entries that came and went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from .entries import THERE, note_change
from .entry import COLUMNS, VECTOR_COLUMNS, Entry, Vector, from_row
from .part import Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Changes(NamedTuple):
    """What has happened since a number."""

    added: list[Entry]
    """Entries with their vectors: new ones, and those whose vector is another now."""
    removed: list[str]
    """Ids of entries that are gone, wrong or doubtful."""
    number: int
    """To be given the next time."""


class Feed(Part):
    """The index's part of the cache."""

    def changed_since(self, number: int, limit: int | None = None) -> Changes:
        """What an index that stands at ``number`` lacks; 0 is an empty one. At most ``limit`` changes, the oldest first.

        Numbers are those of one cache: compare its `identity` too. Entries without a vector are no business of an index's.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT number, entry, state FROM changes WHERE number > ? ORDER BY number LIMIT ?",
                (number, -1 if limit is None else limit),
            ).fetchall()
            there = [entry for _, entry, state in rows if state == THERE]
            found = connection.execute(
                f"""SELECT {COLUMNS}, {VECTOR_COLUMNS} FROM json_each(?) AS wanted JOIN entries AS e ON e.id = wanted.value
                    JOIN vectors AS v ON v.entry = e.number""",  # noqa: S608 - constants of ours
                (json.dumps(there),),
            )
            added = [from_row(row) for row in found]
        removed = [entry for _, entry, state in rows if state != THERE]
        return Changes(added, removed, rows[-1][0] if rows else number)

    def change_number(self) -> int:
        """The number of the last change: an index that stands there lacks nothing."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT ifnull(max(number), 0) FROM changes").fetchone()[0])

    def vectors(
        self, encoder: str, version: str, *, batch: int = 5_000
    ) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """All good entries' ids and vectors (as rows) of that encoder, in batches. Others may write meanwhile."""
        import numpy as np

        last = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(
                    """SELECT e.number, e.id, v.vector FROM vectors AS v JOIN entries AS e ON e.number = v.entry
                        WHERE v.entry > ? AND v.encoder = ? AND v.version = ? AND e.standing = 0 ORDER BY v.entry LIMIT ?""",
                    (last, encoder, version, batch),
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            matrix = np.frombuffer(b"".join(row[2] for row in rows), dtype="<f2").reshape(len(rows), -1)
            yield [row[1] for row in rows], matrix.astype(np.float32)

    def without_vector(self, encoder: str, version: str, limit: int = 1_000) -> list[Entry]:
        """Good entries that have no vector of that encoder, the newest first: to be given one with `set_vectors`."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"""SELECT {COLUMNS} FROM entries AS e WHERE standing = 0 AND NOT EXISTS (
                    SELECT 1 FROM vectors WHERE entry = e.number AND encoder = ? AND version = ?)
                    ORDER BY number DESC LIMIT ?""",  # noqa: S608 - constants of ours
                (encoder, version, limit),
            )
            return [from_row(row) for row in rows]

    def set_vectors(self, vectors: Mapping[str, Vector] | Iterable[tuple[str, Vector]]) -> None:
        """Give entries, by their ids, other vectors; those that are no longer there are passed over."""
        pairs = vectors.items() if isinstance(vectors, Mapping) else vectors
        with self._database.transaction(durable=False) as connection:
            for id_, vector in pairs:
                row = connection.execute(
                    """SELECT number, standing, ifnull((SELECT length(vector) FROM vectors WHERE entry = number), 0)
                        FROM entries WHERE id = ?""",
                    (id_,),
                ).fetchone()
                if row is None:
                    continue
                number, standing, before = row
                connection.execute(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)",
                    (number, vector.encoder, vector.version, vector.data),
                )
                connection.execute(
                    "UPDATE entries SET bytes = bytes + ? WHERE number = ?", (len(vector.data) - before, number)
                )
                if standing == 0:
                    note_change(connection, id_, THERE)
