"""The ledger: every question put to the system, its answer, where that came from and what it cost."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from perdure.cot.answer import Answer, Example, Source, Tokens
from perdure.cot.picture import Picture
from perdure.cot.questions.question import AnswerFormat, Question
from perdure.errors import UsageError

from .calls import anonymise, settle_replies
from .database import storable
from .entry import Entry, Standing
from .eviction import Eviction
from .part import find

_COLUMNS: Final = (
    "id time key question format choices schema source entry answer value reasoning confidence model model_version prompt_version "
    "cost latency prompt_tokens completion_tokens why route session cell standing imported"
).split()
_INSERT: Final = f"INSERT INTO asks ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)})"  # noqa: S608 - columns
_SELECT: Final = f"""SELECT {", ".join("a." + name for name in _COLUMNS)},
    (SELECT json_group_array(picture) FROM (SELECT picture FROM ask_pictures WHERE ask = a.number ORDER BY position)),
    (SELECT json_group_array(json_array(entry, question, answer, similarity))
        FROM (SELECT * FROM ask_examples WHERE ask = a.number ORDER BY position)),
    a."commit" FROM asks AS a"""  # noqa: S608 - columns


@dataclass(frozen=True, slots=True)
class Ask:
    """A row of the ledger: an answer, and the circumstances of the question. Made with `of`."""

    answer: Answer
    key: str
    """The question's."""
    format: AnswerFormat
    choices: tuple[str, ...] = ()
    schema: str | None = None
    route: str = ""
    """How it was asked for, for people to read."""
    session: str | None = None
    cell: str | None = None
    """Names the running cell, among those of its session."""
    commit: str | None = None
    """Of that cell: set by `Cache.bind`."""
    time: float = field(default_factory=time.time)
    standing: Standing = Standing.GOOD
    imported: bool = False
    """Whether it was asked elsewhere: it counts for nothing here."""

    @classmethod
    def of(cls, question: Question, answer: Answer, **rest: Any) -> Ask:
        """The row for a question's answer; ``rest`` are further fields."""
        return cls(
            answer=answer,
            key=question.key,
            format=question.format,
            choices=question.choices,
            schema=question.schema,
            **rest,
        )


class Ledger(Eviction):
    """The asks' part of the cache."""

    def record(self, ask: Ask, entry: Entry | None = None, pictures: Sequence[Picture] = ()) -> bool:
        """Note an ask, together with the entry that it became, if it did, and its pictures. The calls' replies are let go.

        False, with nothing kept but what the calls cost, if something that it was made of has been forgotten meanwhile.
        """
        encoded = self._encoded(pictures)
        with self._database.transaction(durable=entry is not None) as connection:
            left = what_is_left(connection, ask)
            done = left is not None and (entry is None or self._add(connection, entry))
            if left is not None and done:
                insert(connection, left)
                self._keep(connection, pictures, encoded)
            else:
                anonymise(connection, ask.answer.id)
        if done and entry is not None:
            self._make_room(entry)
        return done

    def record_many(self, asks: Iterable[Ask]) -> int:
        """Note many asks that need no new entry, in one transaction; how many are in the ledger then."""
        count = 0
        with self._database.transaction(durable=False) as connection:
            for ask in asks:
                left = what_is_left(connection, ask)
                if left is None:
                    anonymise(connection, ask.answer.id)
                else:
                    insert(connection, left)
                    count += 1
        return count

    def ask(self, id: str) -> Ask:
        """The row of the ledger, by its id or a beginning of it that no other has.

        :raises UsageError: if there is no such, or there are several.
        """
        with self._database.reading() as connection:
            found = find(connection, id)
            row = connection.execute(f"{_SELECT} WHERE a.id = ?", (found.ask,)).fetchone()
        if row is None:
            raise UsageError(f"{id!r} is a kept answer, not a question that was asked. `%cot log` lists those.")
        return self._ask(row)

    def answer(self, id: str) -> Answer:
        """The answer of `ask`."""
        return self.ask(id).answer

    def log(
        self,
        n: int | None = 20,
        *,
        session: str | None = None,
        commit: str | None = None,
        grep: str | None = None,
        source: Source | str | None = None,
    ) -> list[Answer]:
        """The last ``n`` answers, the newest first: of a session, of a commit, from a source, with these words in them."""
        return [ask.answer for ask in self.asks(n, session=session, commit=commit, grep=grep, source=source)]

    def asks(
        self,
        n: int | None = 20,
        *,
        session: str | None = None,
        commit: str | None = None,
        grep: str | None = None,
        source: Source | str | None = None,
    ) -> list[Ask]:
        """What `log` lists, with the circumstances."""
        conditions = {
            "a.session = ?": session,
            'a."commit" = ?': commit,
            "instr(casefold(a.question || char(10) || a.answer), ?) > 0": None if grep is None else grep.casefold(),
            "a.source = ?": None if source is None else str(source),
        }
        given = {condition: value for condition, value in conditions.items() if value is not None}
        where = f"WHERE {' AND '.join(given)}" if given else ""
        with self._database.reading() as connection:
            return self._select(connection, where, given.values(), -1 if n is None else max(n, 0), 0)

    def _select(
        self, connection: sqlite3.Connection, where: str, given: Iterable[Any], limit: int, offset: int
    ) -> list[Ask]:
        rows = connection.execute(f"{_SELECT} {where} ORDER BY a.number DESC LIMIT ? OFFSET ?", (*given, limit, offset))
        return [self._ask(row) for row in rows]

    def bind(self, session: str, cell: str, commit: str) -> int:
        """Say which commit a cell has become: that of all its asks which have none yet. How many these are."""
        with self._database.transaction(durable=False) as connection:
            return connection.execute(
                'UPDATE asks SET "commit" = ? WHERE session = ? AND cell = ? AND "commit" IS NULL',
                (commit, session, cell),
            ).rowcount

    def commit_of(self, id: str) -> str | None:
        """The id of the commit whose cell asked; None if there is none, or not yet, or the ask is gone."""
        with self._database.reading() as connection:
            row = connection.execute('SELECT "commit" FROM asks WHERE id = ?', (id,)).fetchone()
        return None if row is None else row[0]

    def _ask(self, row: Sequence[Any]) -> Ask:
        named = dict(zip(_COLUMNS, row[: len(_COLUMNS)], strict=True))
        pictures, examples, commit = row[len(_COLUMNS) :]
        answer = Answer(
            text=named["answer"],
            value=json.loads(named["value"]),
            source=Source(named["source"]),
            **{
                name: named[name]
                for name in "confidence id entry model model_version prompt_version question cost latency reasoning why".split()
            },
            pictures=tuple(json.loads(pictures)),
            examples=tuple(Example(*one) for one in json.loads(examples)),
            tokens=Tokens(named["prompt_tokens"], named["completion_tokens"]),
            cache=str(self.folder),
        )
        return Ask(
            answer=answer,
            format=AnswerFormat(named["format"]),
            choices=tuple(json.loads(named["choices"])),
            commit=commit,
            standing=Standing(named["standing"]),
            imported=bool(named["imported"]),
            **{name: named[name] for name in "key schema route session cell time".split()},
        )


