"""The cache in numbers: from running totals, so that they are there at once however much is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perdure.cot.answer import Tokens

from .part import Part


@dataclass(frozen=True, slots=True)
class Stats:
    """What is kept, what was asked and what it cost. Asks that were forgotten since are counted."""

    entries: int
    by_kind: Mapping[str, int]
    """Entries by who gave them: ``master``, ``apprentice``, ``user``."""
    pictures: int
    bytes: int
    """Of entries and pictures: what the limit limits."""
    disk: int
    """Bytes of the files."""
    asks: Mapping[str, int]
    """By source: ``exact``, ``near``, ``apprentice``, ``master``."""
    calls: Mapping[str, int]
    """By role: ``master``, ``apprentice``, ``audit``, ``keywords``, ``sample``."""
    costs: Mapping[str, float]
    """Dollars, by role."""
    cost: float
    """Dollars, of all calls."""
    tokens: Tokens
    """Of all calls."""
    saved: float
    """Dollars that the exact and near hits would have cost: each what its entry did, or the mean of the master's calls."""
    hit_rate: float
    """Share of the asks that no model was called for; 0 before the first."""
    audits: Mapping[str, int]
    """By kind: ``near``, ``apprentice``."""
    disagreements: Mapping[str, int]
    """Audits, by kind, where the master said something else."""


class Statistics(Part):
    """The numbers' part of the cache."""

    def stats(self) -> Stats:
        """The cache in numbers."""
        with self._database.reading() as connection:
            totals = {name: (count, amount) for name, count, amount in connection.execute("SELECT * FROM totals")}

        def counts(group: str) -> dict[str, int]:
            start = f"{group} "
            return {name.removeprefix(start): int(total[0]) for name, total in totals.items() if name.startswith(start)}

        def count(name: str) -> int:
            return int(totals.get(name, (0, 0.0))[0])

        def mean(name: str) -> float:
            number, amount = totals.get(name, (0, 0.0))
            return amount / number if number else 0.0

        asks = counts("asks")
        hits, asked = asks.get("exact", 0) + asks.get("near", 0), sum(asks.values())
        costs = {
            name.removeprefix("calls "): float(total[1]) for name, total in totals.items() if name.startswith("calls ")
        }
        prompt, completion = totals.get("tokens", (0, 0.0))
        unpriced = count("saved") and totals["saved"][1]
        return Stats(
            entries=count("entries"),
            by_kind=counts("entries"),
            pictures=count("pictures"),
            bytes=count("bytes"),
            disk=self._database.size,
            asks=asks,
            calls=counts("calls"),
            costs=costs,
            cost=sum(costs.values()),
            tokens=Tokens(int(prompt), int(completion)),
            saved=float(unpriced) + count("saved without price") * mean("paid master"),
            hit_rate=hits / asked if asked else 0.0,
            audits=counts("audits"),
            disagreements=counts("disagreements"),
        )
