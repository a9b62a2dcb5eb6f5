"""What the records say: plain, frozen values with one canonical encoding each.

Two equal values encode to equal bytes, whichever machine encodes them, and the id of a snapshot or a commit is the digest
of that encoding. JSON is written with sorted keys and in ASCII, so that lone surrogates in a source survive.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from .digest import DIGEST_SIZE, Buffer, Kind, text_id

ChunkId = bytes
"""The 32-byte digest of a chunk, see `chunk_id`."""

_LENGTH: Final = struct.Struct("<I")
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

_decode = json.JSONDecoder().decode


def _decoded(data: Buffer) -> Any:
    # `json.loads` would first guess the encoding, which takes as long as the rest.
    return _decode(str(data, "ascii"))


class Malformed(ValueError):
    """The bytes are whole but are no record of that kind."""


@dataclass(frozen=True, slots=True)
class ChunkList:
    """Bytes given as chunks: those of ``ids`` one after the other are ``nbytes`` bytes."""

    nbytes: int
    ids: tuple[ChunkId, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One co-variable's bytes: a pickle stream and its out-of-band buffers, in order.

    A small stream is kept in the record itself (``inline``; then ``stream.ids`` is empty). ``meta`` is JSON-able.
    """

    stream: ChunkList
    buffers: tuple[ChunkList, ...] = ()
    inline: bytes | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """40 hex digits."""
        return text_id(Kind.SNAPSHOT, self.encode())

    def chunks(self) -> Iterable[ChunkId]:
        """Every chunk that it needs, repeats included."""
        yield from self.stream.ids
        for buffer in self.buffers:
            yield from buffer.ids

    def encode(self) -> bytes:
        """The canonical bytes."""
        head: dict[str, Any] = {"stream": [self.stream.nbytes, len(self.stream.ids)]}
        if self.buffers:
            head["buffers"] = [[part.nbytes, len(part.ids)] for part in self.buffers]
        if self.inline is not None:
            head["inline"] = len(self.inline)
        if self.meta:
            head["meta"] = self.meta
        text = _encode(head).encode()
        return b"".join((_LENGTH.pack(len(text)), text, *self.chunks(), self.inline or b""))

    @classmethod
    def decode(cls, data: Buffer) -> Snapshot:
        """Raises `Malformed`."""
        try:
            data = bytes(data)
            position = _LENGTH.size + _LENGTH.unpack_from(data)[0]
            head = _decoded(data[_LENGTH.size : position])

            def chunk_list(nbytes: int, count: int) -> ChunkList:
                nonlocal position
                start, position = position, position + count * DIGEST_SIZE
                return ChunkList(
                    nbytes, tuple(data[at : at + DIGEST_SIZE] for at in range(start, position, DIGEST_SIZE))
                )

            stream = chunk_list(*head["stream"])
            buffers = tuple(chunk_list(*part) for part in head.get("buffers", ()))
            inline = data[position : position + head["inline"]] if "inline" in head else None
            if position + len(inline or b"") != len(data):
                raise Malformed("a snapshot of the wrong length")
            return cls(stream, buffers, inline, head.get("meta", {}))
        except (struct.error, ValueError, KeyError, TypeError) as error:
            raise Malformed(f"not a snapshot: {error}") from error


@dataclass(frozen=True, slots=True)
class Commit:
    """The durable record of one cell; times in seconds, ``bindings`` and ``deleted`` as a delta against ``parent``.

    ``meta`` is JSON-able and open to the layer above. Snapshots that it needs besides those bound to names are listed
    by id under ``meta["snapshots"]``: gc, export and verify count them as needed.
    """

    session: str
    parent: str | None
    source: str
    execution_count: int | None
    outcome: str
    started: float
    duration: float
    bindings: dict[str, tuple[str, int]] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    not_captured: dict[str, str] = field(default_factory=dict)
    bytes_added: int = 0
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """40 hex digits."""
        return text_id(Kind.COMMIT, self.encode())

    def snapshots(self) -> set[str]:
        """Ids of every snapshot that it needs."""
        return {snapshot for snapshot, _ in self.bindings.values()} | set(self.meta.get("snapshots", ()))

    def encode(self) -> bytes:
        """The canonical bytes."""
        fields: dict[str, Any] = {
            "session": self.session,
            "source": self.source,
            "outcome": self.outcome,
            "started": self.started,
            "duration": self.duration,
        }
        # What is empty isn't written: four hundred trivial cells are to stay small.
        if self.parent is not None:
            fields["parent"] = self.parent
        if self.execution_count is not None:
            fields["execution_count"] = self.execution_count
        for name in ("bindings", "deleted", "not_captured", "bytes_added", "meta"):
            if value := getattr(self, name):
                fields[name] = value
        return _encode(fields).encode()

    @classmethod
    def decode(cls, data: Buffer) -> Commit:
        """Raises `Malformed`."""
        try:
            get = (fields := _decoded(data)).get
            return cls(
                fields["session"],
                get("parent"),
                fields["source"],
                get("execution_count"),
                fields["outcome"],
                fields["started"],
                fields["duration"],
                {name: (bound[0], bound[1]) for name, bound in get("bindings", {}).items()},
                tuple(get("deleted", ())),
                get("not_captured", {}),
                get("bytes_added", 0),
                get("meta", {}),
            )
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise Malformed(f"not a commit: {error}") from error