def insert(connection: sqlite3.Connection, ask: Ask) -> None:
    """Add a row, with its pictures' keys and its examples; nothing if it is there already."""
    answer = ask.answer
    if connection.execute("SELECT 1 FROM asks WHERE id = ?", (answer.id,)).fetchone():
        return
    row = {
        "id": answer.id,
        "question": storable(answer.question),
        "choices": json.dumps(ask.choices),
        "source": answer.source.value,
        "answer": storable(answer.text),
        "value": json.dumps(answer.value),
        "reasoning": storable(answer.reasoning),
        "prompt_tokens": answer.tokens.prompt,
        "completion_tokens": answer.tokens.completion,
        "why": storable(answer.why),
        **{
            name: getattr(answer, name)
            for name in "entry confidence model model_version prompt_version cost latency".split()
        },
        **{name: getattr(ask, name) for name in "time key format schema route session cell standing imported".split()},
    }
    number = connection.execute(_INSERT, row).lastrowid
    connection.executemany(
        "INSERT INTO ask_pictures VALUES (?, ?, ?)",
        [(number, position, key) for position, key in enumerate(answer.pictures)],
    )
    connection.executemany(
        "INSERT INTO ask_examples VALUES (?, ?, ?, ?, ?, ?)",
        [
            (number, position, one.entry, storable(one.question), storable(one.answer), one.similarity)
            for position, one in enumerate(answer.examples)
        ],
    )
    if ask.imported:
        return
    settle_replies(connection, answer.id, ask.key, answer.model)
    connection.executemany(
        "UPDATE entries SET uses = uses + 1, used = max(used, ?) WHERE id = ?",
        [(ask.time, used) for used in used_by(answer)],
    )


def used_by(answer: Answer) -> list[str]:
    """Ids of the entries that an answer was made of."""
    if answer.source in {Source.EXACT, Source.NEAR}:
        return [] if answer.entry is None else [answer.entry]
    return [one.entry for one in answer.examples]


def what_is_left(connection: sqlite3.Connection, ask: Ask) -> Ask | None:
    """The ask without what has been forgotten since it began; None if its answer was made of that."""
    answer = ask.answer
    named = {one.entry for one in answer.examples} | ({answer.entry} - {None})
    query = "SELECT 1 FROM changes WHERE entry = ? AND state = 2"
    forgotten = {id_ for id_ in named if connection.execute(query, (id_,)).fetchone()}
    if answer.entry in forgotten or (answer.source is Source.APPRENTICE and forgotten):
        return None
    if not forgotten:
        return ask
    examples = tuple(one for one in answer.examples if one.entry not in forgotten)
    return replace(ask, answer=replace(answer, examples=examples))
