"""Money: what has been spent, what calls in flight may still cost, and a limit that both together never pass."""

from __future__ import annotations

import math
import sqlite3
import time
from dataclasses import dataclass
from typing import Final

from perdure.errors import BudgetSpent, UsageError
from perdure.store.process import is_alive, is_here, this_process
from perdure.store.records import Owner

from .part import Part

_TINY: Final = 1e-9
"""Dollars. Sums of prices in binary are off by less."""
_ABROAD: Final = 3600.0
"""Seconds after which a process on another machine, which can't be seen from here, counts as dead."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Dollars set aside for calls to come."""

    number: int
    amount: float


class Spending(Part):
    """The money's part of the ledger."""

    def spent(self, since: float = 0.0) -> float:
        """Dollars of all calls from that time on, of all processes."""
        with self._database.reading() as connection:
            return _spent(connection, since)

    def reserve(self, amount: float, *, limit: float, since: float) -> Reservation:
        """Set aside what calls can cost at most. Give it back with `settle`, in a ``finally``.

        What was spent since then, what is set aside by anyone, and ``amount`` never come to more than ``limit``, whoever asks
        at the same time. What a process had set aside is free again when it has died.

        :raises BudgetSpent: if they would; nothing is set aside then.
        """
        if not 0.0 <= amount < float("inf"):
            raise UsageError(f"A call can't cost {amount} dollars. Set a price with `%cot price`.")
        owner = this_process()
        with self._database.transaction(durable=False) as connection:
            _release_dead(connection)
            spent = _spent(connection, since)
            held = connection.execute("SELECT total(amount) FROM reservations").fetchone()[0]
            if spent + held + amount > limit + _TINY:
                raise BudgetSpent(
                    f"The question may cost ${amount:.6g}, and of the budget of ${limit:.6g}, ${spent:.6g} are spent and "
                    f"${held:.6g} set aside for questions under way. Raise the budget, or ask later."
                )
            inserted = connection.execute(
                "INSERT INTO reservations (amount, time, host, pid, started) VALUES (?, ?, ?, ?, ?)",
                (amount, time.time(), owner.host, owner.pid, owner.started),
            )
            return Reservation(int(inserted.lastrowid or 0), amount)

    def settle(self, reservation: Reservation) -> None:
        """Free what the calls recorded against a reservation have left of it. A second call does nothing."""
        with self._database.transaction(durable=False) as connection:
            connection.execute("DELETE FROM reservations WHERE number = ?", (reservation.number,))

    def reserved(self) -> float:
        """Dollars that are set aside by processes that live."""
        with self._database.transaction(durable=False) as connection:
            _release_dead(connection)
            return float(connection.execute("SELECT total(amount) FROM reservations").fetchone()[0])


def _spent(connection: sqlite3.Connection, since: float) -> float:
    minute = math.ceil(since / 60)
    begun = connection.execute(
        "SELECT total(cost) FROM calls WHERE time >= ? AND time < ?", (since, minute * 60)
    ).fetchone()
    whole = connection.execute("SELECT total(cost) FROM minutes WHERE minute >= ?", (minute,)).fetchone()
    return float(begun[0] + whole[0])


def _release_dead(connection: sqlite3.Connection) -> None:
    ours, now = this_process(), time.time()
    owners = connection.execute(
        "SELECT max(time), host, pid, started FROM reservations WHERE pid != ? OR host != ? GROUP BY host, pid, started",
        (ours.pid, ours.host),
    ).fetchall()
    for last, *its in owners:
        owner = Owner(*its)
        alive = is_alive(owner) if is_here(owner) else now - last < _ABROAD
        if not alive:
            connection.execute("DELETE FROM reservations WHERE host = ? AND pid = ? AND started = ?", its)
