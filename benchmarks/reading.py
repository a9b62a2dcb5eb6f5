"""How long does looking for changes keep the kernel busy when a cell only reads something large?"""

from __future__ import annotations

from benchmarks.kernels import Kernel
from benchmarks.measure import GB, Floor, Row, Section, Settings, at_most, median, ms, ratio

_LOOK = "from time import perf_counter as _now\nimport pickle as _p\n"

_FRAME = "import numpy as np, pandas as pd\n"
_CLASS = "class P:\n    def __init__(self, x, y): self.x, self.y = x, y\n"

_CASES = {
    "a list of a million strings": "d = [f'string number {i}' for i in range(1_000_000)]",
    "a dict of 200,000 small dicts": "d = {i: {'id': i, 'name': f'n{i}', 'tags': [i]} for i in range(200_000)}",
    "a list of 100,000 instances of a cell's class": f"{_CLASS}d = [P(i, str(i)) for i in range(100_000)]",
    "500 MB of floats in a frame": _FRAME
    + "d = pd.DataFrame({f'c{i}': np.random.default_rng(i).random(6_250_000) for i in range(10)})",
    "a frame of 500,000 rows with two columns of text": _FRAME
    + "d = pd.DataFrame({'x': np.arange(500_000), 'key': [f'k{i % 977}' for i in range(500_000)], "
    "'text': [f'row number {i}' for i in range(500_000)]})",
}


def measure(settings: Settings, floor: Floor) -> Section:
    section = Section(
        "reading",
        "Cells that only read",
        "`len(d)`: how long the kernel is kept busy beyond a plain kernel, against one C `pickle.dumps(d, protocol=5)` in a "
        "plain kernel. Target: at most 4 times that (1.5 is the aim); for the 500 MB of floats, what hashing the bytes at "
        "2 GB/s takes. The floor is the pickling itself, or hashing the bytes at this machine's speed of XXH3.",
    )
    rounds = settings.times(9, 5)
    for case, code in _CASES.items():
        section.rows.append(_measure(case, code, rounds, settings, floor))
    return section


def _measure(case: str, code: str, rounds: int, settings: Settings, floor: Floor) -> Row:
    name = case.replace(" ", "-")
    with (
        Kernel(settings.folder / f"{name}-plain", perdure=False) as plain,
        Kernel(settings.folder / f"{name}-perdure", perdure=True) as ours,
    ):
        for kernel in (plain, ours):
            kernel.run(_LOOK + code)
        ours.flush()
        pickled, base, busy, cpu = [], [], [], []
        for number in range(rounds + 1):
            plain.run("_t = _now(); _s = len(_p.dumps(d, protocol=5, buffer_callback=[].append)); _t = _now() - _t")
            one, two = plain.busy("len(d)", settle=0.05), ours.busy("len(d)", settle=0.05)
            if number:
                pickled.append(float(plain.ask("_t")))
                base.append(one.both)
                busy.append(two.both)
                cpu.append(two.cpu)
        took = median(busy) - median(base)
        reference = median(pickled)
        shown = {"busy": ms(took), "one pickle": ms(reference)}
        raw = {"busy": busy, "plain": base, "pickle": pickled, "cpu": cpu}
        if "floats" in case:
            size = 8 * 62_500_000
            shown |= {"floor": ms(size / floor.xxh3), "times the floor": ratio(took * floor.xxh3 / size)}
            return Row(case, shown, target=f"≤ {ms(size / (2 * GB))}", raw=raw, **at_most(took, size / (2 * GB)))
        shown |= {"floor": ms(reference), "times the floor": ratio(took / reference)}
        return Row(case, shown, target="≤ 4 x one pickle", raw=raw, **at_most(took, 4 * reference))
