"""A preview: a small description of a value, recorded with its commit and shown without unpickling anything.

Taking one runs none of the value's own code. A user's ``__repr__``, ``__len__`` or ``__class__`` may be slow, raise,
hang or change the very value that is being committed, so every test here is on the exact type or through a builtin's
own descriptor, and libraries are only ever looked up among those that are already imported.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import enum
import pathlib
import re
import sys
import types
from itertools import islice
from typing import Any, TypeAlias

from perdure.capture.thumbnail import core_of, thumbnail

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

LIMIT = 120
"""The most characters that a preview's ``repr`` has."""

_DEPTH = 3
_NAME_LIMIT = 60
_COLUMNS = 20
_HEAD_ROWS, _HEAD_COLUMNS, _HEAD_LIMIT = 3, 5, 40
_SAMPLES = 6
_WIDE = 1000
_LARGE_INTEGER = 512
_CUTS = re.compile("…{2,}")

_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}
_SIZED: tuple[Any, ...] = (list, tuple, dict, set, frozenset, str, bytes, bytearray, collections.deque, range)
_FLAT = (int, float, complex, bool, str, bytes, bytearray)
_PLAIN = (float, complex, bool, type(None), type(...), type(NotImplemented), range, datetime.date, datetime.timedelta,
          datetime.timezone, pathlib.PosixPath, pathlib.WindowsPath)  # fmt: skip

# Read through the descriptors of ``type`` itself: a metaclass can't put its own code in the way.
_module_of: Any = type.__dict__["__module__"].__get__
_name_of: Any = type.__dict__["__qualname__"].__get__


def preview(value: object) -> dict[str, JSON]:
    """What a face can say about a value without having it.

    Always ``type`` and ``repr``; and, where they are cheaply known, ``length``, ``size`` (bytes), ``shape``, ``dtype``,
    ``device`` (of a tensor), and of a frame ``columns`` (the first names, each with its dtype) and ``head`` (the first
    rows' first cells, as text), of a picture ``thumbnail`` (a data URL).
    """
    kind = type(value)
    facts: dict[str, JSON] = {"type": type_name(kind), "repr": describe(value)}
    with contextlib.suppress(Exception):  # half a description is better than a commit that fails
        _measure(value, kind, facts)
    return facts


def describe(value: object, limit: int = LIMIT) -> str:
    """One line of at most ``limit`` characters that says what a value is, without running the value's code."""
    try:
        text = _phrase(value, limit, _DEPTH, ())
    except Exception:  # noqa: BLE001 - e.g. a dictionary that another thread changes meanwhile
        text = f"<{type_name(type(value))}>"
    # A cut within a cut shows once.
    return _CUTS.sub("…", shorten(text, limit))


def type_name(kind: type) -> str:
    """A type's full name, as in ``numpy.ndarray``; builtins go without their module."""
    try:
        module, name = _module_of(kind), _name_of(kind)
    except Exception:  # noqa: BLE001 - a class may have deleted its own __module__
        module, name = None, type.__dict__["__name__"].__get__(kind)
    full = name if not isinstance(module, str) or module == "builtins" else f"{module}.{name}"
    return shorten(printable(full), LIMIT)


def printable(text: str) -> str:
    """The text as it can be written in UTF-8: a lone surrogate, which can't, becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shorten(text: str, limit: int) -> str:
    """The text, cut to ``limit`` characters; an ellipsis shows the cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def loaded(module: str, name: str) -> Any:
    """``module.name`` if that module is imported already, else None. Imports nothing, not even a lazy module."""
    found = sys.modules.get(module)
    return None if found is None else object.__getattribute__(found, "__dict__").get(name)


def is_kind(kind: type, module: str, name: str) -> bool:
    """Whether a type is ``module.name`` or derives from it."""
    wanted = loaded(module, name)
    return isinstance(wanted, type) and wanted in type.__dict__["__mro__"].__get__(kind)


# -- one line ------------------------------------------------------------------------------------------------------


def _phrase(value: object, limit: int, depth: int, outer: tuple[int, ...]) -> str:
    kind = type(value)
    if kind is str or kind is bytes or kind is bytearray:
        return _quoted(value, limit)
    if kind is int:
        large = int.bit_length(value) > _LARGE_INTEGER  # type: ignore[arg-type]
        return f"<int of {int.bit_length(value):,} bits>" if large else int.__repr__(value)  # type: ignore[arg-type]
    if kind in _PLAIN:
        return repr(value)
    if kind in _BRACKETS:
        return _bracketed(value, kind, limit, depth, outer)
    if kind is datetime.datetime or kind is datetime.time:
        # The representation includes that of the time zone, which may be anybody's class.
        plain = value.tzinfo is None or type(value.tzinfo) is datetime.timezone  # type: ignore[attr-defined]
        return repr(value) if plain else f"<{type_name(kind)} {value.replace(tzinfo=None)}>"  # type: ignore[attr-defined]
    if kind is decimal.Decimal and sys.getsizeof(value) < _LARGE_INTEGER:
        return repr(value)
    return _named(value, kind)


