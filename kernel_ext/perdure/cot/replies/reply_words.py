"""The words of a reply: its decoration taken off, where its conclusion begins, and whether it says that it doesn't know."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_MARKDOWN: Final = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)|^\s*(?:#+|>+)\s", re.MULTILINE)
_ALIKE: Final = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
    }
)
_SPACE: Final = re.compile(r"[ \t\r\f\v]+")
_CUE: Final = re.compile(r"\b(?:answer|conclusion|result)\s*(?:is|:|=)\s*:?|\btherefore\b[,:]?", re.IGNORECASE)
_SEE: Final = r"(?:tell|say|see|know|identify|answer|determine|be (?:sure|certain|seen|determined|identified|answered))"
_UNSURE: Final = re.compile(
    rf"\b(?:not (?:quite |entirely |completely )?(?:sure|certain|clear)|unsure|uncertain|unclear|undetermined|no idea|no answer|n/a|"
    rf"(?:can't|cannot|can not|couldn't|could not|unable to|impossible to|(?:hard|difficult) to) {_SEE}|(?:don't|do not) know)\b",
    re.IGNORECASE,
)


class Unclear(ValueError):
    """The reply doesn't have the form asked for, or not clearly; may say why."""


def plain(text: str) -> str:
    """Without markdown and invisible characters, with plain quotes and dashes and single spaces; lines stay lines."""
    seen = "".join(each for each in unicodedata.normalize("NFC", text) if unicodedata.category(each) != "Cf")
    return _SPACE.sub(" ", _MARKDOWN.sub(" ", seen.translate(_ALIKE))).strip()


def conclusion(text: str) -> str | None:
    """What follows the last "answer is" or the like, if anything does."""
    marks = list(_CUE.finditer(text))
    return (text[marks[-1].end() :].strip() or None) if marks else None


def unsure(text: str) -> bool:
    """Does it say that it doesn't know?"""
    return _UNSURE.search(text) is not None
