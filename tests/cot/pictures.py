"""Encoded pictures for tests, the hostile ones too, made by hand where an encoder would need the memory that they threaten with."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

HUGE = 30_000


def scene(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    """Smooth colours with a mark in the upper left corner, so that a turn shows."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    image = Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)
    image.paste((255, 0, 0), (0, 0, width // 4, height // 4))
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def huge_png(side: int = HUGE) -> bytes:
    """A whole black-and-white PNG of ``side`` x ``side`` pixels: a hundred kilobytes that decode to 900 MB."""
    row = b"\x00" * (1 + (side + 7) // 8)
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def huge_jpeg(side: int = HUGE, *, progressive: bool = False) -> bytes:
    """A grey JPEG of ``side`` x ``side`` pixels.

    In mid-grey every coefficient is zero, so each block of 8 x 8 is the same six bits: "no difference" and "end of block" in the
    standard Huffman tables. The progressive one has the header alone, for it must not get further.
    """
    small = encoded(Image.new("L", (8, 8), 128), "JPEG", progressive=progressive)
    frame = small.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    scan = small.index(b"\xff\xda")
    begin = scan + 2 + int.from_bytes(small[scan + 2 : scan + 4], "big")
    head = small[: frame + 5] + struct.pack(">HH", side, side) + small[frame + 9 : begin]
    blocks = ((side + 7) // 8) ** 2
    body = bytes([0x28, 0xA2, 0x8A]) * -(-blocks // 4)
    return head + body + b"\xff\xd9"


def oriented(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """The image with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif, **({"quality": 100, "subsampling": 0} if kind == "JPEG" else {}))


def tiled_tiff(side: int, tile: int) -> bytes:
    """A grey LZW TIFF of ``side`` x ``side`` pixels, in one tile of ``tile`` x ``tile``."""
    short, long = 3, 4
    body = b"\x80\x00\x01\x01\x01\x01"
    entries = [
        (256, long, side),
        (257, long, side),
        (258, short, 8),
        (259, short, 5),
        (262, short, 1),
        (277, short, 1),
        (322, long, tile),
        (323, long, tile),
        (324, long, 8),
        (325, long, len(body)),
    ]
    directory = b"".join(
        struct.pack("<HHIHH" if kind == short else "<HHII", tag, kind, 1, value, *([0] if kind == short else []))
        for tag, kind, value in entries
    )
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(entries)) + directory + bytes(4)
