"""NumPy arrays: a view stays a view of its base.

Plain pickling writes a view as an array of its own. Here, a view whose base is seen by anything else is kept as its base
and a window on it; since the base is then one object of the stream, everything that shares its memory is tied together.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

    from perdure.capture.pickler import SessionPickler

#: A window smaller than this share of a base that nothing else sees is cut out rather than kept with its base.
WASTE = 4

#: What holds a base that only its view knows: the view's own reference, the local name here, and getrefcount's argument.
_PRIVATE = 3


def reducer_for(kind: type) -> Any:
    import numpy

    return reduce_array if kind is numpy.ndarray else None


def reduce_array(pickler: SessionPickler, array: numpy.ndarray[Any, Any]) -> Any:
    import numpy

    base = array.base
    if base is None:
        return NotImplemented
    if type(base) is not numpy.ndarray:
        # Over a bytearray, a memory map or foreign memory. Unless that is the session's own, the array is all there is.
        if type(base) is bytearray and sys.getrefcount(base) > _PRIVATE:
            offset = array.__array_interface__["data"][0] - numpy.frombuffer(base, "u1").__array_interface__["data"][0]
            return window_on_bytes, (base, array.dtype, array.shape, array.strides, offset, array.flags.writeable)
        return NotImplemented
    if sys.getrefcount(base) <= _PRIVATE:
        if array.flags.forc:
            return NotImplemented
        if base.nbytes > WASTE * array.nbytes:
            return numpy.copy, (numpy.ascontiguousarray(array),)
    while type(base.base) is numpy.ndarray:
        base = base.base
    if not (base.flags.forc and array.dtype.hasobject == base.dtype.hasobject):
        return NotImplemented
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return window, (base, array.dtype, array.shape, array.strides, offset, array.flags.writeable)


def window(
    base: numpy.ndarray[Any, Any],
    dtype: numpy.dtype[Any],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    writeable: bool,
) -> numpy.ndarray[Any, Any]:
    """The view of ``base``'s memory that begins ``offset`` bytes into it."""
    import numpy

    flat = base.reshape(-1, order="A")
    if dtype.hasobject:
        start = flat[offset // dtype.itemsize :]
        view = numpy.lib.stride_tricks.as_strided(start, shape, strides)
    else:
        view = numpy.ndarray(shape, dtype, buffer=flat.view("u1"), offset=offset, strides=strides)
    if not writeable:
        view.flags.writeable = False
    return view


def window_on_bytes(
    base: bytearray,
    dtype: numpy.dtype[Any],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    writeable: bool,
) -> numpy.ndarray[Any, Any]:
    """The array over ``base``'s memory that begins ``offset`` bytes into it."""
    import numpy

    view: numpy.ndarray[Any, Any] = numpy.ndarray(shape, dtype, buffer=base, offset=offset, strides=strides)
    view.flags.writeable = writeable
    return view
