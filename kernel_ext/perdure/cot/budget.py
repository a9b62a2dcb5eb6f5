"""What questions may cost: hard limits that hold however many are in flight."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Self

from perdure.errors import UsageError


@dataclass(frozen=True, slots=True)
class Budget:
    """Dollars that may be spent on one ``question``, on one ``batch``, and within any 24 hours (``day``); None is no limit."""

    question: float | None = None
    batch: float | None = None
    day: float | None = None

    def __post_init__(self) -> None:
        for limit in (self.question, self.batch, self.day):
            if limit is not None and not 0.0 <= limit < float("inf"):
                raise UsageError(f"A budget can't be {limit}. Give it in dollars, 0 or more.")

    @classmethod
    def of(cls, given: Budget | float | str | None) -> Self | Budget:
        """A budget as users write it: a number is dollars a day, text is such as ``0.05/question, 5/batch, 20/day``.

        :raises UsageError: if it is neither.
        """
        if isinstance(given, Budget):
            return given
        if given is None:
            return cls()
        if isinstance(given, int | float):
            return cls(day=float(given))
        limits: dict[str, float] = {}
        for part in given.split(","):
            amount, _, unit = part.strip().partition("/")
            try:
                limits[unit.strip() or "day"] = float(amount.strip().lstrip("$"))
            except ValueError:
                raise UsageError(
                    f"{part.strip()!r} is no budget. Write it as 0.05/question, 5/batch or 20/day."
                ) from None
        if unknown := limits.keys() - {"question", "batch", "day"}:
            raise UsageError(f"A budget per {min(unknown)!r} is not known. Use question, batch or day.")
        return cls(**limits)

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return not (self.question is None and self.batch is None and self.day is None)


class Purse:
    """What is left of a limit, for many threads: an amount is set aside before a call and settled after it."""

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._taken = 0.0

    @property
    def left(self) -> float | None:
        """Dollars; None is no limit."""
        return None if self._limit is None else max(self._limit - self._taken, 0.0)

    def take(self, amount: float) -> bool:
        """Set an amount aside; False, with nothing taken, if that is more than is left."""
        with self._lock:
            if self._limit is not None and self._taken + amount > self._limit * (1 + 1e-12):
                return False
            self._taken += amount
            return True

    def give_back(self, amount: float) -> None:
        """Put back what a call did not use."""
        with self._lock:
            self._taken -= amount
