"""Cache of Thought: image questions answered by a small model that remembers what a large one said.

After *Cache-of-Thought* (arXiv 2502.20587). A large, dear *master* answers some questions and its answers are kept; a small, cheap
*apprentice* answers the rest, with the most similar ones as in-context examples. The path of a question is `perdure.cot.asking.path`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure.cot.answer import Answer, Example, Source, Tokens
    from perdure.cot.batch import Row
    from perdure.cot.budget import Budget
    from perdure.cot.client import Cot
    from perdure.cot.models.model import Model, Price, Prompt, Reply, Sampling, Turn
    from perdure.cot.picture import Picture

__all__ = [
    "Answer",
    "Budget",
    "Cot",
    "Example",
    "Model",
    "Picture",
    "Price",
    "Prompt",
    "Reply",
    "Row",
    "Sampling",
    "Source",
    "Tokens",
    "Turn",
]

#: Where each public name lives. They are imported when they are first used: `%load_ext perdure` stays light.
_HOMES = {
    **dict.fromkeys(("Answer", "Example", "Source", "Tokens"), "perdure.cot.answer"),
    **dict.fromkeys(("Model", "Price", "Prompt", "Reply", "Sampling", "Turn"), "perdure.cot.models.model"),
    "Budget": "perdure.cot.budget",
    "Cot": "perdure.cot.client",
    "Picture": "perdure.cot.picture",
    "Row": "perdure.cot.batch",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'perdure.cot' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
