"""PyTorch tensors: views of one storage stay views of it, and a parameter keeps its gradient.

torch's own pickling copies each storage through a zip archive in the stream, and drops gradients. Here a storage is an
out-of-band buffer like an array's memory, and an object of the stream that its tensors share.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    import torch

    from perdure.capture.pickler import SessionPickler


def reducer_for(kind: type) -> Any:
    import torch

    if kind in (torch.Tensor, torch.nn.Parameter, getattr(torch.nn, "Buffer", torch.Tensor)):
        return reduce_tensor
    if kind is torch.UntypedStorage:
        return reduce_storage
    if kind is torch.Generator:
        return reduce_generator
    return None


def reduce_tensor(pickler: SessionPickler, tensor: torch.Tensor) -> Any:
    import torch

    if tensor.requires_grad and not tensor.is_leaf:
        raise pickle.PicklingError(
            "the tensor is part of an autograd graph, which can't be kept (keep its .item() or .detach() instead)"
        )
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        return NotImplemented
    arguments = (
        tensor.untyped_storage(),
        tensor.dtype,
        tensor.storage_offset(),
        tuple(tensor.shape),
        tensor.stride(),
        tensor.requires_grad,
        type(tensor),
        tensor.is_conj(),
        tensor.is_neg(),
    )
    state: dict[str, Any] = {}
    if tensor.is_leaf and tensor.grad is not None:
        state["grad"] = tensor.grad
    attributes = dict(vars(tensor)) if hasattr(tensor, "__dict__") else {}
    if attributes:
        state["attributes"] = attributes
    hooks = tensor._backward_hooks  # noqa: SLF001 - torch has no public way to read them
    if hooks:
        state["hooks"] = hooks
    return make_tensor, arguments, state or None, None, None, set_tensor_state


def make_tensor(
    storage: torch.UntypedStorage,
    dtype: torch.dtype,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    kind: type,
    conjugate: bool,
    negative: bool,
) -> torch.Tensor:
    """The tensor that looks at ``storage`` that way."""
    import torch

    tensor = torch.empty(0, dtype=dtype, device=storage.device).set_(storage, offset, shape, stride)
    if conjugate:
        tensor = tensor.conj()
    if negative:
        tensor = torch._neg_view(tensor)  # noqa: SLF001 - the only way to make one
    if kind is not torch.Tensor:
        return kind(tensor, requires_grad) if kind is torch.nn.Parameter else kind(tensor)
    return tensor.requires_grad_(requires_grad)


def set_tensor_state(tensor: torch.Tensor, state: dict[str, Any]) -> None:
    """Give a tensor its gradient, hooks and attributes back."""
    tensor.grad = state.get("grad")
    if "hooks" in state:
        tensor._backward_hooks = state["hooks"]  # noqa: SLF001 - as above
    vars(tensor).update(state.get("attributes", {}))


def reduce_storage(pickler: SessionPickler, storage: torch.UntypedStorage) -> Any:
    import torch

    device = str(storage.device)
    if storage.nbytes() and device == "cpu":
        address = storage.data_ptr()
        pickler.addresses.add(address)
        owner = pickler.shared.setdefault(address, storage)
        if type(owner) is not type(storage):
            return storage_of_array, (owner,)
    flat = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
    return make_storage, (pickle.PickleBuffer(flat.cpu().numpy()), device)


def make_storage(buffer: Any, device: str) -> torch.UntypedStorage:
    """A storage over ``buffer``; on its own device again if this machine has it, else in main memory."""
    import torch

    if not memoryview(buffer).nbytes:
        return torch.UntypedStorage(0)
    flat = torch.frombuffer(buffer, dtype=torch.uint8)
    if device != "cpu" and torch.device(device).type == "cuda" and torch.cuda.is_available():
        flat = flat.to(device)
    return flat.untyped_storage()


def storage_of_array(array: numpy.ndarray[Any, Any]) -> torch.UntypedStorage:
    """The storage that is the memory of a NumPy array, as ``torch.from_numpy`` makes it."""
    import torch

    return torch.frombuffer(array.reshape(-1, order="A").view("u1"), dtype=torch.uint8).untyped_storage()


def reduce_generator(_pickler: SessionPickler, generator: torch.Generator) -> Any:
    return make_generator, (str(generator.device), generator.get_state())


def make_generator(device: str, state: torch.Tensor) -> torch.Generator:
    """A random generator in the given state."""
    import torch

    generator = torch.Generator(device=device)
    generator.set_state(state)
    return generator


def reduce_window(array: numpy.ndarray[Any, Any], base: torch.Tensor) -> Any:
    """An array over a tensor's memory."""
    return reduce_window_on(base.untyped_storage(), array)


def reduce_window_on(storage: torch.UntypedStorage, array: numpy.ndarray[Any, Any]) -> Any:
    """An array over a storage's memory."""
    offset = array.__array_interface__["data"][0] - storage.data_ptr()
    return window_on_storage, (storage, array.dtype, array.shape, array.strides, offset, array.flags.writeable)


def window_on_storage(
    storage: torch.UntypedStorage,
    dtype: numpy.dtype[Any],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    writeable: bool,
) -> numpy.ndarray[Any, Any]:
    """The NumPy array over a tensor's memory, as ``tensor.numpy()`` makes it."""
    import torch

    from perdure.capture.arrays import window

    flat = torch.empty(0, dtype=torch.uint8).set_(storage).numpy()
    return window(flat, dtype, shape, strides, offset, writeable)
