"""Browsing: the ledger page by page, and how its asks hang together with the entries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from perdure.cot.answer import Source

from .derivation import asks_from, entries_from
from .entry import Standing
from .ledger import Ask, Ledger


class State(NamedTuple):
    """What can be said of an entry beside its answer."""

    pinned: bool
    standing: Standing


class Browsing(Ledger):
    """The reader's part of the cache."""

    def page(
        self,
        offset: int,
        limit: int,
        *,
        grep: str | None = None,
        source: Source | str | None = None,
        model: str | None = None,
        doubted: bool = False,
    ) -> tuple[int, list[Ask]]:
        """How many asks there are, and ``limit`` of them from ``offset`` on, the newest first.

        ``grep`` is in the question or the answer, in any case; ``doubted`` are those of which, or of whose entry, it is
        known that they are wrong or were made with the help of one that is.
        """
        conditions = {
            "instr(casefold(a.question || char(10) || a.answer), ?) > 0": None if grep is None else grep.casefold(),
            "a.source = ?": None if source is None else str(source),
            "a.model = ?": model,
            "(a.standing > ? OR EXISTS (SELECT 1 FROM entries WHERE id = a.entry AND standing > 0))": 0
            if doubted
            else None,
        }
        given = {condition: value for condition, value in conditions.items() if value is not None}
        where = f"WHERE {' AND '.join(given)}" if given else ""
        with self._database.reading() as connection:
            total = connection.execute(f"SELECT count(*) FROM asks AS a {where}", (*given.values(),)).fetchone()[0]  # noqa: S608 - conditions of ours
            return int(total), self._select(connection, where, given.values(), limit, offset)

    def models(self) -> list[str]:
        """Who has answered so far, by name."""
        with self._database.reading() as connection:
            return [row[0] for row in connection.execute("SELECT DISTINCT model FROM asks ORDER BY model")]

    def first_asks(self, entries: Iterable[str]) -> dict[str, str]:
        """For each of the entries the id of the ask that became it, or else of the first that it answered."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT entry, id FROM asks WHERE entry IN (SELECT value FROM json_each(?)) ORDER BY number DESC",
                (json.dumps(list(entries)),),
            )
            return dict(rows.fetchall())

    def states(self, entries: Iterable[str]) -> dict[str, State]:
        """Those of the entries that are there, and what is known of them."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, pinned, standing FROM entries WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(entries)),),
            )
            return {entry: State(bool(pinned), Standing(standing)) for entry, pinned, standing in rows}

    def rests_on(self, entry: str) -> list[str]:
        """The ids of the asks that were answered by an entry, or with the help of it, directly or not."""
        with self._database.reading() as connection:
            return asks_from(connection, entries_from(connection, entry))
