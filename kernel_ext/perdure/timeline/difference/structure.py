"""What a value is made of: items, attributes, or, of an object that shows neither, what it tells the pickler."""

from __future__ import annotations

import collections
import struct
import types
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from perdure.capture.preview import is_kind, loaded, type_name

Shape: TypeAlias = Literal["mapping", "sequence", "set", "object", "opaque"]

SCALARS = frozenset({int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range})
"""Exact types of which ``==`` says all there is to say."""

BUILTINS = frozenset({dict, list, tuple, set, frozenset})
"""Exact types that have items and nothing else."""

_SEQUENCES = (list, tuple, collections.deque)
_DESCRIPTORS = {property: ("fget", "fset", "fdel"), staticmethod: ("__func__",), classmethod: ("__func__",)}
_POINTER = struct.calcsize("P")
# What a class's namespace holds beside what was written in its body.
_CLASS_MACHINERY = frozenset(
    {"__dict__", "__weakref__", "__module__", "__qualname__", "_abc_impl", "__firstlineno__", "__static_attributes__"}
)
_REGISTRIES = ("_parameters", "_buffers", "_modules")


def same_scalar(before: Any, after: Any) -> bool:
    """Whether two scalars of one type are the same; not-a-number is the same as itself."""
    if before == after:
        return True
    return before != before and repr(before) == repr(after)  # noqa: PLR0124 - only not-a-number differs from itself


def alike(before: object, after: object) -> bool:
    """Whether two values are of one type. A class that a cell has defined anew is still the class of that name."""
    return type(before) is type(after) or type_name(type(before)) == type_name(type(after))


def shape_of(value: object) -> Shape:
    """Which of its parts a value is to be compared by."""
    kind = type(value)
    if issubclass(kind, dict):
        return "mapping"
    if issubclass(kind, _SEQUENCES):
        return "sequence"
    if issubclass(kind, (set, frozenset)):
        return "set"
    if issubclass(kind, (type, types.FunctionType, types.MethodType, types.CellType, *_DESCRIPTORS)) or is_module(kind):
        return "object"
    # A class that says itself what its state is knows better than its attributes do: some of them may be caches.
    custom = any(
        getattr(kind, name, None) is not getattr(object, name)
        for name in ("__reduce_ex__", "__reduce__", "__getstate__")
    )
    return "object" if is_plain(kind) and not custom else "opaque"


def is_module(kind: type) -> bool:
    """Whether it is a type of PyTorch module."""
    return is_kind(kind, "torch.nn", "Module")


def is_plain(kind: type) -> bool:
    """Whether objects of the type have no state but their attributes and slots; C types mostly have some."""
    members = sum(type(item) is types.MemberDescriptorType for base in kind.__mro__ for item in vars(base).values())
    words = members + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    return kind.__itemsize__ == 0 and kind.__basicsize__ <= object.__basicsize__ + words * _POINTER


def items_of(value: Any) -> Iterable[Any]:
    """The items of a container (of a mapping: pairs), read by its builtin base and not by what a subclass overrides."""
    kind = type(value)
    if issubclass(kind, dict):
        # The order of an OrderedDict is its own.
        base = collections.OrderedDict if issubclass(kind, collections.OrderedDict) else dict
        return base.items(value)
    builtin: Any = next(base for base in (*_SEQUENCES, set, frozenset) if issubclass(kind, base))
    items: Iterable[Any] = builtin.__iter__(value)
    return items


def attributes_of(value: Any) -> dict[str, Any]:
    """Everything that an object holds, by the name under which a person would ask for it."""
    kind = type(value)
    if issubclass(kind, types.FunctionType):
        return _function_attributes(value)
    if issubclass(kind, type):
        own = {name: item for name, item in vars(value).items() if name not in _CLASS_MACHINERY}
        return {"__bases__": value.__bases__, **{name: item for name, item in own.items() if not _is_slot(item)}}
    if issubclass(kind, types.MethodType):
        return {"__func__": value.__func__, "__self__": value.__self__}
    if issubclass(kind, types.CellType):
        return _cell_attributes("cell_contents", value)
    for descriptor, names in _DESCRIPTORS.items():
        if issubclass(kind, descriptor):
            return {name: getattr(value, name) for name in names}
    held = {**_slots(value), **instance_dictionary(value)}
    if is_module(kind):
        return _module_attributes(held)
    if issubclass(kind, collections.defaultdict):
        held["default_factory"] = value.default_factory
    elif issubclass(kind, collections.deque):
        held["maxlen"] = value.maxlen
    return held


def instance_dictionary(value: object) -> dict[str, Any]:
    """The object's ``__dict__``, or nothing."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if isinstance(found, dict) else {}


def reduced(value: Any) -> list[Any] | None:
    """What the object tells the pickler about itself, as plain data; None if it tells nothing."""
    try:
        told = value.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - anybody's code, and many objects refuse
        return None
    if not isinstance(told, tuple):
        return [told]
    parts: list[Any] = [*told, None, None, None]
    function, arguments, state, items, pairs = parts[:5]
    # A class stands for itself by name: whether it was defined anew is not a matter of this object.
    names = [type_name(argument) if isinstance(argument, type) else argument for argument in arguments]
    return [
        type_name(function) if isinstance(function, type) else function,
        names,
        state,
        None if items is None else list(items),
        None if pairs is None else list(pairs),
    ]


def code_facts(code: types.CodeType) -> tuple[Any, ...]:
    """What a code object does, regardless of where it was written."""
    constants = tuple(
        code_facts(item) if isinstance(item, types.CodeType) else (type(item), repr(item)) for item in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    signature = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return (code.co_code, constants, names, signature)


def _function_attributes(function: Any) -> dict[str, Any]:
    closure: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        closure |= _cell_attributes(name, cell)
    return {
        "__code__": function.__code__,
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__closure__": closure,
        "__annotations__": _annotations(function),
        **function.__dict__,
    }


def _annotations(function: Any) -> object:
    try:
        return function.__annotations__
    except Exception:  # noqa: BLE001 - from Python 3.14 on they are computed only now, by the user's code
        return None


def _cell_attributes(name: str, cell: Any) -> dict[str, Any]:
    try:
        return {name: cell.cell_contents}
    except ValueError:  # a variable that has not been assigned yet
        return {}


def _module_attributes(held: dict[str, Any]) -> dict[str, Any]:
    """A PyTorch module's parameters, buffers and children by name, and its settings; without torch's own registries."""
    machinery = vars(loaded("torch.nn", "Module")()).keys() - {"training"}
    attributes = {name: item for name, item in held.items() if name not in machinery}
    for registry in _REGISTRIES:
        attributes |= held.get(registry, {})
    return attributes


def _slots(value: object) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in type(value).__mro__:
        for name, item in vars(base).items():
            if type(item) is types.MemberDescriptorType and name not in found and name != "__dictoffset__":
                try:
                    found[name] = item.__get__(value)
                except AttributeError:  # a slot that is empty
                    continue
    return found


def _is_slot(item: object) -> bool:
    return type(item) in (types.MemberDescriptorType, types.GetSetDescriptorType)
