"""The encoder: open_clip's own CLIP, small, trained with open_clip's own ClipLoss; saving, loading and using it.

Its folder holds ``open_clip_config.json`` (the arguments of `open_clip.CLIP`), ``model.safetensors``, ``tokenizer.json`` and
``encoder.json`` (size, mean and deviation of pictures; context length and special ids of texts).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.embedded import augment
from benchmarks.embedded.tokenizer import BEGIN, END, PAD, TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from tokenizers import Tokenizer
    from torch import Tensor
    from torch.nn import Module

CONTEXT: Final = 40
CONFIG: Final[dict[str, Any]] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 64, "patch_size": 16, "width": 128, "layers": 6, "head_width": 32},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": TOKENS, "width": 128, "heads": 4, "layers": 3},
}


def build(config: dict[str, Any] = CONFIG) -> Module:
    """A CLIP with random weights."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    return CLIP(config["embed_dim"], CLIPVisionCfg(**config["vision_cfg"]), CLIPTextCfg(**config["text_cfg"]))


def text_ids(tokenizer: Tokenizer, texts: Sequence[str], *, full: bool = False) -> Tensor:
    """Ids of the texts, padded to the longest of them, or to the whole context; what is too long is cut before the end."""
    import torch

    begin, end, pad = (tokenizer.token_to_id(token) for token in (BEGIN, END, PAD))
    rows = [[begin, *found.ids[: CONTEXT - 2], end] for found in tokenizer.encode_batch(list(texts))]
    length = CONTEXT if full else max(map(len, rows))
    return torch.tensor([row + [pad] * (length - len(row)) for row in rows])


def text_features(model: Any, ids: Tensor) -> Tensor:
    """What ``encode_text`` gives, for ids not padded to the whole context: attention is causal, so padding tells nothing."""
    from torch.nn.functional import normalize

    length = ids.shape[1]
    hidden = model.token_embedding(ids) + model.positional_embedding[:length]
    hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:length, :length]))
    hidden = hidden[range(len(ids)), ids.argmax(dim=-1)]
    return normalize(hidden @ model.text_projection, dim=-1)


def save(model: Module, tokenizer: Tokenizer, folder: Path, config: dict[str, Any] = CONFIG) -> None:
    """Write the folder; each file is replaced whole."""
    from safetensors.torch import save as packed

    ids = {name: tokenizer.token_to_id(token) for name, token in (("bos", BEGIN), ("eos", END), ("pad", PAD))}
    about = {
        "name": "perdure-demo-encoder",
        "version": "1",
        "image_size": config["vision_cfg"]["image_size"],
        "mean": augment.MEAN,
        "std": augment.STD,
        "context_length": CONTEXT,
        **ids,
    }
    replace(folder / "open_clip_config.json", json.dumps(config, indent=2).encode())
    replace(folder / "encoder.json", json.dumps(about, indent=2).encode())
    replace(folder / "tokenizer.json", tokenizer.to_str().encode())
    replace(
        folder / "model.safetensors", packed({k: v.half().cpu().contiguous() for k, v in model.state_dict().items()})
    )


def replace(path: Path, content: bytes) -> None:
    """Write a file that is never seen half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)


class Encoder:
    """A saved encoder: an example of how to load and use one."""

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        config = json.loads((folder / "open_clip_config.json").read_text())
        self.model: Any = build(config)
        self.model.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
        self.model.eval()
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.about = json.loads((folder / "encoder.json").read_text())

    def pictures(self, images: Sequence[Image]) -> Tensor:
        """Unit rows."""
        import numpy as np
        import torch

        side = self.about["image_size"]
        small = np.stack([np.asarray(image.convert("RGB").resize((side, side), 2), dtype=np.uint8) for image in images])
        with torch.inference_mode():
            features: Tensor = self.model.encode_image(augment.normal(torch.from_numpy(small)), normalize=True)
        return features

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Unit rows."""
        import torch

        with torch.inference_mode():
            return text_features(self.model, text_ids(self.tokenizer, texts))
