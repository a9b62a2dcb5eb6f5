"""Packages: which versions of libraries a session worked with, and what differs where it is restored."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from perdure.store import Commit as Record


def versions_of(values: Iterable[Any]) -> dict[str, str]:
    """The versions of the packages that the values are, or come from; of Python's own modules there is none to tell."""
    found = {}
    for value in values:
        home = value.__name__ if isinstance(value, ModuleType) else type(value).__module__
        package = home.partition(".")[0]
        version = getattr(sys.modules.get(package), "__version__", None)
        if isinstance(version, str) and package not in ("__main__", "builtins"):
            found[package] = version
    return found


def differing(ancestry: Iterable[tuple[str, Record]]) -> list[str]:
    """One line for each package that is missing here, or has another version than when a cell last used it."""
    wanted: dict[str, str] = {}
    for _, record in ancestry:
        for package, version in record.meta.get("packages", {}).items():
            wanted.setdefault(package, version)
    lines = []
    for package, version in sorted(wanted.items()):
        here = _installed(package)
        if here is None:
            lines.append(f"{package} {version} was used, and is not installed here")
        elif here != version:
            lines.append(f"{package} {version} was used, and this is {here}")
    return lines


def _installed(package: str) -> str | None:
    module = sys.modules.get(package)
    version = getattr(module, "__version__", None)
    if isinstance(version, str):
        return version
    from importlib import metadata  # slow to import, and only a restore needs it

    for distribution in metadata.packages_distributions().get(package, ()):
        return metadata.version(distribution)
    return None
