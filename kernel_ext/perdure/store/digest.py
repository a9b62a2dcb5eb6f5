"""Names made of content: every record is called by the BLAKE3 digest of its kind and its bytes."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from blake3 import blake3

DIGEST_SIZE: Final = 32
KEY_SIZE: Final = 20
"""Bytes of a digest that the catalog keys its rows by, and that the 40 hex digits of an id stand for."""

Buffer = bytes | bytearray | memoryview


class Kind(IntEnum):
    """What a record holds. The number is on disk: never reuse one."""

    PACK = 1
    CHUNK = 2
    SNAPSHOT = 3
    COMMIT = 4
    REFS = 5
    SESSION = 6
    BUNDLE = 7
    TRAILER = 8


_SHORT: Final = 2048
_PREFIX: Final = {kind: bytes([kind]) for kind in Kind}


def digest(kind: Kind, payload: Buffer) -> bytes:
    """The 32-byte name of ``payload`` as a record of ``kind``; the kind is hashed too, so no two kinds share a name."""
    if len(payload) < _SHORT:  # one call is worth a copy
        return blake3(_PREFIX[kind] + payload).digest()
    state = blake3(_PREFIX[kind])
    state.update(payload)
    return state.digest()


def chunk_id(payload: Buffer) -> bytes:
    """The id (32 bytes) that a chunk of these bytes has in every store, whether it is there or not."""
    return digest(Kind.CHUNK, payload)


def text_id(kind: Kind, payload: Buffer) -> str:
    """The 40 hex digits by which a snapshot or a commit is called."""
    return digest(kind, payload)[:KEY_SIZE].hex()
