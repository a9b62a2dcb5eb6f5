"""A reply's text to the value asked for, and whether two such values are the same answer."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any, Final

from perdure.cot.questions.question import AnswerFormat, Question
from perdure.cot.replies import json_reply
from perdure.cot.replies.choices import chosen
from perdure.cot.replies.numerals import number
from perdure.cot.replies.reply_words import Unclear
from perdure.cot.replies.truth import truth
from perdure.errors import UnusableReply

LONGEST: Final = 10_000
"""Characters of a reply in which a choice, a number or a yes is looked for."""
_TOLERANCE: Final = 1e-6
_QUOTED: Final = 80
_WANTED: Final = {
    AnswerFormat.CHOICE: "one of the options",
    AnswerFormat.NUMBER: "one number",
    AnswerFormat.BOOL: "a yes or a no",
    AnswerFormat.JSON: "the JSON asked for",
}
_TOKEN: Final = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,:/]\d+)*|\w+(?:'\w+)*|[^\w\s]")
_WORDS: Final = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
    )
}


def parse(text: str, question: Question) -> Any:
    """The value that a reply gives in the form that the question asks for.

    - ``text``: the text itself, without the space around it.
    - ``choice``: the option as it was spelled when it was offered; see `perdure.cot.replies.choices`.
    - ``number``: an int or a float; see `perdure.cot.replies.numerals`.
    - ``bool``: see `perdure.cot.replies.truth`.
    - ``json``: dicts, lists, strings, numbers, bools and None, checked against the schema if there is one.

    :raises UnusableReply: if it doesn't have that form, or not clearly.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnusableReply("The model's reply has half a character in it. Ask again.") from None
    said = text.strip()
    if not any(unicodedata.category(each)[0] not in "CZ" for each in said):
        raise UnusableReply("The model said nothing. Ask again, or ask another model.")
    if len(said) > LONGEST and question.format not in {AnswerFormat.TEXT, AnswerFormat.JSON}:
        raise UnusableReply(f"The model's reply has {len(said):,} characters, too many for so short a form. Ask again.")
    try:
        return _value(said, question)
    except Unclear as error:
        line = " ".join(said.split())
        quoted = line if len(line) <= _QUOTED else f"{line[:_QUOTED]}..."
        reason = f" ({error})" if str(error) else ""
        raise UnusableReply(
            f"The model's reply {quoted!r} isn't clearly {_WANTED[question.format]}{reason}. Ask again, or in another form."
        ) from None


def _value(said: str, question: Question) -> Any:
    match question.format:
        case AnswerFormat.TEXT:
            return said
        case AnswerFormat.CHOICE:
            return chosen(said, question.choices)
        case AnswerFormat.NUMBER:
            return number(said)
        case AnswerFormat.BOOL:
            return truth(said)
        case AnswerFormat.JSON:
            data = json_reply.data(said)
            if question.schema is not None:
                json_reply.check(data, question.schema)
            return data


def ready(question: Question) -> None:
    """See that replies to the question can be parsed, before anything is paid for.

    :raises UsageError: if its schema is none.
    :raises MissingExtra: if it has a schema and the package that checks them isn't there.
    """
    if question.schema is not None:
        json_reply.check_schema(question.schema)


def same(value_a: Any, value_b: Any, question: Question) -> bool:
    """Are two values from `parse` the same answer? A value that couldn't be parsed (None) is the same as nothing.

    Numbers are compared exactly, floats to a millionth of their size; text after `reduced`; JSON by its structure, its
    strings as text.
    """
    if question.format is AnswerFormat.JSON:
        return _same(value_a, value_b)
    if value_a is None or value_b is None:
        return False
    if question.format is AnswerFormat.CHOICE:
        return bool(value_a == value_b)
    return _same(value_a, value_b)


def reduced(text: str) -> str:
    """Text without what doesn't make it another answer: case, articles, punctuation, and whether numbers up to twenty are words or
    digits. What tells answers apart stays: a sign, a decimal point, ``C++``, ``$``, ``%``.
    """
    plain = unicodedata.normalize("NFC", text).casefold().translate(_ALIKE)
    pieces = [piece for piece in _TOKEN.findall(plain) if _counts(piece)]
    last = len(pieces) - 1
    # An article stands before something: the A of "vitamin A" is none.
    kept = [piece for place, piece in enumerate(pieces) if piece not in {"a", "an", "the"} or place == last]
    if not kept:
        return " ".join(plain.split())
    return " ".join(_WORDS.get(piece, _ungrouped(piece).replace("'", "")) for piece in kept)


_ALIKE: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u2212": "-", "_": " ", "\ufe0f": None})


def _counts(piece: str) -> bool:
    """Words, numbers, symbols such as an emoji or a currency's, and the few marks that tell answers apart; no other punctuation."""
    return (
        piece[-1].isalnum()
        or piece in "#%&@+"
        or (unicodedata.category(piece[-1])[0] in "SM" and piece[-1] not in "`^~|")
    )


def _ungrouped(piece: str) -> str:
    return piece.replace(",", "") if re.fullmatch(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", piece) else piece


def _same(one: Any, other: Any) -> bool:
    match one, other:
        case (bool(), _) | (_, bool()):
            return one is other
        case (int(), int()):
            return one == other
        case (int() | float(), int() | float()):
            return _close(one, other)
        case str(), str():
            return reduced(one) == reduced(other)
        case list(), list():
            return len(one) == len(other) and all(map(_same, one, other))
        case dict(), dict():
            return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _close(one: float, other: float) -> bool:
    try:
        return math.isclose(one, other, rel_tol=_TOLERANCE)
    except OverflowError:  # an int that no float can hold
        return one == other
