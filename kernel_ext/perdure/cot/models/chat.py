"""A conversation in a checkpoint's own words: its chat template, with what it can't take put so that it can."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from perdure.cot.models.model import Prompt, Turn
from perdure.cot.picture import Picture
from perdure.errors import ModelRefused

Message = dict[str, Any]

_PROBE: Final[Prompt] = (
    Turn("system", ("one",)),
    Turn("user", ("two",)),
    Turn("assistant", ("three",)),
    Turn("user", ("four",)),
)
_LEAKED: Final = re.compile(r"""['"]type['"]\s*:""")
"""A template that expects text and gets a list of parts writes the list down as Python would."""


class _Style(NamedTuple):
    """How turns are handed to a template."""

    system: bool
    """Whether it takes a system turn; otherwise its text goes in front of the first user text."""
    parts: bool
    """Whether turns without a picture are lists of parts; otherwise they are text."""


_STYLES: Final = (_Style(True, True), _Style(True, False), _Style(False, True), _Style(False, False))


class Chat:
    """A processor's chat template.

    What it can take is found by trying: a template that raises on a system turn gets the text in the user's turn. One
    that takes the turn and writes nothing has its way: so do the embedded models, which were not trained on instructions.
    """

    def __init__(self, processor: Any) -> None:
        self._render: Callable[..., str] = processor.apply_chat_template
        self._special = _special(processor)
        self._style = next((style for style in _STYLES if self._takes(style)), None)

    def text(self, prompt: Prompt) -> str:
        """The prompt as the model reads it, up to where it is to go on.

        :raises ModelRefused: if there is no template, or it can't take this.
        """
        if self._style is None:
            raise ModelRefused(
                "The checkpoint has no chat template that takes questions and answers. Use one that was tuned for chat."
            )
        try:
            return self._rendered(prompt, self._style)
        except Exception as error:  # noqa: BLE001 - a template is the checkpoint's own program
            raise ModelRefused(
                f"The checkpoint's chat template can't take this conversation ({error}). Use another model."
            ) from None

    def _takes(self, style: _Style) -> bool:
        try:
            text = self._rendered(_PROBE, style)
        except Exception:  # noqa: BLE001 - as in `text`
            return False
        return "four" in text and not _LEAKED.search(text)

    def _rendered(self, prompt: Prompt, style: _Style) -> str:
        turns = prompt if style.system else _without_system(prompt)
        return self._render([self._message(turn, style) for turn in turns], add_generation_prompt=True, tokenize=False)

    def _message(self, turn: Turn, style: _Style) -> Message:
        parts = [part if isinstance(part, Picture) else self._harmless(part) for part in turn.parts]
        if not style.parts and not any(isinstance(part, Picture) for part in parts):
            return {"role": turn.role, "content": "\n".join(str(part) for part in parts)}
        content = [{"type": "image"} if isinstance(part, Picture) else {"type": "text", "text": part} for part in parts]
        return {"role": turn.role, "content": content}

    def _harmless(self, text: str) -> str:
        """The text with a space in whatever the tokenizer would take for a token of its own: a question can't end its own turn."""
        return self._special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text) if self._special else text


def _special(processor: Any) -> re.Pattern[str] | None:
    words = getattr(processor, "tokenizer", processor)
    tokens = {str(token) for token in (*words.all_special_tokens, *words.get_added_vocab())}
    # An added token that is plain letters or spaces is vocabulary, not mark-up.
    marks = sorted(
        (token for token in tokens if len(token) > 2 and not token[0].isalnum() and not token.isspace()), key=len
    )
    return re.compile("|".join(re.escape(mark) for mark in reversed(marks))) if marks else None


def _without_system(prompt: Prompt) -> Prompt:
    said = "\n".join(part for turn in prompt if turn.role == "system" for part in turn.parts if isinstance(part, str))
    turns = [turn for turn in prompt if turn.role != "system"]
    for at, turn in enumerate(turns):
        if turn.role == "user" and said:
            parts = list(turn.parts)
            words = next((n for n, part in enumerate(parts) if isinstance(part, str)), None)
            if words is None:
                parts.append(said)
            else:
                parts[words] = f"{said}\n\n{parts[words]}"
            turns[at] = Turn("user", tuple(parts))
            break
    return tuple(turns)
