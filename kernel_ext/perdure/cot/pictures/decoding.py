"""Encoded pictures to pixels, in bounded memory: RGB, turned as the EXIF data says, transparency laid on white.

The header's size is looked at before anything is decoded. Pillow's own guard (`Image.MAX_IMAGE_PIXELS`) is a setting of the user's
and refuses what we can read reduced, so the plugins are called one by one, and only those named here: some of the others run
programs (EPS) or allocate by what a nested header says (ICO).

ICC profiles are ignored: the pixels are taken as they are stored. 16-bit samples keep their upper eight bits, as Pillow has it.
"""

from __future__ import annotations

import importlib
import math
from typing import IO, TYPE_CHECKING, Final

from perdure.errors import UnreadablePicture

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MOST_PIXELS: Final = 50_000_000
"""Pixels that are decoded as they are. A larger JPEG is decoded reduced, a larger picture of another kind is refused."""
MOST_BYTES: Final = 512 * 2**20
"""Bytes that an encoded picture may have."""

FORMATS: Final = {
    "PNG": "PngImagePlugin",
    "JPEG": "JpegImagePlugin",
    "GIF": "GifImagePlugin",
    "WEBP": "WebPImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "PPM": "PpmImagePlugin",
    "AVIF": "AvifImagePlugin",
}
"""What is read, and the module of Pillow's that does it."""

_ORIENTATION: Final = 0x0112
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_SIXTEEN: Final = ("I;16", "I;16B", "I;16L", "I;16N")


def decoded(file: IO[bytes], called: str, *, frame: int = 0, draft: tuple[int, int] | None = None) -> Image:
    """The first picture of an open file, or its ``frame``; ``draft`` is the size at which somebody else opened it.

    :raises UnreadablePicture: if it is none, is damaged, or is too large.
    """
    try:
        check_bytes(file.seek(0, 2), called)
        image = _opened(file, called)
        if draft is not None and draft != image.size:
            image.draft(None, draft)
        _reduce(image, file)
        _check(image, called)
        if frame:
            image.seek(frame)
            _check(image, called)
        image.load()
        return flattened(image, called)
    except UnreadablePicture:
        raise
    except MemoryError:
        raise UnreadablePicture(f"There is not enough memory to decode {called}. Give a smaller picture.") from None
    except Exception as error:  # noqa: BLE001 - a damaged file can make a decoder raise anything
        reason = " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
        raise UnreadablePicture(f"{called} is truncated or damaged: {reason}. Give a whole file.") from None


def check_bytes(count: int, called: str) -> None:
    """Refuse what is empty or has more than `MOST_BYTES`."""
    if count == 0:
        raise UnreadablePicture(f"{called} is empty. Give a file that holds a picture.")
    if count > MOST_BYTES:
        most = f"{MOST_BYTES // 2**20} MiB"
        raise UnreadablePicture(f"{called} has {count / 2**20:,.0f} MiB, and at most {most} are read. Save it smaller.")


def check_pixels(width: int, height: int, called: str) -> None:
    """Refuse what has no pixels or more than `MOST_PIXELS`."""
    if width < 1 or height < 1:
        raise UnreadablePicture(f"{called} has {width} x {height} pixels. Give one with at least one pixel.")
    if width * height > MOST_PIXELS:
        most = f"{MOST_PIXELS // 1_000_000} megapixels"
        raise UnreadablePicture(
            f"{called} has {width:,} x {height:,} pixels, and at most {most} of its kind are decoded. Scale it down first."
        )


def flattened(image: Image, called: str) -> Image:
    """A loaded image, which is ours to change, as a plain one: upright, RGB, on white, with nothing of its metadata."""
    from PIL.Image import Image as Plain

    flat = _rgb(_upright(image), called)
    if type(flat) is not Plain:  # a plugin's, which holds on to its file
        flat = flat.copy()
    flat.info = {}
    return flat


def _opened(file: IO[bytes], called: str) -> ImageFile:
    from PIL import Image

    file.seek(0)
    prefix = file.read(16)
    for name, module in FORMATS.items():
        importlib.import_module(f"PIL.{module}")
        if name not in Image.OPEN:
            continue
        factory, accept = Image.OPEN[name]
        # A text instead of a yes says that this Pillow was built without the library for it.
        if accept is not None and accept(prefix) is True:
            file.seek(0)
            return factory(file, "")
    known = ", ".join(FORMATS)
    raise UnreadablePicture(f"{called} is no picture that can be read. Give one of {known}.")


def _reduce(image: ImageFile, file: IO[bytes]) -> None:
    """Ask the decoder of a large JPEG for less."""
    width, height = image.size
    if image.format not in {"JPEG", "MPO"} or width * height <= MOST_PIXELS or not _one_pass(file):
        return
    for scale in (2, 4, 8):
        if math.ceil(width / scale) * math.ceil(height / scale) <= MOST_PIXELS:
            image.draft(None, (width // scale, height // scale))
            return


def _check(image: ImageFile, called: str) -> None:
    check_pixels(*image.size, called)
    tags = getattr(image, "tag_v2", None)  # a TIFF's tiles may be larger than the picture
    if tags and tags.get(_TILE_WIDTH):
        check_pixels(int(tags[_TILE_WIDTH]), int(tags.get(_TILE_LENGTH, 1)), called)


def _one_pass(file: IO[bytes]) -> bool:
    """Is the JPEG sequential with one scan? A decoder keeps every coefficient of any other, however reduced its output is."""
    before = file.tell()
    file.seek(2)
    components = 0
    try:
        while True:
            mark, code, *length = file.read(4)
            body = file.read(int.from_bytes(bytes(length), "big") - 2)
            if mark != 0xFF:
                return False
            if code in {0xC0, 0xC1}:
                components = body[5]
            elif code == 0xDA:
                return body[0] == components
            elif 0xC2 <= code <= 0xCF and code not in {0xC4, 0xC8, 0xCC}:
                return False
    except (ValueError, IndexError):
        return False
    finally:
        file.seek(before)


def _upright(image: Image) -> Image:
    from PIL.Image import Transpose

    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - damaged metadata can raise anything, and the pixels are whole
        return image
    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation if isinstance(orientation, int) else 1)
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image, called: str) -> Image:
    if image.mode in _SIXTEEN or image.mode in {"I", "F"}:
        return _deep(image, called)
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in {"RGB", "1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX"}:
        return image if image.mode == "RGB" else image.convert("RGB")
    raise UnreadablePicture(f"{called} has the colour mode {image.mode!r}, which isn't read. Convert it to RGB first.")


def _deep(image: Image, called: str) -> Image:
    """Samples of more than eight bits. Pillow's mode I holds 16-bit ones where a format has no mode of its own for them."""
    import numpy

    from perdure.cot.pictures.arrays import from_array

    samples = numpy.asarray(image)
    if image.mode == "I":
        if samples.min() < 0 or samples.max() > 0xFFFF:
            raise UnreadablePicture(
                f"{called} has samples from {samples.min()} to {samples.max()}, and up to 65535 are read. Scale it to 8 bits first."
            )
        samples = samples.astype(numpy.uint16)
    return from_array(samples, called)


def _on_white(image: Image) -> Image:
    from PIL import Image as Images

    # The premultiplied modes have one way out each.
    steps = {"La": ("LA", "RGBA"), "RGBa": ("RGBA",), "RGBA": ()}.get(image.mode, ("RGBA",))
    for mode in steps:
        image = image.convert(mode)
    white = Images.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white
