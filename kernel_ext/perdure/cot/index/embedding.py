"""Pictures and questions as vectors: two unit vectors of one space, made by a CLIP model of open_clip.

After *Cache-of-Thought* (arXiv 2502.20587), section 3, which finds examples by the picture and the question together. An entry
keeps both side by side (`fused`), so that one index answers for either or for both.
"""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from perdure.cot.models.torchvision_ops import make_importable
from perdure.cot.picture import Picture
from perdure.cot.questions.question import Question, normalised
from perdure.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from PIL.Image import Image

    Rows = NDArray[np.float32]

_T = TypeVar("_T")

BATCH: Final = 64
"""Pictures or texts that go through the model at once."""
KEPT: Final = 8192
"""Vectors of each kind that an encoder remembers, the least recently used going first."""


EMBEDDED: Final = Path(__file__).resolve().parent.parent / "embedded" / "encoder"
"""The folder of the encoder that ships with us."""


class Encoder(Protocol):
    """Makes vectors. Safe to be used from several threads; the same input gives the same vector.

    ``version`` changes when vectors would. ``dimensions`` is one modality's.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def pictures(self, pictures: Sequence[Picture]) -> Rows:
        """A unit row for each picture."""
        ...

    def texts(self, texts: Sequence[str]) -> Rows:
        """A unit row for each text."""
        ...


def fused(picture: Rows | None, text: Rows) -> Rows:
    """Picture and text in one vector of twice the dimensions: a unit vector, or half of one where there is no picture."""
    import numpy as np

    left = np.zeros_like(text) if picture is None else picture
    return (np.concatenate([left, text]) * np.float32(math.sqrt(0.5))).astype(np.float32)


def picture_vector(rows: Rows) -> Rows | None:
    """One unit vector for all pictures of a question: their mean; None for no picture."""
    import numpy as np

    if len(rows) == 0:
        return None
    mean = rows.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


def question_vectors(encoder: Encoder, question: Question) -> tuple[Rows | None, Rows]:
    """The picture vector (None without pictures) and the text vector of a question."""
    rows = encoder.pictures(question.pictures) if question.pictures else None
    return None if rows is None else picture_vector(rows), encoder.texts([question.text])[0]


class Parts(NamedTuple):
    """A loaded model, with ``encode_image`` and ``encode_text`` as CLIP has them, and what goes before it."""

    model: Any
    pixels: Callable[[Sequence[Image]], torch.Tensor]
    tokens: Callable[[Sequence[str]], torch.Tensor]
    device: str
    dtype: torch.dtype


class LoadedEncoder:
    """What all our encoders share: loading once, batches, and a memory so that nothing is encoded twice."""

    def __init__(self, name: str, version: str, dimensions: int) -> None:
        self.name: Final = name
        self.version: Final = version
        self.dimensions: Final = dimensions
        self._lock = threading.Lock()
        self._parts: Parts | None = None
        self._seen_pictures: OrderedDict[str, Rows] = OrderedDict()
        self._seen_texts: OrderedDict[str, Rows] = OrderedDict()

    def pictures(self, pictures: Sequence[Picture]) -> Rows:
        """A unit row for each picture."""

        def encode(parts: Parts, batch: Sequence[Picture]) -> torch.Tensor:
            pixels = parts.pixels([picture.image for picture in batch])
            return parts.model.encode_image(pixels.to(parts.device, parts.dtype))

        return self._rows([picture.key for picture in pictures], pictures, self._seen_pictures, encode)

    def texts(self, texts: Sequence[str]) -> Rows:
        """A unit row for each text. Spellings that `perdure.cot.questions.question.normalised` makes one have one row."""
        normal = [normalised(text) for text in texts]

        def encode(parts: Parts, batch: Sequence[str]) -> torch.Tensor:
            return parts.model.encode_text(parts.tokens(batch).to(parts.device))

        return self._rows(normal, normal, self._seen_texts, encode)

    def close(self) -> None:
        """Let go of the model; the next call loads it again."""
        with self._lock:
            self._parts = None

    def load(self) -> Parts:
        """Read the weights."""
        raise NotImplementedError

    def _rows(
        self,
        keys: Sequence[str],
        items: Sequence[_T],
        seen: OrderedDict[str, Rows],
        encode: Callable[[Parts, Sequence[_T]], torch.Tensor],
    ) -> Rows:
        import numpy as np

        with self._lock:  # held while the model runs, so that two threads don't encode the same thing
            missing = {key: item for key, item in zip(keys, items, strict=True) if key not in seen}
            fresh = dict(zip(missing, self._encoded(list(missing.values()), encode), strict=True))
            rows = np.empty((len(keys), self.dimensions), dtype=np.float32)
            for at, key in enumerate(keys):
                rows[at] = fresh[key] if key in fresh else seen[key]
            for key in dict.fromkeys(keys):
                seen[key] = fresh[key] if key in fresh else seen[key]
                seen.move_to_end(key)
            while len(seen) > KEPT:
                seen.popitem(last=False)
        return rows

    def _encoded(self, items: Sequence[_T], encode: Callable[[Parts, Sequence[_T]], torch.Tensor]) -> Iterator[Rows]:
        if not items:
            return
        import torch

        if self._parts is None:
            self._parts = self.load()
        for start in range(0, len(items), BATCH):
            with torch.inference_mode():
                out = encode(self._parts, items[start : start + BATCH]).float()
                rows: Rows = (out / out.norm(dim=-1, keepdim=True).clamp_min(1e-12)).cpu().numpy()
            yield from (row.copy() for row in rows)


class OpenClipEncoder(LoadedEncoder):
    """A CLIP model from a folder: ``open_clip_config.json``, ``model.safetensors``, ``tokenizer.json``, ``encoder.json``.

    Weights are read at the first use. ``encoder.json`` has name, version, image_size, mean, std, context_length, bos, eos and pad.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder: Final = Path(folder)
        self._settings: Final = _json(self._folder / "encoder.json")
        self._architecture: Final = _json(self._folder / "open_clip_config.json")
        dimensions = int(self._architecture["embed_dim"])
        super().__init__(str(self._settings["name"]), str(self._settings["version"]), dimensions)

    def load(self) -> Parts:
        """Read the weights."""
        needs("torch", "torchvision", "open_clip", "tokenizers", "safetensors")
        import torch

        make_importable()
        from open_clip.model import CLIP
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        with torch.random.fork_rng(
            devices=[]
        ):  # the initial weights, soon replaced, are drawn: not from the user's generator
            known = ("embed_dim", "vision_cfg", "text_cfg", "quick_gelu")
            model = CLIP(**{key: self._architecture[key] for key in known if key in self._architecture})
        model.load_state_dict(load_file(self._folder / "model.safetensors"))
        device, dtype = device_here()
        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        said = self._settings

        def pixels_of(images: Sequence[Image]) -> torch.Tensor:
            return torch.from_numpy(pixels(images, said["image_size"], said["mean"], said["std"]))

        def tokens_of(texts: Sequence[str]) -> torch.Tensor:
            special = (said["bos"], said["eos"], said["pad"])
            return torch.tensor([token_row(tokenizer, text, said["context_length"], special) for text in texts])

        return Parts(model.to(device, dtype).eval(), pixels_of, tokens_of, device, dtype)


