"""Measuring: clocks, medians, verdicts, and what this machine can do at best."""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

MB = 1_000_000
GB = 1_000_000_000


@dataclass(slots=True)
class Row:
    """One line of a table: what was measured, the columns to show, and the target if there is one.

    :param met: whether the target was met; ``None`` without a target, or if chance hides the answer.
    :param by: how much of the target was used: 0.5 is half of what was allowed, 2 is twice.
    """

    case: str
    shown: dict[str, str]
    target: str = ""
    met: bool | None = None
    by: float | None = None
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.by is None:
            return ""
        if self.met is None:
            return f"can't tell: chance is {self.by:.2g} x the target"
        if self.met:
            return f"met ({self.by:.0%} of it)" if self.by >= 0.005 else "met"
        return f"**missed, {self.by:.2g} x**"


@dataclass(slots=True)
class Section:
    """One table with a few words around it. ``source`` says which code was measured (see `source_digest`)."""

    name: str
    title: str
    about: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How thorough a run is, and where it may write."""

    quick: bool
    folder: Path
    think: float
    rounds: int | None = None

    def times(self, full: int, quick: int) -> int:
        return self.rounds or (quick if self.quick else full)


def at_most(value: float, limit: float) -> dict[str, Any]:
    """``met`` and ``by`` of a row whose value should not exceed ``limit``."""
    return {"met": value <= limit, "by": max(value, 0.0) / limit}


def at_least(value: float, limit: float) -> dict[str, Any]:
    """``met`` and ``by`` of a row whose value should reach ``limit``."""
    return {"met": value >= limit, "by": limit / value if value > 0 else float("inf")}


_Any = TypeVar("_Any")

median = statistics.median


def spread(values: Sequence[float]) -> float:
    """Half the distance between the quartiles: how much one measurement can be trusted."""
    if len(values) < 4:
        return (max(values) - min(values)) / 2
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2


def ms(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.1f} ms" if abs(value) < 100 else f"{value:,.0f} ms"


def mb(size: float) -> str:
    value = size / MB
    return f"{value:.2f} MB" if abs(value) < 10 else f"{value:,.0f} MB"


def rate(size: float, seconds: float) -> str:
    return f"{size / GB / seconds:.2f} GB/s"


def ratio(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def clock(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def best(work: Callable[[], Any], times: int = 3) -> float:
    return min(clock(work) for _ in range(times))


# -- files ---------------------------------------------------------------------------------------------------------------


def size_of(folder: Path) -> int:
    """Bytes of all files under ``folder``."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def drop_cache(folder: Path) -> None:
    """Make the kernel forget the cached pages of all files under ``folder``, where it can be asked to."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in [folder] if folder.is_file() else folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                with suppress(OSError):
                    os.fsync(handle)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


_BLOCK = 8 << 20


def raw_write(path: Path, data: memoryview) -> float:
    """Seconds for writing ``data`` to a new file in 8 MiB blocks, fsync included."""
    path.unlink(missing_ok=True)
    began = time.perf_counter()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for at in range(0, data.nbytes, _BLOCK):
            os.write(handle, data[at : at + _BLOCK])
        os.fsync(handle)
    finally:
        os.close(handle)
    return time.perf_counter() - began


def raw_read(path: Path) -> float:
    """Seconds for reading a file into fresh memory, as `numpy.fromfile` does."""
    import numpy as np

    began = time.perf_counter()
    data = np.empty(path.stat().st_size, "u1")
    view = memoryview(data)
    with path.open("rb", buffering=0) as file:
        at = 0
        while at < view.nbytes:
            at += file.readinto(view[at : at + _BLOCK]) or view.nbytes
    return time.perf_counter() - began


# -- the machine -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Floor:
    """What this machine can do at best, in bytes per second, on one core unless said otherwise."""

    xxh3: float
    blake3: float
    copy: float
    touch: float
    write: float
    read: float
    read_cached: float


def measure_floor(folder: Path, size: int) -> Floor:
    """Speeds with ``size`` bytes of float noise."""
    import blake3
    import numpy as np
    import xxhash

    data = np.random.default_rng(0).random(size // 8)
    view = memoryview(data).cast("B")
    target = np.empty_like(data)
    path = folder / "floor.bin"
    pieces = range(0, view.nbytes, 1 << 19)
    try:
        write = min(raw_write(path, view) for _ in range(2))
        cached = best(lambda: raw_read(path), 2)
        drop_cache(path)
        read = raw_read(path)
    finally:
        path.unlink(missing_ok=True)

    def copy() -> None:
        target[:] = data

    def touch() -> None:
        np.ones(size // 8)

    return Floor(
        xxh3=size / best(lambda: [xxhash.xxh3_128_digest(view[at : at + (1 << 19)]) for at in pieces]),
        blake3=size / best(lambda: [blake3.blake3(view[at : at + (1 << 19)]).digest() for at in pieces]),
        copy=size / best(copy),
        touch=size / best(touch),
        write=size / write,
        read=size / read,
        read_cached=size / cached,
    )


def machine() -> dict[str, str]:
    """What the figures depend on. No names of hosts, users or folders."""
    import psutil

    model = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    packages = ["perdure", "ipykernel", "ipython", "numpy", "pandas", "blake3", "xxhash", "zstandard"]
    return {
        "processor": f"{model}, {os.cpu_count()} logical cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
        "source": source_digest(),
    }


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        if package == "perdure":
            import perdure

            return perdure.__version__
        return "absent"


def source_digest() -> str:
    """The package's sources, as a short hash: which code was measured."""
    import perdure

    folder = Path(perdure.__file__).parent
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


def interleave(rounds: int, systems: Iterable[_Any]) -> Iterable[tuple[int, _Any]]:
    """A B C, then A B C again: a machine that slows down meanwhile slows all of them."""
    systems = list(systems)
    return ((number, system) for number in range(rounds) for system in systems)
