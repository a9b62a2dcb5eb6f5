"""The package stays light: what it imports, and what it asks to be installed."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import perdure
from perdure import errors

HEAVY = {
    "chromadb",
    "dask",
    "distributed",
    "jupyter_server",
    "jupyterlab",
    "matplotlib",
    "numpy",
    "pandas",
    "polars",
    "scipy",
    "torch",
    "transformers",
}

LOADS = {
    "import perdure": "import perdure",
    "%load_ext perdure": (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from traitlets.config import Config\n"
        "config = Config({'HistoryManager': {'hist_file': ':memory:'}})\n"
        "shell = InteractiveShell.instance(config=config)\n"
        "shell.run_line_magic('load_ext', 'perdure')\n"
        "assert shell.find_line_magic('dart')\n"
        "assert not shell.run_cell('a = [1]').error_in_exec\n"
        "shell.run_line_magic('unload_ext', 'perdure')"
    ),
}


@pytest.mark.parametrize("source", LOADS.values(), ids=LOADS.keys())
def test_nothing_heavy_is_imported(source: str, tmp_path: Path) -> None:
    environment = os.environ | {"PERDURE_STORE": str(tmp_path / "store"), "IPYTHONDIR": str(tmp_path / "ipython")}
    script = f"import sys\n{source}\nprint('loaded:', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    loaded = set(re.search(r"^loaded: (.*)$", done.stdout, re.MULTILINE)[1].split())
    assert loaded & HEAVY == set()


def test_nothing_heavy_is_required() -> None:
    required = {
        re.split(r"[^\w-]", requirement)[0].lower()
        for requirement in importlib.metadata.requires("perdure")
        if "extra ==" not in requirement
    }
    assert required
    assert required & HEAVY == set()


def test_the_version_is_that_of_the_distribution() -> None:
    assert perdure.__version__ == importlib.metadata.version("perdure")


def tree(cls: type[BaseException]) -> list[type[BaseException]]:
    return [cls, *(below for child in cls.__subclasses__() for below in tree(child))]


ERRORS = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, BaseException)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_is_in_the_tree_and_says_what_it_means(error: type[BaseException]) -> None:
    assert issubclass(error, errors.PerdureError)
    assert error.__dict__.get("__doc__")


def test_all_errors_are_in_one_module() -> None:
    assert {cls.__module__ for cls in tree(errors.PerdureError) if cls.__module__.startswith("perdure")} == {
        "perdure.errors"
    }
