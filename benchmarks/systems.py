"""The systems that are compared, each driven the way its users drive it."""

from __future__ import annotations

import subprocess
import sys
import time
import venv
from abc import ABC, abstractmethod
from pathlib import Path

from benchmarks.kernels import Kernel
from benchmarks.measure import size_of, version

#: Its own environment: it brings packages that perdure has no use for.
KISHU = "kishu==0.3.4"


class System(ABC):
    """One kernel after the other, on one folder. ``cells`` collects the execution counts of the notebook's cells."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells: list[int] = []
        self._started = 0
        folder.mkdir(parents=True, exist_ok=True)

    def _kernel(self, *, perdure: bool = False, python: str | None = None, env: dict[str, str] | None = None) -> Kernel:
        self._started += 1
        folder = self.folder / f"kernel-{self._started}"
        return Kernel(folder, perdure=perdure, python=python, store=self.folder / "kept", env=env)

    @abstractmethod
    def start(self) -> Kernel:
        """A kernel in which this system keeps watch."""

    def go_back(self, kernel: Kernel, cell: int, sources: list[str]) -> Kernel:
        """Put the variables as they were after the cell of that index; the kernel in which they are then."""
        return kernel

    def come_back(self, sources: list[str]) -> Kernel:
        """After SIGKILL: a new kernel with the session's last state."""
        return self.start()

    def size(self) -> int:
        """Bytes kept."""
        return size_of(self.folder / "kept")

    def trouble(self, kernel: Kernel) -> str:
        """What the system itself says it could not keep."""
        return ""


class Perdure(System):
    name = "perdure"

    def start(self) -> Kernel:
        return self._kernel(perdure=True)

    def go_back(self, kernel: Kernel, cell: int, sources: list[str]) -> Kernel:
        kernel.run(f"%dart checkout In[{self.cells[cell]}]")
        return kernel

    def come_back(self, sources: list[str]) -> Kernel:
        kernel = self._kernel()
        kernel.run("%load_ext perdure")
        kernel.run("%dart restore")
        return kernel

    def trouble(self, kernel: Kernel) -> str:
        lost = kernel.ask("get_ipython() and __import__('perdure').current().not_captured")
        return ", ".join(f"{name}: {reason}" for name, reason in lost.items())


class Kishu(System):
    """Its command-line tool runs these very expressions silently in the kernel; front-end saving is off, as in its tests."""

    name = "kishu"
    python = ""

    def start(self) -> Kernel:
        kept = self.folder / "kept"
        kept.mkdir(exist_ok=True)
        notebook = kept / "notebook.ipynb"
        if not notebook.exists():
            notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
        env = {"ENV_KISHU_TEST_MODE": "1", "KISHU_PATH_ROOT": str(self.folder)}
        kernel = self._kernel(python=self.python, env=env)
        kernel.run(f"from kishu import init_kishu\ninit_kishu({str(notebook)!r})")
        return kernel

    def _commits(self, kernel: Kernel) -> list[str]:
        """Oldest first: one for each cell of the notebook, as the cell that attaches makes none."""
        path = f"__import__('pathlib').Path({str(self.folder / 'kept' / 'notebook.ipynb')!r})"
        graph = f"__import__('kishu.commands').commands.KishuCommand.log_all({path})"
        return list(kernel.ask(f"[c.commit_id for c in {graph}.commit_graph]"))

    def _checkout(self, kernel: Kernel, commit: str) -> None:
        kernel.ask(f"str(get_ipython().user_ns['_kishu'].checkout({commit!r}, True))")

    def go_back(self, kernel: Kernel, cell: int, sources: list[str]) -> Kernel:
        self._checkout(kernel, self._commits(kernel)[cell])
        return kernel

    def come_back(self, sources: list[str]) -> Kernel:
        kernel = self.start()
        self._checkout(kernel, self._commits(kernel)[len(sources) - 1])
        return kernel


class Dill(System):
    name = "dill.dump_session"

    def start(self) -> Kernel:
        kernel = self._kernel()
        (self.folder / "kept").mkdir(exist_ok=True)
        kernel.ask(f"__import__('dumping').start({str(self.folder / 'kept')!r})")
        return kernel

    def _load(self, kernel: Kernel, count: int) -> None:
        kernel.ask(f"__import__('dumping').load({str(self.folder / 'kept' / f'{count}.dill')!r})")

    def go_back(self, kernel: Kernel, cell: int, sources: list[str]) -> Kernel:
        self._load(kernel, self.cells[cell])
        return kernel

    def come_back(self, sources: list[str]) -> Kernel:
        kernel = self._kernel()
        self._load(kernel, self.cells[-1])
        return kernel

    def trouble(self, kernel: Kernel) -> str:
        return "; ".join(kernel.ask("__import__('dumping').failures")[:1])


class Rerun(System):
    name = "cold re-run"

    def start(self) -> Kernel:
        return self._kernel()

    def go_back(self, kernel: Kernel, cell: int, sources: list[str]) -> Kernel:
        kernel.close()
        return self.come_back(sources[: cell + 1])

    def come_back(self, sources: list[str]) -> Kernel:
        kernel = self.start()
        for source in sources:
            kernel.run(source)
        return kernel


def systems(build: Path) -> tuple[list[type[System]], list[str]]:
    """Those that can be had here, and why another can't."""
    found: list[type[System]] = [Perdure, Dill, Rerun]
    try:
        Kishu.python = str(_kishu_environment(build))
        found.insert(1, Kishu)
    except (OSError, subprocess.SubprocessError) as error:
        return found, [f"{KISHU} could not be installed here: {type(error).__name__}"]
    return found, []


def _kishu_environment(build: Path) -> Path:
    home = build / "kishu-environment"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = home / f"{KISHU}.done"
    if not done.exists():
        venv.create(home, with_pip=True, clear=True)
        same = [f"{name}=={version(name)}" for name in ("numpy", "pandas", "ipykernel", "ipython", "dill")]
        began = time.monotonic()
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", KISHU, *same],
            check=True,
            capture_output=True,
            timeout=1200,
        )
        done.write_text(f"{time.monotonic() - began:.0f} s")
    return python
