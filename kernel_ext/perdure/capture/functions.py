"""Functions, closures and classes that were made in cells.

A function lives in the session: restored, it must see the session's live globals, so it is kept as its code, defaults and
closure, and never with a copy of the globals that it names (which is what cloudpickle would do). Inside another value, a
function or class of the session is kept as a reference to its name; an instance is then of the live class.
"""

from __future__ import annotations

import functools
import pickle
import types
import typing
import weakref
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from perdure.capture.enums import reduce_enum
from perdure.capture.reach import ESCAPES, EVERYTHING, reach_of_code

if TYPE_CHECKING:
    from perdure.capture.pickler import SessionPickler


# -- references by name: resolved by the unpickler, which knows the namespace that is being restored ----------------


def session_value(path: str) -> Any:
    """Stands in the stream for the object that the session knows by the dotted ``path``."""
    raise LookupError(f"{path} belongs to a session; read it through perdure.")


def _known_as(pickler: SessionPickler, obj: Any) -> str | None:
    """The dotted path under which the session's namespace has exactly this object, if it does."""
    path = getattr(obj, "__qualname__", None)
    if not isinstance(path, str) or "<" in path:
        return None
    first, *rest = path.split(".")
    found = pickler.namespace.get(first)
    for attribute in rest:
        found = vars(found).get(attribute) if isinstance(found, type) else None
        if isinstance(found, (staticmethod, classmethod)):
            found = found.__func__
    return path if found is obj else None


def _reference(pickler: SessionPickler, obj: Any) -> Any:
    path = _known_as(pickler, obj)
    if path is None or id(obj) in pickler.root_ids:
        return None
    first = path.partition(".")[0]
    if id(pickler.namespace[first]) in pickler.root_ids:
        return None  # a method, while its own class is being pickled
    pickler.refer_to(first)
    return session_value, (path,)


# -- functions --------------------------------------------------------------------------------------------------


def reduce_function(pickler: SessionPickler, function: types.FunctionType) -> Any:
    if function.__globals__ is not pickler.namespace:
        reduced = pickler.default_reduce(function)
        if reduced is not NotImplemented:  # by value, as it isn't what its module has under its name
            pickler.by_value.append(function)
            pickler.reach |= reach_of_code(function.__code__)
            if "__path__" in (kept := reduced[1][1]):
                kept["__path__"] = list(kept["__path__"])  # the package's own list would tie all functions of its code
        return reduced
    reference = _reference(pickler, function)
    if reference is not None:
        return reference
    pickler.reach |= reach_of_code(function.__code__)
    pickler.by_value.append(function)
    state = {
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__dict__": function.__dict__,
        "__doc__": function.__doc__,
        "__annotations__": _annotations(function),
        "__qualname__": function.__qualname__,
        "__module__": function.__module__,
    }
    # The cells are arguments and not state: a cell is memoized empty, before its contents, so recursion ends there.
    arguments = (function.__code__, function.__name__, function.__closure__)
    return make_function, arguments, state, None, None, set_function_state


def _annotations(function: types.FunctionType) -> dict[str, Any]:
    try:
        return function.__annotations__
    except NameError:  # evaluated on demand since Python 3.14, and naming something that isn't there
        return {}


def make_function(code: types.CodeType, name: str, closure: tuple[types.CellType, ...] | None) -> types.FunctionType:
    """A bare function over the session's own globals; the unpickler puts its own maker, which knows them, in its place."""
    raise LookupError("The function belongs to a session; read it through perdure.")


def set_function_state(function: types.FunctionType, state: dict[str, Any]) -> None:
    """Give a function made by :func:`make_function` its defaults, attributes and names."""
    function.__dict__.update(state.pop("__dict__"))
    for name, value in state.items():
        setattr(function, name, value)


def reduce_cached(pickler: SessionPickler, cached: Any) -> Any:
    """``functools.lru_cache`` over a function of the session, which Python would look up by its name. Its cache starts empty."""
    if getattr(cached, "__module__", None) != pickler.namespace.get("__name__", "__main__"):
        return NotImplemented
    reference = _reference(pickler, cached)
    if reference is not None:
        return reference
    pickler.by_value.append(cached)
    return make_cached, (cached.__wrapped__, cached.cache_parameters()), None, None, None


def make_cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """An ``lru_cache`` with these parameters."""
    return functools.lru_cache(**parameters)(function)


def reduce_view(_pickler: SessionPickler, view: memoryview) -> Any:
    """A memoryview of all of an object's bytes. cloudpickle would give back ``bytes``."""
    whole: Any = view.obj
    if type(whole) not in (bytes, bytearray) or (view.format, view.strides, len(view)) != ("B", (1,), len(whole)):
        raise pickle.PicklingError("a memoryview of a part of an object, or of an array, can't be kept")
    return memoryview, (whole,)


def reduce_weak_reference(_pickler: SessionPickler, reference: weakref.ReferenceType[Any]) -> Any:
    """A weak reference to something that the same co-variable, or nothing, holds on to."""
    target = reference()
    if reference.__callback__ is not None:
        raise pickle.PicklingError("a weak reference with a callback can't be kept")
    return (weakref.ref, (target,)) if target is not None else (dead_reference, ())


