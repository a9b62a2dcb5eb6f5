"""A checkpoint in memory, once in a process however many models name it."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from perdure.cot.answer import Tokens
from perdure.cot.models.chat import Chat
from perdure.cot.models.drawing import Drawing
from perdure.cot.models.gathering import Gathering
from perdure.cot.models.model import Prompt, Sampling
from perdure.cot.models.silence import silence
from perdure.cot.models.torchvision_ops import make_importable
from perdure.cot.picture import Picture
from perdure.errors import MissingExtra, ModelRefused, ModelUnavailable

TOGETHER: Final = 32
"""Calls in one batch."""
_WAIT: Final = 0.003
"""Seconds that a call waits for company, where company makes it cheaper."""
_SHORTEST: Final = 16
"""Tokens that an answer needs where the prompt leaves few."""
_NO_MEMORY: Final = ("out of memory", "allocate memory", "not enough memory")


class Asked(NamedTuple):
    """One call."""

    prompt: Prompt
    sampling: Sampling


class Said(NamedTuple):
    """What the model said to one call."""

    text: str
    tokens: Tokens
    logprob: float | None


class Weights:
    """A loaded model with its processor. Take it with `shared`; it is freed when nobody holds it any more."""

    def __init__(self, folder: Path, device: str) -> None:
        self._processor, self._model = _loaded(folder, device)
        self._device = device
        words = self._processor.tokenizer
        words.padding_side = "left"
        if words.pad_token_id is None:
            words.pad_token = words.eos_token
        self._ends = _ends(self._model, words)
        self._pad = words.pad_token_id
        # What the checkpoint itself says: a small model that repeats itself would go on for as long as it may.
        self._most: int | None = self._model.generation_config.max_new_tokens
        self._model.generation_config = self._generation(1)
        self._longest: int | None = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._chat = Chat(self._processor)
        self.ask: Gathering[Asked, Said] = Gathering(
            self._answers,
            lambda asked: (asked.sampling, any(map(_pictures, [asked.prompt]))),
            most=TOGETHER,
            wait=0.0 if device == "cpu" else _WAIT,
        )

    @staticmethod
    def shared(folder: Path, version: str, device: str | None = None) -> Weights:
        """The checkpoint in memory: the one that is there already, or else loaded now.

        :raises ModelRefused: if it can't be loaded.
        :raises ModelUnavailable: if memory doesn't suffice.
        :raises MissingExtra: without torch and transformers.
        """
        device = device or best_device()
        name = (str(folder.absolute()), version, device)
        with _loading:
            there = _here.get(name)
            if there is None:
                there = _here[name] = Weights(folder, device)
            return there

    def size(self, prompt: Prompt) -> int:
        """Tokens of the prompt, pictures included."""
        with silence():
            return int(self._inputs([prompt])["input_ids"].shape[1])

    def _generation(self, most: int) -> Any:
        """Plain greedy: the penalties that some checkpoints set forbid a model to repeat what its examples said."""
        from transformers import GenerationConfig

        return GenerationConfig(
            max_new_tokens=most, do_sample=False, eos_token_id=self._ends or None, pad_token_id=self._pad
        )

    def _inputs(self, prompts: Sequence[Prompt]) -> Any:
        texts = [self._chat.text(prompt) for prompt in prompts]
        pictures = [_pictures(prompt) for prompt in prompts]
        begin = self._processor.tokenizer.bos_token
        return self._processor(
            text=texts,
            images=pictures if any(pictures) else None,
            return_tensors="pt",
            padding=True,
            # A template that writes the first token itself must not get another.
            add_special_tokens=not (begin and texts[0].startswith(begin)),
        )

    def _answers(self, asked: Sequence[Asked]) -> list[Said]:
        with silence():
            try:
                return self._generated([one.prompt for one in asked], asked[0].sampling)
            except (RuntimeError, MemoryError) as error:
                if not _no_memory(error):
                    raise
        # Raised out here, where the traceback no longer holds the tensors that were too large.
        free_device_memory()
        raise ModelUnavailable(
            "The model ran out of memory. Ask with fewer or smaller pictures, or use a smaller model."
        )

    def _generated(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Said]:
        import torch

        inputs = self._inputs(prompts).to(self._device, dtype=self._model.dtype)
        before = int(inputs["input_ids"].shape[1])
        room = self._room(before, sampling.max_tokens, len(prompts))
        drawing = Drawing(len(prompts), sampling.temperature, sampling.seed)
        with torch.inference_mode():
            rows = self._model.generate(**inputs, generation_config=self._generation(room), logits_processor=[drawing])[
                :, before:
            ].tolist()
        counts = inputs["attention_mask"].sum(-1).tolist()
        return [
            self._said(row, n, int(count), drawing) for n, (row, count) in enumerate(zip(rows, counts, strict=True))
        ]

    def _room(self, prompt: int, wanted: int, rows: int) -> int:
        """Tokens that a reply may have. Where it gets tight, a call goes alone: company's padding would take from its room."""
        wanted = wanted if self._most is None else min(wanted, self._most)
        room = wanted if self._longest is None else min(wanted, self._longest - prompt)
        if room < (wanted if rows > 1 else min(wanted, _SHORTEST)):
            raise ModelRefused(
                f"The question with its pictures and examples has {prompt:,} tokens, which leaves no room for an answer in the "
                f"{self._longest:,} that the model takes. Show fewer examples or pictures."
            )
        return room

    def _said(self, row: list[int], n: int, prompt: int, drawing: Drawing) -> Said:
        said = next((at for at, token in enumerate(row) if token in self._ends), len(row))
        length = min(said + 1, len(row))  # the token that ends it was drawn too
        logprobs = drawing.logprobs(n, length)
        text = self._processor.tokenizer.decode(row[:said], skip_special_tokens=True).strip()
        return Said(text, Tokens(prompt, length), sum(logprobs) / length if length else None)


