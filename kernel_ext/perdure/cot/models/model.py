"""What a model is to the rest of us: a prompt in, a reply out, with its price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from perdure.cot.answer import Tokens
from perdure.cot.picture import Picture


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation: whose turn it is (``role``), and text and pictures in their order (``parts``)."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[str | Picture, ...]


Prompt = tuple[Turn, ...]
"""A conversation: what a model is shown."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars: for a million tokens of the ``prompt`` and of the ``completion``, and for a ``call``."""

    prompt: float = 0.0
    completion: float = 0.0
    call: float = 0.0

    def of(self, tokens: Tokens) -> float:
        """Dollars for one call."""
        return self.call + (tokens.prompt * self.prompt + tokens.completion * self.completion) / 1e6


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn: ``temperature`` 0 takes the likeliest token each time, else ``seed`` is where chance begins.

    ``max_tokens`` is as long as the reply may get.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said: its ``text``, and the ``tokens`` that were charged for."""

    text: str
    tokens: Tokens
    version: str
    """The model's version as it was at this call."""
    logprob: float | None = None
    """Natural logarithm of the probability of the reply's tokens, in the mean over them; None if the model doesn't tell."""
    latency: float = 0.0
    """Seconds."""


class Model(Protocol):
    """A model, safe to be used from several threads.

    ``name`` is what the user wrote, such as ``transformers:/models/qwen`` or ``openai:gpt-5``; ``version`` changes when its
    answers might (a digest of the weights; what the server calls itself). ``price`` is None when nobody has said it. A model may
    have ``examples`` besides: how many it makes use of, which is what it is shown unless it is said how many; and ``at_once``: how many
    calls it answers in one go, when they come at once.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def price(self) -> Price | None: ...

    def generate(self, prompt: Prompt, sampling: Sampling = ...) -> Reply:
        """Ask.

        :raises ModelUnavailable: if it is down, too slow or too busy; asking again later may help.
        :raises ModelRefused: if it will not answer this, whoever asks again.
        """
        ...

    def most(self, prompt: Prompt, sampling: Sampling = ...) -> Tokens:
        """More tokens than this call can use: what a budget sets aside before it."""
        ...

    def close(self) -> None:
        """Let go of memory and connections; the next call takes them again."""
        ...


def at_once(model: Model) -> int:
    """How many calls the model answers in one go."""
    return int(getattr(model, "at_once", 1))


def is_hosted(model: Model) -> bool:
    """Whether the model's version is only known from its replies, as its maker may change it at any time."""
    return bool(getattr(model, "hosted", False))
