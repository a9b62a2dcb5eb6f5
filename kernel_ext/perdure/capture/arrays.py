"""NumPy arrays: a view stays a view of its base.

Plain pickling writes a view as an array of its own. Here, a view whose base is seen by anything else is kept as its base
and a window on it; since the base is then one object of the stream, everything that shares its memory is tied together.
Once kept so, it stays so: who else has seen the base may only be waiting for the garbage collector, whose rounds change no value.
"""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING, Any, cast

from perdure.capture.stream import Stream, read_ahead
from perdure.capture.table import LEAVES

if TYPE_CHECKING:
    import numpy

    from perdure.capture.pickler import SessionPickler

#: A window smaller than this share of a base that nothing else sees is cut out rather than kept with its base.
WASTE = 4

#: Items from which on an array of objects is looked through for a shorter way.
MANY = 256

#: What holds a base that only its view knows: the view's own reference, the local name here, and getrefcount's argument.
_PRIVATE = 3


def reducer_for(kind: type) -> Any:
    import numpy

    if issubclass(kind, numpy.memmap):
        return refuse_memory_map
    return {numpy.ndarray: reduce_array, numpy.void: reduce_record}.get(kind)


def refuse_memory_map(_pickler: SessionPickler, array: Any) -> Any:
    """Restored, it would be an array that writes to no file any more, without a word."""
    raise pickle.PicklingError(f"a memory map's values are in its file ({array.filename}), which perdure doesn't keep")


def reduce_array(pickler: SessionPickler, array: numpy.ndarray[Any, Any]) -> Any:
    import numpy

    base: Any = array.base
    if base is None:
        return _owner(pickler, array)
    if type(base).__module__ == "torch":
        from perdure.capture.tensors import reduce_window

        return reduce_window(array, base)
    if type(base) is not numpy.ndarray:
        # Over a bytearray, a memory map or foreign memory. Unless that is the session's own, the array is all there is.
        if _is_seen_bytearray(pickler, base):
            base = base.obj if type(base) is memoryview else base
            pickler.windows.add(id(base))
            offset = _address(array) - _address(numpy.frombuffer(base, "u1"))
            return window, (base, array.dtype, array.shape, array.strides, offset, array.flags.writeable)
        return NotImplemented
    private = sys.getrefcount(base) <= _PRIVATE and id(base) not in pickler.windowed
    # The base that others see: an array that was restored has a base of its own behind it, which nobody else knows.
    while type(further := base.base) is numpy.ndarray and (
        sys.getrefcount(further) > _PRIVATE or id(further) in pickler.windowed
    ):
        base, private = further, False
    private = private and not _is_seen_bytearray(pickler, further)
    if private:
        if array.flags.forc:
            return _owner(pickler, array)
        if base.nbytes > WASTE * array.nbytes:
            return numpy.copy, (numpy.ascontiguousarray(array),)
    return _window(pickler, array, base, private=private)


def _window(
    pickler: SessionPickler, array: numpy.ndarray[Any, Any], base: numpy.ndarray[Any, Any], *, private: bool
) -> Any:
    """A view as its base and a window on it; ``private`` if nothing else sees the base."""
    if not base.flags.forc:
        return NotImplemented
    offset = _address(array) - _address(base)
    apart = array.dtype.hasobject != base.dtype.hasobject
    if apart and private:
        return NotImplemented
    if not private:
        pickler.windows.add(id(base))
    if apart:
        return _field(array, base, offset)
    return window, (base, array.dtype, array.shape, array.strides, offset, array.flags.writeable)


def _field(array: numpy.ndarray[Any, Any], base: numpy.ndarray[Any, Any], offset: int) -> Any:
    """A field of a structured array some other fields of which are objects: NumPy makes such a view by the field's name only.

    :raises PicklingError: if it is several of its fields, say: kept without the base, it would come back as a copy.
    """
    size = base.dtype.itemsize
    for name, (dtype, at, *_) in (base.dtype.fields or {}).items():
        if dtype == array.dtype and offset % size == at and not any(stride % size for stride in array.strides):
            records = (base, base.dtype, array.shape, array.strides, offset - at, array.flags.writeable)
            return window_on_field, (name, *records)
    raise pickle.PicklingError("a view of parts of an array that also has objects can't be kept")


