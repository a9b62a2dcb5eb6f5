"""What tests of image questions share: a cache of their own, and no network."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # a question to the hub takes most of a minute to fail


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache that is used where none is named."""
    folder = tmp_path / "cot"
    monkeypatch.setenv("PERDURE_COT", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def can_be_interrupted() -> None:
    """A shell lets what it runs in the background ignore interrupts, and Python then leaves it so."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parents[2]
