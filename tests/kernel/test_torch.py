"""PyTorch in a session: storages stay shared, parameters keep gradients, an optimizer keeps its parameters."""

from __future__ import annotations

import importlib.util

import pytest

from kernel.driver import Kernel

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")

MODEL = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = torch.nn.Linear(40, 30), torch.nn.Linear(30, 1)
    def forward(self, x):
        return self.outer(torch.relu(self.inner(x)))
torch.manual_seed(3)
model = Net(); optimizer = torch.optim.Adam(model.parameters(), lr=0.01); history = []
"""

STEP = """
for _ in range(3):
    optimizer.zero_grad(); loss = model(torch.randn(8, 40)).pow(2).mean(); loss.backward(); optimizer.step()
    history.append(loss.item())
"""


def test_training_goes_on_after_a_kill_as_if_nothing_had_happened(kernel: Kernel) -> None:
    kernel.ok("import torch", MODEL, STEP)
    assert "loss" in kernel.last()["not_captured"]
    kernel.die_and_restore()
    assert kernel.value(
        "type(model) is Net, optimizer.param_groups[0]['params'][0] is model.inner.weight, "
        "model.inner.weight.grad is not None, optimizer.state[model.inner.weight]['step'].item()"
    ) == (True, True, True, 3.0)
    kernel.ok(STEP)
    gone_on = kernel.value("history")
    kernel.do("undo()")
    kernel.ok(STEP)  # the generator went back too
    assert kernel.value("history") == gone_on


def test_views_arrays_and_tensors_over_one_memory_stay_so(kernel: Kernel) -> None:
    kernel.ok(
        "import torch, numpy as np",
        "t = torch.arange(20_000.); v = t[2:5]; n = t.numpy(); a = np.arange(9_000.); f = torch.from_numpy(a); u = torch.ones(3)",
        "f[3] = 77; n[2] = 5",
    )
    assert set(kernel.last()["changed"]) == {"t", "v", "n", "a", "f"}
    kernel.die_and_restore()
    kernel.ok("v[0] = -1; a[4] = -2")
    assert kernel.value("t[2].item(), n[2].item(), f[3].item(), f[4].item(), u.sum().item()") == (-1, -1, 77, -2, 3)


def test_an_undo_patches_the_parameters_of_a_model(kernel: Kernel) -> None:
    kernel.ok("import torch", MODEL, "before = model.inner.weight.detach().clone()")
    kernel.ok("with torch.no_grad(): _ = model.inner.weight.add_(1)")
    kernel.do("undo()")
    assert kernel.value(
        "bool((model.inner.weight == before).all()), optimizer.param_groups[0]['params'][0] is model.inner.weight"
    ) == (
        True,
        True,
    )
