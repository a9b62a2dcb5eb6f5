"""The README's first five minutes, block by block, as somebody types them who has nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.driver import Kernel, Result

README = Path(__file__).resolve().parents[2] / "README.md"


def blocks() -> list[str]:
    """Each block of code is a cell: text stands before and after it."""
    section = README.read_text("utf-8").split("## The first five minutes\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", section, re.MULTILINE)
    return [re.sub(r"^ {4}", "", block, flags=re.MULTILINE).strip() for block in found]


@pytest.fixture
def reader(start: Callable[..., Kernel], tmp_path: Path) -> Kernel:
    return start(PERDURE_STORE=str(tmp_path / "store"), COLUMNS="160")  # room for durations of any length


def test_every_block_does_what_the_text_says(reader: Kernel) -> None:
    said: dict[str, Result] = {}
    for cell in blocks():
        if cell in said:  # loaded again: the kernel has died
            reader.flush()
            reader.restart()
        said[cell] = result = reader.run(cell)
        expected = "error" if cell.startswith("%%dart atomic") else "ok"
        assert (result.status, result.stderr) == (expected, ""), cell
        if cell == "%dart undo":
            assert reader.value("list(orders)") == ["product", "price", "count"]
        elif cell == "%dart checkout In[3]":
            assert reader.value("list(orders), list(orders.price)") == (["product", "price", "count"], [3.5, 9.0])

    assert [line.split("  ")[-1] for line in said["%dart log main"].stdout.splitlines()] == [
        '(main) del orders["price"]',
        '(HEAD) orders["count"] = [10, 4]',
        "import pandas as pd",
    ]
    assert "'count'" in said["%dart diff HEAD~1 HEAD"].stdout
    assert "'price'" in said["%dart diff HEAD In[4]"].stdout
    branches = said["%dart branch"].stdout.splitlines()
    assert ["main-2" in line for line in branches] == [False, True]
    assert "rolled back" in said[next(cell for cell in said if cell.startswith("%%dart atomic"))].stdout
    assert reader.value("list(orders), list(old_orders)") == (["product", "price"], ["product", "price", "count"])
    assert reader.value("float(orders.price[1])") == pytest.approx(9.9)
