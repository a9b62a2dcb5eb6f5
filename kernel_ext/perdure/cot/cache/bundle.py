"""The file that a cache is exported to: a zip archive of JSON lines and encoded pictures, all of it checksummed.

``manifest.json`` has the format's version and, for each ``*.jsonl``, how many rows it has and their BLAKE3 digest; the rows of
``pictures.jsonl`` have the digests of the files under ``pictures/``. Nothing in it is code, and nothing is believed: see `Reader`.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from blake3 import blake3

from perdure.cot.picture import THUMBNAIL
from perdure.errors import DamagedBundle, StoreFull, StoreUnreachable, UsageError

from .pictures import KeptPicture, decoded

FORMAT: Final = "perdure-cot"
VERSION: Final = 1

_MANIFEST: Final = "manifest.json"
_MEMBER: Final = re.compile(
    r"manifest\.json|(entries|pictures|audits|asks)\.jsonl|pictures/[0-9a-f]{40}\.(thumbnail|whole)"
)
_KEY: Final = re.compile(r"[0-9a-f]{40}")
_LONGEST_MANIFEST: Final = 1 << 16
_LONGEST_LINE: Final = 8 << 20
_LARGEST_PICTURE: Final = 512 << 20
_PIXELS: Final = 100_000_000
_RATIO: Final = 200
"""By which text may be larger than it is in the archive. What we write is far below."""
_SMALL: Final = 1 << 20
_WRONG: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,  # of JSON and UTF-8 as well
    KeyError,
    TypeError,
    RecursionError,
    OverflowError,
    NotImplementedError,  # an unknown compression
    RuntimeError,  # a password
)


class Writer:
    """Writes an archive; the lines of one kind after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members: dict[str, dict[str, object]] = {}

    @contextmanager
    def lines(self, name: str) -> Iterator[_Lines]:
        """The rows of one kind, to be added in the block, in which nothing else can be written."""
        member = zipfile.ZipInfo(f"{name}.jsonl")
        member.compress_type = zipfile.ZIP_DEFLATED
        with self._archive.open(member, "w", force_zip64=True) as stream:
            lines = _Lines(stream)
            yield lines
        self._members[name] = {"rows": lines.count, "digest": lines.digest()}

    def picture(self, picture: KeptPicture) -> dict[str, object]:
        """Write a picture's files; its row."""
        row: dict[str, object] = {"key": picture.key, "width": picture.width, "height": picture.height}
        for name, data in (("thumbnail", picture.thumbnail), ("whole", picture.whole)):
            row[name] = None if data is None else blake3(data).hexdigest()
            if data is not None:
                self._archive.writestr(zipfile.ZipInfo(f"pictures/{picture.key}.{name}"), data)
        return row

    def finish(self) -> None:
        """Write the manifest."""
        manifest = {"format": FORMAT, "version": VERSION, "members": self._members}
        self._archive.writestr(zipfile.ZipInfo(_MANIFEST), json.dumps(manifest))


class _Lines:
    def __init__(self, stream: IO[bytes]) -> None:
        self.count = 0
        self._stream = stream
        self._state = blake3()

    def add(self, row: dict[str, object]) -> None:
        line = json.dumps(row).encode() + b"\n"
        self._stream.write(line)
        self._state.update(line)
        self.count += 1

    def digest(self) -> str:
        return self._state.hexdigest()


@contextmanager
def writing(file: Path) -> Iterator[Writer]:
    """A writer for a new file, which is there when the block has ended and not before."""
    part = file.with_name(f"{file.name}.part")
    try:
        if file.exists():
            raise UsageError(f"{file} is there already. Name another file, or delete it.")
        with part.open("xb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
                writer = Writer(archive)
                yield writer
                writer.finish()
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(file)
    except FileExistsError:
        raise UsageError(
            f"{part} is there: an export that is under way or was killed. Delete it, or name another file."
        ) from None
    except OSError as error:
        part.unlink(missing_ok=True)
        kind = StoreFull if error.errno in {28, 122} else StoreUnreachable
        raise kind(f"{file} can't be written: {error.strerror}. Name a file on another disk.") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def reading(file: Path) -> Iterator[Reader]:
    """A reader of a file that may be damaged or made to do harm.

    :raises DamagedBundle: whatever is wrong with it, also from within the block.
    :raises UsageError: if there is no such file.
    """
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            try:
                with zipfile.ZipFile(stream) as archive:
                    yield Reader(archive, size)
            except _WRONG as error:
                raise DamagedBundle(
                    f"{file} is no export of a cache, or it is damaged: {error}. Nothing was imported; get the file anew."
                ) from error
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}. Name a file that `%cot export` has made.") from error


