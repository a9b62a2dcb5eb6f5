"""The library: the panel's questions about the cache of image questions, each answered by one method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perdure.cot.answer import Source
from perdure.errors import PerdureError
from perdure.jupyter.server import answers
from perdure.jupyter.server.alike import alike, with_similarity
from perdure.jupyter.server.asked import Asked
from perdure.jupyter.server.shelf import Shelf


class Library:
    """Answers from the cache at ``folder``; the store on ``shelf`` says which cell asked.

    :param delta: the share of wrong answers that near matches may have.
    :param master: the name of the master.
    """

    def __init__(self, folder: Path, shelf: Shelf, *, delta: float, master: str) -> None:
        self.folder = folder
        self._shelf = shelf
        self._delta = delta
        self._master = master

    def stats(self, _: Asked) -> dict[str, Any]:
        """What is kept, asked, paid and saved."""
        with answers.open_cache(self.folder) as cache:
            return answers.stats(cache, self._delta, self._master)

    def answers(self, asked: Asked) -> dict[str, Any]:
        """A page of cards."""
        offset, limit = asked.page()
        with answers.open_cache(self.folder) as cache:
            total, found = cache.page(
                offset,
                limit,
                grep=asked.text("q") or None,
                source=asked.choice("source", [source.value for source in Source]) or None,
                model=asked.text("model") or None,
                doubted=asked.flag("doubtful"),
            )
            return {"total": total, "answers": answers.cards(cache, found, self._cell_of)}

    def answer(self, asked: Asked) -> dict[str, Any]:
        """One answer in full."""
        with answers.open_cache(self.folder) as cache:
            return answers.in_full(cache, asked.part("answer"), self._cell_of)

    def picture(self, asked: Asked) -> bytes:
        """A thumbnail."""
        with answers.open_cache(self.folder) as cache:
            return answers.picture(cache, asked.part("answer"), asked.part("number"))

    def similar(self, asked: Asked) -> dict[str, Any]:
        """The answers about the pictures that are most alike."""
        _, limit = asked.page()
        with answers.open_cache(self.folder) as cache:
            found = alike(cache, answers.find(cache, asked.part("answer")), limit)
            asks = cache.first_asks(entry for _, entry in found)
            similarity = {asks[entry]: cosine for cosine, entry in found if entry in asks}
            cards = answers.cards(cache, [cache.ask(ask) for ask in similarity], self._cell_of)
            return {"answers": with_similarity(cards, similarity)}

    def _cell_of(self, commit: str) -> int | None:
        """The number of the cell that a commit is of, where the server's store has it."""
        try:
            with self._shelf.lend() as opened:
                return opened.store.commit(commit).execution_count
        except PerdureError:
            return None
