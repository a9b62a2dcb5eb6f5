"""Tables: plain ones for the terminal, Markdown for docs/benchmarks.md."""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from benchmarks.measure import GB, Floor, Row, Section


def _table(section: Section) -> tuple[list[str], list[list[str]]]:
    columns = list(dict.fromkeys(name for row in section.rows for name in row.shown))
    judged = any(row.target for row in section.rows)
    head = ["", *columns, *(["target", "verdict"] if judged else [])]
    body = [
        [row.case, *(row.shown.get(name, "") for name in columns), *([row.target, row.verdict] if judged else [])]
        for row in section.rows
    ]
    return head, body


def as_text(section: Section) -> str:
    head, body = _table(section)
    body = [[re.sub(r"[`*]", "", cell) for cell in line] for line in body]
    widths = [max(len(line[at]) for line in [head, *body]) for at in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *body]
    ]
    return "\n".join([f"\n== {section.title}", *lines, *section.notes])


def as_markdown(section: Section) -> str:
    head, body = _table(section)
    lines = ["| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *body]]
    notes = ["", *(f"- {note}" for note in section.notes)] if section.notes else []
    return "\n".join([f"## {section.title}", "", textwrap.fill(section.about, 120), "", *lines, *notes, ""])


def floor_text(floor: Floor) -> list[str]:
    names = {
        "xxh3": "XXH3, 512 KiB at a time",
        "blake3": "BLAKE3, 512 KiB at a time",
        "copy": "copying memory",
        "touch": "making new memory (`numpy.ones`)",
        "write": "raw write and fsync",
        "read": "raw read, not cached",
        "read_cached": "raw read, cached",
    }
    return [f"{label}: {getattr(floor, name) / GB:.2f} GB/s" for name, label in names.items()]


_HEAD = """# Benchmarks

What each promise about speed and size costs, measured in real kernels. This page is written by

    {command}

A figure is the median of several rounds in which the systems take turns, so that a machine that slows down meanwhile slows
all of them. *met (40 % of it)* says how much of the target was used, *missed, 2 x* how far it was overshot. The floor is
what the bytes to hash or to move would take at the speeds measured below, or as each table says. The code that measures is
in `benchmarks/`, one module for each table.
"""


def say_source(sections: list[Section], source: str) -> None:
    """Note with each section that another code was measured, if it was."""
    for section in sections:
        if section.source != source:
            section.notes.append(f"Measured earlier, with source {section.source}.")


def write(path: Path, sections: list[Section], machine: dict[str, str], floor: Floor, command: str) -> None:
    lines = [_HEAD.format(command=command), "## The machine", ""]
    lines += [f"- {name}: {value}" for name, value in machine.items()]
    lines += ["", "What it can do at best, on one core, with float noise:", ""]
    lines += [f"- {line}" for line in floor_text(floor)]
    say_source(sections, machine["source"])
    path.write_text("\n".join([*lines, "", *map(as_markdown, sections)]).rstrip() + "\n")


def write_json(path: Path, sections: list[Section], machine: dict[str, str], floor: Floor) -> None:
    found: dict[str, Any] = {
        "machine": machine,
        "floor": dataclasses.asdict(floor),
        "sections": [dataclasses.asdict(section) for section in sections],
    }
    path.write_text(json.dumps(found, indent=1))


def keep(path: Path, sections: list[Section]) -> None:
    """Write every single measurement of these there."""
    path.write_text(json.dumps({"sections": [dataclasses.asdict(section) for section in sections]}, indent=1))


def read_json(path: Path) -> list[Section]:
    """The sections that an earlier run wrote there."""
    if not path.exists():
        return []
    found = json.loads(path.read_text())["sections"]
    return [Section(**{**section, "rows": [Row(**row) for row in section["rows"]]}) for section in found]
