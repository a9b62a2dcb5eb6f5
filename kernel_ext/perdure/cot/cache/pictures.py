"""The pictures that questions were about, each kept once: its size, a thumbnail, and the whole of it if wished."""

from __future__ import annotations

import io
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.cot.picture import THUMBNAIL, Picture, encoded

from .part import KeepImages, Part

if TYPE_CHECKING:
    from PIL.Image import Image

_ROW_BYTES: Final = 64
_WEBP_SIDE: Final = 16_383
"""The longest side that WebP can have."""


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture as the database has it."""

    key: str
    width: int
    height: int
    thumbnail: bytes | None = None
    """PNG. The whole picture where that is no larger than a thumbnail."""
    whole: bytes | None = None
    """Lossless WebP, or PNG."""


def kept(picture: Picture, keep: KeepImages) -> KeptPicture:
    """Encode what is to be kept of a picture."""
    width, height = picture.image.size
    if keep is KeepImages.NONE:
        return KeptPicture(picture.key, width, height)
    whole = lossless(picture.image) if keep is KeepImages.FULL and max(width, height) > THUMBNAIL else None
    return KeptPicture(picture.key, width, height, picture.thumbnail(), whole)


def lossless(image: Image) -> bytes:
    """The image with all its pixels: WebP at its quickest is smaller than PNG, and sooner written and read."""
    from PIL import features

    if max(image.size) > _WEBP_SIDE or not features.check("webp"):
        return encoded(image)
    out = io.BytesIO()
    image.save(out, "WEBP", lossless=True, quality=0, method=0)
    return out.getvalue()


def insert(connection: sqlite3.Connection, pictures: Iterable[KeptPicture]) -> None:
    """Keep them; what is there already of a picture stays."""
    now = time.time()
    connection.executemany(
        f"""INSERT INTO pictures (key, width, height, added, bytes, thumbnail, whole)
            VALUES (:key, :width, :height, :now, {_ROW_BYTES} + ifnull(length(:thumbnail), 0) + ifnull(length(:whole), 0),
                :thumbnail, :whole)
            ON CONFLICT (key) DO UPDATE SET
                thumbnail = ifnull(thumbnail, excluded.thumbnail), whole = ifnull(whole, excluded.whole),
                bytes = {_ROW_BYTES} + ifnull(length(ifnull(thumbnail, excluded.thumbnail)), 0)
                    + ifnull(length(ifnull(whole, excluded.whole)), 0)""",  # noqa: S608 - a constant of ours
        [
            {
                "key": one.key,
                "width": one.width,
                "height": one.height,
                "now": now,
                "thumbnail": one.thumbnail,
                "whole": one.whole,
            }
            for one in pictures
        ],
    )


def drop_unused(connection: sqlite3.Connection, keys: Iterable[str]) -> list[str]:
    """Delete those of the pictures that no entry and no ask is about; which these were."""
    return [
        key
        for key in dict.fromkeys(keys)
        if connection.execute(
            """DELETE FROM pictures WHERE key = :key AND NOT EXISTS (SELECT 1 FROM entry_pictures WHERE picture = :key)
                AND NOT EXISTS (SELECT 1 FROM ask_pictures WHERE picture = :key)""",
            {"key": key},
        ).rowcount
    ]


def release(connection: sqlite3.Connection, keys: Iterable[str]) -> int:
    """Let go of the pixels of pictures that no entry is about; of the ledger's the size stays. How many these were."""
    count = 0
    for key in dict.fromkeys(keys):
        if connection.execute("SELECT 1 FROM entry_pictures WHERE picture = ?", (key,)).fetchone():
            continue
        count += 1
        if not drop_unused(connection, [key]):
            connection.execute(
                "UPDATE pictures SET thumbnail = NULL, whole = NULL, bytes = ? WHERE key = ?", (_ROW_BYTES, key)
            )
    return count


class Pictures(Part):
    """The pictures' part of the cache."""

    def keep_pictures(self, pictures: Sequence[Picture]) -> None:
        """Keep pictures, as far as the policy keeps any: for asks that no entry is made of, such as near hits."""
        new = self._encoded(pictures)
        if new:
            with self._database.transaction(durable=False) as connection:
                self._keep(connection, pictures, new)

    def _keep(
        self, connection: sqlite3.Connection, pictures: Sequence[Picture], encoded: Sequence[KeptPicture]
    ) -> None:
        """Insert what `_encoded` has made of them; and those that were there then, if they are gone meanwhile."""
        insert(connection, encoded)
        for picture in pictures:
            if not connection.execute("SELECT 1 FROM pictures WHERE key = ?", (picture.key,)).fetchone():
                insert(connection, [kept(picture, self.policy.keep_images)])

    def _encoded(self, pictures: Sequence[Picture]) -> list[KeptPicture]:
        """What is to be inserted for them: nothing for those that are there."""
        by_key = {picture.key: picture for picture in pictures}
        keep = self.policy.keep_images
        with self._database.reading() as connection:
            for key in list(by_key):
                row = connection.execute(
                    "SELECT thumbnail IS NOT NULL, whole IS NOT NULL OR max(width, height) <= ? FROM pictures WHERE key = ?",
                    (THUMBNAIL, key),
                ).fetchone()
                if row and (keep is KeepImages.NONE or (row[0] and (row[1] or keep is KeepImages.THUMBNAIL))):
                    del by_key[key]
        return [kept(picture, keep) for picture in by_key.values()]

    def picture(self, key: str) -> Picture | None:
        """The picture: whole if that is kept, else its thumbnail; None if neither is.

        A thumbnail's own ``key`` is another one, as its pixels are.
        """
        with self._database.reading() as connection:
            row = connection.execute("SELECT whole, thumbnail FROM pictures WHERE key = ?", (key,)).fetchone()
        whole, thumbnail = row or (None, None)
        found = None if whole is None else decoded(whole)
        if found is not None and found.key == key:  # damaged bytes are never another picture
            return found
        return None if thumbnail is None else decoded(thumbnail)

    def thumbnail(self, key: str) -> bytes | None:
        """A PNG of at most 256 pixels each way; None if it isn't kept."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT thumbnail FROM pictures WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def picture_size(self, key: str) -> tuple[int, int] | None:
        """Width and height of the picture as it was asked about, kept or not; None if nobody asked about it."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT width, height FROM pictures WHERE key = ?", (key,)).fetchone()
        return None if row is None else (row[0], row[1])


def decoded(data: bytes, largest: int | None = None) -> Picture | None:
    """The picture in the bytes; None if there is none, or if it has more than ``largest`` pixels."""
    from PIL import Image

    try:
        with closing(Image.open(io.BytesIO(data), formats=("PNG", "WEBP"))) as image:
            if largest is not None and image.width * image.height > largest:
                return None
            return Picture(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for damaged files
        return None
