"""Which of the options a reply means: by its words, or by its label A, B, C...

Labels count unless an option is itself a letter: then the letters mean those options.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from perdure.cot.replies.reply_words import Unclear, conclusion, plain, unsure
from perdure.cot.replies.truth import truth

_ENDS: Final = " \n.,;:!?\"'()[]{}"
_JOINED: Final = re.compile(r"(?<=[^\W\d])[-_](?=[^\W\d])")
_CLAUSE: Final = re.compile(r"[.;:!?,\n]|\bbut\b")
_NOT: Final = re.compile(r"\b(?:not|no|never|neither|nor|cannot|without|unlike|except|rather than|instead of|\w+n't)\b")
_LABEL_ALONE: Final = re.compile(r"[(\[]?([a-z])[)\]]?[.:]?")
_LABEL_FIRST: Final = re.compile(
    r"(?:[(\[]([a-z])[)\]]|([a-z])[).:,]|([a-z]) (?:-|because\b|since\b))[.:]?\s+(.+)", re.DOTALL
)
_LABEL_WITHIN: Final = re.compile(r"\b(?:option|choice|letter)\s+[(\"']?([a-z])\b(?!['-]\w)|(?<!\w)[(\[]([a-z])[)\]]")

_STRAY: Final = re.compile(r"(?<![\w'])(?:[b-hj-z]|(?<=\()[ai](?=\))|(?<=or )[ai]|(?<=and )[ai])(?![\w'])")


def chosen(text: str, options: Sequence[str]) -> str:
    """The option that the reply means, as it was spelled when it was offered.

    :raises Unclear: if that isn't clear.
    """
    if text.strip() in options:
        return text.strip()
    return _Options(options).meant(plain(text))


def _normal(text: str) -> str:
    words = " ".join(_JOINED.sub(" ", plain(text).casefold()).split())
    return words.strip(_ENDS) or words


class _Options:
    def __init__(self, options: Sequence[str]) -> None:
        self.spelled: dict[str, list[str]] = {}
        for option in options:
            self.spelled.setdefault(_normal(option), []).append(option)
        self.labels = {word: word for word in self.spelled if len(word) == 1 and "a" <= word <= "z"}
        self.own_letters = bool(self.labels)
        if not self.own_letters:
            self.labels = {chr(ord("a") + place): _normal(option) for place, option in enumerate(options[:26])}

    def meant(self, reply: str) -> str:
        end = conclusion(reply)
        parts = [reply] if end is None else [reply, end]
        for part in parts:
            if (word := _normal(part)) in self.spelled and self._labelled(reply.casefold()) in {None, word}:
                return self._spelled(word, part)
        if set(self.spelled) in ({"yes", "no"}, {"true", "false"}):
            said = truth(reply)
            return self._spelled(next(each for each in self.spelled if (each in {"yes", "true"}) == said), reply)
        labels = {self._labelled(part.casefold()) for part in parts} - {None}
        label = labels.pop() if len(labels) == 1 else None
        if label is not None:
            return self._spelled(label, reply)
        if labels or unsure(self._masked(reply)):
            raise Unclear
        return self._spelled(self._mentioned(parts), reply)

    def _spelled(self, word: str, part: str) -> str:
        """Options that differ in case or closing punctuation alone are told apart by just that, or not at all."""
        spellings = self.spelled[word]
        if len(spellings) > 1:
            spellings = [each for each in spellings if re.search(rf"(?<!\w){re.escape(each)}(?!\w)", part)]
        if len(spellings) != 1:
            raise Unclear
        return spellings[0]

    def _labelled(self, part: str) -> str | None:
        """The option whose label it is; what else the reply names must not be another one."""
        if alone := _LABEL_ALONE.fullmatch(part.strip()):
            return self.labels.get(alone[1])
        first = _LABEL_FIRST.match(part)
        if first is not None:
            word, rest = self.labels.get(first[1] or first[2] or first[3]), first[4]
        else:
            letters = {one or other for one, other in _LABEL_WITHIN.findall(part)}
            words = {self.labels[letter] for letter in letters if letter in self.labels}
            if len(words) > 1:
                raise Unclear
            word, rest = (words.pop() if words else None), part
        if word is None:
            return None
        others = {self.labels.get(letter) for letter in _STRAY.findall(rest)} - {None, word}
        if others:
            raise Unclear
        named, denied = self._mentions(rest)
        if named - {word} or word in denied or (first is None and not named and _NOT.search(part)):
            raise Unclear
        return word

    def _mentioned(self, parts: Sequence[str]) -> str:
        for part in reversed(parts):
            named, _ = self._mentions(part)
            if len(named) == 1:
                return named.pop()
            if named:
                break
        raise Unclear

    def _found(self, text: str) -> tuple[list[tuple[int, str]], str]:
        """Where the options stand, longer ones first so that "cat" isn't found in "black cat"; and the text without them."""
        places = []
        for word in sorted(self.spelled, key=len, reverse=True):
            pattern = _pattern(word)
            places += [(found.start(), word) for found in pattern.finditer(text)]
            text = pattern.sub(" " * len(word), text)
        return sorted(places), text

    def _masked(self, text: str) -> str:
        return self._found(_JOINED.sub(" ", text.casefold()))[1]

    def _mentions(self, part: str) -> tuple[set[str], set[str]]:
        """The options that it names, and those that it denies: a "not" is about what follows it in its clause, or else about what
        precedes it there.
        """
        text = _JOINED.sub(" ", part.casefold())
        places, rest = self._found(text)
        named: set[str] = set()
        denied: set[str] = set()
        start = 0
        for end in [*(mark.start() for mark in _CLAUSE.finditer(rest)), len(rest) + 1]:
            inside = [(place, word) for place, word in places if start <= place < end]
            nots = [found.start() + start for found in _NOT.finditer(rest[start:end])]
            for place, word in inside:
                refuted = bool(nots) and (nots[0] < place or nots[-1] > inside[-1][0])
                (denied if refuted else named).add(word)
            start = end
        return named, denied


def _pattern(word: str) -> re.Pattern[str]:
    """The option as whole words. A letter also has to end its clause, or "a" would be found in every sentence."""
    before, after = r"(?<!\w)", r"(?!\w)"
    if word[0].isdigit():
        before = r"(?<![\w+-])(?<!\d[.,/:])"
    if word[-1].isdigit():
        after = r"(?!\w|[.,/:]\d|-\d|%)"
    if len(word) == 1 and word.isalpha() and unicodedata.category(word) != "Lo":
        after = r"(?=\s*(?:[.,;:!?\n)\"']|$|(?:or|and|nor)\b))"
    return re.compile(before + re.escape(word) + after)
