"""What do `import perdure` and `%load_ext perdure` add to the start of a session?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.kernels import Kernel
from benchmarks.measure import Floor, Row, Section, Settings, at_most, median, ms

_IMPORT = "import IPython, time; t = time.perf_counter(); import perdure; print(time.perf_counter() - t)"
_BARE = "import time; t = time.perf_counter(); import IPython; print(time.perf_counter() - t)"
_NEEDED = (
    "import IPython, time; t = time.perf_counter(); import sqlite3, blake3, xxhash, zstandard, cloudpickle, psutil; "
    "print(time.perf_counter() - t)"
)


def measure(settings: Settings, floor: Floor) -> Section:
    section = Section(
        "imports",
        "Import and load",
        "`import perdure` after `import IPython` in a new process, and the time to the reply to `%load_ext perdure` in a new "
        "kernel, less that to an empty cell. The floor is importing the libraries that it needs.",
    )
    rounds = settings.times(9, 5)
    import perdure

    folder = Path(perdure.__file__).parents[1]

    def time_of(code: str) -> float:
        found = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        return float(found.stdout)

    settings.folder.mkdir(parents=True, exist_ok=True)
    taken: dict[str, list[float]] = {"bare": [], "import": [], "needed": [], "load": []}
    for number in range(rounds + 1):
        found = {"bare": time_of(_BARE), "import": time_of(_IMPORT), "needed": time_of(_NEEDED)}
        with Kernel(settings.folder / f"kernel-{number}", perdure=False) as kernel:
            kernel.run("pass")
            found["load"] = kernel.run("%load_ext perdure") - kernel.run("pass")
        if number:
            for name, seconds in found.items():
                taken[name].append(seconds)
    needed = median(taken["needed"])
    for case, name, limit in (("`import perdure`", "import", 0.15), ("`%load_ext perdure`", "load", 0.3)):
        took = median(taken[name])
        section.rows.append(
            Row(
                case,
                {"added": ms(took), "import IPython": ms(median(taken["bare"])), "floor": ms(needed)},
                target=f"< {ms(limit)}",
                raw={"seconds": taken[name]},
                **at_most(took, limit),
            )
        )
    return section