class Twig(NamedTuple):
    """A commit as the catalog knows it without reading it: the ids of it and of its parent, and when its cell started."""

    id: str
    parent: str | None
    started: float


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a session or a pack; ``started`` (seconds since the epoch) tells a recycled pid apart."""

    host: str
    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class Refs:
    """Where a session stands: commit ids under names. ``branch`` is the branch that HEAD is on, if it is on one."""

    head: str | None = None
    branch: str | None = None
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def tips(self) -> set[str]:
        """Every commit that a ref names."""
        return {self.head} - {None} | set(self.branches.values()) | set(self.tags.values())  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class RefsMove:
    """A refs record: the refs of a session from ``stamp`` (nanoseconds, rising within a session) on.

    With ``advance`` it only says that HEAD, and the branch it is on, are at a new commit; that is what nearly every
    commit does, and its size does not grow with the number of branches and tags.
    """

    session: str
    stamp: int
    refs: Refs
    advance: bool = False

    @classmethod
    def between(cls, session: str, stamp: int, old: Refs, new: Refs) -> RefsMove:
        """The smallest record that leads from ``old`` to ``new``."""
        advance = cls(session, stamp, Refs(new.head, new.branch), advance=True)
        return advance if advance.applied(old) == new else cls(session, stamp, new)

    def applied(self, old: Refs) -> Refs:
        """The refs after this record, given those before."""
        if not self.advance:
            return self.refs
        head, branch = self.refs.head, self.refs.branch
        branches = dict(old.branches)
        if branch is not None and head is not None:
            branches[branch] = head
        return Refs(head, branch, branches, old.tags)

    def encode(self) -> bytes:
        """The canonical bytes."""
        fields: dict[str, Any] = {
            "session": self.session,
            "stamp": self.stamp,
            "head": self.refs.head,
            "branch": self.refs.branch,
        }
        if not self.advance:
            fields |= {"branches": self.refs.branches, "tags": self.refs.tags}
        return _encode(fields).encode()

    @classmethod
    def decode(cls, data: Buffer) -> RefsMove:
        """Raises `Malformed`."""
        try:
            fields = _decoded(data)
            refs = Refs(fields["head"], fields["branch"], fields.get("branches", {}), fields.get("tags", {}))
            return cls(fields["session"], fields["stamp"], refs, "branches" not in fields)
        except (ValueError, KeyError, TypeError) as error:
            raise Malformed(f"not a refs record: {error}") from error


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session record: what is known of a session from ``stamp`` on; times in seconds since the epoch."""

    id: str
    stamp: int
    created: float
    notebook: str | None
    meta: dict[str, Any]
    trusted: bool
    deleted: float | None = None

    def encode(self) -> bytes:
        """The canonical bytes."""
        return _encode({name: getattr(self, name) for name in self.__slots__}).encode()

    @classmethod
    def decode(cls, data: Buffer) -> SessionRecord:
        """Raises `Malformed`."""
        try:
            return cls(**_decoded(data))
        except (ValueError, TypeError) as error:
            raise Malformed(f"not a session record: {error}") from error


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as `Store.sessions` lists it; times in seconds since the epoch, ``last`` of the newest commit."""

    id: str
    created: float
    notebook: str | None
    meta: dict[str, Any]
    owner: Owner | None
    trusted: bool
    head: str | None
    branch: str | None
    commits: int
    last: float | None
