"""Claims: who is making a call, so that of several processes that need the same reply only one pays for it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from perdure.store.process import is_alive, this_process
from perdure.store.records import Owner

from .part import Part

LAPSE: Final = 100.0
"""Seconds after which a claim that wasn't renewed is gone: its owner is on another machine, or stopped, or couldn't free it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make a call that others wait for meanwhile."""

    number: int


class Claims(Part):
    """The claims' part of the ledger."""

    def claim(self, key: str, prompt: str) -> Claim | None:
        """Claim the call that puts this prompt for this question; None while somebody else has it, in this process or another.

        Renew it as long as the call lasts, and free it then: with `record_call`, or with `free`. It is free again, too, when its
        process has died.
        """
        with self._database.reading() as connection:  # who waits asks often, and keeps nobody from writing
            if _taken(connection, key, prompt):
                return None
        owner = this_process()
        with self._database.transaction(durable=False) as connection:
            if _taken(connection, key, prompt):
                return None
            now = time.time()
            connection.execute("DELETE FROM claims WHERE time NOT BETWEEN ? AND ?", (now - LAPSE, now + LAPSE))
            inserted = connection.execute(
                "INSERT OR REPLACE INTO claims (key, prompt, time, host, pid, started) VALUES (?, ?, ?, ?, ?, ?)",
                (key, prompt, now, owner.host, owner.pid, owner.started),
            )
            return Claim(int(inserted.lastrowid or 0))

    def renew(self, claims: Collection[Claim]) -> None:
        """Say that these calls are still being made."""
        with self._database.transaction(durable=False) as connection:
            now = time.time()
            connection.executemany(
                "UPDATE claims SET time = ? WHERE number = ?", [(now, claim.number) for claim in claims]
            )

    def free(self, claims: Collection[Claim]) -> None:
        """End them. A second call does nothing, also when somebody else has the claim by now."""
        with self._database.transaction(durable=False) as connection:
            for claim in claims:
                free(connection, claim)


def free(connection: sqlite3.Connection, claim: Claim) -> None:
    """End it, as a part of a transaction."""
    connection.execute("DELETE FROM claims WHERE number = ?", (claim.number,))


def _taken(connection: sqlite3.Connection, key: str, prompt: str) -> bool:
    row = connection.execute(
        "SELECT time, host, pid, started FROM claims WHERE key = ? AND prompt = ?", (key, prompt)
    ).fetchone()
    return row is not None and abs(time.time() - row[0]) <= LAPSE and is_alive(Owner(*row[1:]))
