"""What was asked: the parts of a request's path and its parameters, looked at before they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.errors import UsageError

#: The most rows that one answer has, and how many if the request doesn't say.
MOST, USUAL = 500, 100


@dataclass(frozen=True, slots=True)
class Asked:
    """``parts`` are the named pieces of the path, ``given`` the parameters after it."""

    parts: Mapping[str, str]
    given: Mapping[str, str]

    def part(self, name: str) -> str:
        """A piece of the path."""
        return self.parts[name]

    def text(self, name: str) -> str:
        """A parameter, empty if it isn't given."""
        return self.given.get(name, "")

    def required(self, name: str) -> str:
        """A parameter that must be there.

        :raises UsageError: if it isn't.
        """
        if not self.text(name):
            raise UsageError(f"The parameter {name!r} is missing. Give it.")
        return self.text(name)

    def flag(self, name: str) -> bool:
        """Whether a parameter is ``1``."""
        return self.choice(name, ("0", "1")) == "1"

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """A parameter that is one of a few, or empty.

        :raises UsageError: if it is another.
        """
        value = self.text(name)
        if value and value not in choices:
            raise UsageError(f"{name!r} can't be {value[:40]!r}. Use one of {', '.join(choices)}.")
        return value

    def page(self) -> tuple[int, int]:
        """``offset`` and ``limit``.

        :raises UsageError: if they make no page.
        """
        return self._number("offset", 0, 0, 1 << 53), self._number("limit", USUAL, 1, MOST)

    def span(self) -> tuple[int, int | None]:
        """``offset`` and ``limit`` of what may be asked for whole: no ``limit`` means all from ``offset`` on.

        :raises UsageError: if they make no sense.
        """
        limit = self._number("limit", 0, 1, 1 << 53)
        return self._number("offset", 0, 0, 1 << 53), limit or None

    def _number(self, name: str, usual: int, least: int, most: int) -> int:
        text = self.text(name)
        if not text:
            return usual
        if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
            raise UsageError(f"{name!r} can't be {text[:40]!r}. Give a whole number from {least} to {most}.")
        return int(text)
