"""How long is the kernel busy after a cell that changed something large, before it can take the next request?"""

from __future__ import annotations

import time

from benchmarks.kernels import Kernel
from benchmarks.measure import MB, Floor, Row, Section, Settings, median, ms, ratio

_SETUP = """
import numpy as np, pandas as pd
big = np.random.default_rng(0).random(62_500_000)
frame = pd.DataFrame({f"c{i}": np.random.default_rng(i).random(6_250_000) for i in range(10)})
l = [f"string number {i}" for i in range(1_000_000)]
n = 0
"""

#: The cell, and the bytes that have to be hashed to find out what it did.
_CASES = {
    "1 MB of an array of 500 MB: `big[:125_000] = n`": ("n += 1\nbig[:125_000] = n", 500 * MB),
    "all of an array of 500 MB: `big += 1`": ("big += 1", 500 * MB),
    "a column of a frame of 500 MB: `frame['c3'] = n`": ("n += 1\nframe['c3'] = float(n)", 500 * MB),
    "an item of a million strings: `l[n] = 'x' * n`": ("n += 1\nl[n] = 'x' * n", 0),
}


def measure(settings: Settings, floor: Floor) -> Section:
    section = Section(
        "changing",
        "Cells that change something large",
        "How long the kernel is kept busy, beyond a plain one, when the next request comes right after the reply (with time "
        "to think nothing of it is felt: see *Time to the reply*), and how long it then takes until all is durable. There "
        "is no target. The floor is hashing the bytes at this machine's speed of XXH3, or one C pickle of the list.",
    )
    rounds = settings.times(7, 4)
    with (
        Kernel(settings.folder / "plain", perdure=False) as plain,
        Kernel(settings.folder / "perdure", perdure=True) as ours,
    ):
        for kernel in (plain, ours):
            kernel.run(_SETUP)
        ours.flush()
        plain.run("import pickle, time\nt = time.perf_counter(); pickle.dumps(l, 5); t = time.perf_counter() - t")
        one_pickle = float(plain.ask("t"))
        for case, (code, size) in _CASES.items():
            base, busy, durable = [], [], []
            for number in range(rounds + 1):
                one, two = plain.busy(code, settle=0), ours.busy(code, settle=0)
                began = time.perf_counter()
                ours.flush()
                if number:
                    base.append(one.both)
                    busy.append(two.both)
                    durable.append(two.next + time.perf_counter() - began)
                time.sleep(0.5)
            took, least = median(busy) - median(base), size / floor.xxh3 if size else one_pickle
            section.rows.append(
                Row(
                    case,
                    {
                        "busy": ms(took),
                        "floor": ms(least),
                        "times the floor": ratio(took / least),
                        "durable after": ms(median(durable)),
                    },
                    raw={"busy": busy, "plain": base, "durable": durable},
                )
            )
    return section
