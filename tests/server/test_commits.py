"""The graph, pages of rows, and one commit."""

from __future__ import annotations

from pathlib import Path

from server.conftest import Get
from server.making import chain, written


async def test_the_graph_is_newest_first(store: Path, get: Get) -> None:
    with written(store) as writer:
        refs = chain(writer, ["x = 1", "x = 2", "x = 3"])
    graph = await get("sessions", writer.session, "graph")
    assert graph["total"] == 3
    assert graph["commits"][0] == refs.head
    assert graph["parents"] == [1, 2, -1]
