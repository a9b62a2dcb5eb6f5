"""A key that is used and never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SHOWN: Final = "<key>"


class Secret:
    """Holds a key where neither `repr` nor a look at the attributes shows it. It can't be pickled: keys stay on their machine."""

    __slots__ = ("reveal",)

    def __init__(self, key: str) -> None:
        self.reveal: Callable[[], str] = lambda: key
        """Call it where the key is needed, and keep the result in no variable."""

    def hide(self, text: str) -> str:
        """The text with the key taken out: servers repeat what they were sent."""
        return text.replace(self.reveal(), SHOWN) if self.reveal() else text

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __repr__(self) -> str:
        return SHOWN

    def __reduce__(self) -> str:
        raise TypeError("A key is not pickled.")
