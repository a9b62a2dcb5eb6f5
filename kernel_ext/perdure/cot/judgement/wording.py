"""May two questions about one picture have the same answer? A careful comparison of their words.

Embeddings can't be asked: "A left of B" and "B left of A" lie side by side there, and so do a question and its negation. Here both are
brought into a plain form, by rules that are known to keep the meaning: the frame of the question ("how many X are there", "count the
X" and "what is the number of X" are one), articles, number words, plurals where they don't matter, and a short list of synonyms. What is
left must be the same words *in the same order*. So a negation, a number, a comparison, an exchange of two things or any word that the rules
don't know keeps two questions apart. Where the rules don't know the language, only questions that are the same but for punctuation pass.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from perdure.cot.judgement.lexicon import (
    ATTRIBUTES,
    COLOURS,
    CONTRACTIONS,
    NEGATIONS,
    NUMBERS,
    OPPOSITES,
    ORDINALS,
    SIDES,
    SYNONYMS,
    TENS,
)

LONGEST: Final = 1000
"""Characters of a question beyond which only the same words pass."""


class Verdict(StrEnum):
    """What the words say."""

    SAME = "same"
    """The same words: at most punctuation, spaces and capitals differ."""
    PARAPHRASE = "paraphrase"
    """Other words, which ask the same."""
    DIFFERENT = "different"
    """Nobody can tell from the words that both ask the same."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How two questions compare, and what the one that is asked depends on."""

    verdict: Verdict
    reason: str
    """Half a sentence for ``why``: "the numbers differ"."""
    counts: bool = False
    """The question is how many there are, or whether there is one: where they are doesn't matter."""
    colours: bool = False
    """It speaks of colours or light."""
    sides: bool = False
    """It speaks of sides, directions, order, text or time, which a mirror changes."""

    def __bool__(self) -> bool:
        """Whether a kept answer may be used at all."""
        return self.verdict is not Verdict.DIFFERENT


@dataclass(frozen=True, slots=True)
class _Plain:
    """A question in plain form. Without a frame the rules didn't know it."""

    raw: tuple[str, ...]
    frame: str
    words: tuple[str, ...]
    counts: bool
    colours: bool
    sides: bool


def compare(asked: str, kept: str) -> Wording:
    """Compare the question that is asked with one whose answer is kept."""
    if max(len(asked), len(kept)) > LONGEST:
        same = _squeezed(asked) == _squeezed(kept)
        # Too long to be understood: taken to depend on everything.
        verdict, reason = (Verdict.SAME, "the words are the same") if same else (Verdict.DIFFERENT, "the words differ")
        return Wording(verdict, reason, colours=True, sides=True)
    a, b = _plain(asked), _plain(kept)
    verdict, reason = _verdict(a, b)
    return Wording(verdict, reason, a.counts, a.colours, a.sides)


def _verdict(a: _Plain, b: _Plain) -> tuple[Verdict, str]:
    if a.raw == b.raw:
        return Verdict.SAME, "the words are the same"
    if a.frame and a.frame == b.frame and a.words == b.words:
        return Verdict.PARAPHRASE, "the words differ and ask the same"
    return Verdict.DIFFERENT, _difference(a, b)


def _difference(a: _Plain, b: _Plain) -> str:
    one, other = Counter(a.words), Counter(b.words)
    only_a, only_b = set(one - other), set(other - one)
    changed = only_a | only_b
    if any(word[0].isdigit() or word[0] == "#" for word in changed):
        return "the numbers differ"
    if changed & NEGATIONS:
        return "one of them is negated"
    if any(OPPOSITES.get(word, frozenset()) & only_b for word in only_a):
        return "they ask for opposites"
    if changed:
        return "the words differ" if a.frame and b.frame else "the words differ, in a form that the rules don't know"
    return "they ask for different things" if a.words == b.words else "the order of the words differs"


_QUOTES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"'})
# A number with its fraction; a word with inner apostrophes or hyphens; any other sign that isn't plain punctuation.
_TOKEN: Final = re.compile(
    r"\d+(?:[.,:/]\d+)*(?:st|nd|rd|th)?\b|[^\W\d_]+(?:[-'][^\W\d_]+)*|(?<=\d)['\"]|[^\s\w.,;:!?\"'()\u00bf\u00a1\u3002\uff1f]|\w+"
)


def _squeezed(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" ?.!")


def _tokens(text: str) -> list[str]:
    words: list[str] = []
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    for place, said in enumerate(_TOKEN.findall(plain)):
        # A capital A inside a sentence is a name (point A), not an article.
        small = "letter-a" if said == "A" and place else said.casefold()
        words += CONTRACTIONS.get(small, None) or ([small[:-2], "'s"] if small.endswith("'s") else [small])
    return words


