"""Whatever a user may mean by a picture."""

from __future__ import annotations

import base64
import io
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, features

from cot.pictures import chunk, encoded, huge_jpeg, huge_png, oriented, scene, tiled_tiff
from perdure.cot.picture import Picture
from perdure.cot.pictures.decoding import MOST_PIXELS
from perdure.cot.pictures.fetching import fetched, shown
from perdure.cot.pictures.loading import load, load_all
from perdure.errors import UnreadablePicture, UsageError

SCENE = scene()
KEY = Picture(SCENE).key


def refused(thing: object, **options: Any) -> str:
    with pytest.raises(UnreadablePicture) as caught:
        load(thing, **options)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 500
    return message


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(picture.image)


# -- what it may be --------------------------------------------------------------------------------------------------


def as_display_image(_: Path) -> object:
    from IPython.display import Image as DisplayImage

    return DisplayImage(data=encoded(SCENE))


WAYS: dict[str, Callable[[Path], object]] = {
    "path": lambda path: path,
    "string": str,
    "image": lambda _: SCENE,
    "lazy image": Image.open,
    "array": lambda _: np.asarray(SCENE),
    "float array": lambda _: np.asarray(SCENE) / 255,
    "float32 array": lambda _: (np.asarray(SCENE) / 255).astype(np.float32),
    "float16 array": lambda _: (np.asarray(SCENE) / 255).astype(np.float16),
    "16-bit array": lambda _: np.asarray(SCENE).astype(np.uint16) * 257,
    "big-endian array": lambda _: (np.asarray(SCENE).astype(np.uint16) * 257).astype(">u2"),
    "view": lambda _: np.asarray(SCENE)[::-1, ::-1][::-1, ::-1],
    "with alpha": lambda _: np.dstack([np.asarray(SCENE), np.full((30, 40), 255, np.uint8)]),
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "open file": lambda path: path.open("rb"),
    "display image": as_display_image,
    "picture": lambda _: Picture(SCENE),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_one_picture_has_one_key_however_it_is_given(tmp_path: Path, way: Callable[[Path], object]) -> None:
    SCENE.save(tmp_path / "scene.png")
    thing = way(tmp_path / "scene.png")
    picture = load(thing)
    assert picture.key == KEY
    assert picture.image.mode == "RGB"
    if hasattr(thing, "close") and not isinstance(thing, Image.Image):
        thing.close()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "GIF"])
def test_lossless_formats_give_the_same_pixels(kind: str) -> None:
    plain = SCENE.quantize(64).convert("RGB") if kind == "GIF" else SCENE
    options = {"lossless": True} if kind == "WEBP" else {}
    assert load(encoded(plain, kind, **options)).key == Picture(plain).key


def test_a_png_encoded_again_has_the_same_key() -> None:
    once = load(encoded(SCENE, compress_level=1))
    again = load(encoded(once.image, compress_level=9, optimize=True))
    interlaced = load(encoded(SCENE, "PNG", dpi=(300, 300), icc_profile=b"not a profile"))
    assert once.key == again.key == interlaced.key == KEY


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read() -> None:
    assert load(encoded(SCENE, "AVIF")).image.size == SCENE.size


def test_the_origin_is_the_path_or_the_name(tmp_path: Path) -> None:
    path = tmp_path / "scene.png"
    SCENE.save(path)
    assert load(path).origin == str(path)
    assert load(path, name="photo").origin == "photo"
    assert load(SCENE, name="photo").origin == "photo"
    assert load(SCENE).origin is None


def test_a_path_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    SCENE.save(tmp_path / "scene.png")
    assert load("~/scene.png").key == KEY


def test_several(tmp_path: Path) -> None:
    SCENE.save(tmp_path / "a.png")
    other = scene(seed=1)
    assert load_all(None) == ()
    assert [picture.key for picture in load_all(str(tmp_path / "a.png"))] == [KEY]
    assert [picture.key for picture in load_all(np.asarray(SCENE))] == [KEY]
    both = load_all([tmp_path / "a.png", other], name="photos")
    assert [picture.key for picture in both] == [KEY, Picture(other).key]
    assert both[1].origin == "photos[1]"
    assert len(load_all(iter((SCENE, other)))) == 2


