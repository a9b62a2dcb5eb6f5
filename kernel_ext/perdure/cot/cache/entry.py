"""An entry: a kept answer, with the question it answers, who gave it and what became of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final

from perdure.cot.answer import Tokens
from perdure.cot.questions.question import AnswerFormat, Question

from .database import storable
from .part import new_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Kind(StrEnum):
    """Who gave an answer."""

    MASTER = "master"
    APPRENTICE = "apprentice"
    """One that was sure enough to be given without asking the master."""
    STOPGAP = "stopgap"
    """An apprentice's that was given for want of a better one: unsure, or the master could not be asked, or wasn't to be."""
    USER = "user"
    """A correction: wins over what any model said."""


class Standing(IntEnum):
    """What is known against an answer. Only a good one is ever a hit."""

    GOOD = 0
    DOUBTFUL = 1
    """It was made with the help of one that is wrong."""
    WRONG = 2
    """The user said so."""


@dataclass(frozen=True, slots=True)
class Vector:
    """The fused embedding of an entry, in half precision, and the encoder that made it."""

    encoder: str
    version: str
    data: bytes
    """Little-endian float16."""

    @classmethod
    def of(cls, encoder: str, version: str, values: NDArray[Any]) -> Vector:
        """From numbers of any precision."""
        return cls(encoder, version, values.astype("<f2").tobytes())

    @property
    def array(self) -> NDArray[np.float32]:
        """The numbers."""
        import numpy as np

        return np.frombuffer(self.data, dtype="<f2").astype(np.float32)


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept answer. Made with `of`; plain data."""

    key: str
    """The question's: what an exact hit is found by."""
    text: str
    """The question as it was asked."""
    normal: str
    format: AnswerFormat
    answer: str
    model: str
    model_version: str
    prompt_version: str
    kind: Kind = Kind.MASTER
    choices: tuple[str, ...] = ()
    schema: str | None = None
    pictures: tuple[str, ...] = ()
    """Keys, in the order asked about."""
    reasoning: str = ""
    context: str = ""
    """The routing that led to it, for people to read."""
    cost: float = 0.0
    """Dollars: what asking again would cost."""
    tokens: Tokens = field(default_factory=Tokens)
    keywords: tuple[str, ...] = ()
    derived_from: tuple[str, ...] = ()
    """Ids of the entries that its model was shown as examples."""
    vector: Vector | None = None
    """Given when adding. Read back only where a method says so."""
    expires: float | None = None
    """The time from which on it is no hit any more."""
    pinned: bool = False
    id: str = field(default_factory=new_id)
    created: float = field(default_factory=time.time)
    used: float = 0.0
    """When it was last a hit or an example."""
    uses: int = 0
    standing: Standing = Standing.GOOD

    @classmethod
    def of(
        cls, question: Question, answer: str, *, model: str, model_version: str, prompt_version: str, **rest: Any
    ) -> Entry:
        """The answer to a question; ``rest`` are further fields."""
        return cls(
            key=question.key,
            text=question.text,
            normal=question.normal,
            format=question.format,
            choices=question.choices,
            schema=question.schema,
            pictures=tuple(picture.key for picture in question.pictures),
            answer=answer,
            model=model,
            model_version=model_version,
            prompt_version=prompt_version,
            **rest,
        )

    @property
    def wrong(self) -> bool:
        """Whether the user has said that it is wrong, or it was made with the help of one that is."""
        return self.standing is not Standing.GOOD

    def usable(self, now: float | None = None) -> bool:
        """Whether it may be a hit or an example."""
        return not self.wrong and (self.expires is None or self.expires > (time.time() if now is None else now))


_TEXT_COLUMNS: Final = "id key text normal format answer model model_version prompt_version kind".split()
_PLAIN: Final = "schema reasoning context cost expires pinned created used uses standing".split()

COLUMNS: Final = ", ".join(
    [
        *(f"e.{name}" for name in (*_TEXT_COLUMNS, *_PLAIN)),
        "e.prompt_tokens, e.completion_tokens, e.choices, e.keywords",
        "(SELECT json_group_array(picture) FROM (SELECT picture FROM entry_pictures WHERE entry = e.number ORDER BY position))",
        "(SELECT json_group_array(source) FROM lineage WHERE entry = e.id)",
    ]
)
"""What a query for entries selects, from ``entries AS e``."""

VECTOR_COLUMNS: Final = "v.encoder, v.version, v.vector"
"""What is selected after `COLUMNS` where the vector is wanted, from ``vectors AS v``."""


def from_row(row: Sequence[Any]) -> Entry:
    """The entry that `COLUMNS`, and maybe `VECTOR_COLUMNS`, have selected."""
    (id_, key, text, normal, format_, answer, model, model_version, prompt_version, kind) = row[:10]
    (schema, reasoning, context, cost, expires, pinned, created, used, uses, standing) = row[10:20]
    prompt_tokens, completion_tokens, choices, keywords, pictures, sources = row[20:26]
    return Entry(
        key=key,
        text=text,
        normal=normal,
        format=AnswerFormat(format_),
        answer=answer,
        model=model,
        model_version=model_version,
        prompt_version=prompt_version,
        kind=Kind(kind),
        choices=_words(choices),
        schema=schema,
        pictures=_words(pictures),
        reasoning=reasoning,
        context=context,
        cost=cost,
        tokens=Tokens(prompt_tokens, completion_tokens),
        keywords=_words(keywords),
        derived_from=_words(sources),
        vector=Vector(*row[26:29]) if len(row) > 26 and row[28] is not None else None,
        expires=expires,
        pinned=bool(pinned),
        id=id_,
        created=created,
        used=used,
        uses=uses,
        standing=Standing(standing),
    )


def _words(listed: str) -> tuple[str, ...]:
    return () if listed == "[]" else tuple(json.loads(listed))


def parameters(entry: Entry) -> dict[str, Any]:
    """The values of the table's columns, each under its column's name."""
    texts = {name: storable(getattr(entry, name)) for name in (*_TEXT_COLUMNS, "reasoning", "context")}
    listed = {name: json.dumps(getattr(entry, name)) for name in ("choices", "keywords")}
    vector = 0 if entry.vector is None else len(entry.vector.data)
    return {
        **{name: getattr(entry, name) for name in _PLAIN},
        **texts,
        **listed,
        "prompt_tokens": entry.tokens.prompt,
        "completion_tokens": entry.tokens.completion,
        "bytes": 256
        + vector
        + sum(len(text.encode()) for text in (*texts.values(), *listed.values(), entry.schema or "")),
    }
