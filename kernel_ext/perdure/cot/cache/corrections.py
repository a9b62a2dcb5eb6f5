"""What a user does about an answer: forget it, or say that it is wrong and what would be right."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from perdure.cot.answer import Source
from perdure.cot.questions.question import AnswerFormat, normalised, question
from perdure.cot.replies.parsing import parse
from perdure.errors import UnusableReply, UsageError

from .calls import anonymise, forget_replies
from .derivation import asks_from, entries_from
from .entries import FORGOTTEN, REMOVED, insert, note_change, remove
from .entry import COLUMNS, VECTOR_COLUMNS, Entry, Kind, Standing, from_row
from .ledger import Ask, Ledger
from .part import Found, find, new_id
from .pictures import drop_unused

USER: Final = "user"
"""The model's name in corrections."""

_FORMS: Final = {
    AnswerFormat.TEXT: "text",
    AnswerFormat.NUMBER: "a number",
    AnswerFormat.BOOL: "yes or no",
    AnswerFormat.JSON: "JSON, as the schema has it",
}
"""What an answer has to be; a choice names its options."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Ids of what is gone."""

    entries: tuple[str, ...] = ()
    """Kept answers: the one named first, then what was made with its help."""
    asks: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    """Keys of pictures that nothing else is about."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Ids of what is no hit any more."""

    wrong: tuple[str, ...] = ()
    """Kept answers that are wrong."""
    doubtful: tuple[str, ...] = ()
    """Kept answers that were made with the help of those."""
    wrong_asks: tuple[str, ...] = ()
    """Asks that got the wrong answer."""
    doubtful_asks: tuple[str, ...] = ()
    """Asks that got one made of it, or from it as a near match."""
    right: Entry | None = None
    """The correction, as it is kept."""
    near: str | None = None
    """The entry that was a wrong near match: itself still good, but no match for this question."""


