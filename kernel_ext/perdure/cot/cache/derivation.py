"""What was made of an answer, directly or through others: what goes with it when it is forgotten, and falls when it is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

_MADE_OF: Final = (
    # entries whose model was shown it
    "SELECT entry FROM lineage WHERE source = ?",
    # and those of asks whose row says so
    """SELECT asks.entry FROM ask_examples JOIN asks ON asks.number = ask_examples.ask
        WHERE ask_examples.entry = ? AND asks.source = 'apprentice' AND asks.entry IS NOT NULL""",
)

_ANSWERED_BY: Final = (
    # it answered, or came of them
    "SELECT id FROM asks WHERE entry = ?",
    # the apprentice was shown it
    """SELECT id FROM ask_examples JOIN asks ON asks.number = ask_examples.ask
        WHERE ask_examples.entry = ? AND source = 'apprentice'""",
)


def entries_from(connection: sqlite3.Connection, entry: str) -> list[str]:
    """The entry and all that were made with its help, directly or not, there or evicted; itself first."""
    reached = {entry: None}
    ahead = [entry]
    while ahead:
        id_ = ahead.pop()
        for query in _MADE_OF:
            for (made,) in connection.execute(query, (id_,)):
                if made not in reached:
                    reached[made] = None
                    ahead.append(made)
    return list(reached)


def asks_from(connection: sqlite3.Connection, entries: Iterable[str]) -> list[str]:
    """The asks that were answered by these entries, became them, or were answered by an apprentice who was shown one."""
    found = {id_: None for entry in entries for query in _ANSWERED_BY for (id_,) in connection.execute(query, (entry,))}
    return list(found)
