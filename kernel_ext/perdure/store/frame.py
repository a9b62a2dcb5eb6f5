"""The frame around every record of a pack or a bundle: a header of 64 bytes, then the payload.

====== ==== ==========================================================
offset size field (little endian)
====== ==== ==========================================================
0      4    magic ``AB 50 64 52``
4      1    kind, see `Kind`
5      1    flags: 1 = the payload is stored as one zstd frame
6      2    zero
8      4    salt: CRC-32 of the pack's name (zero in a bundle)
12     8    stored length of the payload, bytes
20     8    raw length of the payload, bytes
28     32   digest of the kind and the raw payload
60     4    CRC-32 of the 60 bytes before
====== ==== ==========================================================

The CRC tells a header from bytes that happen to look like one; the salt tells this file's headers from those of a pack
that somebody keeps as data inside a chunk.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .digest import Buffer, Kind, digest

_LAYOUT: Final = struct.Struct("<4sBBHIQQ32s")
_CRC: Final = struct.Struct("<I")
MAGIC: Final = b"\xabPdR"
HEADER_SIZE: Final = _LAYOUT.size + _CRC.size
ZSTD: Final = 1

_KINDS: Final = {int(kind): kind for kind in Kind}
_WINDOW: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What a frame says about its payload; lengths in bytes."""

    kind: Kind
    flags: int
    salt: int
    stored: int
    raw: int
    digest: bytes

    @property
    def length(self) -> int:
        """Bytes of the whole frame."""
        return HEADER_SIZE + self.stored

    def encode(self) -> bytes:
        """The 64 bytes of it."""
        head = _LAYOUT.pack(MAGIC, self.kind, self.flags, 0, self.salt, self.stored, self.raw, self.digest)
        return head + _CRC.pack(zlib.crc32(head))

    @classmethod
    def decode(cls, data: Buffer) -> Header | None:
        """The header that ``data`` begins with, or None if it begins with none."""
        if len(data) < HEADER_SIZE or data[:4] != MAGIC:
            return None
        if _CRC.unpack_from(data, _LAYOUT.size)[0] != zlib.crc32(data[: _LAYOUT.size]):
            return None
        _, kind, flags, _, salt, stored, raw, name = _LAYOUT.unpack_from(data)
        if kind not in _KINDS:
            return None
        return cls(_KINDS[kind], flags, salt, stored, raw, name)


def salt_of(name: str) -> int:
    """The salt of the headers in the pack called ``name``."""
    return zlib.crc32(name.encode())


def unpacked(header: Header, stored: Buffer) -> Buffer | None:
    """The raw payload, or None if ``stored`` isn't what was written."""
    raw: Buffer = stored
    if header.flags & ZSTD:
        import zstandard

        try:
            raw = zstandard.ZstdDecompressor().decompress(stored, max_output_size=max(header.raw, 1))
        except zstandard.ZstdError:
            return None
    if len(raw) != header.raw or digest(header.kind, raw) != header.digest:
        return None
    return raw


def packed(payload: Buffer) -> bytes | None:
    """``payload`` as one zstd frame, or None if that saves less than a tenth."""
    if len(payload) < 128:
        return None
    import zstandard

    small = zstandard.ZstdCompressor(level=1, write_checksum=False).compress(payload)
    return small if len(small) * 10 <= len(payload) * 9 else None


@dataclass(frozen=True, slots=True)
class Frame:
    """A header found at ``offset`` whose payload lies wholly within the file."""

    offset: int
    header: Header


@dataclass(frozen=True, slots=True)
class Gap:
    """``length`` bytes from ``offset`` on that are no frame."""

    offset: int
    length: int


Pread = Callable[[int, int], bytes]


def scan(pread: Pread, start: int, end: int, salt: int) -> Iterator[Frame | Gap]:
    """Walk the frames between two offsets, header by header; ``pread(length, offset)`` reads the file.

    After bytes that are no frame it goes on at the next header of this file, so one damaged header costs one record.
    """
    offset = start
    while offset < end:
        header = Header.decode(pread(HEADER_SIZE, offset))
        if header is not None and header.salt == salt and offset + header.length <= end:
            yield Frame(offset, header)
            offset += header.length
            continue
        found = _next_header(pread, offset + 1, end, salt)
        yield Gap(offset, found - offset)
        offset = found


def _next_header(pread: Pread, start: int, end: int, salt: int) -> int:
    position = start
    while position < end:
        window = pread(min(_WINDOW, end - position), position)
        if not window:
            break
        at = window.find(MAGIC)
        while at >= 0:
            header = Header.decode(pread(HEADER_SIZE, position + at))
            if header is not None and header.salt == salt and position + at + header.length <= end:
                return position + at
            at = window.find(MAGIC, at + 1)
        # A magic may lie across two windows.
        position += max(len(window) - len(MAGIC) + 1, 1)
    return end