# -- arrays, tensors, figures ----------------------------------------------------------------------------------------


def test_shapes_of_arrays() -> None:
    grey = np.asarray(SCENE.convert("L"))
    assert load(grey).key == load(grey[:, :, None]).key == Picture(SCENE.convert("L").convert("RGB")).key
    mask = grey > 100
    assert set(np.unique(pixels(load(mask)))) <= {0, 255}
    assert load(mask).key == load(mask.astype(float)).key


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((3, 20, 30), np.uint8), "(3, 20, 30)"),
        (np.zeros((3, 20, 30), np.uint8), "transpose(1, 2, 0)"),
        (np.zeros((2, 20, 30, 3), np.uint8), "one picture of the batch"),
        (np.zeros((20, 30, 2), np.uint8), "channels"),
        (np.zeros(20, np.uint8), "height x width"),
        (np.zeros((0, 20), np.uint8), "at least one pixel"),
        (np.zeros((20, 30), np.int64), "int64"),
        (np.zeros((20, 30), complex), "complex128"),
        (np.zeros((20, 30), object), "object"),
        (np.array([["a"]]), "uint8"),
        (np.full((20, 30), 200.0), "from 200 to 200"),
        (np.full((20, 30), -1.0), "0..1"),
        (np.full((20, 30), np.nan), "nan"),
        (np.full((20, 30), np.inf), "inf"),
        (np.zeros((20, 30), "datetime64[s]"), "datetime64"),
        (np.broadcast_to(np.uint8(0), (30_000, 30_000, 3)), "30,000 x 30,000"),
    ],
)
def test_an_array_that_is_no_picture_is_refused_with_what_would_do(array: np.ndarray, told: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told in refused(array)


def test_a_little_overshoot_of_floats_is_cut() -> None:
    array = np.asarray(SCENE) / 255
    array[0, 0], array[1, 1] = 1.0005, -0.0005
    array[0, 0, 0] = 1.0
    assert pixels(load(array)).max() == 255


def test_a_large_float_array_is_converted_in_blocks_to_the_same_pixels() -> None:
    large = scene(1500, 1100)
    assert load(np.asarray(large) / 255).key == Picture(large).key


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    last = torch.from_numpy(np.array(SCENE))
    first = last.permute(2, 0, 1)
    floats = (first / 255).requires_grad_()
    things = [
        last,
        first,
        first.contiguous(),
        floats,
        floats * 1,
        first.double() / 255,
        first.half() / 255,
        torch.nn.Parameter(floats),
    ]
    assert {load(thing).key for thing in things} == {KEY}
    assert floats.requires_grad
    if torch.cuda.is_available():
        assert load(floats.cuda()).key == load(first.cuda()).key == KEY
    assert load(first[:1].bfloat16() / 256).image.size == SCENE.size
    assert load(last[:, :, 0]).image.size == SCENE.size
    assert load(last[:, :, 0] > 100).image.size == SCENE.size
    assert "tensor" not in refused(last.long())
    assert "torch.int64" in refused(last.long())
    assert "[0]" in refused(first[None])
    assert "(7, 30, 40)" in refused(torch.zeros(7, 30, 40))
    assert "can't be read" in refused(torch.zeros(3, 30, 40, device="meta"))
    assert "30,000" in refused(torch.zeros(1).expand(3, 30_000, 30_000))


def test_a_figure_is_drawn_without_being_registered_closed_or_changed() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    loose = Figure(figsize=(2, 1), dpi=50)
    loose.add_subplot().plot([1, 2])
    shown_figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([2, 1])
    drawn: list[object] = []
    shown_figure.canvas.mpl_connect("draw_event", drawn.append)
    for figure in (loose, shown_figure):
        before = (
            plt.get_fignums(),
            plt.gcf(),
            figure.canvas,
            figure.dpi,
            figure.stale,
            figure.stale_callback,
            figure.get_facecolor(),
        )
        picture = load(figure)
        after = (
            plt.get_fignums(),
            plt.gcf(),
            figure.canvas,
            figure.dpi,
            figure.stale,
            figure.stale_callback,
            figure.get_facecolor(),
        )
        assert after == before
        assert picture.image.size == tuple((figure.get_size_inches() * figure.dpi).astype(int))
        assert load(figure).key == picture.key
        assert len(np.unique(pixels(picture))) > 2
    assert drawn == []
    assert plt.gca() is axes
    shown_figure.set_size_inches(600, 600)
    assert "megapixels" in refused(shown_figure)
    plt.close(shown_figure)


def test_a_figure_that_cannot_be_drawn_says_why() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure()
    figure.text(0, 0, r"$\notatexcommand{$")
    assert "can't be drawn" in refused(figure)


# -- modes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_turns_it_upright(orientation: int, kind: str) -> None:
    from PIL import ImageOps

    data = oriented(SCENE, orientation, kind)
    opened = Image.open(io.BytesIO(data))
    upright = ImageOps.exif_transpose(opened).convert("RGB")
    assert load(data).key == Picture(upright).key
    assert upright.size == (SCENE.size if orientation < 5 else SCENE.size[::-1])
    assert load(Image.open(io.BytesIO(data))).key == Picture(upright).key


def test_damaged_exif_does_not_matter() -> None:
    assert load(encoded(SCENE, "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff")).image.size == SCENE.size
    assert load(encoded(SCENE, "PNG", exif=b"rubbish")).key == KEY


def test_cmyk() -> None:
    picture = load(encoded(SCENE.convert("CMYK"), "JPEG", quality=100, subsampling=0))
    assert np.abs(pixels(picture).astype(int) - np.asarray(SCENE).astype(int)).max() < 12


def test_16_bit_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    wanted = Picture(Image.fromarray((ramp >> 8).astype(np.uint8)).convert("RGB")).key
    image = Image.fromarray(ramp)
    for kind in ("PNG", "TIFF"):
        image.save(tmp_path / "deep", kind)
        assert load(tmp_path / "deep").key == wanted
        assert load(Image.open(tmp_path / "deep")).key == wanted
    assert load(ramp).key == load(image).key == load(Image.fromarray(ramp.astype(np.int32))).key == wanted
    (tmp_path / "deep.pgm").write_bytes(b"P5 16 16 65535\n" + ramp.astype(">u2").tobytes())
    assert load(tmp_path / "deep.pgm").key == wanted
    rows = np.concatenate(
        [np.zeros((16, 1), np.uint8), np.repeat(ramp[:, :, None], 3, 2).astype(">u2").view(np.uint8).reshape(16, -1)], 1
    )
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    assert load(png).key == wanted


def test_32_bit_is_read_only_where_its_range_is_known() -> None:
    assert "65535" in refused(Image.fromarray(np.full((4, 4), 70_000, np.int32)))
    assert load(Image.fromarray(np.full((4, 4), 0.5, np.float32))).image.getpixel((0, 0)) == (128, 128, 128)
    assert "0..1" in refused(Image.fromarray(np.full((4, 4), 128, np.float32)))


def test_1_bit_and_grey() -> None:
    for mode in ("1", "L"):
        assert load(encoded(SCENE.convert(mode))).key == Picture(SCENE.convert(mode).convert("RGB")).key


@pytest.mark.parametrize("mode", ["RGBA", "LA", "La", "RGBa", "PA"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    clear.putpixel((0, 0), (0, 0, 0, 255))
    steps = {"La": ("LA", "La"), "PA": ("P", "PA")}.get(mode, (mode,))
    image: Image.Image = clear
    for step in steps:
        image = image.convert(step)
    if mode == "PA":
        image.putalpha(clear.getchannel("A"))
    picture = load(image)
    assert picture.image.getpixel((0, 0)) == (0, 0, 0)
    assert picture.image.getpixel((1, 0)) == (255, 255, 255)


def test_half_transparent_is_mixed_with_white() -> None:
    assert load(np.full((2, 2, 4), (0, 0, 0, 128), np.uint8)).image.getpixel((0, 0)) == (127, 127, 127)


def test_palettes_with_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    for transparency in (1, b"\xff\x00"):
        picture = load(encoded(image, "PNG", transparency=transparency))
        assert picture.image.getpixel((0, 0)) == (255, 0, 0)
        assert picture.image.getpixel((1, 0)) == (255, 255, 255)
    assert load(encoded(image, "GIF", transparency=1)).image.getpixel((1, 0)) == (255, 255, 255)


def test_a_transparent_colour_of_an_rgb_png() -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    picture = load(encoded(image, "PNG", transparency=(9, 9, 9)))
    assert [picture.image.getpixel((x, 0)) for x in (0, 1)] == [(1, 2, 3), (255, 255, 255)]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert load(data).image.getpixel((4, 4)) == (255, 0, 0)


def test_the_frame_that_the_user_went_to() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    image = Image.open(io.BytesIO(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    image.seek(2)
    assert load(image).image.getpixel((4, 4)) == (0, 0, 255)
    assert image.tell() == 2


def test_nothing_of_the_metadata_stays_and_the_picture_holds_no_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    for data in (encoded(SCENE, "JPEG", exif=exif), encoded(SCENE, "PNG", exif=exif, icc_profile=b"profile")):
        picture = load(data)
        assert type(picture.image) is Image.Image
        assert picture.image.info == {}
        again = pickle.loads(pickle.dumps(picture))
        assert again == picture
        assert b"secret" not in pickle.dumps(picture)
        assert b"profile" not in picture.thumbnail()


# -- an input is never changed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "WEBP"])
def test_a_lazily_opened_image_stays_lazy_and_usable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "scene"
    path.write_bytes(oriented(SCENE, 6, kind) if kind in {"JPEG", "PNG"} else encoded(SCENE, kind))
    image = Image.open(path)
    before = (image.mode, image.size, dict(image.info), list(image.tile), image.fp.tell() if image.fp else None)
    first, second = load(image), load(image)
    assert first.key == second.key == load(path).key
    if kind != "WEBP":  # Pillow has read all of a WebP file when it has opened it
        assert (image.mode, image.size, dict(image.info), list(image.tile), image.fp.tell()) == before
    image.load()
    with Image.open(path) as fresh:
        assert image.tobytes() == fresh.tobytes()


def test_a_lazy_image_that_was_opened_reduced_is_read_at_that_size(tmp_path: Path) -> None:
    scene(400, 300).save(tmp_path / "scene.jpg")
    image = Image.open(tmp_path / "scene.jpg")
    image.draft("RGB", (100, 75))
    assert load(image).image.size == (100, 75)


def test_a_lazy_image_is_read_by_many_threads(tmp_path: Path) -> None:
    scene(300, 200).save(tmp_path / "scene.png")
    image = Image.open(tmp_path / "scene.png")
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(load(image).key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == [load(tmp_path / "scene.png").key] * 8


def test_a_loaded_image_is_copied() -> None:
    image = SCENE.copy()
    image.info["note"] = "mine"
    picture = load(image)
    key = picture.key
    ImageDraw.Draw(image).rectangle((0, 0, 20, 20), fill="blue")
    assert Picture(picture.image).key == key
    assert image.info == {"note": "mine"}
    assert load(image).key != key


def test_what_was_drawn_on_an_opened_image_is_seen(tmp_path: Path) -> None:
    SCENE.save(tmp_path / "scene.png")
    image = Image.open(tmp_path / "scene.png")
    ImageDraw.Draw(image).rectangle((0, 0, 39, 29), fill="blue")
    assert load(image).image.getpixel((5, 5)) == (0, 0, 255)


def test_a_closed_image_is_refused(tmp_path: Path) -> None:
    SCENE.save(tmp_path / "scene.png")
    with Image.open(tmp_path / "scene.png") as image:
        pass
    refused(image)


def test_arrays_are_copied_and_left_alone() -> None:
    array = np.array(SCENE)
    before = array.copy()
    picture = load(array)
    array[:] = 0
    assert picture.key == KEY
    assert Picture(picture.image).key == KEY
    floats = before / 255
    floats.setflags(write=False)
    load(floats)


def test_a_file_is_put_back_to_its_position(tmp_path: Path) -> None:
    SCENE.save(tmp_path / "scene.png")
    with (tmp_path / "scene.png").open("rb") as file:
        file.seek(7)
        assert load(file).key == KEY
        assert file.tell() == 7
    buffer = io.BytesIO()
    SCENE.save(buffer, "PNG")
    end = buffer.tell()
    assert load(buffer).key == KEY
    assert buffer.tell() == end
    broken = io.BytesIO(b"\x89PNG\r\n\x1a\nrubbish")
    broken.seek(3)
    refused(broken)
    assert broken.tell() == 3


# -- what can't be read ----------------------------------------------------------------------------------------------


def test_files_that_are_not_there_or_no_files(tmp_path: Path) -> None:
    assert "no file" in refused(tmp_path / "none.png")
    assert "none.png" in refused(tmp_path / "none.png")
    assert "folder" in refused(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "empty" in refused(tmp_path / "empty.png")
    os.mkfifo(tmp_path / "pipe")
    assert "regular" in refused(tmp_path / "pipe")
    assert "regular" in refused("/dev/zero")
    refused("a\0b")
    refused("x" * 100_000)
    refused("~nobodyofthatname/scene.png")
    refused("")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    (tmp_path / "scene.png").touch(mode=0)
    assert "permission" in refused(tmp_path / "scene.png").lower()


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "can't be read" in refused(tmp_path / "file" / "scene.png")


@pytest.mark.parametrize("thing", [None, 3, 1.5, float("nan"), object(), {}, b"", b"x", b"text", io.StringIO("text")])
def test_things_that_are_no_pictures(thing: object) -> None:
    refused(thing)


def test_a_name_is_told() -> None:
    assert "photo" in refused(3, name="photo")
    assert "photo" in refused(b"rubbish", name="photo")


def test_programs_are_not_run_and_nested_headers_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "scene.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    assert "no picture that can be read" in refused(tmp_path / "scene.eps")
    assert "no picture that can be read" in refused(encoded(SCENE, "ICO"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_a_truncated_file_is_refused_by_its_name(tmp_path: Path, kind: str) -> None:
    whole = encoded(scene(200, 150), kind)
    for share in (0.1, 0.5, 0.9):
        path = tmp_path / f"cut-{kind}"
        path.write_bytes(whole[: int(len(whole) * share)])
        assert str(path) in refused(path)
        refused(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "JPEG2", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF"])
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    options = {"progressive": True} if kind == "JPEG2" else {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    whole = bytearray(encoded(SCENE, kind.rstrip("2"), **options))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(whole), 400) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole))) :]
    try:
        picture = load(bytes(whole))
    except UnreadablePicture as error:
        message = str(error)
    else:
        message = "."
        assert picture.image.mode == "RGB"
        assert picture.key == load(bytes(whole)).key
    assert message.endswith(".")


# -- bounded memory --------------------------------------------------------------------------------------------------

MEASURE = """
import resource, sys, time
from pathlib import Path
from PIL import Image
from perdure.cot.pictures.loading import load
from perdure.errors import UnreadablePicture
import numpy
path = Path(sys.argv[1])
load(numpy.zeros((9, 9), "uint8"))
for known in ("Jpeg", "Png", "Gif", "WebP", "Tiff"):
    __import__(f"PIL.{known}ImagePlugin")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    said = "x".join(map(str, load(path if len(sys.argv) < 3 else Image.open(path)).image.size))
except UnreadablePicture as error:
    said = str(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, said)
"""


def measured(path: Path, *more: str, source: str = MEASURE) -> tuple[int, str]:
    """How many MiB loading it took, in a process of its own, and what came of it."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", source, str(path), *more], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    mebibytes, _, said = ran.stdout.strip().partition(" ")
    return int(mebibytes), said


def test_a_zip_bomb_png_is_refused_without_being_allocated(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(huge_png())
    assert path.stat().st_size < 1_000_000
    mebibytes, said = measured(path)
    assert "30,000 x 30,000" in said
    assert said.count(". ") == 1
    assert mebibytes < 20


def test_a_huge_jpeg_is_decoded_reduced(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    path.write_bytes(huge_jpeg())
    mebibytes, said = measured(path)
    assert said == "3750x3750"
    assert mebibytes < 500


def test_a_huge_progressive_jpeg_is_refused_because_its_decoder_would_keep_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    path.write_bytes(huge_jpeg(progressive=True))
    mebibytes, said = measured(path)
    assert "30,000 x 30,000" in said
    assert mebibytes < 20


def test_a_huge_jpeg_in_several_scans_is_refused(tmp_path: Path) -> None:
    data = bytearray(encoded(scene(16, 16), "JPEG"))
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    data[frame + 5 : frame + 9] = (60_000).to_bytes(2, "big") * 2
    # One component in the first scan: the others come later, and the decoder keeps the coefficients until then.
    data[scan + 2 : scan + 14] = b"\x00\x08\x01" + data[scan + 5 : scan + 7] + b"\x00\x3f\x00"
    path = tmp_path / "huge.jpg"
    path.write_bytes(data)
    mebibytes, said = measured(path)
    assert "60,000 x 60,000" in said
    assert mebibytes < 20


def test_a_webp_header_that_promises_much_is_refused(tmp_path: Path) -> None:
    data = bytearray(encoded(scene(16, 16), "WEBP", lossless=True, exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00"))
    place = data.index(b"VP8X")
    data[place + 12 : place + 18] = (16_000).to_bytes(3, "little") * 2
    (tmp_path / "big.webp").write_bytes(data)
    mebibytes, _ = measured(tmp_path / "big.webp")
    assert mebibytes < 50


def test_a_tiff_with_tiles_larger_than_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiles.tif"
    path.write_bytes(tiled_tiff(16, 60_000))
    mebibytes, said = measured(path)
    assert "60,000 x 60,000" in said
    assert mebibytes < 50


def test_just_what_is_allowed_is_decoded_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    side = int(MOST_PIXELS**0.5)
    path.write_bytes(huge_png(side))
    mebibytes, said = measured(path)
    assert said == f"{side}x{side}"
    assert mebibytes < 600
    path.write_bytes(huge_png(side + 10))
    assert "megapixels" in measured(path)[1]


def test_the_guard_of_pillow_is_left_as_the_user_has_set_it(tmp_path: Path) -> None:
    path = tmp_path / "scene.png"
    SCENE.save(path)
    source = (
        "import sys; from PIL import Image; Image.MAX_IMAGE_PIXELS = 10; from perdure.cot.pictures.loading import load\n"
        "print(0, load(sys.argv[1]).image.size, Image.MAX_IMAGE_PIXELS)"
    )
    assert measured(path, source=source)[1] == "(40, 30) 10"


def test_loading_imports_nothing_heavy() -> None:
    source = (
        "import sys; import perdure.cot.pictures.loading, perdure.cot.replies.parsing, perdure.cot.faces.display, perdure.cot.faces.panel\n"
        "print(0, [name for name in ('torch', 'numpy', 'PIL', 'matplotlib', 'jsonschema', 'ipywidgets', 'IPython') if name in sys.modules])"
    )
    assert measured(Path(), source=source)[1] == "[]"


# -- the web ---------------------------------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """Serves the scene, and misbehaves on demand."""

    def do_GET(self) -> None:
        data = encoded(SCENE)
        match self.path.split("?")[0]:
            case "/scene.png" | "/sc%C3%A8ne%201.png":
                self.answer(200, data)
            case "/here":
                self.answer(302, b"", Location="/scene.png")
            case "/file":
                self.answer(302, b"", Location="file:///etc/hostname")
            case "/ftp":
                self.answer(302, b"", Location="ftp://127.0.0.1/scene.png")
            case "/round":
                self.answer(302, b"", Location="/round")
            case "/page":
                self.answer(200, b"<html>no picture</html>")
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", str(len(data) + 10))
                self.end_headers()
                self.wfile.write(data)
            case "/endless":
                self.send_response(200)
                self.end_headers()
                while True:
                    self.wfile.write(data * 100)
            case "/drip":
                self.send_response(200)
                self.end_headers()
                while True:
                    self.wfile.write(b"\x89")
                    time.sleep(0.05)
            case _:
                self.answer(404, b"")

    def answer(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        pass  # a client that goes away is the point


@contextmanager
def serving() -> Iterator[str]:
    server = Quiet(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving() as url:
        yield url


def test_a_url_is_off_unless_allowed(site: str) -> None:
    with pytest.raises(UsageError, match="URLs are off"):
        load(f"{site}/scene.png")
    picture = load(f"{site}/scene.png?token=secret", urls=True)
    assert picture.key == KEY
    assert picture.origin == f"{site}/scene.png"
    assert load(f"{site}/sc\u00e8ne 1.png", urls=True).key == KEY


def test_redirects_are_followed_to_the_same_scheme_only(site: str) -> None:
    assert load(f"{site}/here", urls=True).key == KEY
    for path in ("file", "ftp", "round"):
        refused(f"{site}/{path}", urls=True)


def test_what_the_server_may_do_wrong(site: str) -> None:
    assert "404" in refused(f"{site}/none.png?token=secret", urls=True)
    assert "secret" not in refused(f"{site}/none.png?token=secret", urls=True)
    assert "no picture" in refused(f"{site}/page", urls=True)
    assert "early" in refused(f"{site}/short", urls=True)
    with pytest.raises(UnreadablePicture, match="more than 0 MiB"):
        fetched(f"{site}/endless", most=100_000)
    started = time.monotonic()
    with pytest.raises(UnreadablePicture, match=r"more than 0\.3 s"):
        fetched(f"{site}/drip", seconds=0.3)
    assert time.monotonic() - started < 3


def test_no_server(site: str) -> None:
    assert "refused" in refused("http://127.0.0.1:9/scene.png", urls=True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/a.png",
        "file:///etc/passwd",
        "http://",
        "http://[::1/a.png",
        "data://x",
        "https://user:secret@host/a.png",
    ],
)
def test_addresses_that_are_not_fetched(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(url, urls=True)
    assert "secret" not in str(caught.value)


def test_what_is_shown_of_a_url() -> None:
    assert shown("https://user:secret@host/a/b.png?key=secret#part") == "https://host/a/b.png"
    assert shown("https://host?q=a/b") == "https://host"


def test_an_image_of_ipython_with_a_url(site: str) -> None:
    from IPython.display import Image as DisplayImage

    with pytest.raises(UsageError):
        load(DisplayImage(url=f"{site}/scene.png"))
    assert load(DisplayImage(url=f"{site}/scene.png"), urls=True).key == KEY


def test_an_image_of_ipython_from_a_file(tmp_path: Path) -> None:
    from IPython.display import Image as DisplayImage

    SCENE.save(tmp_path / "scene.png")
    picture = load(DisplayImage(filename=str(tmp_path / "scene.png")))
    assert picture.key == KEY
    assert picture.origin == str(tmp_path / "scene.png")
    assert base64.b64decode(DisplayImage(filename=str(tmp_path / "scene.png"))._repr_png_())
