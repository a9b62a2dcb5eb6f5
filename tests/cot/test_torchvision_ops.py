"""`import torchvision` and what stands on it, in fresh processes: an import happens once."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision isn't installed")


def run(source: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_the_module_itself_imports_nothing_heavy() -> None:
    assert run("import sys, perdure.cot.models.torchvision_ops; print('torch' in sys.modules)") == "False"


def test_torchvision_imports_and_resizes_a_picture() -> None:
    said = run(
        "from perdure.cot.models.torchvision_ops import make_importable\n"
        "make_importable(); make_importable()\n"
        "import sys; assert 'torchvision' not in sys.modules\n"
        "import torch, torchvision\n"
        "make_importable()\n"
        "from torchvision.transforms.v2 import functional\n"
        "print(tuple(functional.resize(torch.zeros(3, 8, 8), [4, 4]).shape))"
    )
    assert said == "(3, 4, 4)"


def test_an_import_that_has_failed_before_can_be_repeated() -> None:
    said = run(
        "try:\n    import torchvision\nexcept RuntimeError:\n    pass\n"
        "from perdure.cot.models.torchvision_ops import make_importable\n"
        "make_importable()\n"
        "import torchvision\n"
        "print(torchvision.__name__)"
    )
    assert said == "torchvision"


def test_open_clip_imports() -> None:
    pytest.importorskip("huggingface_hub")
    said = run(
        "from perdure.cot.models.torchvision_ops import make_importable\nmake_importable()\nimport open_clip\nprint(open_clip.__name__)"
    )
    assert said == "open_clip"


def test_schemas_that_somebody_has_declared_are_left_alone() -> None:
    said = run(
        "import torch\n"
        "theirs = torch.library.Library('torchvision', 'FRAGMENT')\n"
        "theirs.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "from perdure.cot.models.torchvision_ops import make_importable\n"
        "make_importable()\n"
        "import torchvision\n"
        "print(torch.ops.torchvision.qnms.default._schema.name)"
    )
    assert said == "torchvision::qnms"
