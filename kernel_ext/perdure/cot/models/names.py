"""Models by their names: what the user writes to say who is to answer."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from perdure.cot.models import checkpoint
from perdure.cot.models.model import Model
from perdure.cot.models.openai_model import OpenAIModel
from perdure.cot.models.prices import FREE
from perdure.cot.models.secret import Secret
from perdure.cot.models.transformers_model import TransformersModel
from perdure.cot.models.weights import TOGETHER
from perdure.errors import UsageError

EMBEDDED: Final = Path(__file__).resolve().parent.parent / "embedded"
"""Where the checkpoints are that come with the package."""
EMBEDDED_EXAMPLES: Final = 1
"""The embedded apprentice takes an answer from any of several examples, hardly oftener from the right one: see docs/benchmarks-cot.md."""
_FORMS: Final = "transformers:PATH_OR_ID, openai:MODEL, openai:MODEL@URL, embedded:apprentice, embedded:master or none"


def model(named: str | Model | None, **options: Any) -> Model | None:
    """The model that a name means, None for ``none``; an object with a ``generate`` method is one already.

    ``options`` are those of the class behind it: ``price``, ``base_url``, ``api_key``, ``device`` and so on. Nothing is loaded or asked yet.

    :raises UsageError: if it is no model's name.
    """
    if isinstance(options.get("api_key"), str):
        options["api_key"] = Secret(options["api_key"])
    if named is None:
        return None
    if not isinstance(named, str):
        if callable(getattr(named, "generate", None)):
            return named
        raise UsageError(f"A {type(named).__name__} is no model. Give a name ({_FORMS}), or an object with generate().")
    kind, _, rest = named.strip().partition(":")
    if kind == "none" and not rest:
        return None
    make = _KINDS.get(kind)
    if make is None:
        close = difflib.get_close_matches(kind.casefold(), [*_KINDS, "none"], 1, 0.5)
        hint = f"Did you mean {_example(close[0], rest)}?" if close else f"Write {_FORMS}."
        raise UsageError(f"{named!r} names no model. {hint}")
    if not rest.strip():
        raise UsageError(f"{named!r} doesn't say which model. Write {_example(kind, '')}.")
    try:
        return make(rest.strip(), f"{kind}:{rest.strip()}", options)
    except TypeError as error:
        wrong = str(error).rpartition("argument ")[2]
    raise UsageError(f"A model of the kind {kind!r} has no option {wrong}. Leave it out.")


def embedded() -> list[str]:
    """Names of the models that come with the package, as `model` takes them."""
    return [f"embedded:{folder.name}" for folder in sorted(EMBEDDED.glob("*")) if checkpoint.whole(folder)]


def _example(kind: str, rest: str) -> str:
    if kind == "none":
        return "none"
    return f"{kind}:{rest or {'transformers': 'PATH_OR_ID', 'openai': 'MODEL', 'embedded': 'apprentice'}[kind]}"


def _transformers(rest: str, name: str, options: dict[str, Any]) -> Model:
    return TransformersModel(rest, name, **options)


def _openai(rest: str, name: str, options: dict[str, Any]) -> Model:
    """``openai:MODEL``, or ``openai:MODEL@http://HOST:PORT/v1`` for a server of its own."""
    named, at, address = rest.partition("@http")
    if at:
        parts = urlsplit("http" + address)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise UsageError(
                "A server's address is kept, so nothing secret may be in it. Set OPENAI_API_KEY for the key."
            )
        return OpenAIModel(named, name=name, **({"base_url": "http" + address} | options))
    return OpenAIModel(rest, name=name, **options)


def _embedded(rest: str, name: str, options: dict[str, Any]) -> Model:
    if name not in (there := embedded()):
        close = difflib.get_close_matches(rest, [other.partition(":")[2] for other in there], 1)
        hint = f"Did you mean embedded:{close[0]}?" if close else f"There are: {', '.join(there) or 'none'}."
        raise UsageError(f"No model {name!r} comes with perdure. {hint}")
    known: dict[str, Any] = {"price": FREE, "examples": EMBEDDED_EXAMPLES, "at_once": TOGETHER}
    return TransformersModel(EMBEDDED / rest, name, **(known | options))


_KINDS: Final[dict[str, Callable[[str, str, dict[str, Any]], Model]]] = {
    "transformers": _transformers,
    "openai": _openai,
    "embedded": _embedded,
}
