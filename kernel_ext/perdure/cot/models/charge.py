"""What a call cost that brought no usable reply: the server wants its money all the same."""

from __future__ import annotations

from typing import TypeVar

from perdure.cot.answer import Tokens
from perdure.errors import NoAnswer

Wrong = TypeVar("Wrong", bound=NoAnswer)


def charged(error: Wrong, tokens: Tokens) -> Wrong:
    """The error with the tokens that the failed call used."""
    vars(error)["tokens"] = tokens
    return error


def charge(error: NoAnswer) -> Tokens:
    """The tokens that were used before the error, none if it came before any were."""
    tokens = vars(error).get("tokens")
    return tokens if isinstance(tokens, Tokens) else Tokens()
