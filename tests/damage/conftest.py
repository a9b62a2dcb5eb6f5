"""A warm process for the tests of damage."""

from __future__ import annotations

from kill.conftest import nursery, warm

__all__ = ["nursery", "warm"]
