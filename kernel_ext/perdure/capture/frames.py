"""pandas: copy-on-write stays what it was.

Since pandas 3, frames share memory until one of them is written to; which blocks share is known to an object that pickling
drops. Without it, two restored frames over one memory would write through to each other. An ``Index`` can't change, so
sharing one ties nothing (its names can: an identity that is given up, docs/design/0003).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure.capture.pickler import SessionPickler


def reducer_for(kind: type) -> Any:
    pandas = sys.modules["pandas"]
    if issubclass(kind, pandas.Index):
        return reduce_index
    internals = sys.modules.get("pandas._libs.internals")
    if internals is not None and hasattr(internals, "Block") and hasattr(internals, "BlockValuesRefs"):
        if issubclass(kind, internals.Block):
            return reduce_block
        if kind is internals.BlockValuesRefs:
            return reduce_references
        if kind.__name__ == "SingleBlockManager":
            return reduce_manager
    return None


def reduce_index(pickler: SessionPickler, index: Any) -> Any:
    from perdure.capture.libraries import load_apart
    from perdure.capture.pickler import dump_apart

    if pickler.inner:
        return NotImplemented
    stream, buffers = dump_apart(pickler, index)
    return load_apart, (stream, *buffers)


def reduce_block(_pickler: SessionPickler, block: Any) -> Any:
    arguments = block.__reduce__()[1]
    references = getattr(block, "refs", None)
    if references is None or len(arguments) != 3:
        return NotImplemented
    return make_block, (*arguments, references)


def reduce_manager(_pickler: SessionPickler, manager: Any) -> Any:
    """A series keeps its values in one block, whose ``references`` pandas' own pickling drops."""
    return make_manager, (type(manager), manager.blocks[0], manager.axes[0])


def make_manager(kind: Any, block: Any, axis: Any) -> Any:
    """What a series of ``block``'s values is made of."""
    return kind(block, axis)


def reduce_references(_pickler: SessionPickler, references: Any) -> Any:
    return type(references), ()


def make_block(values: Any, placement: Any, dimensions: int, references: Any) -> Any:
    """A block that shares its memory with those that have the same ``references``."""
    from pandas._libs.internals import BlockPlacement
    from pandas.core.internals.blocks import new_block

    return new_block(values, BlockPlacement(placement), ndim=dimensions, refs=references)
