"""What does a cell cost that touches nothing large, beside 2,000 variables and gigabytes?"""

from __future__ import annotations

import time

import psutil

from benchmarks.kernels import Busy, Kernel
from benchmarks.measure import GB, Floor, Row, Section, Settings, at_most, interleave, median, ms

VARIABLES = """
import numpy as np
for i in range(400):
    globals()[f"n{i}"] = i * 1000
    globals()[f"s{i}"] = f"text number {i}"
    globals()[f"l{i}"] = list(range(i % 50))
    globals()[f"d{i}"] = {"a": i, "b": [i, i + 1]}
    globals()[f"a{i}"] = np.arange(i)
del i
"""

_CASES = {
    "`x = 1`": "x = 1",
    "`n7 += 1`": "n7 += 1",
    "`l8.append(1)`": "l8.append(1)",
    "`d9['b'], len(s3)` (shows a value)": "d9['b'], len(s3)",
    "`def f(y): return y + n5`": "def f(y): return y + n5",
    "`1 / 0`": "1 / 0",
}


def measure(settings: Settings, floor: Floor) -> Section:
    large = 1 if settings.quick or psutil.virtual_memory().available < 14 * GB else 5
    section = Section(
        "small",
        f"Cells that touch nothing large, beside 2,000 variables and {large} GB",
        "What perdure adds to the time to the reply, and to the time until an empty request, sent right after the reply, "
        "is answered as well: all that its kernel was kept busy. Targets: 5 ms, 25 ms. The last column is the computing "
        "time that the kernel's main thread spent besides, idle work included.",
    )
    rounds = settings.times(31, 11)
    systems = ("plain", "perdure")
    kernels = {name: Kernel(settings.folder / name, perdure=name == "perdure") for name in systems}
    try:
        for kernel in kernels.values():
            kernel.run(VARIABLES)
        for number in range(large):
            for kernel in kernels.values():
                kernel.run(f"big{number} = np.ones(125_000_000)")
            kernels["perdure"].flush()
        time.sleep(4)  # the first idle look around
        for case, code in _CASES.items():
            taken: dict[str, list[Busy]] = {name: [] for name in systems}
            for number, system in interleave(rounds + 1, systems):
                busy = kernels[system].busy(code, may_fail=True)
                if number:
                    taken[system].append(busy)
            section.rows += _rows(case, taken)
        section.rows.append(_run_all(kernels, settings))
    finally:
        for kernel in kernels.values():
            kernel.close()
    return section


def _rows(case: str, taken: dict[str, list[Busy]]) -> list[Row]:
    plain, ours = taken["plain"], taken["perdure"]
    reply = median([busy.reply for busy in ours]) - median([busy.reply for busy in plain])
    both = median([busy.both for busy in ours]) - median([busy.both for busy in plain])
    cpu = median([busy.cpu for busy in ours]) - median([busy.cpu for busy in plain])
    raw = {name: [(busy.reply, busy.next, busy.cpu) for busy in values] for name, values in taken.items()}
    common = {"plain": ms(median([busy.both for busy in plain])), "computing": ms(cpu)}
    return [
        Row(f"{case}, before the reply", {"added": ms(reply), "plain": ms(median([busy.reply for busy in plain]))},
            target="≤ 5 ms", raw=raw, **at_most(reply, 0.005)),
        Row(f"{case}, in all", {"added": ms(both), **common}, target="≤ 25 ms", **at_most(both, 0.025)),
    ]  # fmt: skip


def _run_all(kernels: dict[str, Kernel], settings: Settings) -> Row:
    """Many cells without a pause between them, as "Run all" sends them; a cell waits for the last one's capture."""
    cells = settings.times(100, 50)
    taken: dict[str, list[float]] = {name: [] for name in kernels}
    for number, system in interleave(cells, kernels):
        taken[system].append(kernels[system].run(f"x = {number}\nl8.append(x)"))
    more = (sum(taken["perdure"]) - sum(taken["plain"])) / cells
    return Row(
        f"{cells} cells without a pause, each",
        {"added": ms(more), "plain": ms(sum(taken["plain"]) / cells)},
        target="≤ 25 ms",
        raw={"seconds": taken},
        **at_most(more, 0.025),
    )
