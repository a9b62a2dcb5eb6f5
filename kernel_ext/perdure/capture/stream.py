"""Pickle streams without frames.

Protocol 4 cuts a stream into frames of some 64 KiB, each with its length before it. An edit that changes one item's length
moves all later frames, and content-defined chunks would never fall into step again. Frames are optional for readers.
"""

from __future__ import annotations

import io

_READ_AHEAD = 1 << 20
_PROTO = 0x80
_FRAME = 0x95
_FRAME_HEADER = 9  # the opcode and eight bytes of length


class Stream:
    """What a C pickler writes to. It keeps the pieces as they come."""

    __slots__ = ("_pieces", "write")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.write = self._pieces.append

    def take(self) -> bytes:
        """What was written since the last call, whole dumps, without its frames' headers.

        The pickler writes a frame at once, with the header of a large string or bytes object after it if one follows,
        and then that object's bytes by themselves, which may look like anything.
        """
        found: list[bytes | memoryview] = []
        payload_follows = False
        for piece in self._pieces:
            if payload_follows:
                found.append(piece)
                payload_follows = False
                continue
            view = memoryview(piece)
            if view[0] == _PROTO:
                found.append(view[:2])
                view = view[2:]
            if len(view) >= _FRAME_HEADER and view[0] == _FRAME:
                end = _FRAME_HEADER + int.from_bytes(view[1:_FRAME_HEADER], "little")
                payload_follows = end < len(view)
                found.append(view[_FRAME_HEADER:])
            else:  # less than four bytes need no frame; a large object's header is longer
                payload_follows = len(view) >= 5
                found.append(view)
        whole = b"".join(found)
        self._pieces.clear()
        return whole


def read_ahead(stream: bytes | bytearray | memoryview) -> io.BufferedReader:
    """A reader for an unpickler. It has ``peek``: without frames, the unpickler would else ask for every few bytes."""
    return io.BufferedReader(io.BytesIO(stream), _READ_AHEAD)
