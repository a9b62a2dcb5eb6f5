"""Thumbnails of pictures: small, true, and made without disturbing anything."""

from __future__ import annotations

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from perdure.capture.preview import preview
from perdure.capture.thumbnail import SIDE

HEAD = "data:image/png;base64,"


def opened(url: object) -> Image.Image:
    assert isinstance(url, str)
    assert url.startswith(HEAD)
    assert len(url) <= 4096
    image = Image.open(io.BytesIO(base64.b64decode(url.removeprefix(HEAD))))
    image.load()
    assert max(image.size) <= SIDE
    return image.convert("RGB")


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def test_a_small_picture_is_shown_as_it_is() -> None:
    image = Image.new("RGB", (40, 30), "white")
    ImageDraw.Draw(image).ellipse((5, 5, 25, 25), "red")
    facts = preview(image)
    assert (facts["shape"], facts["dtype"]) == ([40, 30], "RGB")
    assert opened(facts["thumbnail"]).tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_of_colours_has_one(mode: str) -> None:
    assert opened(preview(noise(300, 100, mode))["thumbnail"]).size == (64, 21)


@pytest.mark.parametrize("mode", ["I", "F", "P"])
def test_what_has_no_colours_of_its_own_has_none(mode: str) -> None:
    facts = preview(noise(30, 30, mode))
    assert "thumbnail" not in facts
    assert facts["dtype"] == mode


@given(st.integers(0, 700), st.integers(0, 700))
def test_any_size_gives_a_bounded_one(width: int, height: int) -> None:
    facts = preview(Image.new("RGB", (width, height), "green"))
    if 0 in (width, height):
        assert "thumbnail" not in facts
    else:
        assert opened(facts["thumbnail"]).getpixel((0, 0)) == (0, 128, 0)


def test_a_large_one_keeps_its_colours() -> None:
    image = Image.new("RGB", (2000, 1000), "blue")
    image.paste("yellow", (1000, 0, 2000, 1000))
    small = opened(preview(image)["thumbnail"])
    assert (small.getpixel((5, 16)), small.getpixel((60, 16))) == ((0, 0, 255), (255, 255, 0))


def test_a_file_that_was_not_read_is_left_so() -> None:
    file = io.BytesIO()
    noise(20, 20).save(file, "PNG")
    lazy = Image.open(file)
    before = dict(vars(lazy))
    assert "thumbnail" not in preview(lazy)
    assert vars(lazy) == before
    lazy.load()
    assert opened(preview(lazy)["thumbnail"]).tobytes() == lazy.tobytes()


def test_a_user_s_own_class_is_not_asked() -> None:
    class Own(Image.Image):
        def load(self) -> None:
            raise AssertionError("asked")

    own = Own()
    own.im = noise(10, 10).im
    assert "thumbnail" not in preview(own)


def test_no_plugin_is_imported() -> None:
    code = (
        "import sys\nfrom PIL import Image\nfrom perdure.capture.preview import preview\n"
        "image = Image.new('RGB', (500, 500), 'red')\nbefore = set(sys.modules)\n"
        "assert 'thumbnail' in preview(image)\nprint(*{m for m in set(sys.modules) - before if m.startswith('PIL')})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
