"""Prices as users write them. A price that nobody has said is unknown: none is ever guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from perdure.cot.models.model import Price
from perdure.errors import UsageError

FREE: Final = Price()
"""What the embedded models cost."""
EMBEDDED: Final = "embedded:"

_NUMBER: Final = r"\$?\s*(\d+(?:\.\d*)?|\.\d+)"
_TOKENS: Final = re.compile(rf"{_NUMBER}\s*/\s*{_NUMBER}")
_CALL: Final = re.compile(rf"{_NUMBER}\s*/\s*call")
_GRAMMAR: Final = (
    "Write dollars for a million tokens in and out, such as 2.5/10, or for a call, such as 0.002/call, or both with a +"
)


def parse(text: str) -> Price:
    """The price that ``text`` says: ``2.5/10`` (dollars for a million tokens in, and out), ``0.002/call``, ``2.5/10 + 0.002/call``, or ``0``.

    :raises UsageError: if it says none.
    """
    if text.strip().lstrip("$").strip() in {"0", "free"}:
        return FREE
    tokens: list[tuple[float, float]] = []
    calls: list[float] = []
    for term in text.split("+"):
        if found := _CALL.fullmatch(term.strip()):
            calls.append(float(found[1]))
        elif found := _TOKENS.fullmatch(term.strip()):
            tokens.append((float(found[1]), float(found[2])))
        else:
            raise UsageError(f"{text.strip()!r} is no price. {_GRAMMAR}.")
    if len(tokens) > 1 or len(calls) > 1:
        raise UsageError(f"{text.strip()!r} says one price twice. {_GRAMMAR}.")
    prompt, completion = tokens[0] if tokens else (0.0, 0.0)
    return Price(prompt, completion, calls[0] if calls else 0.0)


def price(given: Price | str | None) -> Price | None:
    """A price given as one, as text, or not at all.

    :raises UsageError: if it is none.
    """
    if isinstance(given, str):
        return parse(given)
    if given is not None and not all(
        math.isfinite(dollars) and dollars >= 0 for dollars in (given.prompt, given.completion, given.call)
    ):
        raise UsageError(f"A price can't be {given}. Give it in dollars, 0 or more.")
    return given


def spelled(price: Price | None) -> str:
    """The text that `parse` reads as ``price``; a word where there is none."""
    if price is None:
        return "unknown"
    terms = []
    if price.prompt or price.completion:
        terms.append(f"{price.prompt:.10g}/{price.completion:.10g}")
    if price.call:
        terms.append(f"{price.call:.10g}/call")
    return " + ".join(terms) or "0"


def known(name: str, said: Mapping[str, Price]) -> Price | None:
    """The price of the model called ``name``: what the user ``said``, 0 for an embedded one, else None."""
    if name in said:
        return said[name]
    return FREE if name.startswith(EMBEDDED) else None
