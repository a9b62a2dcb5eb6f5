"""perdure beside Kishu, `dill.dump_session` after every cell, and running all cells again."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.inside.witness import differing
from benchmarks.kernels import Kernel
from benchmarks.measure import Floor, Row, Section, Settings, interleave, mb, median, ms
from benchmarks.notebooks import NOTEBOOKS, Notebook
from benchmarks.systems import Perdure, Rerun, System, systems

_LOOK = "__import__('witness').look(get_ipython().user_ns)"


@dataclass(slots=True)
class Found:
    """What one system did with one notebook."""

    cells: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    size: int = 0
    back: list[float] = field(default_factory=list)
    restore: list[float] = field(default_factory=list)
    wrong_back: str = ""
    wrong_restore: str = ""
    details: list[str] = field(default_factory=list)


def measure(settings: Settings, floor: Floor) -> Section:
    section = Section(
        "others",
        "Beside other systems",
        "Three notebooks, run cell by cell in a kernel of each system in turn. *added, each cell*: what the system adds to "
        "the time until the kernel can answer again, in the mean and at worst, against a plain kernel. *kept*: bytes on "
        "disk at the end. *back*: going two cells back, behind a slip, in the same kernel. *restore*: the last state in a "
        "new kernel after SIGKILL (loading the system included, starting the kernel not). *right*: how many variables are "
        "then what they were: value, types, sharing with the others, functions that see the live globals. The state is "
        "taken just before, in the same kernel, in a pass of its own. The notebooks use random numbers without a seed, as "
        "most do, which is what a cold re-run can't give back.",
    )
    kinds, section.notes = systems(settings.folder.parent.parent)
    for notebook in NOTEBOOKS:
        found: dict[str, Found] = {kind.name: Found() for kind in kinds}
        for _, kind in interleave(settings.times(2, 1), kinds):
            _try(_time, kind, settings.folder / "timing", notebook, found[kind.name])
        for kind in kinds:
            _try(_check, kind, settings.folder / "checking", notebook, found[kind.name])
        plain = median(found[Rerun.name].cells) if found[Rerun.name].cells else 0.0
        for kind in kinds:
            section.rows.append(_row(notebook, kind.name, found[kind.name], plain))
            section.notes += [f"{notebook.name}, {kind.name}: {line}" for line in found[kind.name].details]
        section.notes += _better(notebook, found)
    return section


def _try(
    work: Callable[[System, Notebook, Found], None],
    kind: type[System],
    folder: Path,
    notebook: Notebook,
    found: Found,
) -> None:
    """A system that fails is reported, not given up on; and leaves no files behind."""
    try:
        work(kind(folder / kind.name.split(".")[0]), notebook, found)
    except Exception as error:
        text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
        found.details.append(f"{work.__name__.strip('_')} ended with {type(error).__name__}: ...{text[-200:]}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(system: System, kernel: Kernel, cell: str) -> float:
    seconds = kernel.run(cell)
    system.cells.append(kernel.count)
    began = time.perf_counter()
    kernel.ask("1")
    return seconds + time.perf_counter() - began


def _time(system: System, notebook: Notebook, found: Found) -> None:
    kernel = system.start()
    try:
        sources = list(notebook.cells)
        taken = []
        for cell in sources:
            taken.append(_run(system, kernel, cell))
            time.sleep(0.3)
        found.cells.append(sum(taken) / len(taken))
        found.worst.append(max(taken))
        time.sleep(1)
        found.size = system.size()
        began = time.perf_counter()
        kernel = system.go_back(kernel, len(sources) - notebook.back - 1, sources)
        found.back.append(time.perf_counter() - began)
        kernel.kill()
        began = time.perf_counter()
        kernel = system.start() if isinstance(system, Rerun) else kernel
        starting = time.perf_counter() - began
        began = time.perf_counter()
        kernel = system.come_back(sources)
        found.restore.append(time.perf_counter() - began - starting)
    finally:
        kernel.close()


def _check(system: System, notebook: Notebook, found: Found) -> None:
    kernel = system.start()
    try:
        sources = list(notebook.cells)
        target = len(sources) - notebook.back - 1
        before = ""
        for number, cell in enumerate(sources):
            _run(system, kernel, cell)
            if number == target:
                before = kernel.ask(_LOOK)
        time.sleep(1)
        last = kernel.ask(_LOOK)
        time.sleep(1)
        if lost := system.trouble(kernel):
            found.details.append(f"says that it could not keep: {lost}")
        kernel.kill()  # first, as some systems' going back can't be taken back
        kernel = system.come_back(sources)
        found.wrong_restore = _judge(found, "after SIGKILL", last, kernel.ask(_LOOK))
        kernel.close()
        again = type(system)(system.folder.with_name(system.folder.name + "-back"))
        kernel = again.start()
        for number, cell in enumerate(sources):
            _run(again, kernel, cell)
            if number == target:
                before = kernel.ask(_LOOK)
        time.sleep(1)
        kernel = again.go_back(kernel, target, sources)
        found.wrong_back = _judge(found, "after going back", before, kernel.ask(_LOOK))
    finally:
        kernel.close()


def _judge(found: Found, when: str, before: str, after: str) -> str:
    wrong, count = differing(before, after)
    if wrong:
        found.details.append(f"{when} not as it was: {', '.join(wrong)}")
    return f"{count - len(wrong)} of {count}"


def _better(notebook: Notebook, found: dict[str, Found]) -> list[str]:
    """Where another system does better than perdure, by more than a twentieth: said as plainly as the rest."""
    ours, lines = found[Perdure.name], []
    for name, other in found.items():
        pairs: dict[str, tuple[list[float], list[float], Callable[[float], str]]] = {
            "each cell": (other.cells, ours.cells, ms),
            "going back": (other.back, ours.back, ms),
            "restoring": (other.restore, ours.restore, ms),
            "bytes kept": ([other.size], [ours.size], mb),
        }
        won = [
            f"{what} {show(median(theirs))} against {show(median(mine))}"
            for what, (theirs, mine, show) in pairs.items()
            if theirs and mine and median(theirs) < 0.95 * median(mine)
            if name != Rerun.name or what not in ("each cell", "bytes kept")
        ]
        if name != Perdure.name and won:
            lines.append(f"{notebook.name}, where {name} does better than perdure: {'; '.join(won)}")
    return lines


def _row(notebook: Notebook, name: str, found: Found, plain: float) -> Row:
    def of(values: list[float], less: float = 0.0) -> str:
        return ms(median(values) - less) if values else "failed"

    raw: dict[str, Any] = {"cells": found.cells, "back": found.back, "restore": found.restore, "size": found.size}
    return Row(
        f"{notebook.name}: {name}",
        {
            "added, each cell": "0" if name == Rerun.name else of(found.cells, plain),
            "slowest cell": of(found.worst),
            "kept": mb(found.size) if name != Rerun.name else "0",
            "back": of(found.back),
            "right": found.wrong_back or "none",
            "restore": of(found.restore),
            "right ": found.wrong_restore or "none",
        },
        raw=raw,
    )