class CheckpointEncoder(LoadedEncoder):
    """One of open_clip's own architectures with weights from a file on this machine; nothing is downloaded."""

    def __init__(self, model: str, checkpoint: Path | str) -> None:
        from blake3 import blake3

        self._architecture: Final = model
        self._checkpoint: Final = Path(checkpoint)
        if not self._checkpoint.is_file():
            raise UsageError(
                f"There is no checkpoint {str(checkpoint)!r}. Name the file that holds the weights of {model}."
            )
        needs("torch", "torchvision", "open_clip")
        make_importable()
        import open_clip

        config = open_clip.get_model_config(model)
        if config is None:
            raise UsageError(f"open_clip has no model {model!r}. Its names: open_clip.list_models()")
        digest = blake3().update_mmap(str(self._checkpoint)).hexdigest()
        super().__init__(f"open_clip:{model}", digest[:16], int(config["embed_dim"]))

    def load(self) -> Parts:
        """Read the weights."""
        import open_clip
        import torch

        device, dtype = device_here()
        with torch.random.fork_rng(devices=[]):
            model, _, prepare = open_clip.create_model_and_transforms(
                self._architecture, pretrained=str(self._checkpoint)
            )
        tokenizer = open_clip.get_tokenizer(self._architecture)

        def pixels_of(images: Sequence[Image]) -> torch.Tensor:
            return torch.stack([prepare(image) for image in images])

        return Parts(model.to(device, dtype).eval(), pixels_of, lambda texts: tokenizer(list(texts)), device, dtype)


def pixels(images: Sequence[Image], size: int, mean: Sequence[float], std: Sequence[float]) -> Rows:
    """What the model sees of RGB images: the whole of each, squeezed to a square, channels first, ``mean`` and ``std`` taken out."""
    import numpy as np
    from PIL.Image import Resampling

    squares = [np.asarray(image.resize((size, size), Resampling.BILINEAR), dtype=np.float32) for image in images]
    scaled = (np.stack(squares) / np.float32(255) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)


def token_row(tokenizer: Any, text: str, length: int, special: tuple[int, int, int]) -> list[int]:
    """The tokens of a normalised text between beginning and end, cut or padded to ``length``; ``special`` is bos, eos and pad."""
    bos, eos, pad = special
    row = [bos, *tokenizer.encode(text, add_special_tokens=False).ids[: length - 2], eos]
    return row + [pad] * (length - len(row))


def device_here() -> tuple[str, torch.dtype]:
    """Where models run, and how precisely."""
    import torch

    if not torch.cuda.is_available():
        return "cpu", torch.float32
    return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _json(file: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The encoder in {file.parent} can't be used: {file.name}: {error}. Name another folder."
        ) from error
    return read


def needs(*packages: str, extra: str = "cot") -> None:
    """Raise `MissingExtra` where a package isn't installed that the extra brings."""
    from importlib.util import find_spec

    for package in packages:
        if find_spec(package) is None:
            raise MissingExtra(f"Embeddings need {package}, which isn't installed. Run: pip install 'perdure[{extra}]'")
