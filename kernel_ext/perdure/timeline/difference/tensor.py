"""How two PyTorch tensors differ: as arrays, and in where they live and whether they are trained."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

from perdure.timeline.difference.array import elements_difference
from perdure.timeline.difference.elements import Array, ArrayElements, Elements, Gap, measure
from perdure.timeline.difference.report import EQUAL, Difference, compose

# Not by its name, for mypy is to say the same where torch is not installed.
torch = import_module("torch")

_PARTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}


class TensorElements:
    """The elements of a dense tensor, brought over from its device block by block, in a dtype that NumPy has too."""

    def __init__(self, tensor: Any) -> None:
        self._flat = tensor.reshape(-1)
        self.shape = tuple(tensor.shape)
        self.itemsize = tensor.element_size()

    def take(self, start: int, stop: int) -> Array:
        """A flat block of them."""
        block = self._flat[start:stop].cpu()
        try:
            array: Array = block.numpy()
        except TypeError:  # bfloat16 and the eight-bit kinds, all of which are exact in 32 bits
            array = block.to(torch.float32).numpy()
        return array

    def masked(self, start: int, stop: int) -> Array | None:
        """None: tensors have no mask."""
        return None


def tensor_difference(before: Any, after: Any) -> Difference:
    """How two tensors differ."""
    facts = (
        ("device", str(before.device), str(after.device)),
        ("layout", str(before.layout), str(after.layout)),
        ("dtype", _dtype(before), _dtype(after)),
        ("requires_grad", str(before.requires_grad), str(after.requires_grad)),
    )
    notes = [f"{name} {one} became {other}" for name, one, other in facts if one != other]
    shapes = tuple(before.shape), tuple(after.shape)
    dtypes = _dtype(before), _dtype(after)
    if torch.device("meta") in (before.device, after.device):
        gap = Gap(unknown=0 if before.device == after.device and shapes[0] == shapes[1] else math.prod(shapes[0]))
    elif before.layout != after.layout or len(shapes[0]) != len(shapes[1]):
        gap = Gap()
    elif before.layout in _PARTS:
        return _sparse_difference(before, after, notes)
    else:
        first, second = _dense(before), _dense(after)
        if shapes[0] != shapes[1]:
            corner = tuple(slice(min(sizes)) for sizes in zip(*shapes, strict=True))
            first, second = first[corner], second[corner]
        gap = measure(_elements(first), _elements(second))
    found = elements_difference("tensor", gap, shapes, dtypes, notes)
    if not found.equal:
        found.details.update(device=[str(before.device), str(after.device)])
        found.details.update(requires_grad=[before.requires_grad, after.requires_grad])
    return found


def _sparse_difference(before: Any, after: Any, notes: list[str]) -> Difference:
    inner = {name: tensor_difference(getattr(before, name)(), getattr(after, name)()) for name in _PARTS[before.layout]}
    parts = [*notes, *(f"{name.strip('_')}: {gap.summary}" for name, gap in inner.items() if not gap.equal)]
    if before.shape != after.shape:
        parts.insert(0, f"shape {list(before.shape)} became {list(after.shape)}")
    if not parts:
        return EQUAL
    return compose("tensor", "; ".join(parts), {name.strip("_"): gap.to_json() for name, gap in inner.items()}, ())


def _elements(tensor: Any) -> Elements:
    if tensor.device.type == "cpu" and not tensor.is_contiguous():
        try:
            return ArrayElements(tensor.numpy())  # NumPy reads any strides without a copy of the whole
        except TypeError:
            pass
    return TensorElements(tensor)


def _dense(tensor: Any) -> Any:
    plain = tensor.detach().as_subclass(torch.Tensor)
    return plain.int_repr() if plain.is_quantized else plain.resolve_conj().resolve_neg()


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")
