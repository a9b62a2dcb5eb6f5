"""Small encoders for tests: a CLIP model with random weights in a folder, as the shipped one is laid out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdure.cot.models.torchvision_ops import make_importable
from perdure.cot.picture import Picture
from perdure.cot.questions.question import normalised

CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 300, "width": 32, "heads": 2, "layers": 2},
}
WORDS = "what colour shape is the a there how many red blue green circle square left of right number name this flag not".split()


def write_encoder(folder: Path, *, version: str = "1", seed: int = 0) -> Path:
    """A folder that `OpenClipEncoder` reads."""
    import torch

    make_importable()
    from open_clip.model import CLIP
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    weights = {name: tensor.half().contiguous() for name, tensor in CLIP(**CONFIG).state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    tokenizer = Tokenizer(models.WordLevel({word: at + 2 for at, word in enumerate(["?", *WORDS])}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {
        "name": "small",
        "version": version,
        "image_size": 32,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "context_length": 16,
        "bos": 1,
        "eos": 299,  # open_clip reads the text at its largest token
        "pad": 0,
    }
    (folder / "encoder.json").write_text(json.dumps(settings))
    return folder


class WordEncoder:
    """Texts as the sum of their words' directions, pictures as their coarse colours: like things are near, without any weights."""

    name = "words"
    dimensions = 64

    def __init__(self, version: str = "1") -> None:
        self.version = version

    def texts(self, texts: list[str]) -> NDArray[np.float32]:
        return np.stack(
            [unit(sum((direction(word) for word in normalised(text).split()), np.zeros(64))) for text in texts]
        )

    def pictures(self, pictures: list[Picture]) -> NDArray[np.float32]:
        small = [np.asarray(picture.image.resize((4, 4)), dtype=np.float32).reshape(-1) - 128 for picture in pictures]
        return np.stack([unit(np.pad(colours, (0, 64 - len(colours)))) for colours in small])


def direction(word: str) -> NDArray[np.float64]:
    return np.random.default_rng(list(word.encode())).normal(size=64)


def unit(vector: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)
