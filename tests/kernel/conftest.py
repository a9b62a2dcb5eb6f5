"""Kernels for the tests of the faces and the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernel.driver import Kernel, Pool


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    pool = Pool(tmp_path_factory.mktemp("kernels"))
    yield pool
    pool.close()


@pytest.fixture
def kernel(pool: Pool, tmp_path: Path) -> Iterator[Kernel]:
    """Return a kernel with perdure loaded, a store of its own and no variables. Other tests have used its process."""
    with pool.lend(tmp_path / "store") as kernel:
        yield kernel


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Return a maker of kernels that nobody has used and that die with the test; perdure is not loaded."""
    started: list[Kernel] = []

    def start(*arguments: str, **environment: str) -> Kernel:
        kernel = Kernel(tmp_path, arguments, environment)
        started.append(kernel)
        return kernel.ready()

    yield start
    for kernel in started:
        kernel.close()
