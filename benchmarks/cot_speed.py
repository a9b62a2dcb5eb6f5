"""How quick is `perdure.cot` with the embedded models? ``python -m benchmarks.cot_speed [--quick]``."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.embedded import easy, scenes
from benchmarks.kernels import Kernel
from benchmarks.measure import Row, Section, Settings, at_least, at_most, median, ms, source_digest
from perdure.cot import Cot
from perdure.cot.answer import Answer, Source
from perdure.cot.asking.options import STRATEGIES
from perdure.cot.cache import Ask, Cache, Entry, Vector, new_id
from perdure.cot.index.embedding import Encoder
from perdure.cot.index.encoders import embedded_encoder
from perdure.cot.picture import Picture
from perdure.cot.questions.prompting import PROMPT_VERSION
from perdure.cot.questions.question import Question, question
from perdure.cot.search.kept import Kept
from perdure.cot.search.ranking import Sought
from perdure.cot.search.retrieval import Retriever

ANSWERS = 100_000
PER_PICTURE = 50
ROWS = 10_000
HITS = 0.9
_GROUPS = 300
"""Kinds of pictures and questions that the vectors gather round."""
_HEAVY = ("torch", "chromadb", "transformers", "open_clip", "openai", "PIL")


def measure(settings: Settings) -> Section:
    """The table for docs/benchmarks-cot.md."""
    answers = 10_000 if settings.quick else ANSWERS
    section = Section(
        "cot_speed",
        "Image questions: time",
        f"A cache of {answers:,} answers about {answers // PER_PICTURE:,} pictures, with the embedded models. An exact hit is timed from the decoded picture to "
        "the answer, which is in the ledger by then. Retrieval is search in Chroma and re-ranking of four examples; the question's vectors are given. "
        f"The {ROWS:,} rows are files: {HITS:.0%} have been asked before, the apprentice answers the others.",
    )
    settings.folder.mkdir(parents=True, exist_ok=True)
    place = settings.folder / "cot"
    texts = filled(place, answers)
    section.rows.append(_exact(place, texts, answers, settings))
    section.rows += _retrieval(place, answers, settings)
    section.rows += _in_a_kernel(place, settings)
    section.rows += _rows(settings)
    return section


# -- the cache --------------------------------------------------------------------------------------------------------------


def filled(place: Path, answers: int) -> list[str]:
    """Fill a cache as asking the master does, without asking it; the questions' words."""
    texts = [f"How many things of kind {number} are there?" for number in range(PER_PICTURE)]
    encoder = embedded_encoder()
    with Cot(cache=place) as cot:
        assert cot.master is not None
        name, version = cot.master.name, cot.master.version
        for start in range(0, answers // PER_PICTURE, 20):
            with cot.cache.together():
                for number in range(start, min(start + 20, answers // PER_PICTURE)):
                    picture = _picture(number)
                    for at, text in enumerate(texts):
                        asked = question(text, [picture])
                        vector = Vector.of(
                            encoder.name, encoder.version, np.concatenate(_halves(number, at)) * 0.5**0.5
                        )
                        entry = Entry.of(
                            asked,
                            str(at),
                            model=name,
                            model_version=version,
                            prompt_version=PROMPT_VERSION,
                            vector=vector,
                        )
                        cot.cache.record(Ask.of(asked, _answer(asked, entry, place)), entry, asked.pictures)
    return texts


def _picture(number: int) -> Picture:
    return Picture(scenes.draw(scenes.scene(number, "train")))


def _answer(asked: Question, entry: Entry, place: Path) -> Answer:
    return Answer(
        text=entry.answer,
        value=entry.answer,
        source=Source.MASTER,
        confidence=None,
        id=new_id(),
        entry=entry.id,
        model=entry.model,
        model_version=entry.model_version,
        prompt_version=PROMPT_VERSION,
        question=asked.text,
        pictures=entry.pictures,
        cache=str(place),
    )


def _halves(number: int, at: int, *, blur: float = 0.0) -> tuple[Any, Any]:
    """Unit vectors of a picture and of a question, near others of their kind."""
    dimensions = embedded_encoder().dimensions
    found = []
    for seed, group in ((number, number % _GROUPS), (10_000_000 + at, 1_000 + at % 7)):
        centre = np.random.default_rng([1, group]).normal(size=dimensions)
        row = centre + 0.7 * np.random.default_rng([2, seed]).normal(size=dimensions)
        if blur:
            row = row + blur * np.random.default_rng([3, seed]).normal(size=dimensions)
        found.append((row / np.linalg.norm(row)).astype(np.float32))
    return found[0], found[1]


# -- what is timed ------------------------------------------------------------------------------------------------------------


def _exact(place: Path, texts: list[str], answers: int, settings: Settings) -> Row:
    rng = np.random.default_rng(0)
    taken = []
    with Cot(cache=place) as cot:
        cot.ask(texts[0], _picture(0).image)  # what is only done once
        for _ in range(settings.times(300, 100)):
            image = _picture(int(rng.integers(answers // PER_PICTURE))).image
            text = texts[int(rng.integers(PER_PICTURE))]
            began = time.perf_counter()
            found = cot.ask(text, image)
            taken.append(time.perf_counter() - began)
            assert found.source is Source.EXACT
    return _p50("exact hit, decoded picture to answer", taken, 0.005)


def _retrieval(place: Path, answers: int, settings: Settings) -> list[Row]:
    rng = np.random.default_rng(1)
    rows = []
    encoder: Encoder = embedded_encoder()
    with Cache.open(place) as cache:
        retriever = Retriever(Kept(cache, encoder), encoder, place / "chroma", cache=cache.identity, few=0)
        try:
            retriever.retrieve(_sought(0, 0, keywords=True), 4, "keyword")
            retriever.retrieve(_sought(0, 0), 4)
            retriever.settle()
            for strategy in STRATEGIES:
                keywords = strategy in {"keyword", "hierarchical"}
                for number in range(5):
                    retriever.retrieve(_sought(number, number, keywords=keywords), 4, strategy)
                taken = []
                for _ in range(settings.times(200, 50)):
                    number = int(rng.integers(answers // PER_PICTURE))
                    asked = _sought(number, int(rng.integers(PER_PICTURE)), keywords=keywords)
                    began = time.perf_counter()
                    retriever.retrieve(asked, 4, strategy)
                    taken.append(time.perf_counter() - began)
                row = _p50(f"retrieval by `{strategy}`", taken, 0.01)
                if retriever.degraded:
                    row.shown["remark"] = retriever.degraded
                rows.append(row)
        finally:
            retriever.close()
    return rows


def _sought(number: int, at: int, *, keywords: bool = False) -> Sought:
    picture, text = _halves(number, at, blur=0.05)
    words = embedded_encoder().texts([f"kind {at} {at}"])[0] if keywords else None
    return Sought(picture, text, words)


def _in_a_kernel(place: Path, settings: Settings) -> list[Row]:
    with Kernel(settings.folder / "kernel", perdure=False, env={"PERDURE_COT": str(place)}) as kernel:
        load = kernel.run("%load_ext perdure")
        heavy = kernel.ask(f"[name for name in {_HEAVY!r} if name in __import__('sys').modules]")
        kernel.run("%cot stats")
        taken = []
        for _ in range(settings.times(15, 5)):
            empty = kernel.run("pass")
            taken.append(kernel.run("%cot stats") - empty)
    imports = Row(
        "`%load_ext perdure`",
        {"p50": ms(load), "remark": f"imports {', '.join(heavy)}" if heavy else "imports none of " + ", ".join(_HEAVY)},
        "neither torch nor chromadb",
        met=not {"torch", "chromadb"} & set(heavy),
        by=0.0,
    )
    return [_p50("`%cot stats`, less an empty cell", taken, 0.2), imports]


def _rows(settings: Settings) -> list[Row]:
    """A DataFrame, 90 % of whose rows are hits."""
    import pandas as pd

    files = list(easy.pictures("train").values())
    old, new = files[:1_000], files[1_000 : 1_000 + round(ROWS * (1 - HITS))]
    rng = np.random.default_rng(2)
    asked = rng.permutation([*(str(old[int(n)]) for n in rng.integers(len(old), size=ROWS - len(new))), *map(str, new)])
    words = "what shape is in the image?"
    found = []
    for case, paths in (
        (f"`map` of {ROWS:,} rows, {HITS:.0%} hits", asked),
        (f"`map` of {ROWS:,} rows, all hits", asked),
    ):
        place = settings.folder / "map"
        with Cot(cache=place, audit=0.0) as cot:
            frame = pd.DataFrame({"picture": [str(path) for path in old]})
            cot.map(frame, words, image="picture", progress=False, route="apprentice")
            before = dict(cot.stats().asks)
            began = time.perf_counter()
            cot.map(pd.DataFrame({"picture": paths}), words, image="picture", progress=False, route="apprentice")
            taken = time.perf_counter() - began
            asks = cot.stats().asks
        hits = asks.get("exact", 0) - before.get("exact", 0)
        found.append(
            Row(
                case,
                {"p50": f"{ROWS / taken:,.0f} rows/s", "remark": f"{hits:,} hits"},
                "> 1,000 rows/s",
                raw={"seconds": taken, "hits": hits},
                **at_least(ROWS / taken, 1_000),
            )
        )
    return found


def _p50(case: str, taken: list[float], limit: float) -> Row:
    half = median(taken)
    shown = {"p50": ms(half), "p95": ms(float(np.quantile(taken, 0.95)))}
    return Row(case, shown, f"p50 < {ms(limit)}", raw={"seconds": taken}, **at_most(half, limit))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cot_speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the answers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    given = parser.parse_args(arguments)
    base = Path(__file__).parents[1] / "build"
    base.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        section = measure(Settings(given.quick, folder, 0.0))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    section.source = source_digest()
    print(report.as_text(section))
    if given.json:
        report.keep(given.json, [section])
    return 0


if __name__ == "__main__":
    sys.exit(main())
