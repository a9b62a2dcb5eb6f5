"""Plain words for what the verbs show: sizes, times, tables, and text that is safe to print."""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from perdure.capture.preview import printable, shorten

__all__ = [
    "clean",
    "counted",
    "did_you_mean",
    "indented",
    "moment",
    "shorten",
    "size",
    "span",
    "table",
    "typed_here",
    "width",
]

#: A command that has another name in a notebook. A store is repaired from a shell, when no kernel uses it.
_OF_THE_SHELL = re.compile(r"`perdure (?=[a-z])(?!verify --repair)")

#: What would move a terminal's cursor or change its colours: code and names may come from somebody else.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """The text as a terminal may have it: no control characters besides line ends and tabs."""
    return _CONTROL.sub("?", printable(text.replace("\r\n", "\n")))


def typed_here(text: str, *, kernel: bool) -> str:
    """The text with its commands, which stand between backticks, as one types them here.

    What is ``perdure log`` in a shell is ``%dart log`` in a notebook, and ``perdure cot log`` is ``%cot log``.
    """
    if not kernel:
        return text.replace("`%cot ", "`perdure cot ")
    return _OF_THE_SHELL.sub("`%dart ", text.replace("`perdure cot ", "`%cot "))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names what is spelled most like it; empty if nothing is."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else ""


def size(nbytes: float) -> str:
    """``527 kB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if nbytes < 999.5:
            return f"{nbytes:.0f} {unit}" if unit == "B" or nbytes >= 9.95 else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    return f"{nbytes:.1f} TB"


def span(seconds: float) -> str:
    """``0.3 ms``, ``12 ms``, ``1.2 s``, ``4 min 12 s``, ``2 h 05 min``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.{1 if seconds < 0.00995 else 0}f} ms"
    if seconds < 59.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def moment(timestamp: float) -> str:
    """A time of today as ``14:03:22``, of another day with its date; in the reader's time zone."""
    when, now = (datetime.fromtimestamp(stamp, tz=UTC).astimezone() for stamp in (timestamp, _now()))
    if when.date() == now.date():
        return f"{when:%H:%M:%S}"
    return f"{when.day} {when:%b %H:%M}" if when.year == now.year else f"{when.day} {when:%b %Y}"


def _now() -> float:
    return datetime.now(tz=UTC).timestamp()


def counted(number: int, noun: str) -> str:
    """``1 commit``, ``3 commits``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def indented(text: str, by: str = "    ") -> str:
    """Every line moved to the right."""
    return "\n".join(f"{by}{line}".rstrip() for line in text.splitlines())


def width() -> int:
    """Characters that a line may have: the terminal's, or what a notebook shows without wrapping."""
    return max(shutil.get_terminal_size((110, 24)).columns, 60)


def table(rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Lines of aligned columns, each cut to :func:`width`; the columns of ``right`` are flush right, empty ones left out."""
    cells = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        parts = [
            cell.rjust(wide) if at in right else cell.ljust(wide)
            for at, (cell, wide) in enumerate(zip(row, widths, strict=True))
            if wide
        ]
        lines.append(shorten("  ".join(parts).rstrip(), width()))
    return lines
