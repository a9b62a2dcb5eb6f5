"""The Makefile's first step says in one sentence why an environment can't be made."""

from __future__ import annotations

import builtins
import runpy
import sys
from pathlib import Path

import pytest


def complaint(root: Path) -> object:
    with pytest.raises(SystemExit) as raised:
        runpy.run_path(str(root / "tools" / "check_python.py"))
    return raised.value.code


def test_a_good_python_passes(root: Path) -> None:
    assert complaint(root) is None


def test_an_old_python_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    assert "needs Python 3.11 or later" in complaint(root)


def test_a_missing_venv_module_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_ensurepip(name, *args, **kwargs):
        if name == "ensurepip":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_ensurepip)
    assert "`venv` module is missing" in complaint(root)