class Reader:
    """Reads an archive, with bounds on everything: the memory it takes doesn't depend on what the file says."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(set(names)) < len(names):
            raise ValueError("a name is there twice")
        if sum(member.compress_size for member in members) > size:
            raise ValueError("its parts overlap")
        for member in members:
            _check(member)
        manifest = self._json(self._whole(_MANIFEST, _LONGEST_MANIFEST))
        if manifest["format"] != FORMAT or not isinstance(manifest["version"], int):
            raise ValueError("it is of another kind")
        if manifest["version"] > VERSION:
            raise ValueError("it was written by a newer perdure; update this one")
        self._members: dict[str, dict[str, Any]] = manifest["members"]
        self._names = set(names)

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of one kind; what is wrong with them may show only at the end."""
        if name not in self._members:
            return
        state, count = blake3(), 0
        with self._archive.open(f"{name}.jsonl") as stream:
            while line := stream.readline(_LONGEST_LINE + 1):
                if len(line) > _LONGEST_LINE:
                    raise ValueError("a row is too long")
                state.update(line)
                count += 1
                yield self._json(line)
        if self._members[name] != {"rows": count, "digest": state.hexdigest()}:
            raise ValueError(f"the digest of {name} is another one")

    def picture(self, row: dict[str, Any], *, verify: bool) -> KeptPicture:
        """The picture of a row. ``verify`` sees to it that the pixels are those of its key."""
        key, width, height = row["key"], row["width"], row["height"]
        if not (isinstance(key, str) and _KEY.fullmatch(key)):
            raise ValueError("a picture's key is none")
        if not all(isinstance(side, int) and 0 < side <= 1 << 20 for side in (width, height)):
            raise ValueError("a picture's size is none")
        data = {name: self._picture_file(key, name, row[name]) for name in ("thumbnail", "whole")}
        if verify:
            _verify(key, max(width, height) <= THUMBNAIL, data["thumbnail"], data["whole"])
        return KeptPicture(key, width, height, data["thumbnail"], data["whole"])

    def _picture_file(self, key: str, name: str, digest: object) -> bytes | None:
        if digest is None:
            return None
        data = self._whole(f"pictures/{key}.{name}", _LARGEST_PICTURE)
        if blake3(data).hexdigest() != digest:
            raise ValueError(f"the digest of picture {key} is another one")
        return data

    def _whole(self, name: str, longest: int) -> bytes:
        with self._archive.open(name) as stream:
            data = stream.read(longest + 1)
        if len(data) > longest:
            raise ValueError(f"{name} is too large")
        return data

    @staticmethod
    def _json(text: bytes) -> dict[str, Any]:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise TypeError("a row is none")
        return found


def _check(member: zipfile.ZipInfo) -> None:
    if not _MEMBER.fullmatch(member.filename):
        raise ValueError("there is something in it that doesn't belong there")
    if member.filename.startswith("pictures/") and member.compress_type != zipfile.ZIP_STORED:
        raise ValueError("its pictures are packed")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError("it is packed in an unknown way")
    if member.file_size > max(member.compress_size * _RATIO, _SMALL):
        raise ValueError("it would unpack to an absurd size")


def _verify(key: str, small: bool, thumbnail: bytes | None, whole: bytes | None) -> None:
    for data, largest in ((thumbnail, THUMBNAIL * THUMBNAIL), (whole, _PIXELS)):
        if data is None:
            continue
        picture = decoded(data, largest)
        if picture is None:
            raise ValueError(f"picture {key} can't be decoded")
        if (small or data is whole) and picture.key != key:
            raise ValueError(f"picture {key} has other pixels")
