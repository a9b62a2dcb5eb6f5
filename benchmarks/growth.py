"""How much does the store grow, and what does going one step back cost?"""

from __future__ import annotations

from benchmarks.kernels import Kernel
from benchmarks.measure import MB, Floor, Row, Section, Settings, at_most, mb, median, ms, ratio, size_of
from benchmarks.small import VARIABLES


def measure(settings: Settings, floor: Floor) -> Section:
    section = Section(
        "growth",
        "Growth of the store, and one step back",
        "Bytes of all files of the store, before and after. The floor is what differs: the bytes that were edited.",
    )
    section.rows += _array(settings)
    section.rows.append(_strings(settings))
    section.rows.append(_trivial(settings))
    return section


def _grown(kernel: Kernel, code: str, cells: int = 1) -> int:
    before = size_of(kernel.store)
    for number in range(cells):
        kernel.run(code.replace("NUMBER", str(number)))
    kernel.flush()
    return size_of(kernel.store) - before


def _array(settings: Settings) -> list[Row]:
    count = 25_000_000 if settings.quick else 125_000_000
    rounds = settings.times(5, 3)
    with Kernel(settings.folder / "array", perdure=True) as kernel:
        kernel.run(f"import numpy as np\na = np.random.default_rng(0).random({count})")
        kernel.flush()
        added, back, whole = [], [], []
        for number in range(rounds):
            at = 1_000_003 * (number + 1)
            added.append(_grown(kernel, f"a[{at}:{at} + 125_000] = {number + 1}.5"))
            assert kernel.ask(f"float(a[{at}])") == number + 1.5
            back.append(kernel.run("r = perdure.current().undo()"))
            assert kernel.ask(f"float(a[{at}]) != {number + 1}.5") is True, "undo did not put the values back"
            kernel.flush()
            whole.append(kernel.run("w = perdure.current().at('HEAD')['a']; del w"))
            kernel.flush()
    share = median(back) / median(whole)
    return [
        Row(
            f"1 MB edited in an array of {count * 8 / 1e9:g} GB",
            {"added": mb(max(added)), "floor": mb(1e6), "times the floor": ratio(max(added) / 1e6)},
            target="< 3 MB",
            raw={"added": added},
            **at_most(max(added), 3 * MB),
        ),
        Row(
            "that array's previous version: `undo()` against loading it whole",
            {"undo": ms(median(back)), "whole": ms(median(whole)), "share": ratio(share)},
            target="< 0.1 of whole",
            raw={"undo": back, "whole": whole},
            **at_most(share, 0.1),
        ),
    ]


def _strings(settings: Settings) -> Row:
    """Random text, which hardly compresses, and edits that change an item's length, at both ends and between."""
    with Kernel(settings.folder / "strings", perdure=True) as kernel:
        kernel.run("import random\nr = random.Random(0)\nl = [f'{r.getrandbits(128):032x}' for _ in range(1_000_000)]")
        kernel.flush()
        edits = ((500_000, "short"), (3, "z" * 40), (999_999, "z" * 1000), (250_001, "q" * 5000))
        added = [_grown(kernel, f"l[{at}] = {text!r}") for at, text in edits]
    return Row(
        "one item changed in a list of a million strings",
        {"added": mb(max(added)), "floor": "one string"},
        target="< 1 MB",
        raw={"added": added},
        **at_most(max(added), MB),
    )


def _trivial(settings: Settings) -> Row:
    with Kernel(settings.folder / "trivial", perdure=True) as kernel:
        kernel.run(VARIABLES)
        kernel.flush()
        added = _grown(kernel, "x = NUMBER", 400)
    return Row(
        "400 trivial cells beside 2,000 variables, in all",
        {"added": mb(added), "floor": "400 sources and values"},
        target="< 2 MB",
        raw={"added": added},
        **at_most(added, 2 * MB),
    )
