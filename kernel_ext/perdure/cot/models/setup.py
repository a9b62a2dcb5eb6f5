"""What models there are to be had here: keys, servers on this machine, checkpoints on its disk; and whether one answers."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from perdure.cot.models import checkpoint
from perdure.cot.models.model import Model, Sampling, Turn
from perdure.cot.models.names import embedded
from perdure.cot.picture import Picture
from perdure.errors import PerdureError

KEYS: Final = {
    "OPENAI_API_KEY": "",
    "ANTHROPIC_API_KEY": "https://api.anthropic.com/v1/",
    "GEMINI_API_KEY": "https://generativelanguage.googleapis.com/v1beta/openai/",
    "GROQ_API_KEY": "https://api.groq.com/openai/v1",
    "MISTRAL_API_KEY": "https://api.mistral.ai/v1",
    "OPENROUTER_API_KEY": "https://openrouter.ai/api/v1",
    "TOGETHER_API_KEY": "https://api.together.xyz/v1",
}
"""Variables that hold keys, and the OpenAI-compatible address that each is for."""
PORTS: Final = {11434: "Ollama", 8000: "vLLM", 1234: "LM Studio", 8080: "llama.cpp"}
_SECONDS: Final = 0.5
_LONGEST: Final = 1 << 20


class Kind(StrEnum):
    """Where a model was found."""

    EMBEDDED = "embedded"
    KEY = "key"
    SERVER = "server"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Found:
    """Something that can answer."""

    kind: Kind
    name: str
    """What `perdure.cot.models.names.model` takes; for a key, the name of its variable, never what is in it."""
    detail: str
    base_url: str | None = None
    """What goes with the name as ``base_url=``."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a model said to one question about a small picture."""

    text: str
    """The reply, or what is wrong."""
    seconds: float
    answered: bool


def find(environment: Mapping[str, str] = os.environ, ports: Mapping[int, str] = PORTS) -> list[Found]:
    """All there is: embedded models, keys in the environment, servers on usual ports of this machine, checkpoints in the hub's cache."""
    with ThreadPoolExecutor(max(1, len(ports))) as pool:
        served = [found for there in pool.map(lambda port: _served(port, ports[port]), ports) for found in there]
    return [
        *(Found(Kind.EMBEDDED, name, "comes with perdure, a demo model") for name in embedded()),
        *_keys(environment),
        *served,
        *_checkpoints(environment),
    ]


def try_one(model: Model, clock: Callable[[], float] = time.perf_counter) -> Tried:
    """Ask one question about a small picture that is drawn here."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((16, 16, 48, 48), fill="red")
    question = Turn("user", (Picture(image, "a red circle"), "What colour is the circle? Answer with one word."))
    began = clock()
    try:
        return Tried(model.generate((question,), Sampling(max_tokens=64)).text, clock() - began, True)
    except PerdureError as error:
        return Tried(str(error), clock() - began, False)


def _keys(environment: Mapping[str, str]) -> Iterator[Found]:
    for variable, address in KEYS.items():
        if environment.get(variable):
            where = address or environment.get("OPENAI_BASE_URL") or "OpenAI"
            yield Found(Kind.KEY, variable, f"a key for {where}", address or None)


def _served(port: int, program: str) -> list[Found]:
    """The models of a server on this machine; nothing but loopback is asked, through no proxy, and no key is sent."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        line.request("GET", "/v1/models")
        reply = line.getresponse()
        data = json.loads(reply.read(_LONGEST)) if reply.status == 200 else {}
        names = [str(one["id"]) for one in data.get("data") or ()]
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, AttributeError):
        return []
    finally:
        line.close()
    address = f"http://127.0.0.1:{port}/v1"
    return [Found(Kind.SERVER, f"openai:{name}", f"on port {port}, as {program}'s", address) for name in names]


def _checkpoints(environment: Mapping[str, str]) -> Iterator[Found]:
    for repository in sorted(_hub_cache(environment).glob("models--*--*")):
        name = repository.name.removeprefix("models--").replace("--", "/")
        for snapshot in sorted((repository / "snapshots").glob("*")):
            if checkpoint.whole(snapshot) and _sees(snapshot):
                yield Found(Kind.CHECKPOINT, f"transformers:{name}", "in the hub's cache")
                break


def _sees(folder: Path) -> bool:
    """Whether the checkpoint's settings have a part for pictures beside one for text."""
    try:
        settings = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return False
    processors = ("processor_config.json", "preprocessor_config.json")  # what transformers 5 writes, and what 4 did
    has_processor = any((folder / name).is_file() for name in processors)
    return isinstance(settings, dict) and "vision_config" in settings and has_processor


def _hub_cache(environment: Mapping[str, str]) -> Path:
    if named := environment.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    if home := environment.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"
