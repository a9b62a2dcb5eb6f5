"""Is a cell's reply as fast as in a plain kernel, with time to think between cells?"""

from __future__ import annotations

import time

from benchmarks.kernels import Kernel
from benchmarks.measure import Floor, Row, Section, Settings, at_most, interleave, median, ms

_SETUP = """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
frame = pd.DataFrame({f"c{i}": rng.random(6_250_000) for i in range(10)})
big = rng.random(62_500_000)
k = 1
def loop():
    total = 0
    for i in range(3_000_000):
        total += k
    return total
"""

_CASES = {
    "trivial: `x = 1`": "x = 1",
    "reading a 500 MB frame: `m = frame['c3'].mean()`": "m = frame['c3'].mean()",
    "changing 500 MB: `big *= 1.0000001`": "big *= 1.0000001",
    "making 500 MB: `fresh = np.ones(62_500_000)`": "fresh = np.ones(62_500_000)",
    "loop at the top: `for i in range(3_000_000): x = i`": "for i in range(3_000_000): x = i",
    "loop in a function that reads globals": "t = loop()",
}

#: What the system takes to hand out half a gigabyte differs five-fold from one moment to the next, between plain kernels too.
#: So that cell is also measured in kernels whose allocator keeps what was freed (glibc's environment variables).
_KEEPING = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
_KEPT_CASES = {
    "making 500 MB in memory that the allocator kept: `fresh = np.ones(62_500_000)`": "fresh = np.ones(62_500_000)"
}


def measure(settings: Settings, floor: Floor) -> Section:
    section = Section(
        "latency",
        "Time to the reply",
        f"`execute_request` to `execute_reply`, {settings.think:g} s of thinking between cells. *added* is the median of "
        "the differences, round by round, to the mean of two plain kernels; *chance* is how far off that may be, going by how "
        "those two differ from each other. Target: within 3 % or 5 ms of plain, whichever is larger.",
    )
    _measure(section, settings, _CASES, {})
    _measure(section, settings, _KEPT_CASES, _KEEPING)
    return section


def _measure(section: Section, settings: Settings, cases: dict[str, str], env: dict[str, str]) -> None:
    rounds = settings.times(11, 5)
    systems = ("plain", "plain again", "perdure")
    folder = settings.folder / ("kept" if env else "usual")
    kernels = {name: Kernel(folder / name, perdure=name == "perdure", env=env) for name in systems}
    try:
        for kernel in kernels.values():
            kernel.run(_SETUP)
        kernels["perdure"].flush()
        for case, code in cases.items():
            taken: dict[str, list[float]] = {name: [] for name in systems}
            for number, system in interleave(rounds + 1, systems):
                seconds = kernels[system].run(code)
                if number:  # the first is for warming up
                    taken[system].append(seconds)
                # A machine that has rested is slower at first, so every cell comes after a rest.
                time.sleep(settings.think if system == "perdure" else min(settings.think, 1.0))
            section.rows.append(_row(case, taken))
    finally:
        for kernel in kernels.values():
            kernel.close()


def _row(case: str, taken: dict[str, list[float]]) -> Row:
    plain, again, ours = (median(taken[name]) for name in ("plain", "plain again", "perdure"))
    limit = max(0.03 * min(plain, again), 0.005)
    more = median([mine - (one + two) / 2 for one, two, mine in zip(*taken.values(), strict=True)])
    differences = [abs(one - two) for one, two in zip(taken["plain"], taken["plain again"], strict=True)]
    chance = median(differences) / len(differences) ** 0.5
    row = Row(
        case,
        {
            "plain": ms(plain),
            "plain again": ms(again),
            "perdure": ms(ours),
            "added": ms(more),
            "chance": ms(chance),
        },
        target=f"≤ {ms(limit)} more",
        raw={"seconds": taken, "added": more},
        **at_most(more, limit),
    )
    if chance > limit or (not row.met and more <= 2 * chance):
        row.met, row.by = None, chance / limit
    return row
