"""What every part of the cache stands on: the database, and what the user wishes to be kept."""

from __future__ import annotations

import re
import secrets
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from perdure.errors import UnknownAnswer, UsageError

from .database import Database

_ID: Final = re.compile(r"[0-9a-f]{1,12}")


class KeepImages(StrEnum):
    """How much of the pictures is kept."""

    FULL = "full"
    THUMBNAIL = "thumbnail"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept, how much and how long."""

    keep_images: KeepImages = KeepImages.FULL
    limit_bytes: int | None = None
    """Of entries and pictures; the ledger comes on top."""
    expire_days: float | None = None
    """After which an answer of a model is no hit any more."""


class Part:
    """Base of the parts that `Cache` is made of."""

    def __init__(self, folder: Path, database: Database, policy: Policy) -> None:
        self.folder = folder
        """Where it is."""
        self.policy = policy
        """What it keeps."""
        self._database = database


def new_id() -> str:
    """An id for an entry, an ask or an audit: 12 hex digits of chance."""
    return secrets.token_hex(6)


class Found(NamedTuple):
    """What an id stands for: an ask, or an entry, or an ask with the entry that it became or came from."""

    ask: str | None
    source: str | None
    """Of the ask."""
    key: str | None
    """The ask's question."""
    entry: str | None


def find(connection: sqlite3.Connection, id: str) -> Found:
    """The ask or the entry whose id begins so.

    :raises UnknownAnswer: if there is none.
    :raises UsageError: if there are several.
    """
    prefix = id.strip().lower()
    rows: list[Found] = []
    if _ID.fullmatch(prefix):
        span = (prefix, prefix + "g")
        asks = "SELECT id, source, key, entry FROM asks WHERE id >= ? AND id < ? LIMIT 2"
        entries = "SELECT NULL, NULL, NULL, id FROM entries WHERE id >= ? AND id < ? LIMIT 2"
        rows = [Found(*row) for query in (asks, entries) for row in connection.execute(query, span)]
    if not rows:
        raise UnknownAnswer(f"No answer has the id {id!r}. `%cot log` lists those that there are.")
    if len(rows) > 1:
        raise UsageError(f"Several answers have an id that begins with {id!r}. Give more of its digits.")
    return rows[0]
