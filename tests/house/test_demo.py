"""`make demo` does what it says, and fails when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest


def test_the_notebook_is_valid_and_carries_no_output(root: Path) -> None:
    notebook = nbformat.read(root / "notebooks" / "demo.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []
    assert sum("kill-here" in cell.metadata.get("tags", ()) for cell in notebook.cells) == 1


@pytest.mark.slow
def test_the_demo_succeeds(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(root / "tools" / "demo.py")], capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is well" in done.stdout


@pytest.mark.slow
def test_the_demo_fails_without_the_extension(root: Path, tmp_path: Path) -> None:
    (tmp_path / "perdure.py").write_text("def load_ipython_extension(shell):\n    pass\n")
    done = subprocess.run(
        [sys.executable, str(root / "tools" / "demo.py")],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 1
    assert "The demo failed" in done.stderr
