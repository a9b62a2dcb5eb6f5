"""Models that are asked each thing once: what they said is kept on disk, for as long as their weights are the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.thinking.tasks import Item
from perdure.cot.answer import Tokens
from perdure.cot.calling.calls import digest
from perdure.cot.index.embedding import Encoder
from perdure.cot.index.encoders import encoder_named
from perdure.cot.models.model import Model, Price, Prompt, Reply, Sampling
from perdure.cot.models.transformers_model import TransformersModel
from perdure.cot.picture import Picture
from perdure.cot.questions.prompting import prompt
from perdure.errors import UnusableReply

THREADS: Final = 32
"""Calls at once: enough for full batches."""


class Remembering:
    """A model whose replies are kept in a file named by its version. Asked again, it says the same, and nothing is computed."""

    def __init__(self, asked: Model, folder: Path, price: Price) -> None:
        self._asked = asked
        self.name, self.version, self.price = asked.name, asked.version, price
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{self.name.replace(':', '-')}-{self.version}.jsonl"
        self._lock = threading.Lock()
        self._said: dict[str, dict[str, Any]] = {}
        if self._file.exists():
            for line in self._file.read_text().splitlines():
                row = json.loads(line)
                self._said[row["prompt"]] = row
        self._out = self._file.open("a", buffering=1)
        self.computed = 0

    def generate(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        """What the model says.

        :raises UnusableReply: if that was nothing.
        """
        key = digest(self, prompt, sampling)
        row = self._said.get(key)
        if row is None:
            row = {"prompt": key, **self._compute(prompt, sampling)}
            with self._lock:
                self._said[key] = row
                self._out.write(json.dumps(row) + "\n")
                self.computed += 1
        if row["text"] is None:
            raise UnusableReply(f"{self.name} said nothing. Ask otherwise, or use another model.")
        return Reply(row["text"], Tokens(*row["tokens"]), self.version, row["logprob"])

    def _compute(self, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
        try:
            reply = self._asked.generate(prompt, sampling)
        except UnusableReply:
            return {"text": None, "tokens": [0, 0], "logprob": None}
        return {
            "text": reply.text,
            "tokens": [reply.tokens.prompt, reply.tokens.completion],
            "logprob": reply.logprob,
        }

    def most(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Tokens:  # noqa: B008 - frozen
        """Nothing: calls are paid for, not tokens."""
        del prompt, sampling
        return Tokens()

    def replies(self, prompts: Sequence[Prompt]) -> list[str | None]:
        """What it says to each; None where that is nothing. Those of one length go together, so that little is padded."""
        keys = [digest(self, each, Sampling()) for each in prompts]
        unknown = {key: each for key, each in zip(keys, prompts, strict=True) if key not in self._said}

        def ask(each: Prompt) -> None:
            with suppress(UnusableReply):
                self.generate(each)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(ask, sorted(unknown.values(), key=_length)))
        return [self._said[key]["text"] for key in keys]

    def close(self) -> None:
        """Let go of the file and the weights."""
        self._out.close()
        self._asked.close()


class Person:
    """Someone who knows the names, and says them when asked: the master of the naming task, whom no model of ours can be."""

    name, version = "person", "1"

    def __init__(self, price: Price) -> None:
        self.price = price
        self.knows: dict[str, str] = {}

    def generate(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        del sampling
        (picture,) = (part for part in prompt[-1].parts if isinstance(part, Picture))
        return Reply(self.knows[picture.key], Tokens(), self.version)

    def most(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Tokens:  # noqa: B008 - frozen
        del prompt, sampling
        return Tokens()

    def learn(self, items: Sequence[Item]) -> None:
        """Take in what these pictures show."""
        self.knows |= {item.question.pictures[0].key: item.truth for item in items}

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(frozen=True)
class Cast:
    """Who takes part."""

    encoder: Encoder
    apprentice: Remembering
    master: Remembering
    person: Person

    @classmethod
    def of(cls, models: Path, folder: Path, prices: Mapping[str, float], encoder: str | None = None) -> Cast:
        """The three in ``models``, with their replies kept under ``folder``; another encoder if it is named."""
        found = {
            name: Remembering(TransformersModel(models / name, f"embedded:{name}"), folder, Price(call=price))
            for name, price in prices.items()
        }
        person = Person(Price(call=prices["master"]))
        return cls(encoder_named(encoder or str(models / "encoder")), found["apprentice"], found["master"], person)

    def master_says(self, items: Sequence[Item]) -> list[str | None]:
        """The master's replies, asked as the product asks it."""
        return self.master.replies([prompt(item.question, reason=True) for item in items])

    def close(self) -> None:
        """Let go of the models."""
        self.apprentice.close()
        self.master.close()


def _length(said: Prompt) -> int:
    return sum(200 if isinstance(part, Picture) else len(part) for turn in said for part in turn.parts)
