"""Whether a reply says yes or no."""

from __future__ import annotations

import re
from typing import Final

from perdure.cot.replies.reply_words import Unclear, conclusion, plain, unsure

_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
_WORD: Final = re.compile(r"(?<![\w-])(?:yes|no|true|false)(?![\w-])")
_OPEN: Final = re.compile(r"\s*(?:/|\bor\b|(?:\band)?\s+(?:yes|no|true|false)\b)|\s+idea\b")
_ENDED: Final = re.compile(r"\s*(?:[.,;:!?\n)\"'-]|$)")
_SENTENCE: Final = re.compile(r"\s+(?:there|it|this|that|these|those|he|she|they|i|we|you|because|the)\b")
_NOT: Final = re.compile(r"(?:\b(?:not|never|neither|nor|whether|if)|n't)\b[^.;:!?,\n]*$")
_MAYBE: Final = re.compile(r"\b(?:maybe|perhaps|depends|yes and no)\b")


def truth(text: str) -> bool:
    """What it says: by its first word, by its conclusion, or by the only such word in it.

    "No" counts where a clause ends after it or a sentence begins ("no, ...", "no there is ..."), not before a noun: "no dogs" is a yes to some
    questions. A denied word ("not true") is not turned round but refused.

    :raises Unclear: if it says neither, or both.
    """
    reply = plain(text).casefold()
    if unsure(reply) or _MAYBE.search(reply):
        raise Unclear
    end = conclusion(reply)
    for part in [reply] if end is None else [end, reply]:
        if (said := _first(part.lstrip(" \n\"'(["))) is not None:
            return said
        said_all = {_WORDS[found[0]] for found in _WORD.finditer(part)}
        plain_ones = [found for found in _WORD.finditer(part) if _counts(part, found)]
        if len(said_all) == 1 and plain_ones:
            return said_all.pop()
    raise Unclear


def _first(reply: str) -> bool | None:
    found = _WORD.match(reply)
    if found is None or _OPEN.match(reply, found.end()):
        return None
    ended = _ENDED.match(reply, found.end()) or _SENTENCE.match(reply, found.end())
    return _WORDS[found[0]] if ended or found[0] == "yes" else None


def _counts(reply: str, found: re.Match[str]) -> bool:
    """Is the word a statement there: nothing denies it, and it qualifies nothing?"""
    return bool(_ENDED.match(reply, found.end())) and not _NOT.search(reply, max(0, found.start() - 100), found.start())
