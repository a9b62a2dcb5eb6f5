"""A model of one's own: a checkpoint that transformers loads, on this machine."""

from __future__ import annotations

import gc
import os
import threading
import time
from typing import Any, Final, Self

from perdure.cot.answer import Tokens
from perdure.cot.models import checkpoint
from perdure.cot.models.allowance import LARGEST, text_tokens
from perdure.cot.models.charge import charged
from perdure.cot.models.model import Price, Prompt, Reply, Sampling
from perdure.cot.models.prices import price as checked
from perdure.cot.models.weights import Asked, Weights, free_device_memory
from perdure.cot.picture import Picture
from perdure.errors import PerdureError, UnusableReply

UNKNOWN: Final = "unknown"
"""The version of a checkpoint that isn't here."""


class TransformersModel:
    """A vision-language checkpoint: a folder, or ORG/NAME on the Hugging Face hub.

    Loaded at the first question, shared within the process, freed by `close`. It runs on a GPU in bfloat16 where there is one, else on the CPU
    in float32. Questions from several threads go through the model together.
    """

    def __init__(
        self,
        place: str | os.PathLike[str],
        name: str | None = None,
        *,
        price: Price | str | None = None,
        device: str | None = None,
        examples: int | None = None,
        at_once: int = 1,
    ) -> None:
        self._place = os.fspath(place)
        self._name = name or f"transformers:{self._place}"
        self._price = checked(price)
        self._device = device
        self.examples = examples
        """Examples that it makes use of, where somebody has measured that: what it is shown, unless it is said how many."""
        self.at_once = at_once
        """Calls that it is asked at once, however few are allowed: a small model answers many in one go nearly as soon as one."""
        self._lock = threading.Lock()
        self._weights: Weights | None = None
        self._version: str | None = None

    @property
    def name(self) -> str:
        """What the user wrote."""
        return self._name

    @property
    def version(self) -> str:
        """The hub's commit or a digest of the files: see `perdure.cot.models.checkpoint.version`; ``unknown`` where there are none."""
        with self._lock:
            if self._version is None:
                try:
                    self._version = checkpoint.version(checkpoint.find(self._place, fetch=False))
                except PerdureError:
                    return UNKNOWN
            return self._version

    @property
    def price(self) -> Price | None:
        """What the user said that it costs; the electricity is not ours to guess."""
        return self._price

    def generate(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        """Ask.

        :raises ModelUnavailable: if memory doesn't suffice.
        :raises ModelRefused: if there is no such checkpoint, or it can't take this.
        :raises UnusableReply: if the model said nothing.
        """
        began = time.perf_counter()
        weights, version = self._held()
        said = weights.ask(Asked(prompt, sampling))
        if not said.text:
            raise charged(
                UnusableReply(f"{self._name} said nothing. Ask otherwise, or use another model."), said.tokens
            )
        return Reply(said.text, said.tokens, version, said.logprob, time.perf_counter() - began)

    def most(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Tokens:  # noqa: B008 - frozen
        """The prompt's tokens, counted where they cost something; otherwise a generous bound that loads nothing."""
        if self._price is not None and self._price.prompt > 0:
            weights, _ = self._held()
            return Tokens(weights.size(prompt), sampling.max_tokens)
        pictures = sum(isinstance(part, Picture) for turn in prompt for part in turn.parts)
        return Tokens(text_tokens(prompt) + pictures * LARGEST, sampling.max_tokens)

    def close(self) -> None:
        """Let go of the weights: memory is free once no other model holds the same checkpoint."""
        with self._lock:
            held, self._weights, self._version = self._weights, None, None
        if held is not None:
            del held
            gc.collect()  # modules point at each other, so that counting references doesn't free them
            free_device_memory()

    def _held(self) -> tuple[Weights, str]:
        with self._lock:
            if self._weights is None or self._version is None:
                folder = checkpoint.find(self._place)
                self._version = checkpoint.version(folder)
                self._weights = Weights.shared(folder, self._version, self._device)
            return self._weights, self._version

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), self._place, self._name, self._price, self._device, self.examples, self.at_once)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place!r}, name={self._name!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _made(
    cls: type[TransformersModel],
    place: str,
    name: str,
    price: Price | None,
    device: str | None,
    examples: int | None = None,
    at_once: int = 1,
) -> TransformersModel:
    return cls(place, name, price=price, device=device, examples=examples, at_once=at_once)
