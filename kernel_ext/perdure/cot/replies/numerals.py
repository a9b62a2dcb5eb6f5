"""The number that a reply gives: in digits or, up to ninety-nine, in words.

Units, currency and percent signs are dropped: "$5", "5 %" and "5 kg" are 5. A comma groups thousands ("1,234"), a point is decimal. What could be
two numbers, a bound ("more than 3") or a multiple ("3 million") is refused rather than guessed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from perdure.cot.replies.reply_words import Unclear, conclusion, plain, unsure

_UNITS: Final = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS: Final = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
_DIGITS: Final = re.compile(
    r"(?P<sign>(?<![\w.,)%])[-+])?(?P<body>(?<![\d])(?:(?<!\w)\.)?\d[\d.,\u00a0\u202f\u2009]*)(?P<power>e[-+]?\d+(?!\w))?(?P<tied>\w*)"
)
_SPELLED: Final = re.compile(
    rf"\b(?:(?P<minus>minus|negative)\s+)?(?:(?P<tens>{'|'.join(_TENS)})(?:[\s-]+(?P<after>{'|'.join(list(_UNITS)[1:10])}))?|(?P<unit>{'|'.join(_UNITS)}))\b"
)
_GROUPED: Final = re.compile(r"[1-9]\d{0,2}(?:[,\u00a0\u202f\u2009]\d{3})+(?:\.\d+)?")
_SIMPLE: Final = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_ORDINAL: Final = re.compile(r"st|nd|rd|th|d")
_MULTIPLE: Final = re.compile(r"k|m|mn|mio|b|bn|t|tn")
_MANY: Final = re.compile(r"\b(?:hundred|thousand|million|billion|trillion|dozen)s?\b|\band a (?:half|quarter)\b")
_BOUND: Final = re.compile(
    r"(?:\b(?:more|less|fewer|greater|other|rather|smaller|larger) than|\bat (?:least|most)|\bup to|\binstead of|[<>≤≥±])\s*$"
    r"|(?:\bnot|\bnever|n't)\s+(?:\w+\s+)?$"
)
_OPEN_END: Final = re.compile(
    r"\s*\+(?!\w)|\s*(?:[/:^\u00d7]|x(?=\s*\d)|\*)\s*\d|\s+or\s+(?:more|less|fewer|so many)\b|[\s-]+(?:half|halves|thirds?|quarters?|fifths?|tenths?)\b"
)
_PRONOUN: Final = re.compile(r"\b(?:the|this|that|which|each|another|any|every|no|some)\s+$")
_OF: Final = re.compile(r"\s+of\b")
_LONGEST: Final = 300


def number(text: str) -> int | float:
    """The one number of a reply, or of its conclusion.

    :raises Unclear: if there is none or several, or what stands there isn't quite a number.
    """
    reply = plain(text).casefold()
    if unsure(reply):
        raise Unclear
    _, equals, result = reply.rpartition("=")
    for part in (conclusion(reply), result if equals else None):
        if part is not None:
            try:
                return _only(part)
            except Unclear:
                continue
    return _only(reply)


def _only(part: str) -> int | float:
    if _MANY.search(part) or any(unicodedata.category(each) == "No" for each in part):
        raise Unclear
    values = [*_in_digits(part), *_in_words(part)]
    if not values or any(value != values[0] for value in values):
        raise Unclear
    return values[0]


def _in_digits(part: str) -> list[int | float]:
    values: list[int | float] = []
    for found in _DIGITS.finditer(part):
        start, tied = found.start(), found["tied"]
        if (
            re.search(r"[^\W\d]-?$", part[max(0, start - 2) : start])
            or _ORDINAL.fullmatch(tied)
            or re.search(r"\d", tied)
        ):
            continue  # a part of a name, such as B12 or covid-19; an ordinal; a hexadecimal number
        if _MULTIPLE.fullmatch(tied):
            raise Unclear
        _check_around(part, start, found.end())
        values.append(_value(found["sign"] or "", found["body"].rstrip(".,\u00a0\u202f\u2009"), found["power"] or ""))
    return values


def _in_words(part: str) -> list[int | float]:
    values: list[int | float] = []
    for found in _SPELLED.finditer(part):
        if found["unit"] == "one" and _PRONOUN.search(part, max(0, found.start() - 20), found.start()):
            continue
        if found["unit"] == "one" and _OF.match(part, found.end()):
            raise Unclear
        _check_around(part, found.start(), found.end())
        value = _UNITS[found["unit"]] if found["unit"] else _TENS[found["tens"]] + _UNITS.get(found["after"] or "", 0)
        values.append(-value if found["minus"] else value)
    return values


def _check_around(part: str, start: int, end: int) -> None:
    if _BOUND.search(part, max(0, start - 40), start) or _OPEN_END.match(part, end):
        raise Unclear


def _value(sign: str, body: str, power: str) -> int | float:
    if len(body) > _LONGEST:
        raise Unclear
    if _GROUPED.fullmatch(body):
        body = re.sub(r"[,\u00a0\u202f\u2009]", "", body)
    elif not _SIMPLE.fullmatch(body):
        raise Unclear
    if "." not in body and not power:
        return int(sign + body)
    value = float(sign + body + power)
    if value in {float("inf"), float("-inf")}:
        raise Unclear
    return value