def _quoted(value: Any, limit: int) -> str:
    text = repr(value[:limit])
    return text + "…" if len(value) > limit else text


def _bracketed(value: Any, kind: type, limit: int, depth: int, outer: tuple[int, ...]) -> str:
    opening, closing = _BRACKETS[kind]
    if not value:
        return f"{kind.__name__}()" if kind in (set, frozenset) else opening + closing
    if depth == 0 or id(value) in outer:
        return f"{opening}…{closing}"
    outer = (*outer, id(value))
    pieces: list[str] = []
    room = limit - len(opening) - len(closing)
    # Every piece takes three characters at least, so that the room also bounds how many there are.
    for item in islice(value.items() if kind is dict else value, limit):
        if room <= 0:
            break
        if kind is dict:
            key = _phrase(item[0], room, depth - 1, outer)
            piece = f"{key}: {_phrase(item[1], max(room - len(key), 4), depth - 1, outer)}"
        else:
            piece = _phrase(item, room, depth - 1, outer)
        pieces.append(shorten(piece, max(room, 2)))
        room -= len(piece) + 2
    if len(pieces) < len(value):
        pieces.append("…")
    elif kind is tuple and len(pieces) == 1:
        closing = ",)"
    return opening + ", ".join(pieces) + closing


def _named(value: Any, kind: type) -> str:
    """What is not spelled out: its type, and a fact or two."""
    if kind is types.FunctionType:
        code = value.__code__
        return f"<function {value.__qualname__}({', '.join(code.co_varnames[: code.co_argcount])})>"
    if kind is types.ModuleType:
        return f"<module {object.__getattribute__(value, '__dict__').get('__name__')}>"
    if kind is types.BuiltinFunctionType:
        return f"<built-in function {value.__name__}>"
    if issubclass(kind, type):
        return f"<class {type_name(value)}>"
    name = type_name(kind)
    if issubclass(kind, enum.Enum):
        return f"<{name}.{object.__getattribute__(value, '_name_')}>"
    if is_kind(kind, "numpy", "generic"):
        return repr(value) if value.dtype.kind in "biufcmM" and kind.__module__ == "numpy" else f"<{name}>"
    if is_kind(kind, "numpy", "ndarray"):
        return _array_phrase(value, name)
    if kind is loaded("pandas", "Timestamp") or kind is loaded("pandas", "Timedelta"):
        return (
            f"<pandas.{kind.__name__} {value if getattr(value, 'tzinfo', None) is None else value.tz_localize(None)}>"
        )
    facts: dict[str, JSON] = {}
    _measure_library(value, kind, facts, cells=False)
    for base in _SIZED:
        if issubclass(kind, base):
            facts["items"] = f"with {base.__len__(value):,} items"
    shape = facts.get("shape")
    sizes = " x ".join(f"{size:,}" for size in shape) if isinstance(shape, list) else None
    extra = [str(fact) for fact in (sizes, facts.get("dtype"), facts.get("device"), facts.get("items")) if fact]
    return f"<{' '.join([name, *extra])}>"


def _array_phrase(array: Any, name: str) -> str:
    base = loaded("numpy", "ndarray")
    shape, dtype = base.shape.__get__(array), base.dtype.__get__(array)
    text = f"<{name} {'x'.join(map(str, shape)) or 'scalar'} {shorten(str(dtype), _NAME_LIMIT)}"
    if dtype.kind in "biufc" and 0 not in shape:
        first = base.flat.__get__(array)[:_SAMPLES].tolist()
        more = ", …" if base.size.__get__(array) > _SAMPLES else ""
        text += f": {', '.join(map(_number, first))}{more}"
    return shorten(text, LIMIT - 1) + ">"


def _number(number: object) -> str:
    return f"{number:.6g}" if type(number) is float else repr(number)


# -- facts ---------------------------------------------------------------------------------------------------------


def _measure(value: Any, kind: type, facts: dict[str, JSON]) -> None:
    if kind in _FLAT:
        facts["size"] = sys.getsizeof(value)
    elif kind is memoryview:
        facts.update(size=value.nbytes, shape=list(value.shape or ()), dtype=value.format)
    for base in _SIZED:
        if issubclass(kind, base):
            facts["length"] = base.__len__(value)
            return
    if is_kind(kind, "numpy", "ndarray"):
        base = loaded("numpy", "ndarray")
        shape = base.shape.__get__(value)
        facts.update(shape=list(shape), dtype=shorten(str(base.dtype.__get__(value)), _NAME_LIMIT))
        facts["size"] = base.nbytes.__get__(value)
        if shape:
            facts["length"] = shape[0]
    else:
        _measure_library(value, kind, facts, cells=True)


