"""Makes ``import torchvision`` work beside a torch that its compiled half was not built for.

On import, torchvision registers how its operators `nms` and `qnms` behave on shapes. Their schemas come from its compiled half,
and where that can't be loaded (torchvision from PyPI, built for CUDA, beside a CPU build of torch) the import ends with
``operator torchvision::nms does not exist``, and open_clip, timm and transformers' ``AutoProcessor`` end with it. What they
use of torchvision, resizing and normalising pictures, is plain Python and works. So the two schemas are declared here.
What stays dead is what needs the compiled half: ``torchvision.ops.nms`` and its like, and ``torchvision.io``.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

_SCHEMA: Final = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_OPERATORS: Final = ("nms", "qnms")

_lock = threading.Lock()
_declared: list[torch.library.Library] = []
"""Kept for good: torch forgets the schemas with the object."""


def make_importable() -> None:
    """Declare the operators that torchvision's import needs, if nobody has. Call it before anything that imports torchvision.

    Without effect where torchvision works, where it isn't installed, and the second time. Imports torch, but not torchvision.
    """
    with _lock:
        package = importlib.util.find_spec("torchvision")
        if _declared or package is None or package.origin is None:
            return
        import torch

        compiled = importlib.machinery.PathFinder.find_spec("_C", [str(Path(package.origin).parent)])
        if compiled is not None and compiled.origin is not None:
            with contextlib.suppress(OSError):  # where it can't be loaded is the case this module is for
                torch.ops.load_library(compiled.origin)
        missing = [name for name in _OPERATORS if not hasattr(torch.ops.torchvision, name)]
        if missing:
            library = torch.library.Library("torchvision", "FRAGMENT")  # a fragment, since others may declare theirs
            for name in missing:
                library.define(name + _SCHEMA)
            _declared.append(library)