def reduce_weak_mapping(_pickler: SessionPickler, mapping: MutableMapping[Any, Any]) -> Any:
    """A weak dictionary, with what is alive of it."""
    return type(mapping), (dict(mapping),)


def dead_reference() -> weakref.ReferenceType[Any]:
    """A weak reference whose object is gone."""
    return weakref.ref(type("Gone", (), {})())


def reduce_cell(_pickler: SessionPickler, cell: types.CellType) -> Any:
    try:
        contents = cell.cell_contents
    except ValueError:
        return make_cell, ()
    return make_cell, (), (contents,), None, None, set_cell


def make_cell() -> types.CellType:
    """An empty closure cell."""
    return types.CellType()


def set_cell(cell: types.CellType, state: tuple[Any]) -> None:
    """Fill a closure cell."""
    (cell.cell_contents,) = state


def reduce_cached_property(_pickler: SessionPickler, cached: functools.cached_property[Any]) -> Any:
    """As it was made; in Python 3.11 it holds a lock, which can't be kept and needn't."""
    return make_cached_property, (cached.func, cached.attrname)


def make_cached_property(function: Callable[[Any], Any], name: str | None) -> functools.cached_property[Any]:
    """A cached property that knows its attribute's name."""
    cached = functools.cached_property(function)
    cached.attrname = name
    return cached


def reduce_method(pickler: SessionPickler, method: types.MethodType) -> Any:
    owner, name = method.__self__, method.__func__.__name__
    # A class that is in the same stream may hold the method itself, and has no attributes yet when that is made.
    if getattr(type(owner), name, None) is method.__func__ and not _is_by_value(pickler, type(owner)):
        return getattr, (owner, name)
    return types.MethodType, (method.__func__, owner)


def _is_by_value(pickler: SessionPickler, cls: type) -> bool:
    """Whether the class, or one that it derives from, is the session's and is kept with its contents."""
    home = pickler.namespace.get("__name__", "__main__")
    own = [base for base in cls.__mro__ if getattr(base, "__module__", None) == home]
    return any(id(base) in pickler.root_ids or _known_as(pickler, base) is None for base in own)


# -- classes ----------------------------------------------------------------------------------------------------


def reduce_class(pickler: SessionPickler, cls: type) -> Any:
    if getattr(cls, "__module__", None) == pickler.namespace.get("__name__", "__main__"):
        reference = _reference(pickler, cls)
        if reference is not None:
            return reference
    reduced = pickler.default_reduce(cls)
    if not isinstance(reduced, tuple):
        return reduced
    maker, arguments, *rest = reduced
    if maker.__name__ not in ("_make_skeleton_class", "_make_skeleton_enum"):
        return reduced  # one of Python's own that has no importable name
    pickler.by_value.append(cls)
    state = rest[0][0]
    state.pop("__slotnames__", None)  # left in the class by the first pickling of an instance
    if maker.__name__ == "_make_skeleton_enum":
        return reduce_enum(cls, reduced)
    # What cloudpickle forgets:
    keywords = {**arguments[3], "__qualname__": cls.__qualname__}
    own_slots = typing.NamedTuple not in vars(cls).get("__orig_bases__", ())  # which sets them by itself
    if "__slots__" in vars(cls) and own_slots:
        keywords["__slots__"] = vars(cls)["__slots__"]
    if "__class__" in state:
        keywords["__class__"] = state.pop("__class__")  # can't be set later
    # cloudpickle's tracker id would make every stream unique and let a read of an old version rewrite the live class.
    return (maker, (*arguments[:3], keywords, None, *arguments[5:]), *rest)


# -- modules, and the shell itself ------------------------------------------------------------------------------


def reduce_module(pickler: SessionPickler, module: types.ModuleType) -> Any:
    if vars(module) is pickler.namespace:
        return main_module, ()
    return NotImplemented


def main_module() -> types.ModuleType:
    """The module that the session's cells run in."""
    import __main__

    return __main__


def reduce_builtin(pickler: SessionPickler, function: types.BuiltinFunctionType) -> Any:
    """``exec`` and its like, under whatever name, reach what they don't name."""
    if id(function) in ESCAPES:
        pickler.reach |= EVERYTHING
    return NotImplemented


REDUCERS: dict[type, Callable[[Any, Any], Any]] = {
    types.BuiltinFunctionType: reduce_builtin,
    types.FunctionType: reduce_function,
    types.CellType: reduce_cell,
    types.MethodType: reduce_method,
    types.ModuleType: reduce_module,
    functools._lru_cache_wrapper: reduce_cached,  # noqa: SLF001 - it has no public name
    functools.cached_property: reduce_cached_property,
    memoryview: reduce_view,
    weakref.ReferenceType: reduce_weak_reference,
    weakref.WeakKeyDictionary: reduce_weak_mapping,
    weakref.WeakValueDictionary: reduce_weak_mapping,
}
