"""Model calls: what each cost is known as soon as its reply is there, and the reply too until it has become an answer."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from perdure.cot.answer import Tokens

from .claims import Claim, free
from .database import storable
from .part import Part
from .spending import Reservation

Role = Literal["master", "apprentice", "audit", "keywords", "sample"]

_DAY: Final = 86_400.0

_COLUMNS: Final = (
    "role, model, model_version, cost, prompt_tokens, completion_tokens, latency, outcome, ask, key, prompt, reply, logprob, time, "
    "number"
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model."""

    role: Role
    """What it was for."""
    model: str
    model_version: str
    tokens: Tokens = field(default_factory=Tokens)
    cost: float = 0.0
    """Dollars."""
    latency: float = 0.0
    """Seconds."""
    outcome: str = "ok"
    """``ok``, or what went wrong, in one sentence."""
    ask: str | None = None
    """Id of the ask that it was for."""
    key: str | None = None
    """The key of that ask's question."""
    prompt: str | None = None
    """A digest of all that the model was shown."""
    reply: str | None = None
    """What it said, until the ask is recorded."""
    logprob: float | None = None
    time: float = field(default_factory=time.time)
    number: int = 0
    """Given by the ledger."""


class Calls(Part):
    """The calls' part of the ledger."""

    def record_call(self, call: Call, reservation: Reservation | None = None, claim: Claim | None = None) -> int:
        """Note a call; durable on return, so do it before anything else is done with the reply. Returns its number.

        What it cost is taken off the ``reservation``, and the ``claim`` ends, in the same instant.
        """
        with self._database.transaction() as connection:
            if reservation is not None:
                connection.execute(
                    "UPDATE reservations SET amount = max(amount - ?, 0) WHERE number = ?",
                    (call.cost, reservation.number),
                )
            if claim is not None:
                free(connection, claim)
            inserted = connection.execute(
                f"INSERT INTO calls ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608 - columns
                (
                    call.role,
                    call.model,
                    call.model_version,
                    call.cost,
                    call.tokens.prompt,
                    call.tokens.completion,
                    call.latency,
                    storable(call.outcome),
                    call.ask,
                    call.key,
                    call.prompt,
                    None if call.reply is None else storable(call.reply),
                    call.logprob,
                    call.time,
                ),
            )
            return int(inserted.lastrowid or 0)

    def spoil_call(self, number: int, outcome: str) -> None:
        """Say that the reply is of no use, so that it isn't given again."""
        with self._database.transaction(durable=False) as connection:
            connection.execute(
                "UPDATE calls SET outcome = ?, reply = NULL WHERE number = ?", (storable(outcome), number)
            )

    def paid_call(self, key: str, *, model: str, version: str | None, prompt: str) -> Call | None:
        """The call whose reply was paid for and never became an answer, as its process died; oldest first. ``version`` None: any."""
        oldest = 0.0 if self.policy.expire_days is None else time.time() - self.policy.expire_days * _DAY
        with self._database.reading() as connection:
            row = connection.execute(
                f"""SELECT {_COLUMNS} FROM calls WHERE key = ? AND model = ? AND ifnull(?, model_version) = model_version AND prompt = ?
                    AND reply IS NOT NULL AND outcome = 'ok' AND time >= ? ORDER BY number LIMIT 1""",  # noqa: S608 - columns
                (key, model, version, prompt, oldest),
            ).fetchone()
        return None if row is None else _from_row(row)

    def answered_since(self, key: str, *, model: str, prompt: str, since: float) -> bool:
        """Whether a reply to this prompt was paid for after that moment and has become an answer, or is about to."""
        with self._database.reading() as connection:
            row = connection.execute(
                """SELECT 1 FROM calls WHERE time >= ? AND key = ? AND model = ? AND prompt = ? AND outcome = 'ok' LIMIT 1""",
                (since, key, model, prompt),
            ).fetchone()
        return row is not None

    def paid_reply(self, key: str, *, model: str, version: str | None, prompt: str) -> str | None:
        """The text of `paid_call`."""
        call = self.paid_call(key, model=model, version=version, prompt=prompt)
        return None if call is None else call.reply

    def calls(self, ask: str) -> list[Call]:
        """The calls that an ask made, in their order."""
        with self._database.reading() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM calls WHERE ask = ? ORDER BY number", (ask,))  # noqa: S608 - columns
            return [_from_row(row) for row in rows]


def forget_replies(connection: sqlite3.Connection, key: str) -> None:
    """Drop all replies that wait to become the answer to this question."""
    connection.execute("UPDATE calls SET reply = NULL WHERE key = ? AND reply IS NOT NULL", (key,))


def settle_replies(connection: sqlite3.Connection, ask: str, key: str, model: str) -> None:
    """Drop the replies of an ask that is in the ledger now, and those of earlier tries that it stands for."""
    connection.execute("UPDATE calls SET reply = NULL WHERE ask = ? AND reply IS NOT NULL", (ask,))
    connection.execute("UPDATE calls SET reply = NULL WHERE key = ? AND model = ? AND reply IS NOT NULL", (key, model))


def anonymise(connection: sqlite3.Connection, ask: str) -> None:
    """Leave of an ask's calls what they cost and nothing of what they were about."""
    connection.execute(
        """UPDATE calls SET ask = NULL, key = NULL, prompt = NULL, reply = NULL, logprob = NULL,
            outcome = CASE outcome WHEN 'ok' THEN 'ok' ELSE 'failed' END WHERE ask = ?""",
        (ask,),
    )


def _from_row(row: Sequence[Any]) -> Call:
    role, model, model_version, cost, prompt_tokens, completion_tokens, *rest = row
    return Call(role, model, model_version, Tokens(prompt_tokens, completion_tokens), cost, *rest)