@lru_cache(maxsize=4096)
def _plain(text: str) -> _Plain:
    raw = tuple(_tokens(text))
    tokens = _numbered(raw)
    frame, rest = _frame(" ".join(tokens))
    words = tuple(_words(rest, frame)) if frame else tuple(tokens)
    said = {*tokens, *words}
    return _Plain(
        raw,
        frame,
        words,
        counts=frame in {"count", "exists"},
        colours=frame == "colour" or bool(said & COLOURS),
        sides=not frame or frame in {"where", "when"} or bool(said & SIDES) or any(word[0] == "#" for word in words),
    )


def _numbered(raw: tuple[str, ...]) -> list[str]:
    """Number words as digits, ordinals as #digits, synonyms as the first of their group."""
    out: list[str] = []
    for token in raw:
        parts = token.split("-")
        if len(parts) == 2 and parts[0] in TENS:
            parts = [str(TENS[parts[0]]), parts[1]]
        elif len(parts) != 1 or not token:
            parts = [token]
        for part in parts:
            out = _append(out, part)
    return out


def _append(out: list[str], token: str) -> list[str]:
    """Add one token; "twenty" and then "one" become 21."""
    tens = int(out[-1]) if out and out[-1] in _WHOLE_TENS else 0
    if token in NUMBERS:
        value = NUMBERS[token]
        return [*out[:-1], str(tens + value)] if tens and 0 < value < 10 else [*out, str(value)]
    if token in TENS:
        return [*out, str(TENS[token])]
    if token in ORDINALS:
        value = ORDINALS[token]
        return [*out[:-1], f"#{tens + value}"] if tens and value < 10 else [*out, f"#{value}"]
    if token[0].isdigit():
        if token[-2:] in {"st", "nd", "rd", "th"}:
            return [*out, f"#{token[:-2]}"]
        return [*out, re.sub(r",(?=\d{3}\b)", "", token)]
    return [*out, SYNONYMS.get(token, token)]


_WHOLE_TENS: Final = frozenset(str(value) for value in TENS.values())

_PICTURE: Final = r"(?:picture|image|photo|photograph|pic|scene)"
_ANY: Final = r"(?:a|an|any|some)"
_SHOWN: Final = r"(?:visible|shown|displayed|depicted|present|pictured|to be seen)"
_WHAT: Final = r"(?:_told )?(?:what|which)"
_MANY: Final = r"(?:_told )?how many (?:of )?(?P<rest>.+?)"
_CUES: Final = r"(?:how|what|which|who|where|when|is|are|does|do|can|count)"
_ATTRIBUTE: Final = f"(?P<attribute>(?:{'|'.join(sorted(ATTRIBUTES))})s?)"
_NOUNS: Final = r"(?P<rest>(?!is |are |does |do )\w+(?: (?!is |are |does |do )\w+){0,3})"

_POLITE: Final = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"^(?:please|kindly|hey|hello|hi|so|and) ", ""),
        (r" (?:please|thanks|thank you)$", ""),
        (r"^(?:can|could|would|will) you (?:please )?(?=(?:tell me|say|count|name|give|state|identify) )", ""),
        (
            r"^(?:i would like to know|i want to know|i need to know|do you know|tell me|say) (?=(?:the|how|what|which|who|where) )",
            "_told ",
        ),
        (r"^(?:_told )+", "_told "),
        (rf"^(?:_told )?(?:looking at|on|in|within) (?:the|this) (?:given )?{_PICTURE} (?={_CUES} )", ""),
        (rf" (?:on|in|within) (?:the|this) (?:given )?{_PICTURE}$", ""),
        (rf" (?:that|which) (?:(?:you|we|i|1) can see|(?:is|are) {_SHOWN})$", ""),
    )
)
"""Said for politeness' sake, or naming the picture, which is what the question is about anyway. Applied again and again."""

