"""Chroma itself: the collections of one folder, opened in this process, which has to be their only owner.

What a request of Chroma's HTTP API (v2) asks for, as far as `perdure.cot.index.chroma` asks for it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

PIECE: Final = 64
"""Rows that are written at once. Chroma holds Python's lock meanwhile, so a question waits for one piece at most."""

PREFIX: Final = "/api/v2/tenants/default_tenant/databases/default_database/collections"
HEARTBEAT: Final = "/api/v2/heartbeat"

_SAMPLE: Final = 50
"""Rows that are read in one place to see whether an index is whole."""
_MISSED: Final = 0.1
"""The share of rows that a whole index may fail to find: its search is approximate."""
_CLOSE: Final = 1e-3

Body = dict[str, Any]


class Shelf:
    """The collections in ``data``; with ``check`` they are looked through first, as after an owner that was killed.

    :raises Exception: whatever Chroma raises when it can't use what is there.
    """

    def __init__(self, data: Path, *, check: bool = False) -> None:
        import chromadb
        from chromadb.config import Settings

        # Environment and .env files don't get to change these.
        settings = Settings(
            anonymized_telemetry=False, allow_reset=False, is_persistent=True, persist_directory=str(data)
        )
        self._client = chromadb.PersistentClient(str(data), settings)
        self._open: dict[str, Any] = {}
        for collection in self._client.list_collections():
            self._described(collection)
            if check:
                _check(collection)

    def do(self, method: str, path: str, body: Body) -> Any:
        """What a request asks for.

        :raises LookupError: if there is no such thing.
        :raises ValueError: if the request makes no sense.
        """
        if path == HEARTBEAT:
            return {"nanosecond heartbeat": time.time_ns()}
        if not path.startswith(PREFIX):
            raise LookupError(path)
        match method, [part for part in path.removeprefix(PREFIX).split("/") if part]:
            case "POST", []:
                return self._create(body)
            case "GET", [name]:
                return self._get(name)
            case "DELETE", [name]:
                return self._drop(name)
            case "PUT", [id]:
                return self._open[id].modify(metadata=body["new_metadata"]) or {}
            case "GET", [id, "count"]:
                return self._open[id].count()
            case "POST", [id, verb] if verb in _VERBS:
                return _VERBS[verb](self._open[id], body)
        raise LookupError(path)

    def _create(self, body: Body) -> Body:
        made = self._client.get_or_create_collection(
            body["name"], configuration=body["configuration"], metadata=body["metadata"], embedding_function=None
        )
        return self._described(made)

    def _get(self, name: str) -> Body:
        from chromadb.errors import NotFoundError

        try:
            return self._described(self._client.get_collection(name, embedding_function=None))
        except NotFoundError:
            raise LookupError(name) from None

    def _drop(self, name: str) -> Body:
        self._open.pop(self._get(name)["id"])
        self._client.delete_collection(name)
        return {}

    def _described(self, collection: Any) -> Body:
        self._open[str(collection.id)] = collection
        return {"id": str(collection.id), "name": collection.name, "metadata": collection.metadata}


def _check(collection: Any) -> None:
    """Read here and there and search for what was read: an owner killed while Chroma wrote its files may have left torn ones.

    :raises Exception: if something is wrong. What Chroma itself raises over torn files is most of what there is to find.
    """
    import numpy as np

    count = collection.count()
    for offset in {0, count // 3, 2 * count // 3, max(count - _SAMPLE, 0)} if count else ():
        wanted = min(_SAMPLE, count - offset)
        vectors = np.asarray(collection.get(limit=wanted, offset=offset, include=["embeddings"])["embeddings"])
        if len(vectors) < wanted:
            raise ValueError(f"{collection.name} has lost rows")
        found = collection.query(query_embeddings=vectors, n_results=1, include=["distances"])["distances"]
        nearest = np.asarray([distances[0] if distances else np.inf for distances in found])
        missed = np.count_nonzero(nearest > 1 - np.sum(vectors**2, axis=1) + _CLOSE)
        if missed > _MISSED * wanted:
            raise ValueError(f"{collection.name} doesn't find what it has")


def _upsert(collection: Any, body: Body) -> Body:
    import numpy as np

    ids, metadatas = body["ids"], body.get("metadatas")
    vectors = np.stack([np.frombuffer(base64.b64decode(row), dtype="<f4") for row in body["embeddings"]])
    for start in range(0, len(ids), PIECE):
        piece = slice(start, start + PIECE)
        told = None if metadatas is None else metadatas[piece]
        collection.upsert(ids=ids[piece], embeddings=vectors[piece], metadatas=told)
    return {}


def _delete(collection: Any, body: Body) -> Body:
    collection.delete(ids=body["ids"])
    return {}


def _query(collection: Any, body: Body) -> Body:
    found = collection.query(
        query_embeddings=body["query_embeddings"],
        n_results=body["n_results"],
        where=body.get("where"),
        include=["distances"],
    )
    return {"ids": found["ids"], "distances": found["distances"]}


def _rows(collection: Any, body: Body) -> Body:
    found = collection.get(limit=body["limit"], offset=body["offset"], include=["embeddings"])
    return {"ids": found["ids"], "embeddings": [row.tolist() for row in found["embeddings"]]}


_VERBS: Final[dict[str, Callable[[Any, Body], Body]]] = {
    "upsert": _upsert,
    "delete": _delete,
    "query": _query,
    "get": _rows,
}
