"""Measure what perdure promises: ``python -m benchmarks.run [NAME ...] [--quick] [--write docs/benchmarks.md]``."""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import MB, Section, Settings, machine, measure_floor

#: In the order of the page. Each is a module beside this one with ``measure(settings, floor)``.
NAMES = ("latency", "small", "reading", "changing", "throughput", "growth", "imports", "panel", "others")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)} (all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller data; for a first look")
    parser.add_argument("--think", type=float, default=3.0, metavar="S", help="seconds between cells (3)")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each measurement")
    parser.add_argument("--folder", type=Path, help="where stores are made: the disk to measure (build/)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write every single measurement there, beside those of other NAMEs"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page: docs/benchmarks.md")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(NAMES)}")
    base = given.folder or Path(__file__).parents[1] / "build"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    sections = {section.name: section for section in report.read_json(given.json)} if given.json else {}
    try:
        here = machine()
        floor = measure_floor(folder, (256 if given.quick else 1000) * MB)
        print("\n".join([*(f"{name}: {value}" for name, value in here.items()), *report.floor_text(floor)]), flush=True)
        for name in given.names or NAMES:
            began = time.monotonic()
            settings = Settings(given.quick, folder / name, given.think, given.rounds)
            section = importlib.import_module(f"benchmarks.{name}").measure(settings, floor)
            shutil.rmtree(folder / name, ignore_errors=True)
            section.source = here["source"]
            sections[name] = section
            print(report.as_text(section), flush=True)
            print(f"   [{time.monotonic() - began:.0f} s]", flush=True)
            if given.json:
                report.write_json(given.json, _ordered(sections), here, floor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.write:
        report.write(given.write, _ordered(sections), here, floor, _command(given))
    missed = [row for section in sections.values() for row in section.rows if row.met is False]
    print(f"\n{len(missed)} targets missed" if missed else "\nEvery target met")
    return 0


def _ordered(sections: dict[str, Section]) -> list[Section]:
    return [sections[name] for name in NAMES if name in sections]


def _command(given: argparse.Namespace) -> str:
    return "python -m benchmarks.run --quick" if given.quick else "make bench"


if __name__ == "__main__":
    sys.exit(main())
