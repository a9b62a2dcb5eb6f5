"""The layout of the design: imports run downwards, modules are small and have a noun for a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

#: What each part may import of ours, besides itself. A part that isn't named here is a face: it may import all, and no
#: part that is named may import it.
BELOW = {
    "errors": set(),
    "_version": set(),
    "store": {"errors", "_version"},
    "capture": {"errors", "_version"},
    "timeline": {"store", "capture", "errors", "_version"},
    "cot": {"timeline", "store", "capture", "errors", "_version"},
}
#: The rooms of `perdure.cot` and the modules that stand beside them, from the ground up: each may import those before it.
#: What users hold (an answer, a picture, a budget) stays where it is, as sessions that were saved name it so.
COT = (
    "answer",
    "budget",
    "picture",
    "batch",
    "pictures",
    "models",
    "questions",
    "replies",
    "cache",
    "index",
    "judgement",
    "search",
    "calling",
    "asking",
    "faces",
    "client",
    "shared",
)
#: An answer shows itself, and finds its commit: the one thing that everybody has in hand looks up, when it is asked to.
LOOKS_UP = {("answer", "cache"), ("answer", "faces")}
LONGEST = 400


def part_of(module: str) -> str:
    """Return the part of the package that a dotted name belongs to, `perdure` itself for the package's own face."""
    return module.split(".")[1] if "." in module else module


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Find every import of ours in a module's source, wherever it stands: line and dotted name."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from perdure import errors` imports perdure.errors; `from perdure.store import Store` perdure.store.
            names = [f"{origin}.{alias.name}" for alias in node.names] if origin == "perdure" else [origin]
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "perdure")


def upwards(source: str, module: str, package: str) -> list[str]:
    """Return a complaint for each import that doesn't run downwards."""
    part = part_of(module)
    if part not in BELOW:
        return []
    allowed = BELOW[part] | {part}
    return [
        f"{module}:{line} imports {name}" for line, name in imported(source, package) if part_of(name) not in allowed
    ]


def modules(package: Path) -> Iterator[tuple[Path, str, str]]:
    """Walk through the package: path, dotted name, and the name of the package that a module is in."""
    for path in sorted(package.rglob("*.py")):
        parts = ["perdure", *path.relative_to(package).with_suffix("").parts]
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        yield path, module, module if is_package else ".".join(parts[:-1])


def test_imports_run_downwards(package: Path) -> None:
    wrong = [
        complaint
        for path, module, inside in modules(package)
        for complaint in upwards(path.read_text(encoding="utf-8"), module, inside)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("import perdure.capture.pickler", "perdure.store.pack"),
        ("from perdure.timeline import session", "perdure.store.pack"),
        ("from perdure import timeline", "perdure.capture.pickler"),
        ("from ..store import pack", "perdure.capture.pickler"),
        ("from .. import jupyter", "perdure.timeline.session"),
        ("def f():\n    from perdure.cli import main", "perdure.timeline.session"),
        ("import perdure", "perdure.timeline.session"),
        ("from perdure import current", "perdure.timeline.session"),
    ],
)
def test_an_import_upwards_is_noticed(source: str, module: str) -> None:
    assert upwards(source, module, module.rpartition(".")[0])


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from perdure import errors", "perdure.store.pack"),
        ("from ..errors import Damaged", "perdure.store.pack"),
        ("from . import frame", "perdure.store.pack"),
        ("from .frame import Frame", "perdure.store.pack"),
        ("from perdure.store import Store", "perdure.timeline.session"),
        ("from perdure.timeline import Session", "perdure.jupyter.magics"),
        ("import pickle", "perdure.capture.pickler"),
    ],
)
def test_an_import_downwards_is_fine(source: str, module: str) -> None:
    assert upwards(source, module, module.rpartition(".")[0]) == []


def room_of(module: str) -> str:
    """Return the room of `perdure.cot` that a dotted name belongs to; nothing for the package's own face and what is outside."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["perdure", "cot"] and len(parts) > 2 else ""


def upstairs(source: str, module: str, package: str) -> list[str]:
    """Return a complaint for each import within `perdure.cot` that doesn't run downwards."""
    room = room_of(module)
    if not room:
        return []
    below = {*COT[: COT.index(room) + 1], *(above for low, above in LOOKS_UP if low == room)}
    # The package's own face is made of everything, so it is above everything.
    return [
        f"{module}:{line} imports {name}"
        for line, name in imported(source, package)
        if name == "perdure.cot" or (room_of(name) and room_of(name) not in below)
    ]


def test_the_rooms_of_cot_stand_one_on_another(package: Path) -> None:
    found = [(path, module, inside) for path, module, inside in modules(package) if room_of(module)]
    assert {room_of(module) for _, module, _ in found} == set(COT)
    wrong = [
        complaint
        for path, module, inside in found
        for complaint in upstairs(path.read_text(encoding="utf-8"), module, inside)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from perdure.cot.asking.path import Path", "perdure.cot.calling.work"),
        ("from perdure.cot.cache import Cache", "perdure.cot.models.model"),
        ("def f():\n    from perdure.cot import Cot", "perdure.cot.asking.path"),
        ("from ..faces import panel", "perdure.cot.cache.cache"),
    ],
)
def test_an_import_from_upstairs_is_noticed(source: str, module: str) -> None:
    assert upstairs(source, module, module.rpartition(".")[0])


def test_no_module_is_long(package: Path) -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for path, module, _ in modules(package)}
    assert {module: length for module, length in lengths.items() if length > LONGEST} == {}


def test_no_module_is_called_utils(package: Path) -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [module for _, module, _ in modules(package) if module.rpartition(".")[2].strip("_") in vague] == []


def test_every_module_says_what_it_is(package: Path) -> None:
    without = [
        module for path, module, _ in modules(package) if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert without == []
