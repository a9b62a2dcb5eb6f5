"""A warm process for the tests that kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kill.nursery import Nursery


@pytest.fixture(scope="session")
def warm() -> Iterator[Nursery]:
    with Nursery("kill.life", "kill.at_write", "damage.in_child") as nursery:
        yield nursery


@pytest.fixture
def nursery(warm: Nursery) -> Iterator[Nursery]:
    """Return a maker of children; those that are left end with the test."""
    yield warm
    warm.clear()
