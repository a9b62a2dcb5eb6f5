"""Pictures in the cache: whole, as thumbnails, or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from cot.caches import a_picture, a_question, an_entry, check, hit
from perdure.cot.answer import Source
from perdure.cot.cache import Cache


@pytest.mark.parametrize("size", [(40, 30), (256, 256), (400, 300), (1, 700)])
def test_a_whole_picture_comes_back_with_its_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = a_picture(1, size)
    with Cache.open(tmp_path) as cache:
        cache.keep_pictures([picture, picture])
        found = cache.picture(picture.key)
        assert found == picture
        assert cache.picture_size(picture.key) == size
        thumbnail = cache.thumbnail(picture.key)
        assert thumbnail is not None
        with Image.open(io.BytesIO(thumbnail)) as image:
            assert image.format == "PNG"
            assert max(image.size) == min(max(size), 256)
        check(cache)


def test_thumbnails_only(tmp_path: Path) -> None:
    picture = a_picture(1, (600, 300))
    with Cache.open(tmp_path, keep_images="thumbnail") as cache:
        cache.keep_pictures([picture])
        found = cache.picture(picture.key)
        assert found is not None
        assert found.image.size == (256, 128)
        assert cache.picture_size(picture.key) == (600, 300)


def test_no_pictures(tmp_path: Path) -> None:
    asked = a_question()
    with Cache.open(tmp_path, keep_images="none") as cache:
        cache.add(an_entry(asked), asked.pictures)
        key = asked.pictures[0].key
        assert cache.picture(key) is None
        assert cache.thumbnail(key) is None
        assert cache.picture_size(key) == (40, 30)
        assert cache.picture("0" * 40) is None
        assert cache.thumbnail("0" * 40) is None
        assert cache.picture_size("0" * 40) is None


def test_more_is_kept_of_a_picture_when_the_wish_grows_and_no_less_when_it_shrinks(tmp_path: Path) -> None:
    picture = a_picture(1, (300, 300))
    sizes = []
    for keep in ("none", "thumbnail", "full", "thumbnail", "none"):
        with Cache.open(tmp_path, keep_images=keep) as cache:
            cache.keep_pictures([picture])
            found = cache.picture(picture.key)
            sizes.append(None if found is None else found.image.size)
            check(cache)
    assert sizes == [None, (256, 256), (300, 300), (300, 300), (300, 300)]


def test_damaged_bytes_are_never_another_picture(tmp_path: Path) -> None:
    picture, other = a_picture(1, (300, 300)), a_picture(2, (300, 300))
    with Cache.open(tmp_path) as cache:
        cache.keep_pictures([picture, other])
        with cache._database.transaction() as connection:
            connection.execute(
                "UPDATE pictures SET whole = (SELECT whole FROM pictures WHERE key = ?) WHERE key = ?",
                (other.key, picture.key),
            )
            connection.execute("UPDATE pictures SET whole = x'00', thumbnail = x'89504e47' WHERE key = ?", (other.key,))
        found = cache.picture(picture.key)
        assert found is not None
        assert found.image.size == (256, 256)  # its thumbnail
        assert cache.picture(other.key) is None


def test_the_picture_of_a_near_question_is_kept_for_the_ledger(tmp_path: Path) -> None:
    with Cache.open(tmp_path) as cache:
        asked, near = a_question("What is it?", 1), a_question("What is it?", 2)
        entry = an_entry(asked)
        cache.add(entry, asked.pictures)
        ask = hit(cache, near, entry, Source.NEAR)
        (key,) = cache.answer(ask.answer.id).pictures
        assert cache.picture(key) == near.pictures[0]
