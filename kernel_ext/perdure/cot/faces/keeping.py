"""What is done with kept answers from Python: counting, listing, correcting, carrying elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure.cot.answer import Answer
from perdure.cot.cache import Cache

if TYPE_CHECKING:
    from perdure.cot.cache import Exported, Forgotten, Imported, Marked, Stats


class Keeping:
    """The part of `perdure.cot.Cot` that works on its cache alone, and asks no model."""

    cache: Cache

    def stats(self) -> Stats:
        """What is kept, what was asked, what it cost and what it saved."""
        return self.cache.stats()

    def log(self, n: int = 20, **given: Any) -> list[Answer]:
        """The last answers, newest first; see `Cache.log` for what it can be narrowed by."""
        return self.cache.log(n, **given)

    def forget(self, id: str) -> Forgotten:
        """Delete an answer and all that rested on it; see `Cache.forget`."""
        return self.cache.forget(id)

    def wrong(self, id: str, right: str | None = None) -> Marked:
        """Say that an answer is wrong, and maybe what is right; see `Cache.mark_wrong`."""
        return self.cache.mark_wrong(id, right)

    def pin(self, id: str, on: bool = True) -> None:
        """Keep an answer whatever else has to make room, or let it go again."""
        self.cache.pin(id, on=on)

    def export(self, file: str | Path) -> Exported:
        """Write all kept answers, with their pictures, into one file."""
        return self.cache.export(file)

    def import_(self, file: str | Path) -> Imported:
        """Take in the answers of an exported file; what is there already isn't added again."""
        return self.cache.import_(file)
