"""Whatever a user may mean by a picture, as a `Picture`; what was given stays as it was."""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, Final

from perdure.cot.picture import Picture
from perdure.cot.pictures.arrays import from_array, from_tensor
from perdure.cot.pictures.decoding import FORMATS, check_pixels, decoded, flattened
from perdure.cot.pictures.fetching import fetched, is_url, shown
from perdure.errors import MissingExtra, UnreadablePicture, UsageError

_LONGEST_NAME: Final = 200
_LAZY: Final = threading.Lock()
"""A file that several threads may read through one lazily opened image is read by one at a time."""


def load(thing: object, *, name: str | None = None, urls: bool = False) -> Picture:
    """The picture that ``thing`` is: a path, a URL where ``urls`` are allowed, an image of Pillow's or IPython's, an array, a tensor,
    a figure, an encoded file's bytes, an open file, or a `Picture`. ``name`` is what people will read as its origin.

    :raises UnreadablePicture: if it is no picture, is damaged, or is too large.
    :raises UsageError: if it is a URL and URLs aren't allowed.
    """
    if isinstance(thing, Picture):
        return thing
    try:
        import PIL.Image  # noqa: F401 - everything below needs it
    except ImportError:
        raise MissingExtra("Reading pictures needs Pillow. Install it with: pip install 'perdure[cot]'") from None
    if isinstance(thing, (str, os.PathLike)):
        return _named(os.fsdecode(thing), name, urls)
    called = f"The picture {name}" if name else "The picture"
    if isinstance(thing, (bytes, bytearray, memoryview)):
        return Picture(decoded(io.BytesIO(thing), called), name)
    if _is(thing, "IPython.core.display", "Image"):
        return _from_display(thing, name, urls)
    reader = _reader(thing)
    if reader is None:
        raise UnreadablePicture(
            f"{called} is of the type {_type_name(thing)}, which can't be read as one. "
            "Give a path, an image, an array, a tensor, a figure or an encoded file's bytes."
        )
    return Picture(reader(thing, called), name)


def load_all(things: object, *, name: str | None = None, urls: bool = False) -> tuple[Picture, ...]:
    """Several pictures in their order: each of a list (or other iterable), the one that ``things`` itself is, or none of None."""
    if things is None:
        return ()
    single = (
        isinstance(things, (Picture, str, os.PathLike, bytes, bytearray, memoryview)) or _reader(things) is not None
    )
    if single or not isinstance(things, Iterable):
        return (load(things, name=name, urls=urls),)
    return tuple(
        load(thing, name=None if name is None else f"{name}[{place}]", urls=urls) for place, thing in enumerate(things)
    )


def _is(thing: object, module: str, kind: str) -> bool:
    """Is it an instance of that class? A module that nobody has imported has no instances."""
    loaded = getattr(sys.modules.get(module), kind, None)
    return isinstance(loaded, type) and isinstance(thing, loaded)


def _type_name(thing: object) -> str:
    kind = type(thing)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _reader(thing: object) -> Callable[[Any, str], Any] | None:
    """What turns a live object into an image."""
    if _is(thing, "PIL.Image", "Image"):
        return _from_image
    if _is(thing, "numpy", "ndarray"):
        return from_array
    if _is(thing, "torch", "Tensor"):
        return from_tensor
    if _is(thing, "matplotlib.figure", "Figure"):
        return _from_figure
    if isinstance(thing, io.BytesIO) or all(hasattr(thing, method) for method in ("read", "seek", "tell")):
        return _from_file
    return None


def _named(text: str, name: str | None, urls: bool) -> Picture:
    if is_url(text):
        if not urls:
            raise UsageError(
                f"{shown(text)} is a URL, and URLs are off. Allow them, or download the file and give its path."
            )
        origin = name or shown(text)
        return Picture(decoded(io.BytesIO(fetched(text)), shown(text)), origin)
    short = text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."
    try:
        path = Path(text)
        if text.startswith("~"):
            path = path.expanduser()
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnreadablePicture(f"{short!r} is a folder. Give the path of a picture in it.")
        if not stat.S_ISREG(mode):  # a pipe or a device might never end
            raise UnreadablePicture(f"{short!r} is no regular file. Give the path of a picture.")
        with path.open("rb") as file:
            return Picture(decoded(file, repr(short)), name or text)
    except FileNotFoundError:
        raise UnreadablePicture(
            f"There is no file {short!r}. Check the path, or the folder that it starts from."
        ) from None
    except (OSError, RuntimeError, ValueError) as error:  # a name that no file can have gives the latter two
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadablePicture(f"{short!r} can't be read: {reason}. Check the path and its permissions.") from None


def _from_display(image: Any, name: str | None, urls: bool) -> Picture:
    """IPython's: it has the bytes, or only a URL."""
    if isinstance(image.data, bytes):
        return load(image.data, name=name or image.filename, urls=urls)
    if image.url:
        return load(str(image.url), name=name, urls=urls)
    raise UnreadablePicture("The IPython image holds no data. Make it from a file's path or bytes.")


def _from_file(file: IO[bytes], called: str) -> Any:
    if isinstance(file, io.BytesIO):
        return decoded(io.BytesIO(file.getvalue()), called)
    try:
        before = file.tell()
        file.seek(0)
        binary = isinstance(file.read(0), bytes)
    except (OSError, ValueError, TypeError, AttributeError):  # closed, a socket, or a class that only looks like a file
        binary = False
    if not binary:
        raise UnreadablePicture(
            f"{called} is a file that can't be read from its beginning as bytes. Open it again with 'rb'."
        )
    try:
        return decoded(file, called)
    finally:
        file.seek(before)


def _from_image(image: Any, called: str) -> Any:
    """Pillow's. One that is still lazy is read through a second one on the same file, because decoding would change it."""
    from PIL import ImageFile

    file = getattr(image, "fp", None) if isinstance(image, ImageFile.ImageFile) and image.tile else None
    if file is not None and not getattr(file, "closed", False) and (image.format in FORMATS or image.format == "MPO"):
        with _LAZY:
            before = file.tell()
            try:
                return decoded(file, called, frame=image.tell(), draft=image.size)
            finally:
                file.seek(before)
    width, height = image.size
    check_pixels(width, height, called)
    try:
        return flattened(image.copy(), called)
    except UnreadablePicture:
        raise
    except Exception as error:  # noqa: BLE001 - a closed image, or one of a damaged file, can raise anything
        raise UnreadablePicture(
            f"{called} can't be read from Pillow's image{_because(error)}. Open it again."
        ) from None


def _from_figure(figure: Any, called: str) -> Any:
    """Matplotlib's, drawn as it would be saved. Saving leaves a figure as it was but for two traces, which are kept off here: its
    drawing is announced to whoever listens, and it no longer counts as changed.
    """
    width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
    check_pixels(width, height, called)
    out = io.BytesIO()
    stale, callback = figure.stale, figure.stale_callback
    figure.stale_callback = None
    try:
        with figure.canvas.callbacks.blocked():
            figure.savefig(out, format="png", dpi=figure.dpi, pil_kwargs={"compress_level": 1})
    except Exception as error:
        raise UnreadablePicture(f"{called} can't be drawn{_because(error)}. Try its savefig to see why.") from error
    finally:
        figure.stale = stale
        figure.stale_callback = callback
    return decoded(out, called)


def _because(error: Exception) -> str:
    reason = " ".join(str(error).split()).rstrip(".")[:_LONGEST_NAME]
    return f": {reason}" if reason else ""