def _measure_library(value: Any, kind: type, facts: dict[str, JSON], cells: bool) -> None:
    """Facts of the frames and tensors of libraries; of a user's subclass only what the library's own class says."""
    if is_kind(kind, "pandas", "DataFrame"):
        _measure_pandas_frame(value, kind, facts, cells)
    elif is_kind(kind, "pandas", "Series") or is_kind(kind, "pandas", "Index"):
        facts.update(shape=[len(value)], length=len(value), dtype=shorten(str(value.dtype), _NAME_LIMIT))
        if cells:
            facts["size"] = int(value.nbytes)
            if kind is loaded("pandas", "Series"):
                facts["head"] = [_cell(value.iat[row]) for row in range(min(len(value), _HEAD_ROWS))]
    elif kind is loaded("polars", "DataFrame"):
        facts.update(shape=list(value.shape), length=value.height)
        if cells:
            _measure_polars_frame(value, facts)
    elif kind is loaded("polars", "Series"):
        facts.update(shape=[len(value)], length=len(value), dtype=shorten(str(value.dtype), _NAME_LIMIT))
        if cells:
            facts.update(size=value.estimated_size(), head=[_cell(cell) for cell in value[:_HEAD_ROWS]])
    elif is_kind(kind, "PIL.Image", "Image") and kind.__module__.startswith("PIL."):
        _measure_picture(value, facts, cells)
    elif kind is loaded("torch", "Tensor") or type_name(kind) == "torch.nn.parameter.Parameter":
        facts.update(shape=list(map(int, value.shape)), dtype=str(value.dtype).removeprefix("torch."))
        facts["device"] = str(value.device)
        if value.ndim:
            facts["length"] = int(value.shape[0])
        facts["size"] = int(value.nbytes)  # last, because a sparse tensor doesn't say


def _measure_pandas_frame(frame: Any, kind: type, facts: dict[str, JSON], cells: bool) -> None:
    height, width = len(frame.index), len(frame.columns)
    facts.update(shape=[height, width], length=height)
    if not cells:
        return
    shown = min(width, _COLUMNS)
    names = frame.columns[:shown].tolist()
    dtypes = (frame if width <= _WIDE else frame.iloc[:, :shown]).dtypes.tolist()[:shown]
    # To name a dtype is the slowest part, and a frame's columns share few. (To hash a categorical one is slower still.)
    distinct = {id(dtype): dtype for dtype in dtypes}
    texts: dict[int, JSON] = {identity: shorten(str(dtype), _NAME_LIMIT) for identity, dtype in distinct.items()}
    facts["columns"] = [[_column(name), texts[id(dtype)]] for name, dtype in zip(names, dtypes, strict=True)]
    if kind is loaded("pandas", "DataFrame"):
        facts["head"] = [
            [_cell(frame.iat[row, column]) for column in range(min(width, _HEAD_COLUMNS))]
            for row in range(min(height, _HEAD_ROWS))
        ]
        # The public memory_usage() takes longer than all the rest together.
        blocks = frame._mgr.blocks  # noqa: SLF001
        if len(blocks) <= _WIDE:
            facts["size"] = sum(int(block.values.nbytes) for block in blocks)


def _measure_picture(picture: Any, facts: dict[str, JSON], cells: bool) -> None:
    core = core_of(picture)
    if core is None:  # a file that hasn't been read yet, and isn't for our sake
        return
    facts.update(shape=list(core.size), dtype=core.mode)
    if cells and (small := thumbnail(picture)) is not None:
        facts["thumbnail"] = small


def _measure_polars_frame(frame: Any, facts: dict[str, JSON]) -> None:
    schema = list(islice(frame.schema.items(), _COLUMNS))
    facts["columns"] = [[_column(name), shorten(str(dtype), _NAME_LIMIT)] for name, dtype in schema]
    corner = frame[:_HEAD_ROWS, :_HEAD_COLUMNS]
    facts["head"] = [[_cell(cell) for cell in row] for row in corner.rows()]
    facts["size"] = int(frame.estimated_size())


def _column(name: object) -> str:
    return shorten(printable(name), _NAME_LIMIT) if type(name) is str else describe(name, _NAME_LIMIT)


def _cell(value: Any) -> str:
    """A cell of a frame; a number without the name of its NumPy type, which the column says already."""
    plain = is_kind(type(value), "numpy", "number") and type(value).__module__ == "numpy"
    return describe(value.item() if plain else value, _HEAD_LIMIT)
