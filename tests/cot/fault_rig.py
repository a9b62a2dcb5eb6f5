"""What the tests of faults share: a hosted master, a till that counts money across processes, a small disk, a search for keys."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cot.encoders import WordEncoder
from cot.openai_server import OpenAIServer
from cot.painters import Painter
from perdure.cot import Cot, Picture, Price, Prompt, Reply, Sampling
from perdure.cot.cache import Cache, Entry, Vector
from perdure.cot.index.embedding import fused
from perdure.cot.models.openai_model import OpenAIModel
from perdure.cot.questions.prompting import PROMPT_VERSION
from perdure.cot.questions.question import question
from perdure.errors import PerdureError

WHICH = "Which colour is the disc?"
KEY = "sk-loopback-7f3a9c51e2d84b06"
PRICE = 0.01
"""Dollars of a call, of every master here."""


def hosted(server: OpenAIServer, key: str | None = KEY, **given: Any) -> OpenAIModel:
    """The server's model, as a user would name it."""
    options = {"retries": 0, "timeout": 20.0, "price": Price(call=PRICE)} | given
    return OpenAIModel("served", base_url=server.url, api_key=key, **options)


def asker(master: Any, apprentice: Any = None, cache: Path | None = None, **given: Any) -> Cot:
    """A `Cot` with an encoder that needs no weights."""
    return Cot(master, apprentice, cache, **({"encoder": Words(), "audit": 0.0, "delta": 0.0} | given))


def sentence(error: BaseException) -> str:
    """What the user reads of an error: short, on one line, of ours, and without the key."""
    said = str(error)
    assert isinstance(error, PerdureError), repr(error)
    assert said, repr(error)
    assert "\n" not in said, said
    assert len(said) < 500, said
    assert said.endswith((".", "?")) or ". " in said or ": " in said, said
    assert KEY not in said + repr(error), said
    return said


@dataclass
class Till(Painter):
    """A painter that writes a line into a file for every call: what a hosted one would charge for, whoever of several processes asks."""

    till: Path = Path("till")
    then: Callable[[str], None] = lambda text: None
    """Is called after the money has been taken, before the reply."""

    def generate(self, prompt: Prompt, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        reply = super().generate(prompt, sampling)
        with self.till.open("ab") as file:
            file.write(f"{prompt[-1].parts[-1]} {reply.text}\n".encode())
        self.then(reply.text)
        return reply


def alone(role: str, till: Path, **given: Any) -> tuple[Till | None, Till | None]:
    """Master and apprentice, as `asker` takes them: one with a till, and nobody in the other's place."""
    model = Till(role, till=till, **given)
    return (model, None) if role == "master" else (None, model)


def taken(till: Path) -> list[str]:
    """What was paid for, in order."""
    return till.read_text().splitlines() if till.exists() else []


@dataclass
class Disk:
    """A disk of its own, which can be full."""

    place: Path
    _filler: list[Path] = field(default_factory=list)

    @contextmanager
    def full(self, leave: int = 0) -> Iterator[None]:
        """But for ``leave`` bytes."""
        stat, filler = os.statvfs(self.place), self.place / "filler"
        with filler.open("wb") as file:
            file.write(bytes(max(stat.f_bavail * stat.f_frsize - leave, 0)))
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def mounted(place: Path, megabytes: int = 8) -> Iterator[Disk]:
    """A small disk; needs root."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def interrupt() -> None:
    """What the user's "interrupt" does: the main thread is told, whichever thread tells it."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def holding(place: Path, key: str = KEY) -> list[Path]:
    """The files below ``place`` that have the key in them, as text, base64 or UTF-16."""
    spellings = {key.encode(), key.encode("utf-16-le"), base64.b64encode(key.encode())[:24], key[3:].encode()}
    files = [file for file in place.rglob("*") if file.is_file() and not file.is_symlink()]
    assert files, f"nothing in {place} to look at"
    return [file for file in files if any(spelling in file.read_bytes() for spelling in spellings)]


class Words(WordEncoder):
    """One that can be given nothing, too."""

    def pictures(self, pictures: list[Picture]) -> NDArray[np.float32]:
        return super().pictures(pictures) if pictures else np.zeros((0, self.dimensions), np.float32)


def many(cache: Cache, count: int) -> None:
    """Keep so many of the master's answers, each found by the words of its question."""
    encoder = Words()
    asked = [question(f"What is the word of the number {n}?") for n in range(count)]
    texts = encoder.texts([one.text for one in asked])
    with cache.together():
        for n, (one, text) in enumerate(zip(asked, texts, strict=True)):
            vector = Vector.of(encoder.name, encoder.version, fused(None, text))
            said = {"model": "master", "model_version": "1", "prompt_version": PROMPT_VERSION}
            cache.add(Entry.of(one, f"word {n}", vector=vector, **said))