def _is_seen_bytearray(pickler: SessionPickler, memory: Any) -> bool:
    """Whether what an array lies in is a bytearray, by itself or through the view that NumPy takes of it, that others have too."""
    private = _PRIVATE + 1  # the caller has a name for it, too
    if type(memory) is memoryview:
        memory, private = memory.obj, _PRIVATE
    return type(memory) is bytearray and (sys.getrefcount(memory) > private or id(memory) in pickler.windowed)


def reduce_record(_pickler: SessionPickler, record: numpy.void) -> Any:
    """One row of a structured array, which is a view of it."""
    import numpy

    base: Any = record.base
    if type(base) is not numpy.ndarray:
        return NotImplemented
    while type(further := base.base) is numpy.ndarray:
        base = further
    if not base.flags.forc or record.dtype.hasobject != base.dtype.hasobject:
        return NotImplemented
    return window_on_record, (base, record.dtype, _address(record) - _address(base), record.flags.writeable)


def _owner(pickler: SessionPickler, array: numpy.ndarray[Any, Any]) -> Any:
    """An array that is its memory. PyTorch can look at the same memory without holding the array: that ties them."""
    if "torch" in sys.modules and array.nbytes:
        address = _address(array)
        pickler.addresses.add(address)
        storage = pickler.shared.setdefault(address, array)
        if storage is not array and type(storage) is not type(array):
            from perdure.capture.tensors import reduce_window_on

            return reduce_window_on(storage, array)
    if array.dtype.hasobject and array.size >= MANY and array.dtype.names is None:
        return _reduce_leaves(array)
    return NotImplemented


def _reduce_leaves(array: numpy.ndarray[Any, Any]) -> Any:
    """An array of strings, numbers and ``None`` (a text column): its items can't tie anything, so none is logged."""
    items = array.ravel(order="K").tolist()
    if not LEAVES.issuperset(map(type, items)):
        return NotImplemented
    stream = Stream()
    pickle.Pickler(stream, protocol=5).dump(items)
    return load_leaves, (stream.take(), array.shape, "F" if array.flags.fnc else "C")


def load_leaves(stream: bytes, shape: tuple[int, ...], order: Any) -> numpy.ndarray[Any, Any]:
    """The array of objects with these items, in the order in which they lie in memory."""
    import numpy

    items = pickle.Unpickler(read_ahead(stream)).load()
    array: numpy.ndarray[Any, Any] = numpy.empty(len(items), object)
    array[:] = items
    if order == "F":
        return array.reshape(shape, order="F")
    array.resize(shape, refcheck=False)
    return array


def _address(array: numpy.ndarray[Any, Any] | numpy.void) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def window(
    base: numpy.ndarray[Any, Any] | bytearray,
    dtype: numpy.dtype[Any],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    writeable: bool,
) -> numpy.ndarray[Any, Any]:
    """The view of ``base``'s memory that begins ``offset`` bytes into it."""
    import numpy

    view: numpy.ndarray[Any, Any] = numpy.ndarray(shape, dtype, buffer=base, offset=offset, strides=strides)
    if not writeable:
        view.flags.writeable = False
    return view


def window_on_field(name: str, *records: Any) -> numpy.ndarray[Any, Any]:
    """The field of that name of the `window` on a structured array."""
    found: numpy.ndarray[Any, Any] = window(*records)[name]
    return found


def window_on_record(
    base: numpy.ndarray[Any, Any], dtype: numpy.dtype[Any], offset: int, writeable: bool
) -> numpy.void:
    """The row that begins ``offset`` bytes into ``base``'s memory."""
    row: Any = window(base, dtype, (), (), offset, writeable)[()]
    return cast("numpy.void", row)


def adopt_buffer(buffer: Any, dtype: numpy.dtype[Any], shape: tuple[int, ...], order: Any) -> numpy.ndarray[Any, Any]:
    """The array over ``buffer``, as NumPy's own unpickling makes it; but one that owns its memory, if it did.

    A view's base is then the very array that it was a view of.
    """
    import numpy

    owned = type(buffer) is numpy.ndarray and buffer.base is None and buffer.flags.owndata and order == "C"
    if not (owned and buffer.nbytes and dtype.itemsize):
        flat: numpy.ndarray[Any, Any] = numpy.frombuffer(buffer, dtype=dtype)
        shaped = flat.reshape(shape, order=order)
        return shaped.copy(order="K") if type(buffer) is bytearray else shaped
    array: numpy.ndarray[Any, Any] = buffer
    array.dtype = dtype  # type: ignore[misc]
    array.resize(shape, refcheck=False)
    return array
