"""The bodies of chat completions: what is sent, in the dialect that the server knows, and what comes back."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from perdure.cot.answer import Tokens
from perdure.cot.models.model import Prompt, Sampling, Turn
from perdure.cot.picture import Picture, encoded

Body = dict[str, Any]
_FIELDS: Final = frozenset({"data", "event", "id", "retry", ""})
"""What a line of a stream of events begins with; with nothing if it is a comment."""


def messages(prompt: Prompt) -> list[Body]:
    """The conversation as the API has it, pictures as PNG data URLs."""
    return [_message(turn) for turn in prompt]


def _message(turn: Turn) -> Body:
    if not any(isinstance(part, Picture) for part in turn.parts):
        return {"role": turn.role, "content": "\n".join(str(part) for part in turn.parts)}
    return {"role": turn.role, "content": [_part(part) for part in turn.parts]}


def _part(part: str | Picture) -> Body:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    data = base64.b64encode(encoded(part.image)).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


class Dialect:
    """What a server takes besides the conversation.

    Servers differ: some know no log-probabilities, reasoning models neither temperature nor ``max_tokens``. All is asked for until a
    server refuses it; what then went without is remembered.
    """

    _UNNAMED: Final = frozenset({"logprobs", "seed", "stream_options"})
    """Left out together when a refusal doesn't say what it is about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: frozenset[str] = frozenset()

    @property
    def refused(self) -> frozenset[str]:
        """Parameters that the server doesn't take."""
        return self._refused

    def parameters(self, sampling: Sampling, refused: frozenset[str], *, stream: bool) -> Body:
        """What goes with the request. The limit of tokens always does: budgets count on it."""
        wished: Body = {"temperature": sampling.temperature, "seed": sampling.seed, "logprobs": True}
        if stream:
            wished["stream_options"] = {"include_usage": True}
        limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
        return {limit: sampling.max_tokens} | {name: value for name, value in wished.items() if name not in refused}

    def without(self, sent: Mapping[str, Any], complaint: str, refused: frozenset[str]) -> frozenset[str]:
        """What to leave out after the server's ``complaint``: no more than before if nothing that was sent can be meant."""
        named = {name for name in sent if name in complaint and name != "max_completion_tokens"}
        return refused | (named or self._UNNAMED & sent.keys())

    def learn(self, refused: frozenset[str]) -> None:
        """It answered without these."""
        with self._lock:
            self._refused |= refused


@dataclass(slots=True)
class Completion:
    """A reply as it came, whole or gathered from a stream."""

    text: str = ""
    refusal: str = ""
    finish: str | None = None
    usage: Tokens | None = None
    logprobs: list[float] = field(default_factory=list)
    model: str | None = None
    fingerprint: str | None = None

    def add(self, data: Any, key: str) -> str:
        """Take in a body (``key`` is ``message``) or a chunk of a stream (``delta``); the text that it adds.

        :raises ValueError: if it is none.
        """
        if not isinstance(data, dict) or not isinstance(data.get("choices"), list):
            raise ValueError("no choices")
        self.model = _text(data.get("model")) or self.model
        self.fingerprint = _text(data.get("system_fingerprint")) or self.fingerprint
        self.usage = _usage(data.get("usage")) or self.usage
        if not data["choices"]:
            return ""
        choice = data["choices"][0]
        said = choice.get(key) if isinstance(choice, dict) else None
        if not isinstance(said, dict):
            raise ValueError(f"no {key}")
        text = _content(said.get("content"))
        self.text += text
        self.refusal += _text(said.get("refusal"))
        self.finish = _text(choice.get("finish_reason")) or self.finish
        self.logprobs += _logprobs(choice.get("logprobs"))
        return text

    @property
    def logprob(self) -> float | None:
        """The mean over the tokens."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None


def events(lines: Iterable[str]) -> Iterator[Any]:
    """The data of a stream of server-sent events, up to its end.

    :raises ValueError: if an event is no JSON.
    :raises EOFError: if the stream breaks off before its end.
    """
    for line in lines:
        name, _, data = line.partition(":")
        if line.strip() and name not in _FIELDS:
            raise ValueError("no event")
        if name != "data" or not data.strip():
            continue
        if data.strip() == "[DONE]":
            return
        yield json.loads(data)
    raise EOFError


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _content(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return _text(value)


def _usage(value: Any) -> Tokens | None:
    if not isinstance(value, dict):
        return None
    prompt, completion = value.get("prompt_tokens"), value.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int) or prompt < 0 or completion < 0:
        return None
    return Tokens(prompt, completion)


def _logprobs(value: Any) -> list[float]:
    content = value.get("content") if isinstance(value, dict) else None
    tokens = content if isinstance(content, list) else []
    found = [token.get("logprob") for token in tokens if isinstance(token, dict)]
    return [float(logprob) for logprob in found if isinstance(logprob, int | float)]
