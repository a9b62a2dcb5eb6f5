"""The index of the kept answers in Chroma: approximate search (HNSW) among many vectors, in a process of its own.

It holds ids and vectors, nothing that can't be made again from SQLite. Chroma's own package isn't imported here: its HTTP API (v2)
needs no more than the standard library, and importing it costs seconds and hundreds of megabytes that the owner
(`perdure.cot.index.chroma_server`) pays once for all kernels.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from perdure.cot.index.chroma_owner import Address, address, running
from perdure.cot.index.chroma_server import IDLE, TOKEN_HEADER
from perdure.cot.index.chroma_shelf import PREFIX
from perdure.cot.index.embedding import Encoder
from perdure.cot.index.feeding import Entries, Vectors, catch_up
from perdure.errors import Damaged, StoreUnreachable, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

MOST: Final = 5_461
"""Rows that Chroma takes at once."""

_PAGE: Final = 5_000
_ATTEMPTS: Final = 3
_TIMEOUT: Final = 120.0
_QUERY_TIMEOUT: Final = 10.0
"""Seconds; a question doesn't wait longer for its examples."""


class Server:
    """A Chroma server: a folder's owner, or a team's at a URL. Safe to be used from several threads.

    A folder's owner is started at the first request and waited for, unless ``patient`` is False: then there is one or there isn't.
    ``token`` is sent as Chroma's own header and as a bearer token, whichever a team's proxy checks; ``headers`` as they are.
    """

    def __init__(
        self,
        place: Path | str,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        idle: float = IDLE,
        patient: bool = True,
    ) -> None:
        self.place: Final = place
        self._idle: Final = idle
        self._patient: Final = patient
        self._fixed: Final = _of_url(place, token, headers or {}) if isinstance(place, str) else None
        self._local: Final = threading.local()
        self._open: Final[weakref.WeakSet[http.client.HTTPConnection]] = weakref.WeakSet()

    def call(self, method: str, path: str, body: object = None, timeout: float = _TIMEOUT) -> Any:
        """What the server replies. A request may be made again when the connection breaks: all of ours can be.

        :raises LookupError: if there is no such thing.
        :raises Damaged: if Chroma can't do it.
        :raises StoreUnreachable: if there is no server to be had, or it refuses us.
        """
        sent = b"" if body is None else json.dumps(body).encode()
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                status, read = self._once(method, path, sent, timeout)
            except TimeoutError as error:
                self._drop()
                raise StoreUnreachable(
                    f"Chroma ({self.place}) didn't reply in {timeout:.0f} s. Try again later."
                ) from error
            except (OSError, http.client.HTTPException) as error:
                self._drop()  # it has ended, or its successor listens elsewhere: look again
                if not attempts_left:
                    raise StoreUnreachable(
                        f"Chroma ({self.place}) can't be reached: {error}. Is it running?"
                    ) from error
                continue
            if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                self._drop()
                if self._fixed or not attempts_left:
                    raise StoreUnreachable(f"Chroma ({self.place}) refuses the token. Set the right one.")
                continue
            return self._read(status, read, path)
        raise AssertionError("every way out of the loop is above")

    def _read(self, status: int, read: bytes, path: str) -> Any:
        if status == HTTPStatus.NOT_FOUND:
            raise LookupError(path)
        if status >= HTTPStatus.BAD_REQUEST:
            said = read.decode(errors="replace")[:200]
            raise Damaged(f"Chroma ({self.place}) can't use its index: {said}. Rebuild it from the answers.")
        try:
            return json.loads(read or b"null")
        except ValueError as error:
            raise StoreUnreachable(f"What listens at {self.place} is no Chroma server. Check the address.") from error

    def _once(self, method: str, path: str, sent: bytes, timeout: float) -> tuple[int, bytes]:
        connection, headers = self._connection(timeout)
        connection.request(method, path, sent, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()

    def _connection(self, timeout: float) -> tuple[http.client.HTTPConnection, dict[str, str]]:
        """This thread's own connection, kept open; a forked child makes its own."""
        known = getattr(self._local, "known", None)
        if known is None or known[0] != os.getpid():
            at = self._fixed or self._owner()
            kind = http.client.HTTPSConnection if at.secure else http.client.HTTPConnection
            known = (os.getpid(), kind(at.host, at.port), {"Content-Type": "application/json", **dict(at.headers)})
            self._local.known = known
            self._open.add(known[1])
        _, connection, headers = known
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection, headers

    def _owner(self) -> Address:
        folder = Path(self.place)
        if self._patient:
            return address(folder, self._idle)
        found = running(folder)
        if found is None:
            raise StoreUnreachable(f"Chroma isn't running in {folder}. It is being started.")
        return found

    def _drop(self) -> None:
        known = getattr(self._local, "known", None)
        if known is not None:
            known[1].close()
            self._local.known = None

    def close(self) -> None:
        """Let go of all connections, so that an owner can end when nobody else needs it; the next request makes new ones."""
        for connection in list(self._open):
            connection.close()
        self._drop()


def _of_url(url: str, token: str, headers: Mapping[str, str]) -> Address:
    split = urlsplit(url)
    try:
        port = split.port
    except ValueError:
        port = -1
    if split.scheme not in {"http", "https"} or not split.hostname or port == -1 or split.path.strip("/"):
        raise UsageError(f"{url!r} is no Chroma server's address. Write it as http://HOST:PORT.")
    secure = split.scheme == "https"
    given = {TOKEN_HEADER: token, "Authorization": f"Bearer {token}"} if token else {}
    return Address(split.hostname, port or (443 if secure else 80), tuple({**given, **headers}.items()), secure)


class Index:
    """One collection of vectors of one encoder's version; another version is another collection, so they never mix.

    ``kind`` tells collections of the same encoder apart, ``cache`` (an id) those of several caches on a team's server. ``dimensions``
    are a row's. What `query` calls a similarity is the inner product.
    """

    def __init__(self, server: Server, encoder: Encoder, *, kind: str = "fused", cache: str = "") -> None:
        from blake3 import blake3

        said = json.dumps([encoder.name, encoder.version, cache]).encode()
        self.name: Final = f"perdure-{kind}-{blake3(said).hexdigest()[:24]}"
        self._server: Final = server
        self._about: Final = {"encoder": encoder.name, "version": encoder.version, "cache": cache, "kind": kind}
        self._id: str | None = None

    @classmethod
    def open(
        cls, place: Path | str, encoder: Encoder, *, token: str = "", kind: str = "fused", cache: str = ""
    ) -> Index:
        """The index in a folder, whose owner is started when needed, or on the server at an ``http://`` address."""
        return cls(Server(place, token=token), encoder, kind=kind, cache=cache)

    def fed(self) -> int:
        """The change up to which it has been fed."""
        return int((self._collection()["metadata"] or {}).get("number", 0))

    def note(self, number: int) -> None:
        """Remember that it has been fed up to that change."""
        self._on("PUT", "", {"new_metadata": {**self._about, "number": number}})

    def in_step(self, number: int) -> bool:
        """Whether it has been fed up to that change."""
        return self.fed() >= number

    def catch_up(self, entries: Entries, vectors: Vectors) -> int:
        """Feed it what has changed; returns the change that it stands at."""
        return catch_up(self, entries, vectors)

    def add(self, ids: Sequence[str], vectors: Rows, metadata: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Take in rows, in place of those with the same ids."""
        import numpy as np

        rows = np.ascontiguousarray(vectors, dtype="<f4")
        for start in range(0, len(ids), MOST):
            part = slice(start, start + MOST)
            body: dict[str, Any] = {
                "ids": list(ids[part]),
                "embeddings": [base64.b64encode(row.tobytes()).decode() for row in rows[part]],
            }
            if metadata is not None:
                body["metadatas"] = [dict(told) for told in metadata[part]]
            self._on("POST", "/upsert", body)

    def remove(self, ids: Sequence[str]) -> None:
        """Drop rows; ids that aren't there don't matter."""
        for start in range(0, len(ids), MOST):
            self._on("POST", "/delete", {"ids": list(ids[start : start + MOST])})

    def query(self, vector: Rows, k: int, where: Mapping[str, Any] | None = None) -> list[tuple[str, float]]:
        """The ids with the largest inner products, best first; approximate, so that a good one may be missing."""
        if k < 1:
            return []
        body = {"query_embeddings": [vector.tolist()], "n_results": k, "include": ["distances"]}
        if where is not None:
            body["where"] = dict(where)
        found = self._on("POST", "/query", body, _QUERY_TIMEOUT)
        return [(id, 1.0 - distance) for id, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def count(self) -> int:
        """How many rows it has."""
        return int(self._on("GET", "/count"))

    def everything(self) -> Iterator[tuple[Sequence[str], Rows]]:
        """All rows, in batches."""
        import numpy as np

        for offset in range(0, self.count(), _PAGE):
            found = self._on("POST", "/get", {"limit": _PAGE, "offset": offset, "include": ["embeddings"]})
            if found["ids"]:
                yield found["ids"], np.asarray(found["embeddings"], dtype=np.float32)

    def clear(self) -> None:
        """Drop all rows and begin with change 0."""
        with contextlib.suppress(LookupError):  # gone already
            self._server.call("DELETE", f"{PREFIX}/{quote(self.name)}")
        self._id = None

    def rebuild(self, rows: Iterator[tuple[Sequence[str], Rows]]) -> None:
        """Begin again with these rows. Say with `note` what change they are from."""
        self.clear()
        for ids, vectors in rows:
            self.add(ids, vectors)

    def _collection(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._server.call("GET", f"{PREFIX}/{quote(self.name)}")
        except LookupError:
            body = {
                "name": self.name,
                "get_or_create": True,
                "configuration": {"hnsw": {"space": "ip"}},
                "metadata": {**self._about, "number": 0},
            }
            found = self._server.call("POST", PREFIX, body)
        self._id = found["id"]
        return found

    def _on(self, method: str, verb: str, body: object = None, timeout: float = _TIMEOUT) -> Any:
        """A request about the collection, which may have been dropped by another process meanwhile, and made again."""
        if self._id is None:
            self._collection()
        try:
            return self._server.call(method, f"{PREFIX}/{self._id}{verb}", body, timeout)
        except LookupError:
            self._collection()
            return self._server.call(method, f"{PREFIX}/{self._id}{verb}", body, timeout)
