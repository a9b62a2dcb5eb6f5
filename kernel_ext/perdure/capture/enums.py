"""Enums that were made in cells, with all that their members carry.

cloudpickle keeps the members' names and values, and makes them anew from these. That loses aliases, combined flags and what
has been set on a member (also by the enum's own ``__init__``), and calls a base's ``__new__`` with what it had returned. So
members are made bare here, and get back what was set on them.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import types
from typing import Any, cast

from cloudpickle.cloudpickle import _class_setstate

from perdure.capture.skeletons import silenced

#: What Enum itself sets on a member.
_OF_ENUM = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_", "_inverted_"})

#: What members can be besides: types whose ``__getnewargs__``, or else whose ``__reduce__``, says what they are made from.
_DATA = (int, float, complex, str, bytes, tuple)
_REDUCED = (datetime.date, datetime.datetime, datetime.time, datetime.timedelta, decimal.Decimal)

#: What was set on a member: its name, its value (combined flags have no name that leads to them), and the attributes.
Attributes = tuple[str, Any, dict[str, Any]]


def reduce_enum(cls: Any, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """:param reduced: what cloudpickle makes of the class."""
    maker, arguments, (contents, slots), *_ = reduced
    data = _data_type(cls._member_type_)
    if data is not None:
        members = {name: (member._value_, _arguments(data, member)) for name, member in cls._member_map_.items()}
        contents = {name: value for name, value in contents.items() if name not in members}
        next_value = vars(cls).get("_generate_next_value_")
        if getattr(getattr(next_value, "__func__", next_value), "__module__", "enum") != "enum":
            contents["_generate_next_value_"] = next_value
        options = {"boundary": cls._boundary_} if issubclass(cls, enum.Flag) else {}
        place = cls.__name__, cls.__qualname__, cls.__module__
        maker, arguments = make_enum, (type(cls), cls.__bases__, place, data, members, options)
    else:
        arguments = (*arguments[:5], None, *arguments[6:])  # without cloudpickle's tracker id, as in `reduce_class`
    return maker, arguments, (contents, slots, _attributes(cls)), None, None, set_enum_state


def _data_type(kind: type) -> Any:
    """The builtin type that makes the members, if it is one that is known here."""
    made_by = next(base for base in kind.__mro__ if isinstance(vars(base).get("__new__"), types.BuiltinFunctionType))
    return made_by if made_by in (object, *_DATA, *_REDUCED) else None


def _arguments(data: Any, member: Any) -> tuple[Any, ...]:
    if data is object:
        return ()
    return tuple(data.__reduce__(member)[1] if data in _REDUCED else data.__getnewargs__(member))


def _attributes(cls: Any) -> list[Attributes]:
    members = {id(member): member for known in (cls._member_map_, cls._value2member_map_) for member in known.values()}
    found = []
    for member in members.values():
        own = {name: value for name, value in vars(member).items() if name not in _OF_ENUM}
        if own:
            found.append((member._name_, member._value_, own))
    return found


def make_enum(
    metaclass: Any,
    bases: tuple[type, ...],
    place: tuple[str, str, str],
    data: Any,
    members: dict[str, tuple[Any, tuple[Any, ...]]],
    options: dict[str, Any],
) -> type:
    """The class with its members and nothing else.

    :param place: its name, its qualified name and its module.
    :param data: the type that makes the members.
    :param members: by name their values, and what ``data`` makes them from.
    """
    name, qualname, module = place
    maker = enum.EnumMeta if metaclass.__module__ == "__main__" else metaclass
    contents = maker.__prepare__(name, bases)

    def bare(cls: type, *given: Any) -> Any:
        value, arguments = given if len(given) == 2 else given[0]  # an enum of tuples is given one
        member = data.__new__(cls, *arguments)
        member._value_ = value
        return member

    contents["__new__"] = bare
    contents["__init__"] = lambda *_: None
    for member, kept in members.items():
        contents[member] = enum.member(kept)
    with silenced(bases):
        cls = maker.__new__(metaclass, name, bases, contents, **options)
    for used in ("__init__", "__new_member__", "_new_member_", "_use_args_"):  # its own come with the state
        type.__delattr__(cls, used)
        if not used.startswith("__"):  # which all enums have
            type.__setattr__(cls, used, getattr(cls, used))
    cls.__module__, cls.__qualname__ = module, qualname
    return cast("type", cls)


def set_enum_state(cls: Any, state: tuple[dict[str, Any], dict[str, Any], list[Attributes]]) -> None:
    """Give a bare enum its attributes, and its members theirs."""
    contents, slots, attributes = state
    _class_setstate(cls, (contents, slots))
    for name, value, own in attributes:
        member = cls._member_map_[name] if name in cls._member_map_ else cls(value)
        vars(member).update(own)