class Corrections(Ledger):
    """The users' part of the cache."""

    def forget(self, id: str) -> Forgotten:
        """Delete an answer, by the id of its ask or entry, with everything that was made of it.

        That is: the entry; asks that it answered, exactly or as a near match; apprentices' answers that were shown it as an
        example, the entries that they became, and so on from those; pictures that nothing else is about. Of a near match only
        the ask itself goes: the entry answers another question. What the calls cost stays, without what they were about,
        and so do the audits' numbers. What is forgotten can't come back through an import or through a question that is
        under way. The bytes are overwritten in the file; in its log they are when no other process is reading.

        :raises UsageError: if no answer has the id.
        """
        with self._database.transaction() as connection:
            found = find(connection, id)
            root = None if found.source == Source.NEAR else found.entry
            entries = [] if root is None else entries_from(connection, root)
            own = [] if found.ask is None else [found.ask]
            asks = list(dict.fromkeys([*own, *asks_from(connection, entries)]))
            pictures = _delete(connection, entries, asks)
            gone = drop_unused(connection, pictures)
        self._database.shrink()
        return Forgotten(tuple(entries), tuple(asks), tuple(gone))

    def mark_wrong(self, id: str, right: str | None = None) -> Marked:
        """Say that an answer is wrong, by the id of its ask or entry, and maybe what is right.

        The entry is never a hit or an example again; what was made with its help is doubtful, and no hit either. A wrong near
        match is wrong for that question alone: see `wrong_for`. The ``right`` answer is kept as the user's: pinned, and
        always the exact hit for that question.

        :raises UsageError: if no answer has the id, or ``right`` is empty or not in the question's form.
        """
        if right is not None and not right.strip():
            raise UsageError("The right answer is empty. Write it, or leave --right away.")
        with self._database.transaction() as connection:
            found = find(connection, id)
            near = found.source == Source.NEAR
            marked = _mark_near(connection, found) if near else _mark(connection, found)
            if right is None:
                return marked
            entry = self._correction(connection, found, right.strip(), near=near)
            return replace(marked, right=entry)

    def wrong_for(self, key: str) -> frozenset[str]:
        """Ids of entries that the user has called wrong as near matches for this question."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT entry FROM asks WHERE key = ? AND standing = 2 AND source = 'near'", (key,)
            )
            return frozenset(entry for (entry,) in rows)

    def _correction(self, connection: sqlite3.Connection, found: Found, right: str, *, near: bool) -> Entry:
        old = None if near else _entry(connection, found.entry)
        blank = old if old is not None else _from_ask(self.ask(found.ask or ""))
        _check_form(blank, right)
        entry = replace(
            blank,
            id=new_id(),
            answer=right,
            kind=Kind.USER,
            model=USER,
            model_version="",
            reasoning="",
            context="said by the user",
            cost=0.0,
            derived_from=(),
            expires=None,
            pinned=True,
            created=time.time(),
            used=0.0,
            uses=0,
            standing=Standing.GOOD,
        )
        earlier = connection.execute(
            "SELECT id FROM entries WHERE key = ? AND kind = 'user' AND standing = 0", (entry.key,)
        ).fetchall()
        for (one,) in earlier:
            _stand(connection, one, Standing.WRONG)
        insert(connection, entry)
        return entry


def _check_form(entry: Entry, right: str) -> None:
    """Refuse a correction that doesn't answer in the question's form: it could never be the answer to it."""
    schema = None if entry.schema is None else json.loads(entry.schema)
    asked = question(entry.text, format=entry.format, choices=entry.choices or None, schema=schema)
    try:
        parse(right, asked)
    except UnusableReply:
        form = f"one of {', '.join(entry.choices)}" if entry.choices else _FORMS[entry.format]
        raise UsageError(f"{right!r} can't be right: the answer has to be {form}. Nothing has changed.") from None


def _delete(connection: sqlite3.Connection, entries: Iterable[str], asks: Iterable[str]) -> list[str]:
    """Delete rows; the keys of all pictures that they were about."""
    pictures: list[str] = []
    for entry in entries:
        for (key,) in connection.execute("SELECT key FROM entries WHERE id = ?", (entry,)).fetchall():
            forget_replies(connection, key)
        pictures += remove(connection, entry, FORGOTTEN)
        connection.execute("DELETE FROM lineage WHERE source = ?1 OR entry = ?1", (entry,))
        connection.execute("DELETE FROM ask_examples WHERE entry = ?", (entry,))
        connection.execute("UPDATE audits SET kept = '', said = '', entry = NULL, ask = NULL WHERE entry = ?", (entry,))
    for ask in asks:
        number, key = connection.execute("SELECT number, key FROM asks WHERE id = ?", (ask,)).fetchone()
        pictures += [one for (one,) in connection.execute("SELECT picture FROM ask_pictures WHERE ask = ?", (number,))]
        forget_replies(connection, key)
        anonymise(connection, ask)
        connection.execute("UPDATE audits SET kept = '', said = '', entry = NULL, ask = NULL WHERE ask = ?", (ask,))
        connection.execute("DELETE FROM asks WHERE number = ?", (number,))
    return pictures


def _stand(connection: sqlite3.Connection, entry: str, standing: Standing) -> bool:
    changed = connection.execute(
        "UPDATE entries SET standing = ?1, pinned = 0 WHERE id = ?2 AND standing < ?1", (int(standing), entry)
    ).rowcount
    if changed:
        note_change(connection, entry, REMOVED)
    return bool(changed)


def _mark(connection: sqlite3.Connection, found: Found) -> Marked:
    if found.entry is None:  # an answer that was never kept, or no longer is
        own = [found.ask] if found.ask else []
        for ask in own:
            connection.execute("UPDATE asks SET standing = 2 WHERE id = ?", (ask,))
        if found.key is not None:
            forget_replies(connection, found.key)
        return Marked(wrong_asks=tuple(own))
    entries = entries_from(connection, found.entry)
    root = _entry(connection, found.entry)
    for key in {found.key, None if root is None else root.key} - {None}:
        forget_replies(connection, str(key))
    if root is None:  # evicted: an import must not bring it back
        note_change(connection, found.entry, FORGOTTEN)
    wrong = [found.entry] if _stand(connection, found.entry, Standing.WRONG) else []
    doubtful = [made for made in entries[1:] if _stand(connection, made, Standing.DOUBTFUL)]
    wrong_asks: list[str] = []
    doubtful_asks: list[str] = []
    for ask in asks_from(connection, entries):
        source, entry = connection.execute("SELECT source, entry FROM asks WHERE id = ?", (ask,)).fetchone()
        is_wrong = entry == found.entry and source != Source.NEAR
        standing = Standing.WRONG if is_wrong else Standing.DOUBTFUL
        connection.execute("UPDATE asks SET standing = max(standing, ?) WHERE id = ?", (int(standing), ask))
        (wrong_asks if is_wrong else doubtful_asks).append(ask)
    return Marked(tuple(wrong), tuple(doubtful), tuple(wrong_asks), tuple(doubtful_asks))


def _mark_near(connection: sqlite3.Connection, found: Found) -> Marked:
    assert found.ask is not None
    connection.execute("UPDATE asks SET standing = 2 WHERE id = ?", (found.ask,))
    return Marked(wrong_asks=(found.ask,), near=found.entry)


def _entry(connection: sqlite3.Connection, id: str | None) -> Entry | None:
    row = connection.execute(
        f"""SELECT {COLUMNS}, {VECTOR_COLUMNS} FROM entries AS e LEFT JOIN vectors AS v ON v.entry = e.number
            WHERE e.id = ?""",  # noqa: S608 - constants of ours
        (id,),
    ).fetchone()
    return None if row is None else from_row(row)


def _from_ask(ask: Ask) -> Entry:
    """An entry for the question that an ask was about."""
    answer = ask.answer
    return Entry(
        key=ask.key,
        text=answer.question,
        normal=normalised(answer.question),
        format=ask.format,
        choices=ask.choices,
        schema=ask.schema,
        pictures=answer.pictures,
        answer=answer.text,
        model=answer.model,
        model_version=answer.model_version,
        prompt_version=answer.prompt_version,
    )
