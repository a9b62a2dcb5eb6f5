"""Measure what `perdure.cot` promises with the embedded models: ``python -m benchmarks.cot [TASK ...] [--write docs/benchmarks-cot.md]``.

The shape of the tables of *Cache-of-Thought* (arXiv 2502.20587) on three tasks (`benchmarks.thinking.tasks`): the apprentice with no, random
and retrieved examples, and accuracy against the cost of all calls. Replies are remembered under ``build/thinking`` by the weights'
digest, so that a second run computes only what is new.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shlex
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import report
from benchmarks.measure import Section, machine, source_digest
from benchmarks.thinking import costs, examples, tables
from benchmarks.thinking.memory import Cast
from benchmarks.thinking.tables import Measured
from benchmarks.thinking.tasks import TASKS
from perdure.cot.models.names import EMBEDDED

BUILD = Path(__file__).parents[1] / "build" / "thinking"
PRICES = {"apprentice": 0.1, "master": 1.0}
"""A call's: the master's is the unit."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cot", description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"which: {', '.join(TASKS)} (all)")
    parser.add_argument("--questions", type=int, default=2_000, help="of the first tables, for each seed (2,000)")
    parser.add_argument("--stream", type=int, help="questions of a stream, for each seed (as many, at most 1,000)")
    parser.add_argument("--kept", type=int, default=1_000, help="kept answers, where nothing else is said (1,000)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="tasks side by side (1)")
    parser.add_argument("--models", type=Path, default=EMBEDDED, help="a folder with other weights of the three")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="what benchmarks.near and cot_speed wrote with --json",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page: docs/benchmarks-cot.md")
    given = parser.parse_args(arguments)
    given.command = shlex.join(["python", "-m", "benchmarks.cot", *(sys.argv[1:] if arguments is None else arguments)])
    unknown = [name for name in given.tasks if name not in TASKS]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(TASKS)}")
    os.environ["HF_HUB_OFFLINE"] = "1"
    sections, models = measure(given)
    for section in sections:
        print(report.as_text(section), flush=True)
    here = machine() | {"models": ", ".join(f"{name} {version}" for name, version in models.items())}
    if given.json:
        report.keep(given.json, sections)
    sections += [section for file in given.beside for section in report.read_json(file)]
    if given.write:
        _write(given.write, sections, here, given)
    return 0


def measure(given: argparse.Namespace) -> tuple[list[Section], dict[str, str]]:
    """All tables, and the versions of the models. Tasks go side by side, each in a process of its own."""
    began = time.monotonic()
    names = given.tasks or list(TASKS)
    with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(_measured, names, [given] * len(names), [began] * len(names)))
    measured = {name: one for name, (one, _) in zip(names, found, strict=True)}
    sections = [tables.goals(measured)]
    sections += [tables.examples(one) for one in measured.values()]
    sections += [tables.costs(one, kind) for kind in ("once", "again") for one in measured.values()]
    sections.append(tables.thresholds(measured))
    confidence = tables.confidences(measured)
    sections += [] if confidence is None else [confidence]
    source = source_digest()
    for section in sections:
        section.source = source
    return sections, found[0][1]


def _measured(name: str, given: argparse.Namespace, began: float) -> tuple[Measured, dict[str, str]]:
    """One task, and the versions of the models."""
    import torch

    torch.set_num_threads(1)  # small matrices: threads wait for each other for longer than they work

    def told(what: str) -> None:
        print(f"[{time.monotonic() - began:.0f} s] {what}", flush=True)

    task = TASKS[name]
    cast = Cast.of(given.models, BUILD, PRICES, task.encoder)
    prices = costs.Prices(PRICES["apprentice"] / PRICES["master"], _parameters(given.models))
    folder = Path(tempfile.mkdtemp(prefix="caches-", dir=BUILD))
    stream = given.stream or min(given.questions, 1_000)
    try:
        parts = []
        for seed in range(given.seeds):
            parts.append(examples.measure(task, seed, cast, given.questions, given.kept))
            told(f"{name}, seed {seed}: examples done")
        spent = costs.measure(task, given.seeds, cast, folder, stream, given.kept, prices, told)
        told(
            f"{name}: {cast.apprentice.computed:,} replies of the apprentice and {cast.master.computed:,} of the master were new"
        )
    finally:
        cast.close()
        shutil.rmtree(folder, ignore_errors=True)
    versions = {model.name: model.version for model in (cast.encoder, cast.apprentice, cast.master)}
    return Measured(task, examples.together(parts), spent, len(task.kept(0, given.kept))), versions


def _parameters(models: Path) -> float:
    """The apprentice's parameters as a share of the master's, from the sizes of the files."""
    sizes = [(models / name / "model.safetensors").stat().st_size for name in ("apprentice", "master")]
    return sizes[0] / sizes[1]


_HEAD = """# Benchmarks of image questions

What the embedded demo models do with the cache, the examples and the routing, {seeds} seeds. This page is written by

    {command}

They are small (`kernel_ext/perdure/cot/embedded/MODEL_CARD.md`), so the figures are those of the mechanism, not of any hosted model. A verdict
*can't tell* means that the interval holds both answers. The code that measures is `benchmarks/cot.py` and `benchmarks/thinking/`.

## What was measured

"""


def _write(path: Path, sections: list[Section], here: dict[str, str], given: argparse.Namespace) -> None:
    lines = [
        _HEAD.format(seeds=given.seeds, command=given.command) + "\n".join(f"- {k}: {v}" for k, v in here.items()),
        "",
    ]
    report.say_source(sections, here["source"])
    path.write_text("\n".join([*lines, *map(report.as_markdown, sections)]).rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
