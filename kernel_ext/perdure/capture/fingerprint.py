"""Fingerprints: has a co-variable changed, and where.

XXH3 runs near memory speed and is asked only "changed?"; names that the store must be able to trust come from a
cryptographic hash, taken of the changed chunks alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import xxhash

#: Bytes of a chunk of an out-of-band buffer. A 1 MB edit then costs three chunks at most.
CHUNK = 512 * 1024


@dataclass(slots=True)
class BufferPrint:
    """The fingerprint of one buffer: its size in bytes, an XXH3 digest per chunk, and the store's id per chunk once saved."""

    nbytes: int
    digests: list[bytes]
    ids: list[bytes | None] = field(default_factory=list)

    @classmethod
    def of(cls, view: memoryview) -> BufferPrint:
        digests = [xxhash.xxh3_128_digest(view[at : at + CHUNK]) for at in range(0, view.nbytes, CHUNK)]
        return cls(view.nbytes, digests, [None] * len(digests))


@dataclass(slots=True)
class Fingerprint:
    """The fingerprint of a co-variable: its stream's digest, its buffers' fingerprints, and a digest per root if several."""

    stream: bytes
    buffers: list[BufferPrint]
    parts: list[bytes] = field(default_factory=list)

    @classmethod
    def of(
        cls, stream: bytes | memoryview, buffers: list[memoryview], parts: Sequence[tuple[int, int]] = ()
    ) -> Fingerprint:
        """:param parts: per root, the bytes of its own pickle and the number of buffers up to its end; for several roots."""
        found = cls(xxhash.xxh3_128_digest(stream), [BufferPrint.of(view) for view in buffers])
        if len(parts) > 1:
            start = first = 0
            for nbytes, last in parts:
                part = xxhash.xxh3_128(memoryview(stream)[start : start + nbytes])
                for buffer in found.buffers[first:last]:
                    for digest in buffer.digests:
                        part.update(digest)
                found.parts.append(part.digest())
                start, first = start + nbytes, last
        return found

    def know(self, stored: Fingerprint) -> None:
        """Take over the store's ids of the chunks that have the same bytes.

        Not by position: an object may come back with its buffers in another order, or changed by its own code.
        """
        ids = {
            digest: chunk_id
            for buffer in stored.buffers
            for digest, chunk_id in zip(buffer.digests, buffer.ids, strict=True)
        }
        for buffer in self.buffers:
            buffer.ids = [ids.get(digest) for digest in buffer.digests]

    def same_as(self, other: Fingerprint) -> bool:
        return (
            self.stream == other.stream
            and len(self.buffers) == len(other.buffers)
            and all(
                mine.nbytes == theirs.nbytes and mine.digests == theirs.digests
                for mine, theirs in zip(self.buffers, other.buffers, strict=True)
            )
        )
