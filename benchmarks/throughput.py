"""How fast do new bytes become durable, and how fast do they come back?"""

from __future__ import annotations

import shutil

import numpy as np

from benchmarks.kernels import Kernel
from benchmarks.measure import (
    GB,
    Floor,
    Row,
    Section,
    Settings,
    at_least,
    drop_cache,
    median,
    rate,
    ratio,
    raw_read,
    raw_write,
)


def measure(settings: Settings, floor: Floor) -> Section:
    size = GB // 2 if settings.quick else GB
    section = Section(
        "throughput",
        f"Writing and reading {size / GB:g} GB of new floats",
        "Writing: from the reply of the cell that made the array until `flush()` has returned, against a raw write and "
        "fsync of as many bytes to the same disk. Reading: `perdure.restore(...)` in a new kernel, against reading a file of "
        "that size into fresh memory; once with the files dropped from the page cache first, once cached. Targets: 0.6 "
        "and 0.5 of the raw speed. The floor is the raw write or read itself.",
    )
    rounds = settings.times(5, 3)
    data = np.random.default_rng(1).random(size // 8)
    path = settings.folder / "raw.bin"
    taken: dict[str, list[float]] = {
        name: [] for name in ("raw write", "write", "raw cold", "cold", "raw warm", "warm")
    }
    settings.folder.mkdir(parents=True, exist_ok=True)
    for number in range(rounds):
        folder = settings.folder / f"round-{number}"
        with Kernel(folder, perdure=True) as kernel:
            session = kernel.session
            before = raw_write(path, memoryview(data).cast("B"))
            kernel.run(f"import numpy as np\na = np.random.default_rng({number}).random({size // 8})")
            taken["write"].append(kernel.flush())
            taken["raw write"].append((before + raw_write(path, memoryview(data).cast("B"))) / 2)
            kernel.run("c = float(a[::1000].sum())")
            kernel.flush()
        for kind in ("cold", "warm"):
            with Kernel(folder / kind, perdure=True, store=folder / "store") as kernel:
                kernel.run("import numpy as np")
                if kind == "cold":
                    drop_cache(path)
                    drop_cache(kernel.store)
                before = raw_read(path)
                taken[kind].append(kernel.run(f"r = perdure.restore({session!r})"))
                if kind == "cold":
                    drop_cache(path)
                taken[f"raw {kind}"].append((before + raw_read(path)) / 2)
                assert kernel.ask("float(a[::1000].sum()) == c") is True, "the array came back with other values"
        shutil.rmtree(folder, ignore_errors=True)
        path.unlink()
    for case, raw, ours, share in (
        ("writing until durable", "raw write", "write", 0.6),
        ("restoring, not cached", "raw cold", "cold", 0.5),
        ("restoring, cached", "raw warm", "warm", 0.5),
    ):
        reached = median([one / two for one, two in zip(taken[raw], taken[ours], strict=True)])
        section.rows.append(
            Row(
                case,
                {
                    "raw": rate(size, median(taken[raw])),
                    "perdure": rate(size, median(taken[ours])),
                    "share": ratio(reached),
                    "times the floor": ratio(1 / reached),
                },
                target=f"≥ {share}",
                raw={"raw": taken[raw], "perdure": taken[ours]},
                **at_least(reached, share),
            )
        )
    return section
