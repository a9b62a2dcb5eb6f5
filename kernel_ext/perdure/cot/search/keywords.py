"""The words that matter in a question or a reply, for retrieval by keywords.

After *Cache-of-Thought* (arXiv 2502.20587), where the apprentice's first reply gives the keywords to search with. There the chat
template's own words (``user``, ``assistant``, the instructions) become keywords of every question; here they are taken out first.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from perdure.cot.models.model import Prompt, Turn
from perdure.cot.questions.prompting import prompt
from perdure.cot.questions.question import AnswerFormat, Question

MOST: Final = 16
"""Keywords that are taken of one text."""

_TASK: Final = (
    "Look at the picture and read the question. Name what the answer depends on: things, colours, places and numbers."
)
_FORM: Final = "Write keywords with commas between them and nothing else."

_MARKUP: Final = re.compile(r"<\|[^|<>]*\|>|</?\w+>|\[/?[A-Z_]+\]|<<?/?[A-Z]+>>?")
"""Marks that chat templates are made of: ``<|im_start|>``, ``<image>``, ``</s>``, ``[INST]``, ``<<SYS>>``."""
_ROLE: Final = re.compile(r"^\s*(?:system|user|human|assistant|model)\s*(?::|$)", re.IGNORECASE | re.MULTILINE)
_LABEL: Final = re.compile(r"\b(?:keywords?|answer|options|question)\s*:", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"(?<=[.])\s+")
_CURLY: Final = "\N{RIGHT SINGLE QUOTATION MARK}"
_WORD: Final = re.compile(rf"[^\W_]+(?:['{_CURLY}-][^\W_]+)*")

_EMPTY: Final = frozenset(
    """
    a about all also am an and any are as at be been being but by can could did do does doing each either every for from had has
    have having he her here him his how i if in into is it it's its itself just like may me might more most much my of off on one's only or other our out
    over please said same say she should show shown so some such than that that's the their them then there there's these they this those
    through to too up us very was we were what what's when where which while who whom whose why will with would you your
    image images photo photos photograph picture pictures
    """.split()
)
"""Words that every question has. Negations, numbers, colours, sides and comparisons aren't among them."""


def keywords(text: str) -> list[str]:
    """The words of a text that say what it is about, in their order, each once, case folded."""
    bare = _ROLE.sub(" ", _MARKUP.sub("\n", text))
    for sentence in _instructions():
        bare = bare.replace(sentence, " ")
    words = (found.group().casefold().replace(_CURLY, "'") for found in _WORD.finditer(_LABEL.sub(" ", bare)))
    return list(dict.fromkeys(word for word in words if word not in _EMPTY))[:MOST]


def keyword_text(question: str, answer: str) -> str:
    """The keywords of a question and an answer to it, as the one text that is embedded; empty if there are none."""
    return " ".join(dict.fromkeys([*keywords(question), *keywords(answer)]))


def keyword_prompt(question: Question) -> Prompt:
    """The conversation that asks the apprentice for keywords. A model that ignores instructions answers the question: that will do."""
    return Turn("system", (f"{_TASK} {_FORM}",)), Turn("user", (*question.pictures, question.text))


@cache
def _instructions() -> tuple[str, ...]:
    """Every sentence that our prompts tell a model, in case that it repeats them; the longest first."""
    told = [_TASK, _FORM]
    for form in AnswerFormat:
        for reason in (False, True):
            turn = prompt(Question("", format=form), reason=reason)[0]
            told += [part for part in turn.parts if isinstance(part, str)]
    return tuple(sorted({sentence for text in told for sentence in _SENTENCE.split(text)}, key=len, reverse=True))