_FRAMES: Final = tuple(
    (re.compile(pattern), frame)
    for pattern, frame in (
        (rf"^{_MANY} (?:are|is) (?:there|{_SHOWN})(?P<more> .+)?$", "count"),
        (rf"^{_MANY} (?:do|can) (?:you|we|i) (?:see|count|find)(?P<more> .+)?$", "count"),
        (rf"^{_MANY} can be (?:seen|counted|found)(?P<more> .+)?$", "count"),
        (rf"^{_MANY} does (?:the|this) {_PICTURE} (?:show|contain|have|include|depict)$", "count"),
        (r"^_told how many (?P<rest>.+?) there (?:are|is)(?P<more> .+)?$", "count"),
        (rf"^{_MANY}(?P<more> (?:are|is|do|does|have|has) .+)?$", "count"),
        (
            r"^(?:what is |_told |give |state |name |count )?(?:the )?(?:total )?(?:number|count) of (?P<rest>.+)$",
            "number",
        ),
        (r"^count (?:up )?(?:all )?(?:of )?(?:the )?(?P<rest>.+)$", "number"),
        (rf"^{_WHAT} {_ATTRIBUTE} (?:is|are) (?P<rest>(?!this$|that$|it$|there|shown|visible).+)$", "attribute"),
        (rf"^{_WHAT} {_ATTRIBUTE} (?:does|do) (?P<rest>.+) have$", "attribute"),
        (
            rf"^(?:what (?:is|are) |_told |name |give |state |identify )(?:the )?{_ATTRIBUTE} of (?P<rest>.+)$",
            "attribute",
        ),
        (rf"^what (?:is|are) (?P<rest>[^']+) 's {_ATTRIBUTE}$", "attribute"),
        (rf"^_told (?:what|which) {_ATTRIBUTE} (?P<rest>.+) (?:is|are|has|have)$", "attribute"),
        (rf"^(?:is|are) there (?:{_ANY} )?(?P<rest>.+?)(?: {_SHOWN})?$", "exists"),
        (rf"^(?:do|can|could) you see {_ANY} (?P<rest>.+)$", "exists"),
        (rf"^(?:does|do) (?:the|this) {_PICTURE} (?:show|contain|have|include|depict) {_ANY} (?P<rest>.+)$", "exists"),
        (rf"^(?:is|are) {_ANY} (?P<rest>.+) {_SHOWN}$", "exists"),
        (r"^(?:is|are|does|do|did|has|have|can|could|will|would|was|were|should) (?P<rest>.+)$", "verb"),
        (rf"^{_WHAT} {_NOUNS} (?:is|are) (?:this|that|it|{_SHOWN})$", "what"),
        (rf"^{_WHAT} {_NOUNS} (?:do|can) you see$", "what"),
        (rf"^{_WHAT} {_NOUNS} does (?:the|this) {_PICTURE} (?:show|depict)$", "what"),
        (rf"^{_WHAT} (?P<rest>.+)$", "what"),
        (r"^(?:_told )?(?:who|whose|where|when|why|how) (?P<rest>.+)$", "verb"),
    )
)
"""The frames of English questions, tried in order: ``rest`` and ``more`` hold what the question is about."""


def _frame(text: str) -> tuple[str, list[str]]:
    """The frame of a question and the words that fill it; an empty frame if the rules don't know it."""
    before = ""
    while before != text:
        before = text
        for pattern, to in _POLITE:
            text = pattern.sub(to, text)
    for pattern, frame in _FRAMES:
        found = pattern.match(text)
        if not found:
            continue
        groups = found.groupdict()
        rest = f"{groups['rest']}{groups.get('more') or ''}".split()
        if frame == "attribute":
            return groups["attribute"], rest
        if frame == "verb":
            return text.removeprefix("_told ").split()[0], rest
        if frame == "number":
            # "The number of the house" is no count, nor is "the number of bus 5".
            if rest[0] in _ARTICLES or all(_singular(word) == word for word in rest):
                continue
            return "count", rest
        return frame, rest
    return "", []


_ARTICLES: Final = frozenset({"the", "a", "an"})
_IDLE: Final = frozenset({"is", "are", "do", "does", "there", "any"})
"""What a count may say or not."""
_PHRASES: Final = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\bto the (left|right) of\b", r"\1 of"),
        (r"\b(?:on|at) the (left|right)(?: hand)?(?: side)?$", r"on \1"),
        (r"\bin front of\b", "before-of"),
        (r"\bnext to\b", "beside"),
    )
)
_TAIL: Final = re.compile(r" (?:here|altogether|in total|overall)$")
_LINKS: Final = frozenset(
    "of on in at to by with without near beside left right above below over under behind before-of between inside outside that which who than "
    "and or not no from atop around against".split()
)
"""Before the first of these stands what is looked for, of which there may be one or several: "a dog", "any dogs"."""


def _words(rest: list[str], frame: str) -> list[str]:
    text = " ".join(rest)
    for pattern, to in _PHRASES:
        text = pattern.sub(to, text)
    if frame not in {"count", "exists"}:
        return [word for word in text.split() if word not in _ARTICLES]
    text = _TAIL.sub("", text)
    if frame == "count":
        return [word for word in text.split() if word not in _ARTICLES | _IDLE]
    words = [word for word in text.split() if word not in _ARTICLES]
    # In a comparison both sides are several.
    head = 0 if "than" in words else next((at for at, word in enumerate(words) if word in _LINKS), len(words))
    return [*map(_singular, words[:head]), *words[head:]]


_IRREGULAR: Final = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "leaves": "leaf",
    "knives": "knife",
    "shelves": "shelf",
    "wolves": "wolf",
    "loaves": "loaf",
    "geese": "goose",
    "buses": "bus",
    "glasses": "glass",
}


def _singular(word: str) -> str:
    """A word without its plural ending, the same for both forms; what it makes of a word that is no noun doesn't matter."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "xes", "sses", "zzes")):
        return word[:-2]
    return word[:-1]
