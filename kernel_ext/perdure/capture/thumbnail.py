"""A thumbnail: a picture of Pillow's, small enough to lie in its commit.

Made without a line of the user's code and without touching the picture: one whose file hasn't been read yet is left so, and
a large one is sampled rather than read as a whole. The PNG is written here, as Pillow would import its plugins for it.
"""

from __future__ import annotations

import base64
import struct
import sys
import zlib
from typing import Any

#: Pixels each way, at most.
SIDE = 64

#: Bytes of the PNG, at most: as text in base64 that makes 4 kB.
LIMIT = 3000

#: Where sampling ends and averaging begins.
_SAMPLED = 4 * SIDE

#: What has colours of its own; the rest are numbers, or need a palette that may not be applied yet.
_MODES = frozenset({"1", "L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})

_NEAREST, _BOX, _OCTREE = 0, 4, 2  # as Pillow numbers them
_GREY, _COLOUR, _INDEXED = 0, 2, 3


def thumbnail(image: Any) -> str | None:
    """The picture as a data URL of a PNG; ``None`` if it has no pixels yet, or they are no colours."""
    core = core_of(image)
    if core is None or core.mode not in _MODES or 0 in core.size:
        return None
    core = _shrunk(core, _SAMPLED, _NEAREST)
    core = _shrunk(core.convert("L" if core.mode in ("1", "L") else "RGB", 0), SIDE, _BOX)
    for data in _attempts(core):
        if len(data) <= LIMIT:
            return f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return None


def core_of(image: Any) -> Any:
    """The pixels behind a picture, ``None`` if they haven't been read."""
    fields = object.__getattribute__(image, "__dict__")
    return fields.get("_im") if "_im" in fields else fields.get("im")


def _shrunk(core: Any, side: int, filter_: int) -> Any:
    width, height = core.size
    longest = max(width, height)
    if longest <= side:
        return core
    size = max(round(width * side / longest), 1), max(round(height * side / longest), 1)
    return core.resize(size, filter_, (0, 0, width, height))


def _attempts(core: Any) -> Any:
    """PNGs of the pixels, each with fewer colours than the one before."""
    if core.mode == "L":
        yield _png(_GREY, core)
        core = core.convert("RGB", 0)
    else:
        yield _png(_COLOUR, core)
    for colours in (64, 16):
        few = core.quantize(colours, _OCTREE, 0)
        yield _png(_INDEXED, few, _chunk(b"PLTE", bytes(few.getpalette("RGB", "RGB"))[: 3 * colours]))


def _png(kind: int, core: Any, palette: bytes = b"") -> bytes:
    width, height = core.size
    pixels = _bytes_of(core)
    stride = len(pixels) // height
    rows = b"".join(b"\0" + pixels[at : at + stride] for at in range(0, len(pixels), stride))
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), palette, _chunk(b"IDAT", zlib.compress(rows, 6)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _bytes_of(core: Any) -> bytes:
    # What Image.tobytes does, which imports a module more.
    encoder = sys.modules["PIL._imaging"].raw_encoder(core.mode, core.mode, 0, 1)
    encoder.setimage(core, (0, 0, *core.size))
    parts = []
    while True:
        _, status, data = encoder.encode(4 * SIDE * SIDE)
        parts.append(data)
        if status < 0:
            raise ValueError("Pillow can't encode these pixels")
        if status:
            return b"".join(parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
