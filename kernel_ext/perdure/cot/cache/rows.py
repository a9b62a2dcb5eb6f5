"""Entries, audits and asks as the rows of an export, and back again with nothing taken on trust."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from perdure.cot.answer import Answer, Example, Source, Tokens
from perdure.cot.picture import Picture
from perdure.cot.questions.question import AnswerFormat, Question

from .audits import Audit, AuditKind
from .entry import Entry, Kind, Vector
from .ledger import Ask

_ID: Final = re.compile(r"[0-9a-f]{12}")
_LARGEST: Final = 1 << 53

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Named:
    """Stands for a picture of which only the key is known."""

    key: str


class _Row:
    """A row whose fields are looked at before they are used. Raises ValueError, KeyError or TypeError."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def text(self, name: str) -> str:
        return self._is(name, str)

    def id(self, name: str) -> str:
        if not _ID.fullmatch(self.text(name)):
            raise ValueError(f"{name} is no id")
        return self.text(name)

    def number(self, name: str) -> float:
        value = float(self._is(name, (int, float)))
        if not math.isfinite(value):
            raise ValueError(f"{name} is not finite")
        return value

    def amount(self, name: str) -> float:
        value = self.number(name)
        if value < 0:
            raise ValueError(f"{name} is negative")
        return value

    def flag(self, name: str) -> bool:
        return self._is(name, bool)

    def words(self, name: str) -> tuple[str, ...]:
        return self.items(name, lambda one: _checked(one, str, name))

    def items(self, name: str, convert: Callable[[Any], _T]) -> tuple[_T, ...]:
        return tuple(convert(one) for one in self._is(name, list))

    def tokens(self, name: str) -> Tokens:
        prompt, completion = self.items(name, lambda one: _checked(one, int, name))
        if not 0 <= prompt <= _LARGEST or not 0 <= completion <= _LARGEST:
            raise ValueError(f"{name} is absurd")
        return Tokens(prompt, completion)

    def maybe(self, name: str, read: Callable[[str], _T]) -> _T | None:
        return None if self._data[name] is None else read(name)

    def _is(self, name: str, kind: type[_T] | tuple[type[_T], ...]) -> _T:
        return _checked(self._data[name], kind, name)


def _checked(value: Any, kind: type[_T] | tuple[type[_T], ...], name: str) -> _T:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is of another kind")
    return value


def from_entry(entry: Entry) -> dict[str, Any]:
    """What is exported of an entry: not how often it was used here."""
    vector = entry.vector
    return {
        **{name: getattr(entry, name) for name in _ENTRY},
        "tokens": [entry.tokens.prompt, entry.tokens.completion],
        "vector": vector and [vector.encoder, vector.version, base64.b64encode(vector.data).decode()],
    }


_ENTRY: Final = (
    "id text format choices schema pictures answer reasoning model model_version prompt_version kind context cost keywords "
    "derived_from expires pinned created"
).split()


def to_entry(data: dict[str, Any]) -> Entry:
    """The entry in a row; its key is made anew from the question."""
    row = _Row(data)
    question = _question(row, row.text("text"))
    kind = Kind(row.text("kind"))
    return Entry(
        key=question.key,
        text=question.text,
        normal=question.normal,
        format=question.format,
        choices=question.choices,
        schema=question.schema,
        pictures=row.words("pictures"),
        answer=row.text("answer"),
        reasoning=row.text("reasoning"),
        model=row.text("model"),
        model_version=row.text("model_version"),
        prompt_version=row.text("prompt_version"),
        kind=kind,
        context=row.text("context"),
        cost=row.amount("cost"),
        tokens=row.tokens("tokens"),
        keywords=row.words("keywords"),
        derived_from=row.words("derived_from"),
        vector=None if data["vector"] is None else _vector(row),
        expires=row.maybe("expires", row.number),
        pinned=row.flag("pinned") and kind == Kind.USER,
        id=row.id("id"),
        created=row.number("created"),
    )


def _question(row: _Row, text: str) -> Question:
    pictures = cast("tuple[Picture, ...]", row.items("pictures", _Named))
    return Question(
        text, pictures, AnswerFormat(row.text("format")), row.words("choices"), row.maybe("schema", row.text)
    )


def _vector(row: _Row) -> Vector:
    encoder, version, data = row.words("vector")
    return Vector(encoder, version, base64.b64decode(data, validate=True))


def from_audit(audit: Audit) -> dict[str, Any]:
    """What is exported of an audit."""
    return {name: getattr(audit, name) for name in _AUDIT}


_AUDIT: Final = "id time kind master other score features confidence agreed kept said entry ask".split()


def to_audit(data: dict[str, Any]) -> Audit:
    """The audit in a row."""
    row = _Row(data)
    kind = row.text("kind")
    if kind not in {"near", "apprentice"}:
        raise ValueError("an audit is of no known kind")
    return Audit(
        kind=cast("AuditKind", kind),
        master=row.text("master"),
        other=row.text("other"),
        kept=row.text("kept"),
        said=row.text("said"),
        score=row.number("score"),
        time=row.number("time"),
        features=row.items("features", lambda one: float(_checked(one, (int, float), "features"))),
        confidence=row.maybe("confidence", row.number),
        agreed=row.flag("agreed"),
        entry=row.maybe("entry", row.id),
        ask=row.maybe("ask", row.id),
        id=row.id("id"),
        imported=True,
    )


_ANSWER: Final = (
    "id text value source confidence entry model model_version prompt_version question pictures cost latency reasoning why"
).split()
_ASK: Final = "format choices schema route session cell time".split()


def from_ask(ask: Ask) -> dict[str, Any]:
    """What is exported of a row of the ledger."""
    answer = ask.answer
    return {
        **{name: getattr(answer, name) for name in _ANSWER},
        **{name: getattr(ask, name) for name in _ASK},
        "tokens": [answer.tokens.prompt, answer.tokens.completion],
        "examples": [[one.entry, one.question, one.answer, one.similarity] for one in answer.examples],
    }


def to_ask(data: dict[str, Any]) -> Ask:
    """The ask in a row: one from elsewhere, whatever the row says."""
    row = _Row(data)
    question = _question(row, row.text("question"))
    answer = Answer(
        value=data["value"],
        source=Source(row.text("source")),
        confidence=row.maybe("confidence", row.number),
        id=row.id("id"),
        entry=row.maybe("entry", row.id),
        pictures=row.words("pictures"),
        tokens=row.tokens("tokens"),
        cost=row.amount("cost"),
        latency=row.amount("latency"),
        examples=row.items("examples", _example),
        **{name: row.text(name) for name in "text model model_version prompt_version question reasoning why".split()},
    )
    return Ask(
        answer=answer,
        key=question.key,
        format=question.format,
        choices=question.choices,
        schema=question.schema,
        route=row.text("route"),
        session=row.maybe("session", row.text),
        cell=row.maybe("cell", row.text),
        time=row.number("time"),
        imported=True,
    )


def _example(one: Any) -> Example:
    *texts, similarity = _checked(one, list, "examples")
    entry, question, answer = (_checked(text, str, "examples") for text in texts)
    return Example(entry, question, answer, float(_checked(similarity, (int, float), "examples")))
