"""What pyplot has open, kept as it is while values are looked at: a figure that was open when it was saved opens itself again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def undisturbed() -> Iterator[None]:
    """Close what is opened in the block, so that the current figure is again what it was."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    before = pyplot.get_fignums() if pyplot is not None else []
    try:
        yield
    finally:
        pyplot = sys.modules.get("matplotlib.pyplot")
        for number in pyplot.get_fignums() if pyplot is not None else ():
            if number not in before:
                pyplot.close(number)
