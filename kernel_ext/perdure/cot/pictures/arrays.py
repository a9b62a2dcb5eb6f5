"""Arrays and tensors to pictures, by shape and dtype; nothing is guessed from the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.cot.pictures.decoding import check_pixels, flattened
from perdure.errors import UnreadablePicture

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray
    from PIL.Image import Image

_CHANNELS: Final = (1, 3, 4)
_DTYPES: Final = "Give uint8 in 0..255 or floats in 0..1"
_BLOCK: Final = 1 << 20
"""Samples that are converted at a time: what a large array costs beside itself and its picture."""
_SLACK: Final = 1e-3
"""How far floats may lie outside 0..1, as they do after a resize."""


def from_array(array: NDArray[Any], called: str) -> Image:
    """The picture of an array: HxW, HxWx1, HxWx3 or HxWx4 of uint8, uint16, bool, or floats in 0..1.

    :raises UnreadablePicture: if it is anything else.
    """
    from PIL import Image

    if array.dtype.name not in {"uint8", "uint16", "bool"} and array.dtype.kind != "f":
        raise _unfit(array.shape, array.dtype, called, _DTYPES)
    _check(array.shape, array.dtype, called)
    plane = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return flattened(Image.fromarray(_bytes(plane, called)), called)


def from_tensor(tensor: Any, called: str) -> Image:
    """The picture of a PyTorch tensor, on any device: as an array's, or with the channels first, which wins where both could be meant."""
    import torch

    shape = tuple(tensor.shape)
    if not tensor.dtype.is_floating_point and str(tensor.dtype) not in {"torch.uint8", "torch.uint16", "torch.bool"}:
        raise _unfit(shape, tensor.dtype, called, _DTYPES)
    try:
        plain = tensor.detach()
        if plain.layout != torch.strided:
            plain = plain.to_dense()
        if len(shape) == 3 and shape[0] in _CHANNELS:
            plain = plain.permute(1, 2, 0)
        _check(tuple(plain.shape), tensor.dtype, called)
        if plain.dtype.is_floating_point and plain.dtype != torch.float64:
            plain = plain.float()  # NumPy has no bfloat16
        array = plain.cpu().resolve_neg().numpy()
    except (RuntimeError, NotImplementedError, TypeError) as error:  # on the meta device, say
        raise _unfit(shape, tensor.dtype, called, f"Its values can't be read ({str(error).splitlines()[0]})") from None
    return from_array(array, called)


def _check(shape: tuple[int, ...], dtype: object, called: str) -> None:
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in _CHANNELS):
        check_pixels(shape[1], shape[0], called)
        return
    remedy = "Give height x width, alone or with 1, 3 or 4 channels"
    if len(shape) == 4:
        remedy = "Give one picture of the batch, with [0]"
    elif len(shape) == 3 and shape[0] in _CHANNELS:
        remedy = "Put the channels last: array.transpose(1, 2, 0)"
    raise _unfit(shape, dtype, called, remedy)


def _bytes(array: NDArray[Any], called: str) -> NDArray[uint8]:
    """The samples as 0..255, a few rows at a time."""
    import numpy

    if array.dtype == numpy.uint8:
        return numpy.ascontiguousarray(array)
    out = numpy.empty(array.shape, numpy.uint8)
    rows = max(1, _BLOCK // max(1, array[0].size))
    for start in range(0, len(array), rows):
        block = array[start : start + rows]
        if block.dtype.kind == "b":
            out[start : start + rows] = block * numpy.uint8(255)
        elif block.dtype.kind == "u":
            out[start : start + rows] = block >> 8
        else:
            low, high = float(block.min()), float(block.max())
            if not (low >= -_SLACK and high <= 1 + _SLACK):  # NaN is neither
                raise _unfit(
                    array.shape, array.dtype, called, f"Its values go from {low:.4g} to {high:.4g}: scale them to 0..1"
                )
            out[start : start + rows] = numpy.rint(block.clip(0, 1) * 255)
    return out


def _unfit(shape: tuple[int, ...], dtype: object, called: str, remedy: str) -> UnreadablePicture:
    return UnreadablePicture(
        f"{called} has the shape {tuple(shape)} and the dtype {dtype}, which is no picture. {remedy}."
    )
