"""A question: its words, its pictures and the form its answer is to have; and the key under which an answer is kept."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from blake3 import blake3

from perdure.cot.picture import Picture
from perdure.errors import UsageError

LONGEST: Final = 20_000
"""Characters that a question may have."""


class AnswerFormat(StrEnum):
    """The form of an answer's value."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    BOOL = "bool"
    JSON = "json"


@dataclass(frozen=True)
class Question:
    """What is asked. Make one with `ask`, which checks it.

    Two questions with one ``key`` ask the same: same pixels in the same order, same normalised words, same form of answer.
    """

    text: str
    pictures: tuple[Picture, ...] = ()
    format: AnswerFormat = AnswerFormat.TEXT
    choices: tuple[str, ...] = ()
    schema: str | None = None
    """A JSON schema as canonical JSON, for answers in JSON."""

    @cached_property
    def normal(self) -> str:
        """The words without what doesn't matter: see `normalised`."""
        return normalised(self.text)

    @cached_property
    def key(self) -> str:
        """40 hex digits for the exact hit."""
        parts = [
            self.normal,
            self.format.value,
            *(f"choice {choice}" for choice in self.choices),
            f"schema {self.schema or ''}",
            *(f"picture {picture.key}" for picture in self.pictures),
        ]
        return blake3(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:40]


def question(
    text: str,
    pictures: Sequence[Picture] = (),
    *,
    format: AnswerFormat | str = AnswerFormat.TEXT,  # noqa: A002 - the word of the public face
    choices: Sequence[str] | None = None,
    schema: Mapping[str, Any] | None = None,
) -> Question:
    """A checked question; ``choices`` make it a choice and a ``schema`` makes it JSON.

    :raises UsageError: if it is empty, too long, or its form contradicts itself.
    """
    if not isinstance(text, str):
        raise UsageError(f"A question is text, not a {type(text).__name__}. Write it in words.")
    if isinstance(choices, str) or not all(isinstance(choice, str) for choice in choices or ()):
        raise UsageError("Options are a list of texts. Write them as choices=['red', 'blue'].")
    text = _whole(text)
    if not text.strip():
        raise UsageError("The question is empty. Write what you want to know about the picture.")
    if len(text) > LONGEST:
        raise UsageError(f"The question has {len(text):,} characters, and at most {LONGEST:,} are taken. Shorten it.")
    try:
        form = AnswerFormat(format)
    except ValueError:
        known = ", ".join(AnswerFormat)
        raise UsageError(f"There is no answer format {str(format)!r}. Use one of {known}.") from None
    offered = tuple(dict.fromkeys(_whole(choice).strip() for choice in choices or ()))
    if offered and form is AnswerFormat.TEXT:
        form = AnswerFormat.CHOICE
    if schema is not None and form is AnswerFormat.TEXT:
        form = AnswerFormat.JSON
    if form is AnswerFormat.CHOICE and len(offered) < 2:
        raise UsageError("A choice needs at least two different options. Name them: --choices A,B")
    if offered and form is not AnswerFormat.CHOICE:
        raise UsageError(f"Options go with the format 'choice', not with {form.value!r}. Leave one of them out.")
    if schema is not None and form is not AnswerFormat.JSON:
        raise UsageError(f"A schema goes with the format 'json', not with {form.value!r}. Leave one of them out.")
    try:
        canonical = None if schema is None else json.dumps(schema, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError):
        raise UsageError(
            "The schema has something in it that JSON hasn't. Use dicts, lists, texts and numbers."
        ) from None
    return Question(text.strip(), tuple(pictures), form, offered, canonical)


def _whole(text: str) -> str:
    """The text without halves of characters, as arguments of a shell that isn't UTF-8 have them."""
    return text.encode("utf-8", "replace").decode("utf-8")


_SPACE: Final = re.compile(r"\s+")


def normalised(text: str) -> str:
    """Unicode composed, spaces single, case folded, no closing punctuation: two spellings of one question become one.

    Nothing that can carry meaning goes: digits, words, their order, inner punctuation and quotes stay.
    """
    plain = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    return plain.casefold().rstrip(" ?.!")