_loading: Final = threading.Lock()
_here: Final[weakref.WeakValueDictionary[tuple[str, str, str], Weights]] = weakref.WeakValueDictionary()


def best_device() -> str:
    """``cuda`` or ``mps`` where there is one, else ``cpu``."""
    torch = _torch()
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def free_device_memory() -> None:
    """Hand memory that nothing uses any more back to the device."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _torch() -> Any:
    try:
        import torch
        import transformers
    except ImportError:
        raise MissingExtra(
            "A local model needs torch and transformers. Install them with: pip install 'perdure[cot]'"
        ) from None
    del transformers
    return torch


def _loaded(folder: Path, device: str) -> tuple[Any, Any]:
    make_importable()
    torch = _torch()
    from transformers import AutoModelForImageTextToText, AutoProcessor

    kind = torch.float32 if device == "cpu" else torch.bfloat16
    wrong: Exception
    try:
        with silence():
            model, report = AutoModelForImageTextToText.from_pretrained(
                folder, dtype=kind, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
            model = model.to(device).eval()
    except Exception as error:  # noqa: BLE001 - a checkpoint can be broken in any way
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        if _no_memory(error):
            wrong = ModelUnavailable(f"Memory doesn't suffice to load {folder}. Free some, or use a smaller model.")
        else:
            wrong = ModelRefused(f"The checkpoint {folder} can't be loaded: {reason}. Name another, or fetch it again.")
    else:
        if not report["missing_keys"]:
            return processor, model
        wrong = ModelRefused(
            f"The checkpoint {folder} lacks {len(report['missing_keys'])} of its tensors, so its answers would be chance. Fetch it again."
        )
    raise wrong


def _ends(model: Any, words: Any) -> list[int]:
    """Tokens that end a reply: what the checkpoint's generation settings say, or else the tokenizer."""
    said = model.generation_config.eos_token_id
    ends = said if isinstance(said, list) else [said]
    if words.eos_token_id not in ends:
        ends = [*ends, words.eos_token_id]
    return [end for end in ends if end is not None]


def _pictures(prompt: Prompt) -> list[Any]:
    return [part.image for turn in prompt for part in turn.parts if isinstance(part, Picture)]


def _no_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY)
