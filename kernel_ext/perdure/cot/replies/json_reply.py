"""JSON out of a reply: bare, fenced, or with words around it; checked against the question's schema."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from perdure.cot.replies.reply_words import Unclear
from perdure.errors import MissingExtra, UsageError

_FENCE: Final = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_DEEPEST: Final = 100
_LONGEST_REASON: Final = 200


def data(text: str) -> Any:
    """The data that the reply's JSON stands for.

    :raises Unclear: if there isn't just one piece of it.
    """
    try:
        value = _piece(text.strip())
        _check_depth(value)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise Unclear("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise Unclear("it has half a character in it") from None
    return value


def check_schema(schema: str) -> None:
    """See that a schema can be used, before anything is paid for.

    :raises UsageError: if it is no JSON schema.
    :raises MissingExtra: if the package that checks schemas isn't there.
    """
    _validator(schema)


def check(value: Any, schema: str) -> None:
    """See that the data follow the schema.

    :raises Unclear: with the first thing that doesn't.
    """
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(_validator(schema).iter_errors(value))
    except Unresolvable as missing:
        raise UsageError(
            f"The schema refers to {missing.ref!r}, which it doesn't hold. Put it into the schema."
        ) from None
    except RecursionError:
        raise Unclear("it is nested too deeply for its schema") from None
    if error is not None:
        raise Unclear(f"at {error.json_path}, {_short(error.message)}")


def _validator(schema: str) -> Any:
    try:
        from jsonschema import validators
        from jsonschema.exceptions import SchemaError
        from jsonschema_specifications import REGISTRY
    except ImportError:
        raise MissingExtra(
            "A schema needs jsonschema to be checked. Install it with: pip install 'perdure[cot]'"
        ) from None
    parsed = json.loads(schema)
    kind = validators.validator_for(parsed, default=validators.Draft202012Validator)
    try:
        kind.check_schema(parsed)
    except SchemaError as error:
        raise UsageError(
            f"The schema is no JSON schema: at {error.json_path}, {_short(error.message)}. Mend it."
        ) from None
    # With a registry of our own, nothing that a schema refers to is fetched from the network.
    return kind(parsed, registry=REGISTRY)


def _piece(text: str) -> Any:
    try:
        return _loads(text)
    except Unclear:
        pieces = [body for body in _FENCE.findall(text) if body.strip()]
        if len(pieces) == 1:
            return _loads(pieces[0])
        if pieces:
            raise Unclear("it has several pieces") from None
    return _within(text)


def _within(text: str) -> Any:
    """The only object or list with words around it."""
    start = re.search(r"[{\[]", text)
    if start is None:
        raise Unclear("it has none")
    try:
        value, end = _DECODER.raw_decode(text, start.start())
    except ValueError as error:
        raise Unclear(_reason(error)) from None
    if re.search(r"[{\[]", text[end:]):
        raise Unclear("it has several pieces")
    return value


def _loads(text: str) -> Any:
    try:
        return _DECODER.decode(text.strip())
    except ValueError as error:
        raise Unclear(_reason(error)) from None


def _no_constant(name: str) -> Any:
    raise Unclear(f"it has {name}, which JSON doesn't know")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Unclear("it gives a key twice")
    return made


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is broken at character {error.pos}: {error.msg}"
    return _short(str(error))


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [
        inner
        for outer in level
        if isinstance(outer, (dict, list))
        for inner in (outer.values() if isinstance(outer, dict) else outer)
    ]:
        depth += 1
        if depth > _DEEPEST:
            raise Unclear("it is nested too deeply")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
